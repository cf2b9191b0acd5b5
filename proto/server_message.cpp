// Follows the keys down to data.<list>[].<member>, the deepest place that anything is taken from.
#include "proto/server_message.hpp"

#include <array>
#include <cstddef>

#include "proto/json_scan.hpp"

namespace pulsegate::proto {
namespace {

constexpr std::size_t kMaxEntries = 2'000;
constexpr std::size_t kDeepest = 4;  // depth of members of list entries

class Reader final : public JsonVisitor {
 public:
  ServerMessage message;
  bool is_object = false;
  bool has_type = false;

  void key(std::size_t depth, std::string_view name) override {
    if (depth <= kDeepest) path_[depth] = name;
  }

  void open(std::size_t depth, JsonKind kind, std::size_t) override {
    if (depth == 0) is_object = kind == JsonKind::object;
    if (depth > kDeepest) return;
    kinds_[depth] = kind;
    if (depth == 3 && kind == JsonKind::object && in_list()) begin_entry();
  }

  void close(std::size_t, JsonKind, std::size_t) override {}

  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    if (depth == 3 && in_list() && path_[2] == "channels") return add_channel(kind, text);
    if (depth == 0 || depth > kDeepest || kinds_[depth - 1] != JsonKind::object) return;
    if (depth == 1) top_level(kind, text);
    if (depth == 2 && in_data()) member(kind, text);
    if (depth == 4 && in_list()) entry_member(kind, text);
  }

 private:
  bool in_data() const { return path_[1] == "data" && kinds_[1] == JsonKind::object; }
  bool in_list() const { return in_data() && kinds_[2] == JsonKind::array; }

  void top_level(JsonKind kind, std::string_view text) {
    const std::string& name = path_[1];
    if (name == "id" && (kind == JsonKind::string || kind == JsonKind::number)) message.id = text;
    if (name == "replay" && kind == JsonKind::boolean) message.replay = text == "true";
    if (name == "resumed" && kind == JsonKind::boolean) message.resumed = text == "true";
    if (kind != JsonKind::string) return;
    if (name == "type") message.type = text, has_type = true;
    if (name == "deviceUuid") message.device = text;
    if (name == "channel") message.channel = text;
    if (name == "mode") message.mode = text;
    if (name == "cursor") message.cursor = text;
    if (name == "timestamp") message.time = parse_iso8601(text);
  }

  void member(JsonKind kind, std::string_view text) {
    const bool has_text = kind == JsonKind::string || kind == JsonKind::number;
    if (!has_text || message.fields.size() >= kMaxEntries) return;
    message.fields.emplace_back(path_[2], text);
    const auto metric = find_metric(path_[2]);
    const auto number = metric ? parse_number(text) : std::nullopt;
    if (number) message.metrics[*metric] = {*number, true, -1};
  }

  void add_channel(JsonKind kind, std::string_view text) {
    if (kind == JsonKind::string && message.channels.size() < kMaxEntries) message.channels.emplace_back(text);
  }

  void begin_entry() {
    const std::string& list = path_[2];
    cut_ = false;
    ServerMessage::History& history = message.history;
    if (list == "top_processes") grow(message.processes);
    if (list == "interfaces") grow(message.interfaces);
    if (list == "cpu") grow(history.cpu);
    if (list == "memory") grow(history.used), grow(history.available);
    if (list == "network") grow(history.download), grow(history.upload);
  }

  template <typename Entry>
  void grow(std::vector<Entry>& entries) {
    cut_ = entries.size() >= kMaxEntries;
    if (!cut_) entries.emplace_back();
  }

  void entry_member(JsonKind kind, std::string_view text) {
    if (cut_ || kind == JsonKind::boolean) return;
    const std::string& list = path_[2];
    const std::string& name = path_[4];
    const double number = parse_number(text).value_or(0);
    ServerMessage::History& history = message.history;
    if (list == "cpu" && name == "value") history.cpu.back() = number;
    if (list == "memory" && name == "used") history.used.back() = number;
    if (list == "memory" && name == "available") history.available.back() = number;
    if (list == "network" && name == "download") history.download.back() = number;
    if (list == "network" && name == "upload") history.upload.back() = number;
    if (list == "top_processes") {
      ServerMessage::Process& process = message.processes.back();
      if (name == "pid") process.pid = text;
      if (name == "name") process.name = text;
      if (name == "cpu") process.cpu = number;
      if (name == "mem") process.mem = number;
    }
    if (list == "interfaces") {
      ServerMessage::Interface& interface = message.interfaces.back();
      if (name == "name") interface.name = text;
      if (name == "ip4") interface.ip4 = text;
      if (name == "operstate") interface.state = text;
    }
  }

  std::array<std::string, kDeepest + 1> path_;  // the key last seen at each depth
  std::array<JsonKind, kDeepest + 1> kinds_{};  // the container last opened at each depth
  bool cut_ = false;                            // the current entry is beyond the cap
};

}  // namespace

std::optional<ServerMessage> parse_server_message(std::string_view text) {
  Reader reader;
  JsonScanner scanner;
  if (scanner.scan(text, reader) != JsonScan::ok || !reader.is_object || !reader.has_type) return std::nullopt;
  return std::move(reader.message);
}

}  // namespace pulsegate::proto
