// Bounds of the protocol that are the same in every installation; configurable ones have their default here.
#pragma once

#include <chrono>
#include <cstddef>

namespace pulsegate::proto::limits {

inline constexpr std::size_t kMaxInboundMessage =
    16 * 1024;  // bytes of one client message (default of --max-message-size)
inline constexpr std::size_t kMaxBusPayload = 256 * 1024;   // bytes of one Redis event (default of --max-bus-payload)
inline constexpr std::size_t kMaxJsonDepth = 32;            // nested arrays and objects
inline constexpr std::size_t kMaxChannelsPerCommand = 64;   // entries in `channels`
inline constexpr std::size_t kMaxDevicesPerCommand = 1024;  // entries in `deviceUuids`, and in a `since` of devices
inline constexpr std::size_t kMaxFleetDevices = 256;        // of one fleet socket (default of --max-fleet-devices)
inline constexpr double kMinMaxRate = 0.01;                 // messages a second, of `maxRate`
inline constexpr double kMaxMaxRate = 1'000;
inline constexpr std::size_t kHistoryPoints = 30;        // points of the guide's window
inline constexpr std::size_t kMaxHistoryPoints = 2'000;  // most points that a client may ask for
inline constexpr std::size_t kQueryPoints = 300;         // points of a history-query that does not say how many
inline constexpr std::size_t kMaxQueryId = 64;           // bytes of a history-query's `id`, as JSON text without quotes
inline constexpr std::chrono::hours kMaxHistorySpan{24 * 3653};  // ten years, between `from` and `to`, or back from now

}  // namespace pulsegate::proto::limits
