// The rule for a client of ours; proto/js has the same one for browsers.
#include "gateway/commands/reconnect.hpp"

#include <algorithm>

#include "proto/close_code.hpp"

namespace pulsegate::commands {

namespace {
using std::chrono::milliseconds;
constexpr milliseconds kFirst{500}, kLongest{30'000};
}  // namespace

Plan plan_reconnect(const Ended& ended) {
  Plan plan;
  milliseconds base = std::min(kLongest, kFirst * (1 << std::min(ended.failures, 10u)));
  if (ended.http_status != 0) {
    // What the server will say again, whenever it is asked.
    plan.reconnect = ended.http_status >= 500 || ended.http_status == 408 || ended.http_status == 429;
    plan.reason = "refused with HTTP status " + std::to_string(ended.http_status);
  } else if (const auto code = proto::find_close_code(ended.close_code)) {
    const proto::CloseInfo& info = proto::close_info(*code);
    plan.reconnect = info.reconnect;
    plan.reason = std::string(info.meaning) + " (" + std::to_string(ended.close_code) + ")";
    base = std::max(base, info.after);
  } else {
    plan.reconnect = true;
    plan.reason = "connection lost (" + std::to_string(ended.close_code) + ")";
  }
  base = std::max(base, std::min(ended.hint, milliseconds(600'000)));
  plan.after = base + milliseconds(static_cast<std::int64_t>(static_cast<double>(base.count()) / 2 * ended.random));
  return plan;
}

}  // namespace pulsegate::commands
