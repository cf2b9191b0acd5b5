// Bounds of the protocol that are the same in every installation; configurable ones have their default here.
#pragma once

#include <cstddef>

namespace pulsegate::proto::limits {

inline constexpr std::size_t kMaxInboundMessage =
    16 * 1024;  // bytes of one client message (default of --max-message-size)
inline constexpr std::size_t kMaxBusPayload = 256 * 1024;  // bytes of one Redis event (default of --max-bus-payload)
inline constexpr std::size_t kMaxJsonDepth = 32;           // nested arrays and objects
inline constexpr std::size_t kMaxChannelsPerCommand = 64;  // entries in `channels`
inline constexpr std::size_t kHistoryPoints = 30;          // points of the guide's window

}  // namespace pulsegate::proto::limits
