// Follows a command's keys; every value goes to the member that was named last.
#include "proto/command_reader.hpp"

#include <utility>

#include "proto/limits.hpp"
#include "proto/message.hpp"

namespace pulsegate::proto {
namespace {

constexpr std::size_t kMaxId = 128;  // bytes of JSON text; a longer id is not echoed

void set(RequestValue& value, JsonKind kind, std::string_view text) {
  using Kind = RequestValue::Kind;
  if (kind == JsonKind::null) return;
  value.kind = Kind::other;
  // A number that is cut would be another number.
  if (text.size() > RequestValue::kMaxText) return;
  if (kind == JsonKind::string) value.kind = Kind::string;
  if (kind == JsonKind::number) value.kind = Kind::number;
  if (value.kind != Kind::other) value.text.assign(text);
}

// An entry of a list of names, whatever it is.
std::string_view in_words(JsonKind kind, std::string_view text) noexcept {
  switch (kind) {
    case JsonKind::null:
      return "null";
    case JsonKind::boolean:
      return "a boolean";
    case JsonKind::array:
      return "an array";
    case JsonKind::object:
      return "an object";
    case JsonKind::string:
    case JsonKind::number:
      break;
  }
  return text;
}

}  // namespace

std::string_view cut(std::string_view text, std::size_t max) noexcept {
  if (text.size() <= max) return text;
  while (max > 0 && (static_cast<unsigned char>(text[max]) & 0xC0) == 0x80) --max;
  return text.substr(0, max);
}

void CommandReader::key(std::size_t depth, std::string_view name) {
  target_ = Target::none;
  if (depth == 2 && in_since_) {
    if (sinces.size() > limits::kMaxDevicesPerCommand) return;
    value_ = &sinces.emplace_back(cut(name, kMaxEchoedName), RequestValue()).second;
    target_ = Target::value;
    return;
  }
  if (depth != 1 && !(depth == 2 && in_history_)) return;
  value_ = depth == 1 ? value_of(name) : value_of(*history, name);
  // The last of repeated members counts, so each starts from nothing again.
  if (value_ != nullptr) {
    *value_ = {};
    if (value_ == &since) sinces.clear();
    target_ = Target::value;
  } else if (depth == 2) {
    return;
  } else if (name == "type") {
    type.reset();
    target_ = Target::type;
  } else if (name == "channels") {
    channels = List::absent;
    names.clear();
    strange.clear();
    target_ = Target::channels;
  } else if (name == "channel") {
    channel = List::absent;
    target_ = Target::channel;
  } else if (name == "id") {
    id.clear();
    target_ = Target::id;
  } else if (name == "token") {
    token.reset();
    target_ = Target::token;
  } else if (name == "history") {
    history.reset();
    target_ = Target::history;
  } else if (for_fleet_ && name == "deviceUuid") {
    device.reset();
    target_ = Target::device;
  } else if (for_fleet_ && name == "deviceUuids") {
    devices = List::absent;
    device_names.clear();
    target_ = Target::devices;
  }
}

void CommandReader::scalar(std::size_t depth, JsonKind kind, std::string_view text) {
  if (in_channels_ && depth == 2) return add_channel(kind, text);
  if (in_devices_ && depth == 2) return add_device(kind, text);
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
    case Target::token:
      if (is_string) token.emplace(text);
      break;
    case Target::value:
      set(*value_, kind, text);
      break;
    case Target::device:
      if (kind != JsonKind::null) device.emplace(is_string ? cut(text, kMaxEchoedName) : in_words(kind, text));
      break;
    case Target::devices:
      if (kind != JsonKind::null) devices = List::invalid;
      break;
    case Target::history:  // only an object is meant for us: clients that do not know the member may have their own
    case Target::none:
      break;
  }
}

void CommandReader::open(std::size_t depth, JsonKind kind, std::size_t) {
  const Target target = std::exchange(target_, Target::none);
  if (depth == 0) {
    is_object = kind == JsonKind::object;
  } else if (depth == 2 && in_channels_) {
    add_channel(kind, {});
  } else if (depth == 2 && in_devices_) {
    add_device(kind, {});
  } else if (target == Target::devices) {
    in_devices_ = kind == JsonKind::array;
    devices = in_devices_ ? List::strings : List::invalid;
  } else if (target == Target::device) {
    device.emplace(in_words(kind, {}));
  } else if (target == Target::value && value_ == &since && for_fleet_ && kind == JsonKind::object) {
    in_since_ = true;
  } else if (target == Target::channels) {
    in_channels_ = kind == JsonKind::array;
    channels = in_channels_ ? List::strings : List::invalid;
  } else if (target == Target::channel) {
    channel = List::invalid;
  } else if (target == Target::history && kind == JsonKind::object) {
    history.emplace();
    in_history_ = true;
  } else if (target == Target::value) {
    value_->kind = RequestValue::Kind::other;
  }
}

void CommandReader::close(std::size_t depth, JsonKind, std::size_t) {
  if (depth != 1) return;
  in_channels_ = false;
  in_history_ = false;
  in_devices_ = false;
  in_since_ = false;
}

// Null: no command has a single value of that name.
RequestValue* CommandReader::value_of(std::string_view name) noexcept {
  if (name == "since") return &since;
  if (name == "maxRate") return &max_rate;
  if (name == "speed") return &speed;
  if (name == "live") return &live;
  if (name == "from") return &query.from;
  if (name == "to") return &query.to;
  if (name == "points") return &query.points;
  if (name == "downsample") return &query.downsample;
  return nullptr;
}

RequestValue* CommandReader::value_of(HistoryOptionsText& options, std::string_view name) noexcept {
  if (name == "points") return &options.points;
  if (name == "window") return &options.window;
  if (name == "mode") return &options.mode;
  if (name == "downsample") return &options.downsample;
  return nullptr;
}

void CommandReader::add_device(JsonKind kind, std::string_view text) {
  if (device_names.size() > limits::kMaxDevicesPerCommand) return;
  device_names.emplace_back(cut(in_words(kind, text), kMaxEchoedName));
}

// What is no name spoils nothing: `[wanted && "metrics", "history"]` is a habit of JavaScript.
void CommandReader::add_channel(JsonKind kind, std::string_view text) {
  std::vector<std::string>& entries = kind == JsonKind::string ? names : strange;
  if (entries.size() > limits::kMaxChannelsPerCommand) return;
  entries.emplace_back(in_words(kind, text));
}

}  // namespace pulsegate::proto
