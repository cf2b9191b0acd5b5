// TCP ports of 127.0.0.1 that nobody listens on. Thread: one at a time.
#pragma once

#include <cstdint>
#include <functional>

namespace pulsegate::test {

// A random free port below the system's ephemeral range. Ports that bind(0) gives out come from that range, so while a
// server is down for a restart an outgoing connection could take its port, or connect to itself; these cannot be taken
// so. Another process may still win the race for it: start servers through with_free_port(), or with a port 0 of their
// own.
std::uint16_t free_port();

// Is there nobody who listens on 127.0.0.1:port?
bool port_is_free(std::uint16_t port);

// Calls `start` with fresh ports until it returns true, five times at most; throws std::runtime_error after that.
// `start` returns false when the port turned out to be taken, and throws when something else is wrong.
std::uint16_t with_free_port(const std::function<bool(std::uint16_t)>& start);

}  // namespace pulsegate::test
