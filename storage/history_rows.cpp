// See history_rows.hpp.
#include "storage/history_rows.hpp"

#include <algorithm>
#include <chrono>

namespace pulsegate::storage {
namespace {

bool older(const MetricsRow& a, const MetricsRow& b) {
  return a.recorded_at < b.recorded_at;
}

}  // namespace

void order_oldest_first(std::vector<MetricsRow>& rows, IndexOrder read) {
  if (read == IndexOrder::newest_first) std::reverse(rows.begin(), rows.end());
  for (auto first = rows.begin(); first != rows.end();) {
    const auto last =
        std::find_if(first, rows.end(), [&](const MetricsRow& row) { return row.recorded_at != first->recorded_at; });
    std::reverse(first, last);
    first = last;
  }
  if (!std::is_sorted(rows.begin(), rows.end(), older)) std::stable_sort(rows.begin(), rows.end(), older);
}

bool ends_amid_stamp(const std::vector<MetricsRow>& rows, std::size_t points) noexcept {
  return rows.size() > points && rows[points - 1].recorded_at == rows.back().recorded_at;
}

void keep_newest(std::vector<MetricsRow>& rows, std::size_t points) {
  if (rows.size() > points) rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(points));
}

bool cut_between_stamps(std::vector<MetricsRow>& rows, std::size_t points) {
  if (rows.size() <= points) return false;
  auto end = rows.begin() + static_cast<std::ptrdiff_t>(points);
  const auto stamp = std::lower_bound(rows.begin(), end, *end, older);
  if (stamp != rows.begin()) end = stamp;
  rows.erase(end, rows.end());
  return true;
}

std::string sql_time(proto::Timestamp time) {
  constexpr std::chrono::microseconds kLast{253'402'300'799'999'999};
  time = std::clamp(time, proto::Timestamp(), proto::Timestamp(kLast));
  std::string out;
  proto::append_iso8601(out, time);  // "….123Z"
  const auto below_milliseconds = static_cast<int>(time.time_since_epoch().count() % 1000);
  out.back() = static_cast<char>('0' + below_milliseconds / 100);
  out.push_back(static_cast<char>('0' + below_milliseconds / 10 % 10));
  out.push_back(static_cast<char>('0' + below_milliseconds % 10));
  out.push_back('Z');
  return out;
}

}  // namespace pulsegate::storage
