// What clients send. A command that was understood is understood the same when it is written again in plain form.
#include <algorithm>
#include <string>
#include <variant>

#include "proto/command.hpp"
#include "proto/command_reader.hpp"
#include "proto/limits.hpp"
#include "proto/message.hpp"
#include "proto/server_message.hpp"
#include "tests/fuzz/fuzz.hpp"
#include "tests/fuzz/json_check.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

const proto::ChannelTable& table() {
  static const proto::ChannelTable channels({"logs", "alerts"});
  return channels;
}

constexpr proto::Timestamp kNow{std::chrono::seconds(1'800'000'000)};

void append_since(std::string& out, const proto::Since& since) {
  if (const auto* cursor = std::get_if<proto::Cursor>(&since)) return proto::append_cursor(out, *cursor);
  proto::append_iso8601(out, std::get<proto::Timestamp>(since));
}

// In the guide's dialect, the known channels only.
std::string written_again(const proto::Command& command) {
  using Type = proto::Command::Type;
  std::string out = command.type == Type::ping        ? R"({"type":"ping")"
                    : command.type == Type::subscribe ? R"({"type":"subscribe")"
                                                      : R"({"type":"unsubscribe")";
  if (command.type != Type::ping) {
    out += ",\"channels\":[";
    for (const proto::Channel channel : command.channels)
      out.append(out.back() == '[' ? "\"" : ",\"").append(table().name(channel)).append("\"");
    out += ']';
  }
  if (!command.id.empty()) out += ",\"id\":" + command.id;
  if (command.since) {
    out += ",\"since\":\"";
    append_since(out, *command.since);
    out += '"';
  }
  if (command.max_rate) out += ",\"maxRate\":" + std::to_string(*command.max_rate);
  if (const auto& history = command.history) {
    out += ",\"history\":{\"x\":0";
    if (history->points) out += ",\"points\":" + std::to_string(*history->points);
    if (history->window) out += ",\"window\":\"" + std::to_string(history->window->count()) + "ms\"";
    if (history->mode) out += ",\"mode\":\"" + std::string(proto::name(*history->mode)) + '"';
    if (history->downsample) out += ",\"downsample\":\"" + std::string(proto::name(*history->downsample)) + '"';
    out += '}';
  }
  return out + '}';
}

// A time is written in whole milliseconds.
bool same_since(const std::optional<proto::Since>& a, const std::optional<proto::Since>& b) {
  if (a.has_value() != b.has_value() || !a) return a.has_value() == b.has_value();
  if (const auto* cursor = std::get_if<proto::Cursor>(&*a))
    return std::holds_alternative<proto::Cursor>(*b) && *cursor == std::get<proto::Cursor>(*b);
  return std::holds_alternative<proto::Timestamp>(*b) &&
         std::chrono::floor<std::chrono::milliseconds>(std::get<proto::Timestamp>(*a)) ==
             std::get<proto::Timestamp>(*b);
}

bool same_history(const std::optional<proto::HistoryOptions>& a, const std::optional<proto::HistoryOptions>& b) {
  if (!a || !b) return a.has_value() == b.has_value();
  return a->points == b->points && a->window == b->window && a->mode == b->mode && a->downsample == b->downsample;
}

void check(const proto::Command& command) {
  must_hold(command.channels.size() + command.unknown_channels.size() <= proto::limits::kMaxChannelsPerCommand,
            "a command has no more channels than it may");
  for (std::size_t i = 0; i < command.channels.size(); ++i)
    must_hold(std::find(command.channels.begin() + static_cast<std::ptrdiff_t>(i) + 1, command.channels.end(),
                        command.channels[i]) == command.channels.end(),
              "a channel stands in a command once");
  for (const std::string& name : command.unknown_channels)
    must_hold(name.size() <= proto::kMaxEchoedName, "what is echoed is bounded");
  must_hold(command.id.empty() || fuzz::is_json(command.id), "an id is JSON text");
  if (command.type != proto::Command::Type::ping && command.channels.empty()) return;  // only unknown ones

  const auto again = proto::parse_command(written_again(command), table(), kNow);
  const auto* same = std::get_if<proto::Command>(&again);
  must_hold(same != nullptr, "a command that was written again is a command");
  must_hold(same->type == command.type && same->channels == command.channels && same->id == command.id &&
                same_since(command.since, same->since) && same_history(command.history, same->history),
            "a command that was written again is the same");
}

void check(const proto::HistoryQuery& query) {
  must_hold(query.from <= query.to, "a range does not end before it begins");
  must_hold(query.to - query.from <= proto::limits::kMaxHistorySpan, "a range is bounded");
  must_hold(query.points >= 1 && query.points <= proto::limits::kMaxHistoryPoints, "the points of a query are bounded");
  must_hold(fuzz::is_json(query.id), "a query has an id, which is JSON text");
  must_hold(query.id.size() <= proto::limits::kMaxQueryId + 2, "the id of a query is bounded");
}

void check(const proto::AuthRequest& request) {
  must_hold(!request.token.empty(), "a request with a token has one");
  must_hold(request.id.empty() || fuzz::is_json(request.id), "an id is JSON text");
}

void check(const proto::ReplayRequest& request) {
  must_hold(request.from < request.to, "a replay ends after it begins");
  must_hold(request.speed == 0 || (request.speed >= proto::kMinReplaySpeed && request.speed <= proto::kMaxReplaySpeed),
            "the speed of a replay is bounded");
  must_hold(!request.channels.empty() && request.channels.size() <= 2, "a replay shows one channel or two");
  for (const proto::Channel channel : request.channels)
    must_hold(channel == proto::Channel::metrics || channel == proto::Channel::history,
              "a replay shows what is stored");
  must_hold(request.id.empty() || fuzz::is_json(request.id), "an id is JSON text");
  std::string text;
  proto::append_replay_begin(text, proto::DeviceId(), request, table());
  const auto message = proto::parse_server_message(text);
  must_hold(message && message->type == "replay-begin", "what answers a replay is a message that clients can read");
}

void check(const proto::ReplayStop& stop) {
  must_hold(stop.id.empty() || fuzz::is_json(stop.id), "an id is JSON text");
}

void check(const proto::CommandError& error) {
  must_hold(!error.message.empty() && error.message.size() <= 1024, "a refusal says why, within bounds");
  std::string text;
  proto::append_error(text, error.code, error.message, error.id);
  const auto message = proto::parse_server_message(text);
  must_hold(message && message->type == "error", "a refusal is a message that clients can read");
}

// The same text on the fleet endpoint: nothing but devices is judged otherwise.
void check_fleet(std::string_view text, const proto::ParsedCommand& single) {
  const proto::FleetCommand fleet = proto::parse_fleet_command(text, table(), kNow);
  std::visit([](const auto& what) { check(what); }, fleet.command);
  must_hold(fleet.devices.size() + fleet.bad_devices.size() <= proto::limits::kMaxDevicesPerCommand,
            "a command has no more devices than it may");
  for (std::size_t i = 0; i < fleet.devices.size(); ++i)
    must_hold(std::find(fleet.devices.begin() + static_cast<std::ptrdiff_t>(i) + 1, fleet.devices.end(),
                        fleet.devices[i]) == fleet.devices.end(),
              "a device stands in a command once");
  for (const std::string& name : fleet.bad_devices)
    must_hold(name.size() <= proto::kMaxEchoedName, "what is echoed is bounded");
  must_hold(fleet.since.size() <= proto::limits::kMaxDevicesPerCommand, "a device goes on at one place");
  const auto* const refused = std::get_if<proto::CommandError>(&fleet.command);
  if (refused != nullptr || std::holds_alternative<proto::CommandError>(single)) {
    must_hold(refused != nullptr || !fleet.since.empty(), "what is wrong for one device is wrong for many");
    return;
  }
  must_hold(fleet.command.index() == single.index(), "a command is the same for one device and for many");
  const auto* const command = std::get_if<proto::Command>(&fleet.command);
  const bool about_devices = command == nullptr ? std::holds_alternative<proto::HistoryQuery>(fleet.command) ||
                                                      std::holds_alternative<proto::ReplayRequest>(fleet.command)
                                                : command->type != proto::Command::Type::ping;
  must_hold(about_devices == !(fleet.devices.empty() && fleet.bad_devices.empty()),
            "a command that is about devices names one");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const proto::ParsedCommand parsed = proto::parse_command(text, table(), kNow);
  std::visit([](const auto& what) { check(what); }, parsed);
  check_fleet(text, parsed);
  // Whoever answers no queries understands all the rest.
  const auto without = proto::parse_command(text, table());
  must_hold(std::holds_alternative<proto::Command>(without) == std::holds_alternative<proto::Command>(parsed),
            "a command is one with and without queries");
  return 0;
}
