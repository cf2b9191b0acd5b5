// Latencies in buckets whose width is 1/64 of their value: exact enough for a p99.9, and a few instructions per
// delivery.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pulsegate::bench {

class LatencyHistogram {
 public:
  void record(std::uint64_t us) noexcept {
    ++buckets_[bucket(us)];
    ++count_;
    if (us > max_) max_ = us;
  }
  void clear() noexcept { *this = {}; }

  // Microseconds, upper bound of the bucket; 0 when nothing was recorded.
  std::uint64_t percentile(double share) const noexcept {
    const auto wanted = static_cast<std::uint64_t>(share * static_cast<double>(count_));
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i < kBuckets; ++i) {
      seen += buckets_[i];
      if (seen > wanted) return upper_bound(i) < max_ ? upper_bound(i) : max_;
    }
    return max_;
  }
  std::uint64_t max() const noexcept { return max_; }
  std::uint64_t count() const noexcept { return count_; }

 private:
  static constexpr unsigned kBits = 6;
  static constexpr std::size_t kSteps = std::size_t{1} << kBits;
  static constexpr std::size_t kBuckets = kSteps * 34;  // up to 2^39 us

  static std::size_t bucket(std::uint64_t us) noexcept {
    if (us < 2 * kSteps) return static_cast<std::size_t>(us);
    const unsigned shift = 63u - static_cast<unsigned>(__builtin_clzll(us)) - kBits;
    const std::size_t index = shift * kSteps + static_cast<std::size_t>(us >> shift);
    return index < kBuckets ? index : kBuckets - 1;
  }
  static std::uint64_t upper_bound(std::size_t index) noexcept {
    if (index < 2 * kSteps) return index;
    const std::size_t shift = index / kSteps - 1;
    return ((std::uint64_t{index} - shift * kSteps + 1) << shift) - 1;
  }

  std::array<std::uint64_t, kBuckets> buckets_{};
  std::uint64_t count_ = 0;
  std::uint64_t max_ = 0;
};

}  // namespace pulsegate::bench
