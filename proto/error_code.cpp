// The words of `error` messages.
#include "proto/error_code.hpp"

namespace pulsegate::proto {

std::string_view name(ErrorCode code) noexcept {
  switch (code) {
    case ErrorCode::malformed_json:
      return "malformed-json";
    case ErrorCode::too_deep:
      return "too-deep";
    case ErrorCode::not_an_object:
      return "not-an-object";
    case ErrorCode::missing_type:
      return "missing-type";
    case ErrorCode::unknown_type:
      return "unknown-type";
    case ErrorCode::invalid_channels:
      return "invalid-channels";
    case ErrorCode::too_many_channels:
      return "too-many-channels";
    case ErrorCode::unknown_channel:
      return "unknown-channel";
    case ErrorCode::bad_since:
      return "bad-since";
    case ErrorCode::bad_max_rate:
      return "bad-max-rate";
    case ErrorCode::bad_history:
      return "bad-history";
    case ErrorCode::bad_query:
      return "bad-query";
    case ErrorCode::query_open:
      return "query-open";
    case ErrorCode::bad_replay:
      return "bad-replay";
    case ErrorCode::replay_open:
      return "replay-open";
    case ErrorCode::too_many_replays:
      return "too-many-replays";
    case ErrorCode::binary_message:
      return "binary-message";
    case ErrorCode::rate_limited:
      return "rate-limited";
    case ErrorCode::too_many_connections:
      return "too-many-connections";
    case ErrorCode::missing_device:
      return "missing-device";
    case ErrorCode::too_many_devices:
      return "too-many-devices";
    case ErrorCode::device_limit:
      return "device-limit";
    case ErrorCode::unauthorized:
      return "unauthorized";
    case ErrorCode::token_expired:
      return "token-expired";
    case ErrorCode::token_revoked:
      return "token-revoked";
    case ErrorCode::forbidden:
      return "forbidden";
    case ErrorCode::bad_request:
      return "bad-request";
    case ErrorCode::invalid_device:
      return "invalid-device";
    case ErrorCode::not_found:
      return "not-found";
    case ErrorCode::upgrade_required:
      return "upgrade-required";
    case ErrorCode::unavailable:
      return "unavailable";
    case ErrorCode::timed_out:
      return "timed-out";
    case ErrorCode::internal:
      break;
  }
  return "internal";
}

}  // namespace pulsegate::proto
