// See tcp_socket.hpp. The descriptor is non-blocking inside; poll() waits, so that no call outlives its deadline.
#include "tests/support/tcp_socket.hpp"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <memory>
#include <stdexcept>
#include <utility>

namespace pulsegate::test {
namespace {

using Addresses = std::unique_ptr<addrinfo, decltype(&::freeaddrinfo)>;

Addresses resolve(const std::string& host, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = host == "localhost" ? 0 : AI_NUMERICHOST;
  addrinfo* found = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &found); error != 0) {
    throw std::runtime_error("not an address: " + host + ": " + ::gai_strerror(error));
  }
  return {found, &::freeaddrinfo};
}

bool wait_for(int fd, short events, const Deadline& end) {
  pollfd wanted{fd, events, 0};
  int ready = 0;
  do {
    ready = ::poll(&wanted, 1, static_cast<int>(end.left().count()));
  } while (ready < 0 && errno == EINTR);
  return ready > 0;
}

// 0, or the errno that says why not.
int try_connect(int fd, const addrinfo& address, const TcpOptions& options, const Deadline& end) {
  if (options.receive_buffer > 0) {
    // Before connecting: the window scale is agreed on in the handshake.
    ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer, sizeof options.receive_buffer);
  }
  if (!options.source_address.empty()) {
    const Addresses source = resolve(options.source_address, 0);
    if (::bind(fd, source->ai_addr, source->ai_addrlen) != 0) return errno;
  }
  if (::connect(fd, address.ai_addr, address.ai_addrlen) == 0) return 0;
  if (errno != EINPROGRESS) return errno;
  if (!wait_for(fd, POLLOUT, end)) return ETIMEDOUT;
  int error = 0;
  socklen_t size = sizeof error;
  ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
  return error;
}

}  // namespace

TcpSocket::TcpSocket(const std::string& host, std::uint16_t port, const TcpOptions& options) {
  const Deadline end(options.deadline);
  const Addresses addresses = resolve(host, port);
  int error = EADDRNOTAVAIL;
  for (const addrinfo* address = addresses.get(); address != nullptr && fd_ < 0; address = address->ai_next) {
    fd_ = ::socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    error = fd_ < 0 ? errno : try_connect(fd_, *address, options, end);
    if (error != 0) close();
  }
  if (fd_ < 0) {
    throw std::runtime_error("cannot connect to " + host + ":" + std::to_string(port) + ": " + std::strerror(error));
  }
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

TcpSocket::TcpSocket(TcpSocket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

TcpSocket& TcpSocket::operator=(TcpSocket&& other) noexcept {
  std::swap(fd_, other.fd_);
  return *this;
}

bool TcpSocket::write(std::string_view bytes, Millis deadline) {
  const Deadline end(deadline);
  while (!bytes.empty()) {
    const ssize_t sent = ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent >= 0) {
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    } else if (errno == EAGAIN) {
      if (!wait_for(fd_, POLLOUT, end)) return false;
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

TcpSocket::Read TcpSocket::read_some(std::string& buffer, Millis deadline) {
  const Deadline end(deadline);
  char bytes[16 * 1024];
  for (;;) {
    const ssize_t got = ::recv(fd_, bytes, sizeof bytes, 0);
    if (got > 0) {
      buffer.append(bytes, static_cast<std::size_t>(got));
      return Read::data;
    }
    if (got == 0) return Read::end;
    if (errno == EINTR) continue;
    if (errno != EAGAIN) return Read::end;
    if (!wait_for(fd_, POLLIN, end)) return Read::timeout;
  }
}

TcpSocket::Read TcpSocket::read_until(std::string& buffer, std::string_view text, Millis deadline) {
  const Deadline end(deadline);
  while (buffer.find(text) == std::string::npos) {
    const Read result = read_some(buffer, end.left());
    if (result != Read::data) return result;
  }
  return Read::data;
}

void TcpSocket::shutdown_write() {
  ::shutdown(fd_, SHUT_WR);
}

void TcpSocket::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void TcpSocket::reset() {
  const linger at_once{1, 0};
  ::setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  close();
}

}  // namespace pulsegate::test
