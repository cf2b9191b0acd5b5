// How often something may happen: so many times a second in the long run, and a burst at once. Pure: time is given.
#pragma once

#include <chrono>
#include <cstddef>

namespace pulsegate::storage {

using SteadyTime = std::chrono::steady_clock::time_point;

// Kept as the moment at which the bucket will be full again, in whole nanoseconds: no tokens are lost to rounding, and
// a take() at the time that ready() named succeeds. Thread: one at a time (its owner locks).
class TokenBucket {
 public:
  // `rate`: tokens a second; 0: there is always a token. `burst`: the most that it holds, at least 1. It begins full.
  TokenBucket(double rate, std::size_t burst);

  // False when there is none.
  bool take(SteadyTime now);
  // Undoes a take() that turned out to be for nothing.
  void put_back();
  // Whole tokens; a bucket without a limit holds SIZE_MAX.
  std::size_t tokens(SteadyTime now) const;
  // When the next take() succeeds: `now`, or later.
  SteadyTime ready(SteadyTime now) const;

 private:
  const std::chrono::nanoseconds interval_;  // between two tokens; 0: no limit
  const std::chrono::nanoseconds most_;      // burst × interval
  SteadyTime full_{};                        // when it is full again, if nothing is taken
};

}  // namespace pulsegate::storage
