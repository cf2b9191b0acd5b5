// See free_port.hpp.
#include "tests/support/free_port.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <random>
#include <stdexcept>

namespace pulsegate::test {
namespace {

constexpr unsigned kLowest = 15'000;  // above the well-known ports of common servers

// Binds 127.0.0.1:port (0: any) and returns the bound port; 0 when it is taken.
std::uint16_t try_bind(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return 0;
  // As servers do: connections of a former server in TIME_WAIT do not make a port taken.
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof address;
  const bool bound = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0 && ::listen(fd, 1) == 0 &&
                     ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0;
  ::close(fd);
  return bound ? ntohs(address.sin_port) : std::uint16_t{0};
}

unsigned first_ephemeral_port() {
  std::ifstream in("/proc/sys/net/ipv4/ip_local_port_range");
  unsigned first = 0;
  return in >> first ? first : 32'768U;
}

}  // namespace

bool port_is_free(std::uint16_t port) {
  return try_bind(port) != 0;
}

std::uint16_t free_port() {
  static std::mt19937 random{std::random_device{}()};
  const unsigned end = std::min(first_ephemeral_port(), 65'535U);
  if (end > kLowest + 1'000) {
    std::uniform_int_distribution<unsigned> any(kLowest, end - 1);
    for (int attempt = 0; attempt < 100; ++attempt) {
      const auto port = static_cast<std::uint16_t>(any(random));
      if (port_is_free(port)) return port;
    }
  }
  // No room below the ephemeral range on this machine.
  const std::uint16_t port = try_bind(0);
  if (port == 0) throw std::runtime_error("there is no free TCP port on 127.0.0.1");
  return port;
}

std::uint16_t with_free_port(const std::function<bool(std::uint16_t)>& start) {
  constexpr int kAttempts = 5;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const std::uint16_t port = free_port();
    if (start(port)) return port;
  }
  throw std::runtime_error("a server found five free ports of 127.0.0.1 taken when it wanted to listen");
}

}  // namespace pulsegate::test
