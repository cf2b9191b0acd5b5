#include "halting_proxy.hpp"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <exception>
#include <optional>
#include <vector>

#include "tests/bench/load/socket.hpp"
#include "tests/support/tcp_socket.hpp"

namespace pulsegate::test {
namespace {

constexpr int kLookEvery = 20;  // ms

struct Pair {
  int client;
  TcpSocket server;
  bool dead;
};

// Passes on what has come; false when one side has ended.
bool pass(int from, int to, bool discard) {
  std::array<char, 65536> bytes;
  const ssize_t size = ::recv(from, bytes.data(), bytes.size(), MSG_DONTWAIT);
  if (size < 0) return errno == EAGAIN || errno == EINTR;
  if (size == 0) return discard;  // a dead network does not tell of an end either
  if (discard) return true;
  for (ssize_t sent = 0; sent < size;) {
    pollfd room{to, POLLOUT, 0};
    if (::poll(&room, 1, 1'000) <= 0) return false;
    const ssize_t step = ::send(to, bytes.data() + sent, static_cast<std::size_t>(size - sent), MSG_NOSIGNAL);
    if (step < 0 && errno != EAGAIN) return false;
    if (step > 0) sent += step;
  }
  return true;
}

}  // namespace

HaltingProxy::HaltingProxy(std::uint16_t target) : target_(target), listener_(bench::listen_local(0, 64)) {
  sockaddr_in address{};
  socklen_t size = sizeof address;
  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { run(); });
}

HaltingProxy::~HaltingProxy() {
  ending_ = true;
  thread_.join();
  ::close(listener_);
}

void HaltingProxy::run() {
  std::vector<Pair> pairs;
  while (!ending_) {
    std::vector<pollfd> waiting{{listener_, POLLIN, 0}};
    for (Pair& pair : pairs) {
      pair.dead = pair.dead || swallowing_;
      // The end of a dead connection would be ready for ever.
      waiting.push_back({pair.dead ? -1 : pair.client, POLLIN, 0});
      waiting.push_back({pair.dead ? -1 : pair.server.fd(), POLLIN, 0});
    }
    ::poll(waiting.data(), waiting.size(), kLookEvery);
    for (std::size_t i = pairs.size(); i-- > 0;) {
      Pair& pair = pairs[i];
      if (pair.dead) {
        // Swallowed, so that neither side ever finds its socket full.
        pass(pair.client, -1, true);
        if (pair.server.is_open()) pass(pair.server.fd(), -1, true);
        continue;
      }
      const bool fine = (waiting[1 + 2 * i].revents == 0 || pass(pair.client, pair.server.fd(), false)) &&
                        (waiting[2 + 2 * i].revents == 0 || pass(pair.server.fd(), pair.client, false));
      if (fine) continue;
      ::close(pair.client);
      pairs.erase(pairs.begin() + static_cast<std::ptrdiff_t>(i));
    }
    if ((waiting[0].revents & POLLIN) == 0) continue;
    const int client = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client < 0) continue;
    try {
      bench::send_without_delay(client);
      pairs.push_back({client, swallowing_ ? TcpSocket() : TcpSocket("127.0.0.1", target_), swallowing_});
    } catch (const std::exception&) {
      ::close(client);
    }
  }
  for (const Pair& pair : pairs) ::close(pair.client);
}

}  // namespace pulsegate::test
