// The contract of storage: what PostgreSQL knows of a device at one moment, read off the data path.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "proto/device_id.hpp"
#include "proto/metric_values.hpp"
#include "proto/system_info.hpp"
#include "proto/time.hpp"

namespace pulsegate::storage {

// One row of device_metrics. `recorded_at` is the database's time of insertion, not the event's time.
struct MetricsRow {
  proto::Timestamp recorded_at{};
  proto::MetricValues values;
};

// The latest state of a device. JSON members are valid JSON texts in UTF-8; empty: NULL or no such column.
struct StateRow {
  std::optional<proto::Timestamp> recorded_at;  // nullopt: the table does not say
  proto::SystemInfo system;
  std::string top_processes;
  std::string network_interfaces;
};

struct Snapshot {
  // Oldest first, rows of one stamp in the order of their insertion; the newest SnapshotRequest::points by that order.
  std::vector<MetricsRow> metrics;
  std::uint8_t metric_mask = 0xff;  // which Metric columns the statement reads (bit i = Metric i)
  std::string newest_metrics_json;  // the newest row as a JSON object with its columns as keys; empty without rows
  std::optional<StateRow> state;    // nullopt: no row
  // Database time minus our time, by a round trip of its own: add it to our clock to get database time.
  std::chrono::microseconds clock_offset{0};
};

enum class SnapshotError : std::uint8_t {
  none,
  overloaded,   // the queue is full, or no connection came free within the lease
  unavailable,  // the database cannot be reached
  timed_out,    // statement timeout
  failed        // the statement itself failed: missing table, missing right, bad configuration
};
std::string_view name(SnapshotError error) noexcept;

struct SnapshotResult {
  SnapshotError error = SnapshotError::none;
  std::string detail;                        // one sentence for the log when error != none
  std::shared_ptr<const Snapshot> snapshot;  // set when error == none
};

// The same answer for somebody who asked for fewer rows: the newest of them.
SnapshotResult newest_rows(const SnapshotResult& result, std::size_t points);

// Why a read happens: labels of the counters, so that first snapshots can be told from second looks.
enum class ReadReason : std::uint8_t { first, retry, second_look, repair, reread, refresh };
inline constexpr std::size_t kReadReasons = 6;
std::string_view name(ReadReason reason) noexcept;

struct SnapshotRequest {
  proto::DeviceId device;
  std::size_t points = 30;  // newest rows wanted from device_metrics, 1–2 000
  ReadReason reason = ReadReason::first;
};

// Runs a function on the thread of whoever asked (a shard's post). Must be callable from any thread.
using Executor = std::function<void(std::function<void()>)>;
using SnapshotCallback = std::function<void(SnapshotResult)>;

// Sums over all database threads; a copy taken at one moment.
struct SourceCounters {
  std::uint64_t reads[kReadReasons] = {};  // calls that reached the source, by reason
  std::uint64_t shared = 0;                // calls answered by another's read in flight
  std::uint64_t errors[5] = {};            // by SnapshotError
  std::uint64_t reconnects = 0;
  // History, whatever its kind: not among `reads` and `read_seconds`, but among `errors`.
  std::uint64_t history_ranges = 0;   // calls
  std::uint64_t history_afters = 0;   // calls
  std::uint64_t history_reduced = 0;  // ranges that the database reduced
  std::uint64_t history_rows = 0;     // rows that were answered
  // What the guards in front of the database did.
  std::uint64_t rate_waits = 0;   // reads that found no token left for them when they came
  std::uint64_t rate_sheds = 0;   // of those: answered `overloaded`
  std::uint64_t cache_hits = 0;   // first reads answered from memory
  std::uint64_t cache_bytes = 0;  // gauge
  std::uint64_t queue_depth = 0;  // gauge
  std::uint64_t connections = 0;  // gauge: established
  // Time of a whole read, queue included: seconds, cumulative buckets at kReadSecondsBuckets.
  std::vector<std::uint64_t> read_seconds_buckets;
  double read_seconds_sum = 0;
  std::uint64_t read_seconds_count = 0;
  // The same of history.
  std::vector<std::uint64_t> history_seconds_buckets;
  double history_seconds_sum = 0;
  std::uint64_t history_seconds_count = 0;
};
inline constexpr double kReadSecondsBuckets[] = {0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                                 0.1,    0.25,  0.5,    1,     2.5,  5,     10};

// Thread: any.
class SnapshotSource {
 public:
  virtual ~SnapshotSource() = default;

  // Never blocks. `done` is run exactly once, through `executor`, never before read() returns; also when stopping.
  virtual void read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) = 0;

  // Refuses new reads, answers all outstanding ones (`unavailable`), joins the threads. Idempotent.
  virtual void stop() = 0;

  virtual SourceCounters counters() const = 0;
};

}  // namespace pulsegate::storage
