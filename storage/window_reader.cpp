// See window_reader_internal.hpp.
#include "storage/window_reader_internal.hpp"

#include <chrono>
#include <utility>

#include "proto/metric_values.hpp"
#include "storage/history_rows.hpp"
#include "storage/sql_errors_internal.hpp"

namespace pulsegate::storage {

WindowReader::WindowReader(soci::session& sql, const SqlSet& statements)
    : sql_(sql), statement_(statements.metrics_window()), whole_batches_(keeps_ties(statement_.text)) {}

WindowReader::Window WindowReader::read(const std::string& device, std::size_t points) {
  Window window;
  for (std::size_t rows = window_rows(points);; rows = window_rows(rows + 1)) {
    // Of a batch that LIMIT cuts those come that were inserted first. One row more tells whether a batch is cut, and
    // then more rows hold the rest of it.
    const std::size_t limit = whole_batches_ ? rows : rows + 1;
    const std::size_t found = read_rows(device, limit, window);
    if (whole_batches_ || found < limit || rows == kMostWindowRows || !ends_amid_stamp(window.rows, points)) break;
  }
  order_oldest_first(window.rows, IndexOrder::newest_first);
  keep_newest(window.rows, points);
  return window;
}

std::size_t WindowReader::read_rows(const std::string& device, std::size_t limit, Window& window) {
  window = {};
  window.rows.reserve(limit);
  std::size_t found = 0;
  const auto take = [&](RowsStatement& statement, std::size_t row) {
    const long long* us = statement.recorded_at_us(row);
    if (us == nullptr || window.rows.size() == kMaxWindowRows) return;
    MetricsRow& out = window.rows.emplace_back();
    out.recorded_at = proto::Timestamp(std::chrono::microseconds(*us));
    for (std::size_t i = 0; i < proto::kMetricCount; ++i)
      if (const std::string* text = statement.text(i, row)) out.values.items[i] = proto::parse_row_value(*text);
    std::string* const json = statement.text(proto::kMetricCount, row);
    if (json != nullptr && out.recorded_at == window.rows.front().recorded_at) window.newest_json.swap(*json);
  };
  guarded(sql_, "metrics_window", statement_, [&] {
    auto at = prepared_.find(limit);
    if (at == prepared_.end()) {
      // Eight metrics in the order of proto::Metric, then newest_json.
      at =
          prepared_.try_emplace(limit, sql_, with_points(statement_.text, limit), proto::kMetricCount + 1, limit).first;
    }
    RowsStatement& statement = at->second;
    for (bool more = statement.begin({device}); more; more = statement.next()) {
      for (std::size_t row = 0; row < statement.size(); ++row) take(statement, row);
      found += statement.size();
    }
    statement.end();
  });
  return found;
}

}  // namespace pulsegate::storage
