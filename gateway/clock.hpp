// The two clocks of a shard, read once per loop turn and passed in, so that everything below is testable without
// sleeping.
#pragma once

#include <chrono>

#include "proto/time.hpp"

namespace pulsegate {

using SteadyTime = std::chrono::steady_clock::time_point;

struct Now {
  SteadyTime steady{};      // for intervals and deadlines
  proto::Timestamp wall{};  // for what clients see
};

// Thread: any.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Now now() const = 0;
};

class SystemClock final : public Clock {
 public:
  Now now() const override {
    return {std::chrono::steady_clock::now(),
            std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now())};
  }
};

}  // namespace pulsegate
