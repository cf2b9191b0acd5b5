// One shard's WebSocket server: adopts accepted sockets, shakes hands, and turns connections into links. Hides websocketpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "gateway/clock.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/outbox.hpp"
#include "proto/limits.hpp"

namespace pulsegate::ws {

struct EndpointConfig {
  std::size_t max_message = proto::limits::kMaxInboundMessage;  // bytes of one inbound message, fragments together
  std::chrono::milliseconds handshake_timeout{5'000};           // from accept to the end of the opening handshake
  std::chrono::milliseconds message_timeout{10'000};            // a message in progress must be complete by then
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds idle_timeout{55'000};               // nothing received for so long: closed with `idle`
  std::chrono::milliseconds close_timeout{5'000};               // for the peer's close frame, then the socket is forced
  OutboxLimits outbox;
  int socket_send_buffer = 0;                                   // bytes, SO_SNDBUF; 0: the kernel's default
};

// Counters of one endpoint; written by its shard only.
struct EndpointCounters {
  std::uint64_t connections = 0;        // gauge: open WebSockets
  std::uint64_t handshaking = 0;        // gauge: accepted sockets whose handshake is not complete
  std::uint64_t opened = 0;
  std::uint64_t handshake_failures = 0; // timed out or not HTTP
  std::map<int, std::uint64_t> refused; // by HTTP status, also those told by a close code
  std::map<std::uint16_t, std::uint64_t> closed;  // by close code (1006: without)
  std::uint64_t messages_received = 0;
  std::uint64_t bytes_received = 0;
  std::uint64_t frames_sent = 0;        // frames pushed into outboxes
  std::uint64_t bytes_sent = 0;         // bytes taken by the kernel
  std::uint64_t writes = 0;             // sendmsg calls
  std::uint64_t conflated = 0;          // frames dropped for newer ones
  std::uint64_t backlog_bytes = 0;      // gauge: over all outboxes
};

// Thread: the io_context's thread only.
class Endpoint {
 public:
  // `factory` and `clock` must outlive the endpoint.
  Endpoint(asio::io_context& io, const EndpointConfig& config, LinkFactory& factory, const Clock& clock);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Takes over a connected socket. Failures close it and are counted.
  void adopt(asio::ip::tcp::socket socket);

  // false: every new WebSocket is refused with 503 / 1013 (draining).
  void set_accepting(bool accepting) noexcept;

  // Writes what the outboxes hold, once per connection that has something. Also runs by itself at the end of a loop turn.
  void flush();

  // Visits every open link.
  void for_each(const std::function<void(Link&)>& visit);

  // Closes every connection at once, those in handshake included, without waiting for anybody. For the end of a drain.
  void abort_all();

  // Stops timers. Requires: nothing else runs on the io_context afterwards but handlers of aborted operations.
  void stop();

  const EndpointCounters& counters() const noexcept;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace pulsegate::ws
