// A blocking TCP socket with a deadline on everything: the base of the HTTP and WebSocket clients, and of tests that
// send bytes which no client library would.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "tests/support/eventually.hpp"

namespace pulsegate::test {

struct TcpOptions {
  std::string source_address;  // for instance 127.0.0.2: another client address of the same machine
  int receive_buffer = 0;      // SO_RCVBUF in bytes, to be a slow client; 0: the system's
  Millis deadline = kDeadline;
};

// Thread: one at a time.
class TcpSocket {
 public:
  TcpSocket() = default;
  // Throws std::runtime_error when it cannot connect in time. `host` is a numeric IPv4 or IPv6 address, or "localhost".
  TcpSocket(const std::string& host, std::uint16_t port, const TcpOptions& options = {});
  ~TcpSocket() { close(); }
  TcpSocket(const TcpSocket&) = delete;
  TcpSocket& operator=(const TcpSocket&) = delete;
  TcpSocket(TcpSocket&& other) noexcept;
  TcpSocket& operator=(TcpSocket&& other) noexcept;

  // Writes everything; false when the peer is gone or the deadline has passed.
  bool write(std::string_view bytes, Millis deadline = kDeadline);

  enum class Read { data, end, timeout };  // end: closed or reset by the peer
  // Appends what has arrived to `buffer`, waiting for the first byte.
  Read read_some(std::string& buffer, Millis deadline = kDeadline);
  // Reads until `buffer` holds `text`; data when it does.
  Read read_until(std::string& buffer, std::string_view text, Millis deadline = kDeadline);

  void shutdown_write();
  void close();
  void reset();  // closes with RST: the peer sees an error instead of an end
  bool is_open() const { return fd_ >= 0; }
  int fd() const { return fd_; }

 private:
  int fd_ = -1;
};

}  // namespace pulsegate::test
