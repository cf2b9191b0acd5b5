// How late events are, in buckets that Prometheus can sum over shards and pods.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pulsegate {

// Upper bounds in seconds, from what a calm gateway takes to a publisher that was offline for minutes; one more bucket
// holds the rest.
inline constexpr std::array<double, 17> kLagBounds = {0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5,
                                                      1,     2.5,    5,     10,   30,    60,   120, 300};

// Thread: the shard's own; others get copies.
struct LagHistogram {
  std::array<std::uint64_t, kLagBounds.size() + 1> buckets{};  // not cumulated
  double sum = 0;                                              // seconds
  std::uint64_t count = 0;

  // `times`: how many events were so late. Less than nothing is an error of clocks, and counts as nothing.
  void observe(double seconds, std::uint64_t times = 1) noexcept {
    if (seconds < 0) seconds = 0;
    std::size_t i = 0;
    while (i < kLagBounds.size() && seconds > kLagBounds[i]) ++i;
    buckets[i] += times;
    sum += seconds * static_cast<double>(times);
    count += times;
  }

  LagHistogram& operator+=(const LagHistogram& other) noexcept {
    for (std::size_t i = 0; i < buckets.size(); ++i) buckets[i] += other.buckets[i];
    sum += other.sum;
    count += other.count;
    return *this;
  }
};

}  // namespace pulsegate
