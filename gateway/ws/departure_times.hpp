// When connections are sent away, so that they do not come back all at once. Pure: no clock, no timer of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

#include "gateway/clock.hpp"

namespace pulsegate::ws {

// Thread: one. Owner: whoever sends connections away.
class DepartureTimes {
 public:
  explicit DepartureTimes(std::uint64_t seed) : random_(seed) {}

  // Uniform between `from` and `from + time`.
  SteadyTime within(SteadyTime from, SteadyTime::duration time) {
    return from + std::chrono::duration_cast<SteadyTime::duration>(uniform_(random_) * std::max(time, {}));
  }

  // For one that opens now and may live for `age`: uniform between 0.9 and 1.1 times that.
  SteadyTime of_age(SteadyTime opened, std::chrono::milliseconds age) {
    return within(opened + age - age / 10, SteadyTime::duration(age) / 5);
  }

  // `count` times within `time`, earliest first: one in each of as many equal slots, anywhere in it. So the few that a
  // shard may have leave at random times whatever the other shards do, and many leave evenly.
  std::vector<SteadyTime> spread(std::size_t count, SteadyTime from, SteadyTime::duration time) {
    const std::chrono::duration<double, SteadyTime::period> slot(
        count == 0 ? 0.0 : static_cast<double>(time.count()) / static_cast<double>(count));
    std::vector<SteadyTime> times;
    times.reserve(count);
    for (std::size_t i = 0; i < count; ++i)
      times.push_back(
          from + std::chrono::duration_cast<SteadyTime::duration>(slot * (static_cast<double>(i) + uniform_(random_))));
    return times;
  }

  // Milliseconds below `bound`.
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  template <typename Range>
  void shuffle(Range& range) {
    std::shuffle(range.begin(), range.end(), random_);
  }

 private:
  std::mt19937_64 random_;
  std::uniform_real_distribution<double> uniform_{0, 1};
};

}  // namespace pulsegate::ws
