// The newest metrics samples of a device as they were sent, so that a client that comes back gets what it missed
// without anybody being asked. Pure: no clock.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/frame.hpp"
#include "proto/cursor.hpp"
#include "proto/metric_values.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// One `metrics` message: an event, or a row that stands for an event that was missed.
struct Remembered {
  proto::Cursor cursor;  // as the message says
  proto::MetricValues values;
  FramePtr frame;
  bool after_gap = false;  // others may have been missed just before it
};

// Thread: one shard. Owner: Device.
// Invariants: 1. Oldest first, in the order in which members got them. 2. Never empty once something was pushed,
// however large. 3. What may have been missed between two of them is marked by `after_gap` of the later one.
class EventMemory {
 public:
  struct Limits {
    std::size_t events = 64;
    std::size_t bytes = 128 * 1024;  // of frames
  };

  // What a cursor says of a time: no clock that it cannot say is worth an error.
  static proto::Timestamp said(proto::Timestamp time) noexcept;
  // What the cursor of the next sample is: equal samples of one time are counted.
  proto::Cursor next_cursor(proto::Timestamp time, const proto::MetricValues& values) const;
  void push(Remembered sample, const Limits& limits);
  // Samples may be missed until the next push().
  void on_gap() noexcept { gap_at_end_ = true; }
  bool gap_at_end() const noexcept { return gap_at_end_; }
  // What was missed is known after all, and stands before whatever has been pushed since the gap. `connected`: nothing
  // is missing just before it; `complete`: nor after it.
  void fill_gap(std::vector<Remembered> missed, bool connected, bool complete, const Limits& limits);

  // The first one after `since`, size() for none; nullopt: not all that came after it is here. `repeats`: as of find().
  std::optional<std::size_t> after(const proto::Since& since, std::chrono::milliseconds row_lag, bool repeats) const;
  // The sample that a cursor names, or the earliest that may be it. `repeats`: the device sends these values again and
  // again, so that what may be it may as well be another one.
  std::optional<std::size_t> find(const proto::Cursor& cursor, std::chrono::milliseconds row_lag, bool repeats) const;
  // From here on nothing was missed; size() right after a gap.
  std::size_t unbroken_from() const noexcept;
  // Where the last samples that came without a gap between them begin, whether or not others were missed after them.
  std::size_t last_run() const noexcept;
  // Whether what came just before unbroken_from() was here and had to go.
  bool forgot() const noexcept { return forgot_ && unbroken_from() == 0; }

  std::size_t size() const noexcept { return count_; }
  bool empty() const noexcept { return count_ == 0; }
  std::size_t bytes() const noexcept { return bytes_; }
  const Remembered& operator[](std::size_t i) const noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  const Remembered& back() const noexcept { return (*this)[count_ - 1]; }
  bool full(const Limits& limits) const noexcept { return count_ >= limits.events || bytes_ >= limits.bytes; }

 private:
  Remembered& slot(std::size_t i) noexcept { return ring_[(head_ + i) & (ring_.size() - 1)]; }
  void append(Remembered sample);
  void shrink(const Limits& limits);

  std::vector<Remembered> ring_;  // of a power of two
  std::size_t head_ = 0;
  std::size_t count_ = 0;
  std::size_t bytes_ = 0;
  bool forgot_ = false;     // what came before the first one was here
  bool gap_at_end_ = true;  // nothing is known of the time before the first one
};

}  // namespace pulsegate::devices
