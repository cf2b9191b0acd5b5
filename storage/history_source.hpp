// The contract of history: the rows of a device within a range of time, and those after a point in time.
// Down-sampling to what a chart can show is left to proto/: here a range is only brought to a size that is safe to
// hold.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "proto/device_id.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

inline constexpr std::size_t kMaxHistoryPoints = proto::limits::kMaxHistoryPoints;  // a request for more gets as many
inline constexpr std::size_t kMaxRangeRows = 50'000;  // a range with more rows is reduced by the database
inline constexpr std::size_t kExtremesPerBucket = 8;  // least and greatest of four charted series

// How a range of more than kMaxRangeRows rows is reduced. It is cut into `points` buckets of equal length.
//  extremes: of each bucket the rows that hold the least and the greatest cpu_usage, memory_usage, network_rx and
//            network_tx, so that every spike stays, with its own time and whole. At most 8 × points rows.
//  mean:     of each bucket that has rows one row: the means of its values, at the mean of its times. At most `points`.
enum class Reduction : std::uint8_t { extremes, mean };

// All times are the database's times of insertion (our time + History::clock_offset), UTC.
struct RangeRequest {
  proto::DeviceId device;
  proto::Timestamp from{};    // inclusive
  proto::Timestamp to{};      // exclusive; not after `from`: an empty range
  std::size_t points = 1000;  // what the client will be shown, 1–2 000
  Reduction reduction = Reduction::extremes;
};

struct AfterRequest {
  proto::DeviceId device;
  proto::Timestamp after{};   // exclusive
  std::size_t points = 2000;  // most rows wanted, 1–2 000
};

struct History {
  // Oldest first; rows of one stamp in the order of their insertion. A range has the five charted columns only
  // (cpu_usage, memory_usage, memory_total, network_rx, network_tx), the rows after a time have all.
  std::vector<MetricsRow> rows;
  std::uint8_t metric_mask = 0;  // which Metric columns were read (bit i = Metric i)
  bool reduced = false;          // a range: not all rows, but what its Reduction says
  // Rows after a time: there are more than was asked for. `rows` then are the oldest of them and end between two stamps
  // so that asking again after the last row's time continues without loss; unless all carry one: then those that were
  // inserted first, and asking again would pass over the others.
  bool more = false;
  std::chrono::microseconds clock_offset{0};  // as in Snapshot
};

struct HistoryResult {
  SnapshotError error = SnapshotError::none;
  std::string detail;                      // one sentence for the log when error != none
  std::shared_ptr<const History> history;  // set when error == none
};

using HistoryCallback = std::function<void(HistoryResult)>;

// Thread: any. It has no stop() of its own: it stops together with the SnapshotSource that is the same object.
class HistorySource {
 public:
  virtual ~HistorySource() = default;

  // Never block. `done` is run exactly once, through `executor`, never before the call returns; also when stopping.
  // A range of at most kMaxRangeRows rows is answered with all of its rows, however few points are wanted.
  virtual void read_range(const RangeRequest& request, Executor executor, HistoryCallback done) = 0;
  virtual void read_after(const AfterRequest& request, Executor executor, HistoryCallback done) = 0;
};

}  // namespace pulsegate::storage
