// The newest samples of a device, from events and rows, each standing once. What the `history` channel shows.
#pragma once

#include <cstddef>
#include <vector>

#include "gateway/devices/sample_merge.hpp"
#include "proto/metric_values.hpp"
#include "proto/time.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

// Thread: one shard. Owner: Device. Holds no memory until the first sample.
// Invariants: 1. samples() are oldest first, in the order of the bus and of the table. 2. There are at most `capacity`.
class HistoryWindow {
 public:
  explicit HistoryWindow(std::size_t capacity) noexcept : capacity_(capacity) {}

  // Appends an event's sample. False: it is a doubled report (equal values, less than a second from one of the last
  // few samples by the publisher's clock), which is one point and was not appended.
  bool add_event(const proto::MetricValues& values, proto::Timestamp event_time);

  struct Applied {
    bool changed = false;              // a point was added or moved
    std::size_t added = 0;             // rows that became points of their own
    bool newest_row_is_known = false;  // the newest row belongs to a sample that was known before
  };
  // Aligns the rows of a snapshot with the samples. `earliest_row_of_events`: see MergeInput.
  Applied apply(const storage::Snapshot& snapshot, proto::Timestamp earliest_row_of_events);

  const std::vector<Sample>& samples() const noexcept { return samples_; }
  // The window is full and every sample came by the bus: no row can add anything.
  bool all_from_events() const noexcept;

 private:
  std::size_t capacity_;
  std::vector<Sample> samples_;
};

}  // namespace pulsegate::devices
