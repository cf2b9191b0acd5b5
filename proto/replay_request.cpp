#include "proto/replay_request.hpp"

#include <charconv>
#include <system_error>

namespace pulsegate::proto {
namespace {

using Kind = RequestValue::Kind;

constexpr std::string_view kTime =
    "an ISO 8601 time such as \"2026-11-22T14:05:00Z\", or a number of milliseconds since 1970";

std::optional<double> read_speed(const RequestValue& value) noexcept {
  if (value.kind == Kind::string && value.text == "max") return 0;
  if (value.kind != Kind::number) return std::nullopt;
  double speed = 0;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, speed);
  if (error != std::errc() || stop != end || !(speed >= kMinReplaySpeed && speed <= kMaxReplaySpeed))
    return std::nullopt;
  return speed;
}

std::optional<LiveMessages> read_live(const RequestValue& value) noexcept {
  if (value.kind != Kind::string) return std::nullopt;
  if (value.text == name(LiveMessages::hold)) return LiveMessages::hold;
  if (value.text == name(LiveMessages::mix)) return LiveMessages::mix;
  return std::nullopt;
}

}  // namespace

std::string_view name(LiveMessages live) noexcept {
  return live == LiveMessages::hold ? "hold" : "mix";
}

std::variant<ReplayRequest, std::string> parse_replay(const ReplayText& text, Timestamp now) {
  ReplayRequest request;
  request.to = now;
  if (text.from.kind == Kind::absent) return "A replay needs \"from\", which is " + std::string(kTime) + ".";
  const auto from = parse_request_time(text.from);
  if (!from) return "\"from\" must be " + std::string(kTime) + ".";
  request.from = *from;
  if (text.to.kind != Kind::absent) {
    const auto to = parse_request_time(text.to);
    if (!to) return "\"to\" must be " + std::string(kTime) + ".";
    request.to = *to;
  }
  if (request.from >= request.to) return "\"from\" must be before \"to\", which is now when it is left out.";
  if (text.speed.kind != Kind::absent) {
    const auto speed = read_speed(text.speed);
    if (!speed) return "\"speed\" must be a number from 0.1 to 1000, or \"max\".";
    request.speed = *speed;
  }
  if (text.live.kind != Kind::absent) {
    const auto live = read_live(text.live);
    if (!live) return "\"live\" must be \"hold\" or \"mix\".";
    request.live = *live;
  }
  return request;
}

}  // namespace pulsegate::proto
