// What a shard counts of who may come in and who must go.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace pulsegate::access {

// What a good token, or a request without one, is not allowed.
enum class Forbidden : std::uint8_t { device, channel, origin, host, subject, replay };
inline constexpr std::size_t kForbidden = 6;
inline constexpr std::array<const char*, kForbidden> kForbiddenNames = {"device", "channel", "origin",
                                                                        "host",   "subject", "replay"};

// Why a WebSocket was closed although nothing was wrong with it.
enum class AccessEnd : std::uint8_t { expired, revoked, rights };
inline constexpr std::size_t kAccessEnds = 3;
inline constexpr std::array<const char*, kAccessEnds> kAccessEndNames = {"expired", "revoked", "rights"};

struct AccessCounters {
  std::array<std::uint64_t, 12> failures{};           // by TokenFault, in-band refreshes included
  std::array<std::uint64_t, kForbidden> forbidden{};  // by Forbidden
  std::array<std::uint64_t, kAccessEnds> ended{};     // WebSockets, by AccessEnd
  std::uint64_t refreshes = 0;                        // tokens taken in-band
  std::uint64_t checks = 0;                           // tokens looked at
  std::uint64_t cached = 0;                           // of those: known from before
};

}  // namespace pulsegate::access
