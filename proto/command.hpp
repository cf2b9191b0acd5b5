// What clients send: `subscribe`, `unsubscribe`, `ping`, in the guide's dialect ("channels":[…]) and the older one
// ("channel":"…"), `history-query`, `auth`, `replay` and `replay-stop`; on the fleet endpoint with the devices that
// they are about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "proto/channel.hpp"
#include "proto/cursor.hpp"
#include "proto/device_id.hpp"
#include "proto/error_code.hpp"
#include "proto/history_request.hpp"
#include "proto/replay_request.hpp"

namespace pulsegate::proto {

struct Command {
  enum class Type { subscribe, unsubscribe, ping };

  Type type = Type::ping;
  std::vector<Channel> channels;  // in the order of the request, without repeats; empty for ping
  std::vector<std::string>
      unknown_channels;  // names that the table does not have, each cut to 64 bytes on a character boundary
  std::string id;        // the client's own "id" as JSON text (string or number), empty when none was sent

  // Of a subscribe only; a client that knows nothing of them sends neither.
  std::optional<Since> since;             // resume after this
  std::optional<HistoryOptions> history;  // how the `history` channel shall come
  std::optional<double> max_rate;         // at most so many messages a second of each channel; unset: all of them
};

struct CommandError {
  ErrorCode code;
  std::string message;  // one sentence for the developer of the client
  std::string id;       // as Command::id, where it could be read
};

// A new token in the place of the one that the connection was opened with.
struct AuthRequest {
  std::string token;  // as sent, not empty: a secret
  std::string id;     // as Command::id
};

using ParsedCommand = std::variant<Command, HistoryQuery, AuthRequest, ReplayRequest, ReplayStop, CommandError>;

// A command of the fleet endpoint. A subscribe, an unsubscribe, a history-query and a replay name devices, or are a
// CommandError.
struct FleetCommand {
  ParsedCommand command;
  std::vector<DeviceId> devices;  // in the order of the request, without repeats; one of a history-query, a replay
  std::vector<std::string> bad_devices;  // names that are no UUIDs, each cut to 64 bytes on a character boundary
  std::vector<std::pair<DeviceId, Since>> since;  // of a subscribe: where each device goes on; no device twice
};

// Pure. Never throws on any input; unknown members are ignored. Text is untrusted: bounded depth, checked UTF-8.
// `now`: where a history-query without `to` ends.
ParsedCommand parse_command(std::string_view text, const ChannelTable& channels, Timestamp now);
// For whoever answers no queries, shows no replays and knows no tokens: those are of an unknown type.
std::variant<Command, CommandError> parse_command(std::string_view text, const ChannelTable& channels);
// For the fleet endpoint; the others ignore devices. `since` is one for all devices, or an object: one for each.
FleetCommand parse_fleet_command(std::string_view text, const ChannelTable& channels, Timestamp now);

}  // namespace pulsegate::proto
