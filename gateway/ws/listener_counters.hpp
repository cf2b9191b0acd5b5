// What a listener counts, apart from the listener itself, so that readers of counters need no Asio.
#pragma once

#include <cstdint>

namespace pulsegate::ws {

struct ListenerCounters {
  std::uint64_t accepted = 0;
  std::uint64_t failures = 0;            // accept() failed
  std::uint64_t steer_failures = 0;      // no request line in time, or too many wait for theirs
  std::uint64_t proxy_failures = 0;      // of a proxy: no PROXY header in time, or a malformed one
  std::uint64_t rate_pauses = 0;         // times that accepting was put off because of the rate
  std::uint64_t without_descriptor = 0;  // told 503 by means of the reserve
};

}  // namespace pulsegate::ws
