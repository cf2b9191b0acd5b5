// See history_reader_internal.hpp.
#include <algorithm>
#include <utility>

#include "storage/history_reader_internal.hpp"
#include "storage/history_rows.hpp"
#include "storage/sql_errors_internal.hpp"

namespace pulsegate::storage {
namespace {

using proto::Metric;

const std::vector<Metric> kCharted{Metric::cpu_usage, Metric::memory_usage, Metric::memory_total, Metric::network_rx,
                                   Metric::network_tx};
const std::vector<Metric> kAll{Metric::cpu_usage,     Metric::cpu_temp,      Metric::memory_usage, Metric::memory_total,
                               Metric::storage_usage, Metric::storage_total, Metric::network_rx,   Metric::network_tx};

// Rows that are in SOCI's buffers at a time.
constexpr std::size_t kPortion = 1000;

// What rows_after returns for a column that the table does not have.
constexpr std::string_view kAbsent = "absent";

std::uint8_t bit(Metric metric) {
  return static_cast<std::uint8_t>(1u << static_cast<unsigned>(metric));
}

}  // namespace

History HistoryReader::read(const RangeRequest& request) {
  History history;
  for (const Metric metric : kCharted)
    history.metric_mask = static_cast<std::uint8_t>(history.metric_mask | bit(metric));
  if (request.from >= request.to) return history;
  const RowParameters parameters{
      request.device.text(), sql_time(request.from), sql_time(request.to), {}, std::to_string(request.points)};
  // The count is a matter of the index alone; fetching rows only to find that there are too many would cost more.
  history.reduced = count(parameters) > kMaxRangeRows;
  if (!history.reduced) {
    const SqlStatement& sql = statements_.range_rows();
    read_rows("range_rows", sql, rows_, with_points(sql.text, kMaxRangeRows), kCharted, parameters, history);
  } else if (request.reduction == Reduction::extremes) {
    const SqlStatement& sql = statements_.range_extremes();
    read_rows("range_extremes", sql, extremes_, sql.text, kCharted, parameters, history);
  } else {
    const SqlStatement& sql = statements_.range_mean();
    read_rows("range_mean", sql, mean_, sql.text, kCharted, parameters, history);
  }
  order_oldest_first(history.rows, IndexOrder::newest_first);
  return history;
}

History HistoryReader::read(const AfterRequest& request) {
  History history;
  for (const Metric metric : kAll) history.metric_mask = static_cast<std::uint8_t>(history.metric_mask | bit(metric));
  const SqlStatement& sql = statements_.rows_after();
  const std::size_t limit = window_rows(request.points) + 1;  // one more than anybody gets says that there are more
  read_rows("rows_after", sql, after_[limit], with_points(sql.text, limit), kAll,
            {request.device.text(), {}, {}, sql_time(request.after), {}}, history);
  // An operator's own statement may read the index the other way round.
  const bool newest_first = history.rows.empty() || history.rows.front().recorded_at >= history.rows.back().recorded_at;
  order_oldest_first(history.rows, newest_first ? IndexOrder::newest_first : IndexOrder::oldest_first);
  history.more = cut_between_stamps(history.rows, request.points);
  return history;
}

std::size_t HistoryReader::count(const RowParameters& parameters) {
  const SqlStatement& sql = statements_.range_count();
  return guarded(sql_, "range_count", sql, [&] {
    if (!count_) count_ = std::make_unique<CountStatement>(sql_, with_points(sql.text, kMaxRangeRows + 1));
    return static_cast<std::size_t>(std::max(count_->execute(parameters), 0LL));
  });
}

void HistoryReader::read_rows(std::string_view name, const SqlStatement& statement,
                              std::unique_ptr<RowsStatement>& prepared, const std::string& text,
                              const std::vector<Metric>& columns, const RowParameters& parameters, History& history) {
  const auto take = [&](std::size_t row) {
    const long long* us = prepared->recorded_at_us(row);
    // Whatever an operator's own statement returns, no answer grows beyond this.
    if (us == nullptr || history.rows.size() >= kMaxRangeRows) return;
    MetricsRow& out = history.rows.emplace_back();
    out.recorded_at = proto::Timestamp(std::chrono::microseconds(*us));
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const std::string* value = prepared->text(i, row);
      if (value == nullptr) continue;
      if (*value == kAbsent) history.metric_mask = static_cast<std::uint8_t>(history.metric_mask & ~bit(columns[i]));
      out.values[columns[i]] = proto::parse_row_value(*value);
    }
  };
  guarded(sql_, name, statement, [&] {
    if (!prepared) prepared = std::make_unique<RowsStatement>(sql_, text, columns.size(), kPortion);
    for (bool found = prepared->begin(parameters); found; found = prepared->next())
      for (std::size_t row = 0; row < prepared->size(); ++row) take(row);
    prepared->end();
  });
}

void HistoryReader::forget_statements() {
  count_.reset();
  rows_.reset();
  extremes_.reset();
  mean_.reset();
  after_.clear();
}

}  // namespace pulsegate::storage
