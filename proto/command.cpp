// Judges a client's command. The text may come from anyone: every error is an answer, none an exception.
#include "proto/command.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include "proto/command_reader.hpp"
#include "proto/limits.hpp"

namespace pulsegate::proto {
namespace {

// Connections are capped far below this already; it only keeps a wrongly configured cap from reaching the parser.
constexpr std::size_t kMaxText = 1024 * 1024;

template <typename Items, typename Item>
void add_once(Items& items, Item&& item) {
  if (std::find(items.begin(), items.end(), item) == items.end()) items.push_back(std::forward<Item>(item));
}

CommandError fail(ErrorCode code, std::string message, CommandReader& seen) {
  return CommandError{code, std::move(message), std::move(seen.id)};
}

CommandError unknown_type(CommandReader& seen, std::string_view known) {
  const std::string_view shown = cut(*seen.type, kMaxEchoedName);
  std::string message = "Unknown type \"";
  message.append(shown).append(shown.size() < seen.type->size() ? "…" : "");
  message.append("\"; this gateway knows ").append(known).append(1, '.');
  return fail(ErrorCode::unknown_type, std::move(message), seen);
}

// The text as an object with a type, or why it is none.
std::optional<CommandError> read(std::string_view text, CommandReader& seen) {
  if (text.size() > kMaxText) return CommandError{ErrorCode::malformed_json, "The command is larger than 1 MiB.", {}};
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
  return std::nullopt;
}

std::optional<CommandError> take_channels(CommandReader& seen, const ChannelTable& table, Command& command) {
  if (seen.channels == CommandReader::List::absent && seen.channel == CommandReader::List::strings) {
    seen.channels = CommandReader::List::strings;
    seen.names.clear();
    seen.names.push_back(std::move(seen.channel_name));
  }
  if (seen.channels != CommandReader::List::strings || seen.names.empty())
    return fail(ErrorCode::invalid_channels, "\"channels\" must be a non-empty array of channel names.", seen);
  if (seen.names.size() + seen.strange.size() > limits::kMaxChannelsPerCommand)
    return fail(ErrorCode::too_many_channels,
                "One command names at most " + std::to_string(limits::kMaxChannelsPerCommand) + " channels.", seen);
  for (const std::string& name : seen.names) {
    if (const auto channel = table.find(name)) {
      add_once(command.channels, *channel);
    } else {
      add_once(command.unknown_channels, std::string(cut(name, kMaxEchoedName)));
    }
  }
  for (const std::string& entry : seen.strange)
    add_once(command.unknown_channels, std::string(cut(entry, kMaxEchoedName)));
  return std::nullopt;
}

std::optional<double> parse_max_rate(const RequestValue& value) noexcept {
  double rate = 0;
  if (value.kind != RequestValue::Kind::number) return std::nullopt;
  const char* const end = value.text.data() + value.text.size();
  const auto [stop, error] = std::from_chars(value.text.data(), end, rate);
  if (error != std::errc() || stop != end || rate < limits::kMinMaxRate || rate > limits::kMaxMaxRate)
    return std::nullopt;
  return rate;
}

std::optional<CommandError> take_resume_and_form(CommandReader& seen, Command& command) {
  if (seen.since.kind != RequestValue::Kind::absent) {
    if (seen.since.kind == RequestValue::Kind::string) command.since = parse_since(seen.since.text);
    if (!command.since)
      return fail(
          ErrorCode::bad_since,
          "\"since\" must be a string: the \"cursor\" of a message of this gateway, or an ISO 8601 time such as "
          "\"2026-11-22T14:05:00.123Z\".",
          seen);
  }
  if (seen.max_rate.kind != RequestValue::Kind::absent) {
    command.max_rate = parse_max_rate(seen.max_rate);
    if (!command.max_rate)
      return fail(ErrorCode::bad_max_rate, "\"maxRate\" must be a number of messages a second, from 0.01 to 1000.",
                  seen);
  }
  if (seen.history) {
    auto options = parse_history_options(*seen.history);
    if (auto* const sentence = std::get_if<std::string>(&options))
      return fail(ErrorCode::bad_history, std::move(*sentence), seen);
    command.history = std::get<HistoryOptions>(options);
  }
  return std::nullopt;
}

// Requires: the type is one of the three.
std::variant<Command, CommandError> judge(CommandReader& seen, const ChannelTable& table, Command::Type type) {
  Command command;
  command.type = type;
  if (type != Command::Type::ping) {
    if (auto error = take_channels(seen, table, command)) return std::move(*error);
  }
  if (type == Command::Type::subscribe) {
    if (auto error = take_resume_and_form(seen, command)) return std::move(*error);
  }
  command.id = std::move(seen.id);
  return command;
}

std::variant<HistoryQuery, CommandError> judge_query(CommandReader& seen, Timestamp now) {
  const std::size_t quotes = !seen.id.empty() && seen.id.front() == '"' ? 2 : 0;
  if (seen.id.empty() || seen.id.size() - quotes > limits::kMaxQueryId)
    return fail(ErrorCode::bad_query, "A history-query needs an \"id\": a string or a number of at most 64 bytes.",
                seen);
  auto query = parse_history_query(seen.query, now);
  if (auto* const sentence = std::get_if<std::string>(&query))
    return fail(ErrorCode::bad_query, std::move(*sentence), seen);
  std::get<HistoryQuery>(query).id = std::move(seen.id);
  return std::get<HistoryQuery>(std::move(query));
}

std::variant<ReplayRequest, CommandError> judge_replay(CommandReader& seen, const ChannelTable& table, Timestamp now) {
  auto parsed = parse_replay({seen.query.from, seen.query.to, seen.speed, seen.live}, now);
  if (auto* const sentence = std::get_if<std::string>(&parsed))
    return fail(ErrorCode::bad_replay, std::move(*sentence), seen);
  ReplayRequest& request = std::get<ReplayRequest>(parsed);
  if (seen.channels != CommandReader::List::absent) {
    bool known = seen.channels == CommandReader::List::strings && !seen.names.empty() && seen.strange.empty();
    request.channels.clear();
    for (const std::string& each : seen.names) {
      const auto channel = table.find(each);
      known = known && (channel == Channel::metrics || channel == Channel::history);
      if (known) add_once(request.channels, *channel);
    }
    if (!known)
      return fail(ErrorCode::bad_replay, "\"channels\" of a replay are \"metrics\", \"history\", or both.", seen);
  }
  request.id = std::move(seen.id);
  return std::move(request);
}

std::variant<AuthRequest, CommandError> judge_auth(CommandReader& seen) {
  if (!seen.token || seen.token->empty())
    return fail(ErrorCode::unauthorized, "An auth command needs a \"token\": a string.", seen);
  return AuthRequest{std::move(*seen.token), std::move(seen.id)};
}

std::optional<Command::Type> find_type(std::string_view name) noexcept {
  if (name == "subscribe") return Command::Type::subscribe;
  if (name == "unsubscribe") return Command::Type::unsubscribe;
  if (name == "ping") return Command::Type::ping;
  return std::nullopt;
}

template <typename Wide, typename... Narrow>
Wide widen(std::variant<Narrow...> narrow) {
  return std::visit([](auto& value) { return Wide(std::move(value)); }, narrow);
}

ParsedCommand judge_any(CommandReader& seen, const ChannelTable& table, Timestamp now) {
  if (const auto type = find_type(*seen.type)) return widen<ParsedCommand>(judge(seen, table, *type));
  if (*seen.type == "history-query") return widen<ParsedCommand>(judge_query(seen, now));
  if (*seen.type == "auth") return widen<ParsedCommand>(judge_auth(seen));
  if (*seen.type == "replay") return widen<ParsedCommand>(judge_replay(seen, table, now));
  if (*seen.type == "replay-stop") return ReplayStop{std::move(seen.id)};
  return unknown_type(seen,
                      R"("subscribe", "unsubscribe", "ping", "auth", "history-query", "replay" and "replay-stop")");
}

// Where each device goes on, of a `since` that is an object. One that is wrong spoils the command: passing over it
// would be a silent hole.
std::optional<CommandError> take_sinces(CommandReader& seen, FleetCommand& result) {
  for (const auto& [name, value] : seen.sinces) {
    if (value.kind == RequestValue::Kind::absent) continue;
    const auto device = DeviceId::parse(name);
    const auto since = value.kind == RequestValue::Kind::string ? parse_since(value.text) : std::nullopt;
    if (!device || !since)
      return fail(
          ErrorCode::bad_since,
          "\"since\" as an object has a device's UUID as the name of each member, and as its value a string: the "
          "\"cursor\" of a message, or an ISO 8601 time.",
          seen);
    const auto of_device = [&id = *device](const auto& entry) { return entry.first == id; };
    const auto known = std::find_if(result.since.begin(), result.since.end(), of_device);
    if (known != result.since.end()) {
      known->second = *since;
    } else {
      result.since.emplace_back(*device, *since);
    }
  }
  return std::nullopt;
}

// Nothing of commands that are about no device.
std::optional<CommandError> judge_devices(CommandReader& seen, FleetCommand& result) {
  const bool query = *seen.type == "history-query" || *seen.type == "replay";
  const bool subscribe = *seen.type == "subscribe";
  if (!query && !subscribe && *seen.type != "unsubscribe") return std::nullopt;
  if (query || seen.devices == CommandReader::List::absent) {
    seen.device_names.clear();
    if (seen.device) seen.device_names.push_back(std::move(*seen.device));
  } else if (seen.devices == CommandReader::List::invalid) {
    seen.device_names.clear();
  }
  if (seen.device_names.empty())
    return fail(ErrorCode::missing_device,
                query ? "On this endpoint a " + *seen.type + " says which device it is about: \"deviceUuid\", a string."
                      : "On this endpoint a command says which devices it is about: \"deviceUuid\", a string, or "
                        "\"deviceUuids\", a non-empty array of strings.",
                seen);
  if (seen.device_names.size() > limits::kMaxDevicesPerCommand || seen.sinces.size() > limits::kMaxDevicesPerCommand)
    return fail(ErrorCode::too_many_devices,
                "One command names at most " + std::to_string(limits::kMaxDevicesPerCommand) + " devices.", seen);
  for (const std::string& name : seen.device_names) {
    if (const auto device = DeviceId::parse(name)) {
      add_once(result.devices, *device);
    } else {
      add_once(result.bad_devices, name);
    }
  }
  return subscribe ? take_sinces(seen, result) : std::nullopt;
}

}  // namespace

ParsedCommand parse_command(std::string_view text, const ChannelTable& table, Timestamp now) {
  CommandReader seen;
  if (auto error = read(text, seen)) return std::move(*error);
  return judge_any(seen, table, now);
}

std::variant<Command, CommandError> parse_command(std::string_view text, const ChannelTable& table) {
  CommandReader seen;
  if (auto error = read(text, seen)) return std::move(*error);
  if (const auto type = find_type(*seen.type)) return judge(seen, table, *type);
  return unknown_type(seen, R"("subscribe", "unsubscribe" and "ping")");
}

FleetCommand parse_fleet_command(std::string_view text, const ChannelTable& table, Timestamp now) {
  FleetCommand result{CommandError{ErrorCode::internal, {}, {}}, {}, {}, {}};
  CommandReader seen(true);
  if (auto error = read(text, seen)) {
    result.command = std::move(*error);
    return result;
  }
  // Before the rest is judged, which takes the id.
  std::optional<CommandError> error = judge_devices(seen, result);
  if (error) {
    result.command = std::move(*error);
  } else {
    result.command = judge_any(seen, table, now);
  }
  return result;
}

}  // namespace pulsegate::proto
