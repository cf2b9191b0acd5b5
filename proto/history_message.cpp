// The `history` message and the answer to a query. A point goes into up to three arrays, so three texts grow side by
// side and are joined at the end.
#include <algorithm>

#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

struct Keys {
  std::string_view chart;
  std::array<std::string_view, 2> values;
};
// Shape: one entry per Chart, with as many keys as values_of() says.
constexpr std::array<Keys, kChartCount> kKeys = {
    {{"cpu", {"value"}}, {"memory", {"used", "available"}}, {"network", {"download", "upload"}}}};

void append_member(std::string& out, std::string_view key, double value) {
  out.append(",\"").append(key).append("\":");
  append_json_number(out, value);
}

constexpr std::string_view kHead = "{\"type\":\"history\",\"data\":{\"cpu\":[";
constexpr std::string_view kReplace = "\"replace\"";
constexpr std::string_view kAppend = "\"append\"";
constexpr std::string_view kMode = ",\"mode\":";

// A message taken apart. Nothing of a point looks like what stands between the charts: its texts are times.
struct HistoryParts {
  std::array<std::string_view, kChartCount> charts;
  std::string_view before_mode;  // from the end of the charts
  std::string_view mode;         // in quotes
  std::string_view after_mode;
};

bool take_apart(std::string_view text, HistoryParts& parts) noexcept {
  static constexpr std::array<std::string_view, kChartCount> kEnds = {"],\"memory\":[", "],\"network\":[",
                                                                      "]},\"deviceUuid\":"};
  if (text.substr(0, kHead.size()) != kHead) return false;
  text.remove_prefix(kHead.size());
  for (std::size_t i = 0; i < kChartCount; ++i) {
    const std::size_t end = text.find(kEnds[i]);
    if (end == std::string_view::npos) return false;
    parts.charts[i] = text.substr(0, end);
    text.remove_prefix(i + 1 < kChartCount ? end + kEnds[i].size() : end);
  }
  const std::size_t mode = text.find(kMode);
  if (mode == std::string_view::npos) return false;
  parts.before_mode = text.substr(0, mode + kMode.size());
  text.remove_prefix(parts.before_mode.size());
  parts.mode = text.substr(0, text.substr(0, kReplace.size()) == kReplace ? kReplace.size() : kAppend.size());
  parts.after_mode = text.substr(parts.mode.size());
  return parts.mode == kReplace || parts.mode == kAppend;
}

}  // namespace

bool merge_history(std::string& out, std::string_view older, std::string_view newer) {
  HistoryParts first, second;
  if (!take_apart(older, first) || !take_apart(newer, second)) return false;
  if (second.mode == kReplace) {
    out.append(newer);
    return true;
  }
  out.reserve(out.size() + older.size() + newer.size());
  out.append("{\"type\":\"history\",\"data\":{");
  for (std::size_t i = 0; i < kChartCount; ++i) {
    if (i > 0) out.append("],");
    out.append(1, '"').append(kKeys[i].chart).append("\":[").append(first.charts[i]);
    if (!first.charts[i].empty() && !second.charts[i].empty()) out.push_back(',');
    out.append(second.charts[i]);
  }
  out.append(second.before_mode).append(first.mode).append(second.after_mode);
  return true;
}

HistoryMessage::HistoryMessage(const DeviceId& device, const ClockFormat& clock) : device_(device), clock_(clock) {}

void HistoryMessage::add(const HistoryPoint& point) {
  set_time(point.time);
  for (const Chart chart : {Chart::cpu, Chart::memory, Chart::network}) append_point(chart, chart_point(chart, point));
}

void HistoryMessage::add(Chart chart, const ChartPoint& point) {
  set_time(point.time);
  append_point(chart, point);
}

void HistoryMessage::set_time(Timestamp time) {
  head_.assign("{\"time\":\"");
  clock_.append(head_, time);
  head_.push_back('"');
  tail_.assign(",\"timestamp\":\"");
  append_iso8601(tail_, time);
  tail_.append("\"}");
  newest_ = std::max(newest_, time);
}

void HistoryMessage::append_point(Chart chart, const ChartPoint& point) {
  const auto index = static_cast<std::size_t>(chart);
  std::string& out = charts_[index];
  if (!out.empty()) out.push_back(',');
  out.append(head_);
  append_member(out, kKeys[index].values[0], point.first);
  if (values_of(chart) > 1) append_member(out, kKeys[index].values[1], point.second);
  out.append(tail_);
}

void HistoryMessage::append_to(std::string& out, std::string_view mode, std::string_view cursor) {
  out.reserve(out.size() + size() + 256);
  out.append("{\"type\":\"history\",\"data\":");
  append_data(out);
  out.append(",\"deviceUuid\":\"");
  device_.append_to(out);
  out.append("\",\"timestamp\":\"");
  append_iso8601(out, newest_);
  out.append("\",\"mode\":");
  append_json_string(out, mode);
  if (!cursor.empty()) {
    out.append(",\"cursor\":");
    append_json_string(out, cursor);
  }
  out.push_back('}');
  clear();
}

void HistoryMessage::append_result_to(std::string& out, std::string_view id) {
  out.reserve(out.size() + size() + 256);
  out.append("{\"type\":\"history-result\",\"id\":").append(id).append(",\"deviceUuid\":\"");
  device_.append_to(out);
  out.append("\",\"data\":");
  append_data(out);
  out.push_back('}');
  clear();
}

void HistoryMessage::append_range_to(std::string& out, Timestamp from, Timestamp to) {
  out.reserve(out.size() + size() + 256);
  out.append("{\"deviceUuid\":\"");
  device_.append_to(out);
  out.append("\",\"from\":\"");
  append_iso8601(out, from);
  out.append("\",\"to\":\"");
  append_iso8601(out, to);
  out.append("\",\"data\":");
  append_data(out);
  out.push_back('}');
  clear();
}

void HistoryMessage::append_data(std::string& out) const {
  char before = '{';
  for (std::size_t i = 0; i < kChartCount; ++i) {
    out.push_back(before);
    out.append(1, '"').append(kKeys[i].chart).append("\":[").append(charts_[i]).push_back(']');
    before = ',';
  }
  out.push_back('}');
}

std::size_t HistoryMessage::size() const noexcept {
  std::size_t bytes = 0;
  for (const std::string& chart : charts_) bytes += chart.size();
  return bytes;
}

void HistoryMessage::clear() noexcept {
  for (std::string& chart : charts_) chart.clear();
  newest_ = {};
}

}  // namespace pulsegate::proto
