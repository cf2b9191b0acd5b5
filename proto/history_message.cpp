// The `history` message. A point goes into three arrays, so three texts grow side by side and are joined at the end.
#include <algorithm>

#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

void append_member(std::string& out, std::string_view key, double value) {
  out.append(",\"").append(key).append("\":");
  append_json_number(out, value);
}

}  // namespace

HistoryMessage::HistoryMessage(const DeviceId& device, const ClockFormat& clock) : device_(device), clock_(clock) {}

void HistoryMessage::add(const HistoryPoint& point) {
  std::string head = cpu_.empty() ? "{\"time\":\"" : ",{\"time\":\"";
  clock_.append(head, point.time);
  head.push_back('"');
  std::string tail = ",\"timestamp\":\"";
  append_iso8601(tail, point.time);
  tail.append("\"}");

  cpu_.append(head);
  append_member(cpu_, "value", point.cpu);
  cpu_.append(tail);
  memory_.append(head);
  append_member(memory_, "used", point.memory_used);
  append_member(memory_, "available", point.memory_available);
  memory_.append(tail);
  network_.append(head);
  append_member(network_, "download", point.download);
  append_member(network_, "upload", point.upload);
  network_.append(tail);
  newest_ = std::max(newest_, point.time);
}

void HistoryMessage::append_to(std::string& out, std::string_view mode) {
  out.reserve(out.size() + cpu_.size() + memory_.size() + network_.size() + 192);
  out.append("{\"type\":\"history\",\"data\":{\"cpu\":[").append(cpu_);
  out.append("],\"memory\":[").append(memory_);
  out.append("],\"network\":[").append(network_);
  out.append("]},\"deviceUuid\":\"");
  device_.append_to(out);
  out.append("\",\"timestamp\":\"");
  append_iso8601(out, newest_);
  out.append("\",\"mode\":");
  append_json_string(out, mode);
  out.push_back('}');
  cpu_.clear();
  memory_.clear();
  network_.clear();
  newest_ = {};
}

}  // namespace pulsegate::proto
