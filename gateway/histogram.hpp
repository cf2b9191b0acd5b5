// Durations in buckets that Prometheus can sum over shards and pods.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pulsegate {

// How late events are. Upper bounds in seconds, from what a calm gateway takes to a publisher that was offline for
// minutes; one more bucket holds the rest.
inline constexpr std::array<double, 17> kLagBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                      1,     2.5,    5,     10,   30,    60,   120, 300};

// What this process does by itself: from one client on a calm machine to a list that takes seconds.
inline constexpr std::array<double, 16> kFanoutBounds = {0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01,
                                                         0.025,   0.05,   0.1,     0.25,   0.5,   1,      2.5,   5};

// Thread: the shard's own; others get copies.
template <const auto& Bounds>
struct Histogram {
  static constexpr const auto& kBounds = Bounds;

  std::array<std::uint64_t, Bounds.size() + 1> buckets{};  // not cumulated
  double sum = 0;                                          // seconds
  std::uint64_t count = 0;

  // `times`: how many took so long. Less than nothing is an error of clocks, and counts as nothing.
  void observe(double seconds, std::uint64_t times = 1) noexcept {
    if (seconds < 0) seconds = 0;
    std::size_t i = 0;
    while (i < Bounds.size() && seconds > Bounds[i]) ++i;
    buckets[i] += times;
    sum += seconds * static_cast<double>(times);
    count += times;
  }

  Histogram& operator+=(const Histogram& other) noexcept {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum += other.sum;
    count += other.count;
    return *this;
  }
};

using LagHistogram = Histogram<kLagBounds>;
using FanoutHistogram = Histogram<kFanoutBounds>;

}  // namespace pulsegate
