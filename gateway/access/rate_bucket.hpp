// A token bucket: how many commands a client may send. Pure; the caller brings the time.
#pragma once

#include <algorithm>
#include <chrono>

#include "gateway/clock.hpp"

namespace pulsegate::access {

// Thread: one. `rate` in tokens a second, `burst` in tokens; a rate of 0 means without limit.
class RateBucket {
 public:
  RateBucket(double rate, double burst) noexcept : rate_(rate), burst_(burst), tokens_(burst) {}

  // Takes so many tokens; false when there are not that many, and then takes none.
  bool take(SteadyTime now, double tokens = 1) noexcept {
    if (rate_ <= 0) return true;
    if (updated_ != SteadyTime{})
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - updated_).count());
    updated_ = now;
    if (tokens_ < tokens) return false;
    tokens_ -= tokens;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  SteadyTime updated_{};
};

}  // namespace pulsegate::access
