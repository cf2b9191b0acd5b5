// What turns rows as an index returns them into what Snapshot and History promise, and times into what a statement
// takes. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "proto/time.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

// In which direction the index (device_uuid, recorded_at DESC) was read. Rows of one stamp come in the order of their
// insertion when it is read forwards, and in the opposite order when it is read backwards.
enum class IndexOrder { newest_first, oldest_first };

// Oldest first, and rows of one stamp in the order of their insertion. Linear, unless a statement of the operator's own
// returns its rows in no order at all.
void order_oldest_first(std::vector<MetricsRow>& rows, IndexOrder read);

// Whether rows of the stamp at which `points` rows end may lie beyond the last one that was read. `rows`: newest first.
bool ends_amid_stamp(const std::vector<MetricsRow>& rows, std::size_t points) noexcept;

// Cuts `rows` (oldest first) to the last `points`.
void keep_newest(std::vector<MetricsRow>& rows, std::size_t points);

// Cuts `rows` (oldest first) to at most `points`, between two stamps, unless the first `points` all carry one.
// Returns whether rows were cut off.
bool cut_between_stamps(std::vector<MetricsRow>& rows, std::size_t points);

// "2026-11-22T14:05:00.123456Z", which PostgreSQL takes for a TIMESTAMP (as UTC) and for a TIMESTAMPTZ alike. Times
// before 1970 or after 9999 become the first or last of these.
std::string sql_time(proto::Timestamp time);

}  // namespace pulsegate::storage
