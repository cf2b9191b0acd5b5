// How much memory this process may have, how much it has, and when that is too much for newcomers.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace pulsegate {

// Where the limit comes from says what is compared with it.
struct MemoryBound {
  enum class Source : unsigned char { none, option, cgroup2, cgroup1 };

  Source source = Source::none;
  std::uint64_t bytes = 0;
  std::string directory;  // of the cgroup; the kernel ends its processes when all of them together need more
};

// The narrowest limit of the cgroups that this process is in (memory.max and memory.high, or memory.limit_in_bytes).
// `root`: before every path, for tests.
MemoryBound find_cgroup_bound(const std::string& root = "");

// Bytes that count against the bound: of a cgroup what the kernel cannot take back (usage without the inactive file
// cache, the "working set" of Kubernetes), which includes what sockets hold; for the option the resident memory of this
// process. nullopt: cannot be read.
std::optional<std::uint64_t> used_memory(const MemoryBound& bound, const std::string& root = "");

// Pure. Thread: one. Invariant: between the marks it stays what it is, so that it does not go to and fro.
class MemoryGauge {
 public:
  // `soft`: percent of the limit, 1 to 100. A limit of 0: never high.
  MemoryGauge(std::uint64_t limit, double soft) noexcept
      : high_mark_(static_cast<double>(limit) * soft / 100),
        low_mark_(static_cast<double>(limit) * (soft - kGap) / 100) {}

  bool high() const noexcept { return high_; }
  // Whether that has changed.
  bool update(std::uint64_t used) noexcept {
    const bool before = high_;
    const double bytes = static_cast<double>(used);
    high_ = high_mark_ > 0 && (high_ ? bytes > low_mark_ : bytes > high_mark_);
    return high_ != before;
  }

 private:
  static constexpr double kGap = 5;  // percent

  double high_mark_;
  double low_mark_;
  bool high_ = false;
};

}  // namespace pulsegate
