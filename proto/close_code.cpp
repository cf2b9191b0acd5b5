// The table of close codes. Who may reconnect waits at least the time given here, plus jitter of the client's own.
#include "proto/close_code.hpp"

#include <algorithm>
#include <iterator>

namespace pulsegate::proto {
namespace {

using std::chrono::milliseconds;

constexpr CloseInfo kTable[] = {
    {CloseCode::normal, "normal", "The client asked for the close.", false, milliseconds(0)},
    {CloseCode::going_away, "going-away", "The gateway stops; another instance takes over.", true, milliseconds(1000)},
    {CloseCode::protocol_error, "protocol-error", "The client broke the WebSocket protocol.", false, milliseconds(0)},
    {CloseCode::unsupported_data, "unsupported-data", "Commands are text messages; this one was binary.", false,
     milliseconds(0)},
    {CloseCode::invalid_payload, "invalid-payload", "A text message was not valid UTF-8.", false, milliseconds(0)},
    {CloseCode::policy_violation, "policy-violation", "The client kept breaking a rule that it had been told of.",
     false, milliseconds(0)},
    {CloseCode::message_too_big, "message-too-big", "A message was larger than connected.data.limits allows.", false,
     milliseconds(0)},
    {CloseCode::internal_error, "internal-error", "The gateway failed; its log has more.", true, milliseconds(1000)},
    {CloseCode::service_restart, "service-restart", "The gateway sends its clients to another instance.", true,
     milliseconds(1000)},
    {CloseCode::try_again_later, "try-again-later", "The gateway is full or not ready.", true, milliseconds(5000)},
    {CloseCode::bad_request, "bad-request", "The path, the device or a parameter is not valid.", false,
     milliseconds(0)},
    {CloseCode::unauthorized, "unauthorized", "The token is missing, expired or not valid: get a new one first.", false,
     milliseconds(0)},
    {CloseCode::forbidden, "forbidden", "The token or the origin does not allow this device.", false, milliseconds(0)},
    {CloseCode::not_found, "not-found", "There is no such endpoint.", false, milliseconds(0)},
    {CloseCode::idle, "idle", "Nothing was received within the liveness deadline.", true, milliseconds(0)},
    {CloseCode::too_many_requests, "too-many-requests", "A limit of connections or commands was exceeded.", true,
     milliseconds(10000)},
    {CloseCode::slow_consumer, "slow-consumer", "The client did not read fast enough.", true, milliseconds(5000)},
};

const CloseInfo* find(std::uint16_t code) noexcept {
  const auto hit = std::find_if(std::begin(kTable), std::end(kTable), [code](const CloseInfo& info) {
    return static_cast<std::uint16_t>(info.code) == code;
  });
  return hit == std::end(kTable) ? nullptr : hit;
}

}  // namespace

const CloseInfo* close_table(std::size_t& count) noexcept {
  count = std::size(kTable);
  return kTable;
}

const CloseInfo& close_info(CloseCode code) noexcept {
  const CloseInfo* info = find(static_cast<std::uint16_t>(code));
  // Only a value outside the enumeration has no entry: our own fault, and told as such.
  if (info == nullptr) info = find(static_cast<std::uint16_t>(CloseCode::internal_error));
  return *info;  // NOLINT(clang-analyzer-core.uninitialized.UndefReturn): that one is there
}

std::optional<CloseCode> find_close_code(std::uint16_t code) noexcept {
  const CloseInfo* info = find(code);
  return info != nullptr ? std::optional<CloseCode>(info->code) : std::nullopt;
}

}  // namespace pulsegate::proto
