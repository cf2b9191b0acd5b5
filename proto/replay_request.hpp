// What a client may ask of a replay: a device's past on the live socket (`replay`). The words are read here; nothing is
// answered here.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/channel.hpp"
#include "proto/history_request.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

// What becomes of the device's live messages while its past is shown.
enum class LiveMessages : std::uint8_t {
  hold,  // they wait for the end
  mix    // they come as ever
};
std::string_view name(LiveMessages live) noexcept;

inline constexpr double kMinReplaySpeed = 0.1;
inline constexpr double kMaxReplaySpeed = 1'000;

struct ReplayRequest {
  std::string id;    // JSON text, to be echoed; empty: none
  Timestamp from{};  // inclusive
  Timestamp to{};    // exclusive, after `from`
  double speed = 1;  // times as fast as it was; 0: as fast as may be
  LiveMessages live = LiveMessages::hold;
  std::vector<Channel> channels{Channel::metrics, Channel::history};  // one or both of these, each once
};

struct ReplayStop {
  std::string id;  // as ReplayRequest::id
};

struct ReplayText {
  RequestValue from, to, speed, live;
};

// Yields a sentence for the developer of the client when a value is missing or wrong. `now` is what `to` is when it is
// left out. Leaves the id and the channels to the caller.
//  from, to: as of a history-query
//  speed:    a number from 0.1 to 1000, or "max"
//  live:     "hold" or "mix"
std::variant<ReplayRequest, std::string> parse_replay(const ReplayText& text, Timestamp now);

}  // namespace pulsegate::proto
