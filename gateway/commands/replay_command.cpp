#include "gateway/commands/replay_command.hpp"

#include <chrono>

#include "proto/message.hpp"
#include "proto/replay_request.hpp"

namespace pulsegate::commands {
namespace {

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789.") == std::string::npos;
}

proto::RequestValue value_of(const std::string& text) {
  proto::RequestValue value;
  if (text.empty()) return value;
  value.kind = is_number(text) ? proto::RequestValue::Kind::number : proto::RequestValue::Kind::string;
  value.text = text;
  return value;
}

void append_member(std::string& command, const char* name, const std::string& text) {
  if (text.empty()) return;
  command.append(",\"").append(name).append("\":");
  if (is_number(text)) {
    command += text;
  } else {
    proto::append_json_string(command, text);
  }
}

}  // namespace

std::string check_replay_time(const std::string& text) {
  constexpr std::size_t kMaxDigits = 14;  // the year 10000
  const bool millis = is_number(text) && text.find('.') == std::string::npos && text.size() <= kMaxDigits;
  if (millis || proto::parse_iso8601(text)) return {};
  return "must be an ISO 8601 time such as 2026-11-22T14:05:00Z, or a number of milliseconds since 1970";
}

std::string check_replay_speed(const std::string& text) {
  proto::ReplayText asked;
  asked.from = value_of("0");
  asked.speed = value_of(text);
  const auto parsed = proto::parse_replay(asked, proto::Timestamp(std::chrono::seconds(1)));
  return std::holds_alternative<proto::ReplayRequest>(parsed) ? "" : "must be a number from 0.1 to 1000, or max";
}

std::string replay_command(const ReplayWish& wish, const std::vector<std::string>& channels) {
  std::string command = R"({"type":"replay")";
  append_member(command, "from", wish.from);
  append_member(command, "to", wish.to);
  append_member(command, "speed", wish.speed);
  command += ",\"channels\":[";
  for (const std::string& channel : channels) {
    if (channel != "metrics" && channel != "history") continue;
    if (command.back() != '[') command += ',';
    proto::append_json_string(command, channel);
  }
  if (command.back() == '[') command += "\"metrics\"";
  return command + "]}";
}

}  // namespace pulsegate::commands
