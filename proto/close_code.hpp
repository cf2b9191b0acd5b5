// Every code with which the gateway closes a WebSocket: what it means, and whether and when the client may come back.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace pulsegate::proto {

enum class CloseCode : std::uint16_t {
  normal = 1000,
  going_away = 1001,
  protocol_error = 1002,
  unsupported_data = 1003,
  invalid_payload = 1007,
  policy_violation = 1008,
  message_too_big = 1009,
  internal_error = 1011,
  service_restart = 1012,
  try_again_later = 1013,
  bad_request = 4400,
  unauthorized = 4401,
  forbidden = 4403,
  not_found = 4404,
  idle = 4408,  // nothing was received within the liveness deadline
  too_many_requests = 4429,
  slow_consumer = 4508  // the client did not read fast enough, even conflated
};

struct CloseInfo {
  CloseCode code;
  std::string_view name;     // kebab-case, the label of metrics and the reason phrase on the wire (at most 123 bytes)
  std::string_view meaning;  // one sentence for the documentation
  bool reconnect;            // may the client come back without changing anything?
  std::chrono::milliseconds after;  // then not earlier than this, plus jitter
};

// Shape: one entry per CloseCode, in ascending order of the code.
const CloseInfo* close_table(std::size_t& count) noexcept;
const CloseInfo& close_info(CloseCode code) noexcept;
// For a numeric code as received from a peer: nullopt when it is not one of ours.
std::optional<CloseCode> find_close_code(std::uint16_t code) noexcept;

}  // namespace pulsegate::proto
