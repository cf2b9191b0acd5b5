// The newest samples of a device, from events and rows, each standing once. What the `history` channel shows.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/devices/sample_merge.hpp"
#include "proto/cursor.hpp"
#include "proto/metric_values.hpp"
#include "proto/time.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

// Thread: one shard. Owner: Device. Holds no memory until the first sample, then no more than `capacity` samples.
// Invariants: 1. samples() are oldest first: events in the order of the bus, rows in that of the table. 2. There are at
// most `capacity`. 3. A point that is shown vanishes only by age.
class HistoryWindow {
 public:
  explicit HistoryWindow(std::size_t capacity) noexcept : capacity_(capacity) {}

  // Takes an event's sample. False: it is a doubled report (equal values, less than a second from one of the last few
  // samples by the publisher's clock), which is one point; nothing changed. An event whose row was read before it came
  // takes that row's place instead of adding a point.
  bool add_event(const proto::MetricValues& values, proto::Timestamp event_time);

  // The bus was lost: events may be missed until the next add_event().
  void on_gap() noexcept { gap_at_end_ = true; }
  bool gap_at_end() const noexcept { return gap_at_end_; }

  struct Applied {
    bool changed = false;              // what samples() show is not what it was
    std::size_t added = 0;             // rows that became points of their own
    std::size_t identified = 0;        // events that were found to have a row
    bool newest_row_is_known = false;  // the newest row belongs to a sample that was known before
  };
  // Aligns the rows of a snapshot with the samples. `earliest_row_of_events`: see MergeInput.
  Applied apply(const storage::Snapshot& snapshot, proto::Timestamp earliest_row_of_events);

  // The rows of a range, joined with the samples: each stands once, oldest first, and events keep their own time.
  // `rows`: oldest first, and all there are or any selection of them; `metric_mask`: columns that they have.
  std::vector<Sample> join(const std::vector<storage::MetricsRow>& rows, std::uint8_t metric_mask) const;

  // Which rows belong to which samples is in part a guess: rows still to come may show a point more.
  bool guessed() const noexcept { return guessed_; }

  // Keeps the newest when it shrinks.
  void set_capacity(std::size_t capacity);
  std::size_t capacity() const noexcept { return capacity_; }

  const std::vector<Sample>& samples() const noexcept { return samples_; }

  // Samples are numbered in the order in which they came: this is the number behind the newest. One that is found to
  // be older than all others lowers begin().
  std::int64_t end() const noexcept { return end_; }
  std::int64_t begin() const noexcept { return end_ - static_cast<std::int64_t>(samples_.size()); }
  // The number of the oldest among the newest `count`.
  std::int64_t begin_of(std::size_t count) const noexcept {
    return end_ - static_cast<std::int64_t>(count < samples_.size() ? count : samples_.size());
  }
  // What the last change left alone: the samples from this number on show the same as before, up to what was end()
  // then. Above end(): nothing is left of what was there.
  std::int64_t same_from() const noexcept { return same_from_; }

  // Where a client stands: the index in samples() of the first that it has not seen, size() when it has seen all.
  // nullopt: what it has seen last is not here, so more may be missing between. The sample of a cursor is found by its
  // time (the event's or the row's), values and occurrence; else, since another replica may know the event where this
  // one knows the row, by its values and a time that the two may have: the earliest such sample, because a point that
  // is repeated is better than one that is lost. Of a bare time everything from that time on counts as not seen.
  std::optional<std::size_t> after(const proto::Since& since, std::chrono::microseconds row_lag) const;
  // Where a client stands that has all of it. Requires: there is a sample. Digests no more than it must.
  proto::Cursor cursor() const;
  // The window is full, every sample came by the bus, and none was missed between them: no row can add anything.
  bool all_from_events() const noexcept;

 private:
  std::optional<std::size_t> find(const proto::Cursor& cursor, std::chrono::microseconds row_lag) const;
  void renumber(const std::vector<Sample>& merged) noexcept;
  Sample* row_of(const proto::MetricValues& values, proto::Timestamp event_time) noexcept;
  void append(const Sample& sample);

  std::size_t capacity_;  // samples
  std::vector<Sample> samples_;
  std::int64_t end_ = 0;
  std::int64_t same_from_ = 0;
  proto::Timestamp earliest_row_ = proto::Timestamp::max();  // of the last apply(): an older row is no event's
  std::uint8_t metric_mask_ = 0xff;                          // of the last apply()
  bool gap_at_end_ = false;                                  // the next event is the first after a gap
  bool guessed_ = false;
};

}  // namespace pulsegate::devices
