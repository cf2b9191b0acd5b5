// Joins what PostgreSQL has stored with what the bus has shown into one ordered window in which every sample stands
// once. Pure: no clock, no I/O. The same function serves the first snapshot, the second look, a repair after a gap and
// the periodic re-read, because it always aligns rows with whatever samples are already known.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/metric_values.hpp"
#include "proto/time.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

// One sample of a device, known from an event, from a row, or from both. At least one of the times is set.
struct Sample {
  proto::MetricValues values;                  // the event's where an event is known, else the row's
  std::optional<proto::Timestamp> event_time;  // the publisher's clock
  std::optional<proto::Timestamp> row_time;    // the database's clock, time of insertion
  bool after_gap = false;  // the first event since the bus was away: others may have been missed just before it
  // Whether the row is that of this event (or of none) is the best guess so far: the next merge may find otherwise,
  // when rows that are still to come have been read.
  bool provisional = false;

  // What charts show: the event's own time wins.
  proto::Timestamp time() const noexcept { return event_time ? *event_time : *row_time; }
};

struct MergeInput {
  const std::vector<Sample>& known;              // oldest first, as an earlier merge and the bus left them
  const std::vector<storage::MetricsRow>& rows;  // oldest first; rows of one stamp preferably in the order of insertion
  std::uint8_t metric_mask = 0xff;               // columns that the rows have
  // Only rows stamped after this (database time) can be the row of an event whose row is not known yet.
  proto::Timestamp earliest_row_of_events{};
  std::size_t capacity = 30;                  // newest samples kept
  bool gap_at_end = false;                    // events may have been missed after the newest known one
  std::chrono::microseconds clock_offset{0};  // the database's clock minus the publisher's, as far as that is known
  // Whether what comes after an event matters more than which row is its own: where equal values leave that open it is
  // the first that may be, and none that is too far away; so the others come after it.
  bool early_rows = false;
  bool clocks_known = true;  // with early_rows: whether clock_offset is exact to a second or two
};

struct MergeResult {
  std::vector<Sample> samples;       // oldest first, at most `capacity`
  std::size_t added = 0;             // rows that became samples of their own and are among `samples`
  std::size_t identified = 0;        // known event-only samples that now have their row
  bool newest_row_is_known = false;  // the newest row belongs to a sample that was known before
  bool guessed = false;              // there are provisional samples: rows still to come may show more points
};

// Every known sample and every row stands in the result once, before it is cut to the newest `capacity`; see README.md.
// Events keep their order and rows keep theirs; a row without event may move among events without row when a later look
// shows where it belongs. Never throws but for want of memory: one byte per pair of an event without row and a new row.
MergeResult merge_samples(const MergeInput& input);

}  // namespace pulsegate::devices
