// What clients send: `subscribe`, `unsubscribe`, `ping`, in the guide's dialect ("channels":[…]) and the older one
// ("channel":"…").
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/channel.hpp"
#include "proto/error_code.hpp"

namespace pulsegate::proto {

struct Command {
  enum class Type { subscribe, unsubscribe, ping };

  Type type = Type::ping;
  std::vector<Channel> channels;  // in the order of the request, without repeats; empty for ping
  std::vector<std::string>
      unknown_channels;  // names that the table does not have, each cut to 64 bytes on a character boundary
  std::string id;        // the client's own "id" as JSON text (string or number), empty when none was sent
};

struct CommandError {
  ErrorCode code;
  std::string message;  // one sentence for the developer of the client
  std::string id;       // as Command::id, where it could be read
};

// Pure. Never throws on any input; unknown members are ignored. Text is untrusted: bounded depth, checked UTF-8.
std::variant<Command, CommandError> parse_command(std::string_view text, const ChannelTable& channels);

}  // namespace pulsegate::proto
