// Judges a client's command. The text may come from anyone: every error is an answer, none an exception.
#include "proto/command.hpp"

#include <algorithm>
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

}  // namespace

ParsedCommand parse_command(std::string_view text, const ChannelTable& table, Timestamp now) {
  CommandReader seen;
  if (auto error = read(text, seen)) return std::move(*error);
  if (const auto type = find_type(*seen.type)) return widen<ParsedCommand>(judge(seen, table, *type));
  if (*seen.type == "history-query") return widen<ParsedCommand>(judge_query(seen, now));
  if (*seen.type == "auth") return widen<ParsedCommand>(judge_auth(seen));
  return unknown_type(seen, R"("subscribe", "unsubscribe", "ping", "auth" and "history-query")");
}

std::variant<Command, CommandError> parse_command(std::string_view text, const ChannelTable& table) {
  CommandReader seen;
  if (auto error = read(text, seen)) return std::move(*error);
  if (const auto type = find_type(*seen.type)) return judge(seen, table, *type);
  return unknown_type(seen, R"("subscribe", "unsubscribe" and "ping")");
}

}  // namespace pulsegate::proto
