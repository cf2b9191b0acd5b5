// Reads a client's command. The text may come from anyone: every error is an answer, none an exception.
#include "proto/command.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "proto/json_scan.hpp"
#include "proto/limits.hpp"
#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

// Connections are capped far below this already; it only keeps a wrongly configured cap from reaching the parser.
constexpr std::size_t kMaxText = 1024 * 1024;
constexpr std::size_t kMaxEchoedName = 64;  // bytes of a client's own word in our answers
constexpr std::size_t kMaxId = 128;         // bytes of JSON text; a longer id is not echoed

// At most `max` bytes of valid UTF-8, never half a character.
std::string_view cut(std::string_view text, std::size_t max) noexcept {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0) == 0x80) --max;
  return text.substr(0, max);
}

class Visitor final : public JsonVisitor {
 public:
  enum class List : std::uint8_t { absent, strings, invalid };

  bool is_object = false;
  std::optional<std::string> type;
  List channels = List::absent;
  std::vector<std::string> names;  // of `channels`, at most one more than a command may have
  List channel = List::absent;
  std::string channel_name;
  std::string id;

  void key(std::size_t depth, std::string_view name) override {
    target_ = Target::none;
    if (depth != 1) return;
    // The last of repeated members counts, so each starts from nothing again.
    if (name == "type") {
      type.reset();
      target_ = Target::type;
    } else if (name == "channels") {
      channels = List::absent;
      names.clear();
      target_ = Target::channels;
    } else if (name == "channel") {
      channel = List::absent;
      target_ = Target::channel;
    } else if (name == "id") {
      id.clear();
      target_ = Target::id;
    }
  }

  void scalar(std::size_t depth, JsonKind kind, std::string_view text) override {
    if (in_channels_ && depth == 2) return add_channel(kind, text);
    const bool is_string = kind == JsonKind::string;
    switch (std::exchange(target_, Target::none)) {
      case Target::type:
        // One character more than is echoed, so that a cut shows.
        if (is_string) type.emplace(cut(text, kMaxEchoedName + 4));
        break;
      case Target::channels:
        // null is what some clients send for "none": as if it were absent.
        if (kind != JsonKind::null) channels = List::invalid;
        break;
      case Target::channel:
        if (is_string) channel_name.assign(text);
        if (kind != JsonKind::null) channel = is_string ? List::strings : List::invalid;
        break;
      case Target::id:
        if (text.size() > kMaxId) break;
        if (is_string) append_json_string(id, text);
        if (kind == JsonKind::number) id.assign(text);
        if (id.size() > kMaxId) id.clear();
        break;
      case Target::none:
        break;
    }
  }

  void open(std::size_t depth, JsonKind kind, std::size_t) override {
    const Target target = std::exchange(target_, Target::none);
    if (depth == 0) {
      is_object = kind == JsonKind::object;
    } else if (depth == 2 && in_channels_) {
      channels = List::invalid;
    } else if (target == Target::channels) {
      in_channels_ = kind == JsonKind::array;
      channels = in_channels_ ? List::strings : List::invalid;
    } else if (target == Target::channel) {
      channel = List::invalid;
    }
  }

  void close(std::size_t depth, JsonKind, std::size_t) override {
    if (depth == 1) in_channels_ = false;
  }

 private:
  enum class Target : std::uint8_t { none, type, channels, channel, id };

  void add_channel(JsonKind kind, std::string_view text) {
    if (kind != JsonKind::string) {
      channels = List::invalid;
    } else if (names.size() <= limits::kMaxChannelsPerCommand) {
      names.emplace_back(text);
    }
  }

  Target target_ = Target::none;
  bool in_channels_ = false;
};

template <typename Items, typename Item>
void add_once(Items& items, Item&& item) {
  if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(std::forward<Item>(item));
}

CommandError fail(ErrorCode code, std::string message, Visitor& seen) {
  return CommandError{code, std::move(message), std::move(seen.id)};
}

CommandError unknown_type(Visitor& seen) {
  const std::string_view shown = cut(*seen.type, kMaxEchoedName);
  std::string message = "Unknown type \"";
  message.append(shown).append(shown.size() < seen.type->size() ? "…" : "");
  message.append("\"; this gateway knows \"subscribe\", \"unsubscribe\" and \"ping\".");
  return fail(ErrorCode::unknown_type, std::move(message), seen);
}

}  // namespace

std::variant<Command, CommandError> parse_command(std::string_view text, const ChannelTable& table) {
  if (text.size() > kMaxText) return CommandError{ErrorCode::malformed_json, "The command is larger than 1 MiB.", {}};
  Visitor seen;
  switch (JsonScanner().scan(text, seen)) {
    case JsonScan::malformed:
      return CommandError{ErrorCode::malformed_json,
                          "A command is one JSON object in valid UTF-8, for instance "
                          "{\"type\":\"subscribe\",\"channels\":[\"metrics\"]}.",
                          {}};
    case JsonScan::too_deep:
      return CommandError{ErrorCode::too_deep,
                          "The command is nested deeper than " + std::to_string(limits::kMaxJsonDepth) + " levels.",
                          {}};
    case JsonScan::ok:
      break;
  }
  if (!seen.is_object)
    return fail(ErrorCode::not_an_object, "A command is a JSON object with a member \"type\".", seen);
  if (!seen.type) return fail(ErrorCode::missing_type, "The command has no member \"type\" that is a string.", seen);

  Command command;
  if (*seen.type == "subscribe") {
    command.type = Command::Type::subscribe;
  } else if (*seen.type == "unsubscribe") {
    command.type = Command::Type::unsubscribe;
  } else if (*seen.type != "ping") {
    return unknown_type(seen);
  }
  if (command.type == Command::Type::ping) {
    command.id = std::move(seen.id);
    return command;
  }

  if (seen.channels == Visitor::List::absent && seen.channel == Visitor::List::strings) {
    seen.channels = Visitor::List::strings;
    seen.names.assign(1, std::move(seen.channel_name));
  }
  if (seen.channels != Visitor::List::strings || seen.names.empty())
    return fail(ErrorCode::invalid_channels, "\"channels\" must be a non-empty array of channel names.", seen);
  if (seen.names.size() > limits::kMaxChannelsPerCommand)
    return fail(ErrorCode::too_many_channels,
                "One command names at most " + std::to_string(limits::kMaxChannelsPerCommand) + " channels.", seen);
  for (const std::string& name : seen.names) {
    if (const auto channel = table.find(name)) {
      add_once(command.channels, *channel);
    } else {
      add_once(command.unknown_channels, std::string(cut(name, kMaxEchoedName)));
    }
  }
  command.id = std::move(seen.id);
  return command;
}

}  // namespace pulsegate::proto
