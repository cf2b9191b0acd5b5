// Whether and when a client comes back after its connection ended, by the table of close codes. Pure.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pulsegate::commands {

// How a connection ended, as far as the client knows.
struct Ended {
  std::uint16_t close_code = 1006;    // as received; 1006: without one
  int http_status = 0;                // of a refused handshake; 0: there was none
  std::chrono::milliseconds hint{0};  // `after_ms` of a `reconnect` message; 0: none
  unsigned failures = 0;              // attempts that failed since the last message was received
  double random = 0;                  // [0, 1)
};

struct Plan {
  bool reconnect = false;
  std::chrono::milliseconds after{0};
  std::string reason;  // for the user
};

// Waits the longest of: the table's time, the hint, and 0.5 s doubling to 30 s by failures; plus up to half of it as
// jitter, so that the clients of a gateway that stopped do not come back all at once.
Plan plan_reconnect(const Ended& ended);

}  // namespace pulsegate::commands
