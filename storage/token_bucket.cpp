// See token_bucket.hpp.
#include "storage/token_bucket.hpp"

#include <algorithm>
#include <cstdint>

namespace pulsegate::storage {
namespace {

using std::chrono::nanoseconds;

// A day between two tokens is as good as never, and keeps burst × interval within its type.
constexpr double kSlowest = 86'400e9;
constexpr std::size_t kMostBurst = 100'000;

nanoseconds interval_of(double rate) {
  if (!(rate > 0)) return nanoseconds(0);
  return nanoseconds(static_cast<std::int64_t>(std::clamp(1e9 / rate, 1.0, kSlowest)));
}

}  // namespace

TokenBucket::TokenBucket(double rate, std::size_t burst)
    : interval_(interval_of(rate)),
      most_(interval_ * static_cast<std::int64_t>(std::clamp<std::size_t>(burst, 1, kMostBurst))) {}

bool TokenBucket::take(SteadyTime now) {
  if (interval_.count() == 0) return true;
  if (ready(now) > now) return false;
  full_ = std::max(full_, now) + interval_;
  return true;
}

void TokenBucket::put_back() {
  full_ -= interval_;
}

std::size_t TokenBucket::tokens(SteadyTime now) const {
  if (interval_.count() == 0) return SIZE_MAX;
  const nanoseconds missing = std::max(full_ - now, nanoseconds(0));
  return missing >= most_ ? 0 : static_cast<std::size_t>((most_ - missing) / interval_);
}

SteadyTime TokenBucket::ready(SteadyTime now) const {
  if (interval_.count() == 0) return now;
  return std::max(now, full_ - most_ + interval_);
}

}  // namespace pulsegate::storage
