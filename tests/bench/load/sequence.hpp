// Checks that one client gets every event of its device once and in order.
#pragma once

#include <cstdint>

namespace pulsegate::bench {

struct SequenceCounts {
  std::uint64_t deliveries = 0;
  std::uint64_t missing = 0;  // never came; what came late is taken off again
  std::uint64_t duplicates = 0;
  std::uint64_t reordered = 0;  // came after a later one
  std::uint64_t stale = 0;      // of an earlier run: the latest value, kept by the server
};

class SequenceCheck {
 public:
  // Events of this run start at `first`. A client that joins in the middle of it starts with whatever comes first.
  void start(std::uint64_t first, bool joins_late) noexcept {
    first_ = next_ = first;
    seen_ = ~std::uint64_t{0};
    any_first_ = joins_late;
  }

  void take(std::uint64_t sequence, SequenceCounts& counts) noexcept {
    if (sequence < first_) {
      ++counts.stale;
      return;
    }
    ++counts.deliveries;
    if (any_first_) {
      any_first_ = false;
      next_ = sequence;
    }
    if (sequence >= next_) {
      const std::uint64_t skipped = sequence - next_;
      counts.missing += skipped;
      seen_ = skipped >= 63 ? 1 : (seen_ << (skipped + 1)) | 1;
      next_ = sequence + 1;
      return;
    }
    const std::uint64_t age = next_ - 1 - sequence;
    if (age < 64 && ((seen_ >> age) & 1) == 0) {
      seen_ |= std::uint64_t{1} << age;
      ++counts.reordered;
      --counts.missing;
    } else {
      ++counts.duplicates;
    }
  }

  // What this client should have had after `end - first` events. Requires: no event comes any more.
  void finish(std::uint64_t end, SequenceCounts& counts) noexcept {
    if (!any_first_ && next_ < end) counts.missing += end - next_;
    next_ = end;
  }
  std::uint64_t next() const noexcept { return next_; }

 private:
  std::uint64_t first_ = 0;
  std::uint64_t next_ = 0;
  std::uint64_t seen_ = 0;  // bit i: next_ - 1 - i has come
  bool any_first_ = false;
};

}  // namespace pulsegate::bench
