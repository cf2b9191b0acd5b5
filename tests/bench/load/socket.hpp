// The few socket calls that the generator and the floors share. 127.0.0.1 only: a benchmark has no business elsewhere.
#pragma once

#include <cstddef>
#include <cstdint>

namespace pulsegate::bench {

// Non-blocking, without Nagle's delay. The connection may still be under way. Throws std::system_error.
int connect_local(std::uint16_t port);
int listen_local(std::uint16_t port, int backlog);
// Switches Nagle's algorithm off: it would hold messages back until the peer has acknowledged the one before.
void send_without_delay(int fd) noexcept;
// As many descriptors as the hard limit, or the given number where a privileged user may raise it.
void raise_descriptor_limit(std::size_t wanted);
// Ends the connection with a reset, so that thousands of them leave nothing behind in the kernel.
void reset_and_close(int fd) noexcept;
void stay_on_core(int cpu);

}  // namespace pulsegate::bench
