// How often somebody has done something lately, for very many somebodies in a fixed amount of memory. Pure; the caller
// brings the time.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "gateway/clock.hpp"

namespace pulsegate::access {

// Leaky buckets, one a name: each charge fills by 1, time empties by `rate` a second. Thread: one.
// Bounds: `sets` times 4 entries of 24 bytes, allocated at the first charge. Where more names are busy than fit, the
// emptiest of the four that share a set is forgotten: its owner begins anew, which is never to anybody's disadvantage.
class RateTable {
 public:
  // `burst`: how many at once. A rate of 0: no limit. `sets`: a power of two.
  RateTable(double rate, double burst, std::size_t sets = 16'384) : rate_(rate), burst_(burst), sets_(sets) {}

  // Whether `name` may do it once more. Charges nothing.
  bool allows(std::string_view name, SteadyTime now) const {
    if (rate_ <= 0 || entries_.empty()) return true;
    const std::size_t hash = std::hash<std::string_view>{}(name);
    const Entry* const set = &entries_[first_of(hash)];
    const Entry* const found = std::find_if(set, set + kWays, [hash](const Entry& each) { return each.is(hash); });
    return found == set + kWays || level(*found, now) + 1 <= burst_;
  }

  void charge(std::string_view name, SteadyTime now) {
    if (rate_ <= 0) return;
    if (entries_.empty()) entries_.resize(sets_ * kWays);
    const std::size_t hash = std::hash<std::string_view>{}(name);
    Entry* const set = &entries_[first_of(hash)];
    Entry* entry = std::find_if(set, set + kWays, [hash](const Entry& each) { return each.is(hash); });
    if (entry == set + kWays) {
      entry = std::min_element(set, set + kWays,
                               [&](const Entry& a, const Entry& b) { return level(a, now) < level(b, now); });
      *entry = {hash, 0, now};
    }
    entry->level = std::min(level(*entry, now) + 1, burst_ + 1);
    entry->updated = now;
  }

  // allows() and, if so, charge().
  bool take(std::string_view name, SteadyTime now) {
    if (!allows(name, now)) return false;
    charge(name, now);
    return true;
  }

 private:
  struct Entry {
    std::size_t name = 0;  // its hash; that of two names is the same once in 2^64
    double level = 0;      // at `updated`
    SteadyTime updated{};

    bool is(std::size_t hash) const noexcept { return name == hash && updated != SteadyTime{}; }
  };
  static constexpr std::size_t kWays = 4;

  std::size_t first_of(std::size_t hash) const noexcept { return (hash >> 7 & (sets_ - 1)) * kWays; }
  double level(const Entry& entry, SteadyTime now) const noexcept {
    return std::max(0.0, entry.level - rate_ * std::chrono::duration<double>(now - entry.updated).count());
  }

  const double rate_;
  const double burst_;
  const std::size_t sets_;
  std::vector<Entry> entries_;
};

}  // namespace pulsegate::access
