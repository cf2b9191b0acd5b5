// Rates are looked at before a place is taken, so that who comes too fast holds none.
#include "gateway/access/limiter.hpp"

#include <algorithm>
#include <string>

namespace pulsegate::access {
namespace {

// A crowd behind one address comes back all at once after an outage, and then not again.
constexpr double kBurstSeconds = 10;

const char* sentence(Limit limit) noexcept {
  switch (limit) {
    case Limit::none:
      break;
    case Limit::address:
      return "This address has as many connections as one may have; close some, or try again later.";
    case Limit::address_rate:
      return "This address makes connections too fast; wait before the next one.";
    case Limit::failures:
      return "Too many handshakes of this address have failed; wait before the next one.";
    case Limit::subject:
      return "This token's subject has as many connections as one may have; close some, or try again later.";
  }
  return "";
}

}  // namespace

Limiter::Limiter(const LimitRules& rules)
    : rules_(rules),
      connects_(rules.connect_rate, std::max(1.0, rules.connect_rate * kBurstSeconds)),
      failures_(rules.failure_rate, std::max(1.0, rules.failure_rate * kBurstSeconds)) {}

Limit Limiter::arrive(const IpAddress& client, SteadyTime now, Tally::Place& place) {
  if (!limits(client)) return Limit::none;
  const std::string name = client.client();
  if (rules_.connect_rate > 0 || rules_.failure_rate > 0) {
    const std::lock_guard lock(rates_);
    if (!failures_.allows(name, now)) return count(Limit::failures);
    if (!connects_.take(name, now)) return count(Limit::address_rate);
  }
  if (rules_.per_address > 0 && !(place = addresses_.take(name, rules_.per_address))) return count(Limit::address);
  return Limit::none;
}

Limit Limiter::enter(std::string_view key, Tally::Place& place) {
  if (rules_.per_subject > 0 && !(place = subjects_.take(key, rules_.per_subject))) return count(Limit::subject);
  return Limit::none;
}

void Limiter::fail(const IpAddress& client, SteadyTime now) {
  if (rules_.failure_rate <= 0 || !limits(client)) return;
  const std::string name = client.client();
  const std::lock_guard lock(rates_);
  failures_.charge(name, now);
}

LimiterCounters Limiter::counters() const {
  LimiterCounters counters;
  for (std::size_t i = 0; i < kLimits; ++i) counters.limited[i] = limited_[i].load(std::memory_order_relaxed);
  counters.addresses = addresses_.size();
  counters.subjects = subjects_.size();
  return counters;
}

Admission limited(const Request& request, Limit limit) {
  Admission admission;
  admission.refuse_by_close = can_read_close_codes(request);
  admission.http_status = 429;
  admission.close = proto::CloseCode::too_many_requests;
  const bool rate = limit == Limit::address_rate || limit == Limit::failures;
  admission.error = rate ? proto::ErrorCode::rate_limited : proto::ErrorCode::too_many_connections;
  admission.message = sentence(limit);
  return admission;
}

}  // namespace pulsegate::access
