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

  // Takes one token; false when there is none.
  bool take(SteadyTime now) noexcept {
    if (rate_ <= 0) return true;
    if (updated_ != SteadyTime{})
      tokens_ = std::min(burst_, tokens_ + rate_ * std::chrono::duration<double>(now - updated_).count());
    updated_ = now;
    if (tokens_ < 1) return false;
    tokens_ -= 1;
    return true;
  }

 private:
  double rate_;
  double burst_;
  double tokens_;
  SteadyTime updated_{};
};

}  // namespace pulsegate::access
