// PostgreSQL: snapshots and reads of the past.
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <vector>

#include "gateway/ops/metric_page.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::ops {
namespace {

std::vector<std::uint64_t> uncumulated(std::vector<std::uint64_t> buckets) {
  for (std::size_t i = buckets.size(); i > 1; --i) buckets[i - 1] -= buckets[i - 2];
  return buckets;
}

void add_history(MetricPage& page, const storage::SourceCounters& storage) {
  page.counter("pulsegate_history_reads_total", "Reads of the past that reached the database, by kind.");
  page.add(storage.history_ranges, {{"kind", "range"}});
  page.add(storage.history_afters, {{"kind", "after"}});
  page.counter("pulsegate_history_reduced_total", "Ranges so long that the database reduced them.")
      .add(storage.history_reduced);
  page.counter("pulsegate_history_rows_total", "Rows that those reads returned.").add(storage.history_rows);
  page.histogram("pulsegate_history_read_seconds", "Time of a whole read of the past, queue included.",
                 storage::kReadSecondsBuckets, uncumulated(storage.history_seconds_buckets),
                 storage.history_seconds_count, storage.history_seconds_sum);
}

}  // namespace

void add_database(MetricPage& page) {
  if (!page.report().storage) return;
  const storage::SourceCounters& storage = *page.report().storage;
  bool up = true;
  for (const ShardReport& shard : page.report().shards) up = up && shard.database_up;
  page.gauge("pulsegate_database_up", "0 since a shard found PostgreSQL unreachable, until a read succeeds.")
      .add(up ? 1.0 : 0.0);
  page.counter("pulsegate_database_reads_total", "Snapshot reads that reached the database, by reason.");
  for (std::size_t i = 0; i < storage::kReadReasons; ++i)
    page.add(storage.reads[i], {{"reason", std::string(storage::name(static_cast<storage::ReadReason>(i)))}});
  page.counter("pulsegate_database_shared_reads_total", "Snapshot reads answered by another one in flight.")
      .add(storage.shared);
  page.counter("pulsegate_snapshot_cache_hits_total", "Snapshots answered by one of the last second.")
      .add(storage.cache_hits);
  page.gauge("pulsegate_snapshot_cache_bytes", "What those take in memory.").add(storage.cache_bytes);
  page.counter("pulsegate_database_rate_waits_total", "Reads that had to wait because of --sql-rate.")
      .add(storage.rate_waits);
  page.counter("pulsegate_database_rate_sheds_total", "Of those: given up when the lease ended.")
      .add(storage.rate_sheds);
  page.counter("pulsegate_database_errors_total", "Failed reads, by error.");
  for (std::size_t i = 1; i < std::size(storage.errors); ++i)  // 0 is "none"
    page.add(storage.errors[i], {{"error", std::string(storage::name(static_cast<storage::SnapshotError>(i)))}});
  page.counter("pulsegate_database_reconnects_total", "Connections to PostgreSQL that were made anew.")
      .add(storage.reconnects);
  page.gauge("pulsegate_database_queue_depth", "Snapshot reads waiting for a thread.").add(storage.queue_depth);
  page.gauge("pulsegate_database_connections", "Established connections to PostgreSQL.").add(storage.connections);
  page.histogram("pulsegate_database_read_seconds", "Time of a whole snapshot read, queue included.",
                 storage::kReadSecondsBuckets, uncumulated(storage.read_seconds_buckets), storage.read_seconds_count,
                 storage.read_seconds_sum);
  add_history(page, storage);
}

}  // namespace pulsegate::ops
