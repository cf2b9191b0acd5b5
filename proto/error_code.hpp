// The kebab-case words that `error` messages carry, in one table.
#pragma once

#include <cstdint>
#include <string_view>

namespace pulsegate::proto {

enum class ErrorCode : std::uint8_t {
  malformed_json,        // the text is not one JSON value, or not valid UTF-8
  too_deep,              // nested deeper than limits::kMaxJsonDepth
  not_an_object,         // valid JSON, but not an object
  missing_type,          // no "type", or it is not a string
  unknown_type,          // a "type" that the protocol does not have
  invalid_channels,      // "channels" is not an array of strings (nor "channel" a string), or is empty
  too_many_channels,     // more entries than limits::kMaxChannelsPerCommand
  unknown_channel,       // one channel of the list does not exist; the others proceed
  bad_since,             // "since" of a subscribe is neither a cursor nor a time
  bad_max_rate,          // "maxRate" of a subscribe is no number within its bounds
  bad_history,           // "history" of a subscribe has a value that it cannot have, or the device has too many forms
  bad_query,             // a member of a history-query is missing or has a value that it cannot have
  query_open,            // a history-query before the last one of this connection was answered
  bad_replay,            // a member of a replay is missing or has a value that it cannot have, or its span is too long
  replay_open,           // a replay before the last one of this connection was over
  too_many_replays,      // the process shows as many replays as it may
  binary_message,        // a binary message that is not a command
  rate_limited,          // more commands, or connections, a second than allowed; this one was not carried out
  too_many_connections,  // this address, or the token's subject, has as many connections as one may have
  missing_device,        // a command on the fleet endpoint that does not say which device it is about
  too_many_devices,      // more devices than one fleet socket, or one command, may have
  device_limit,          // the process serves as many devices as it is allowed to
  unauthorized,          // the token is missing or not good; the message says which
  token_expired,         // the token was good and is over: get a new one
  token_revoked,         // the operator has taken it back
  forbidden,             // the token does not name this device or channel, or the origin or host is not allowed
  bad_request,           // the request itself: path, method, version
  invalid_device,        // not a UUID
  not_found,             // no such endpoint
  upgrade_required,      // an endpoint for WebSockets was asked for over plain HTTP
  unavailable,           // draining or full: try again later
  timed_out,             // over plain HTTP: the answer was not ready in time
  internal               // our fault; the log has more
};

std::string_view name(ErrorCode code) noexcept;

}  // namespace pulsegate::proto
