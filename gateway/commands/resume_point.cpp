#include "gateway/commands/resume_point.hpp"

#include <algorithm>

#include "proto/error_code.hpp"
#include "proto/message.hpp"

namespace pulsegate::commands {

bool ResumePoint::saw(const proto::ServerMessage& message) {
  if (!message.cursor.empty() && message.type == "metrics") metrics_ = message.cursor;
  if (!message.cursor.empty() && message.type == "history") history_ = message.cursor;
  const auto refused = [](const auto& field) {
    return field.first == "code" && field.second == proto::name(proto::ErrorCode::bad_since);
  };
  const auto& fields = message.fields;
  const bool given = !metrics_.empty() || !history_.empty();
  if (!given || message.type != "error" || std::none_of(fields.begin(), fields.end(), refused)) return true;
  metrics_.clear();
  history_.clear();
  return false;
}

std::string ResumePoint::subscribe(const std::vector<std::string>& channels) const {
  std::string command = R"({"type":"subscribe","channels":[)";
  for (const std::string& channel : channels) {
    if (command.back() != '[') command += ',';
    proto::append_json_string(command, channel);
  }
  command += ']';
  const std::string& since = metrics_.empty() ? history_ : metrics_;
  if (!since.empty()) {
    command += R"(,"since":)";
    proto::append_json_string(command, since);
  }
  return command + '}';
}

}  // namespace pulsegate::commands
