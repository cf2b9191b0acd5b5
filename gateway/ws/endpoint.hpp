// One shard's WebSocket server: adopts accepted sockets, shakes hands, and turns connections into links. Hides
// websocketpp.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "gateway/clock.hpp"
#include "gateway/ws/endpoint_counters.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/outbox.hpp"
#include "proto/limits.hpp"

namespace pulsegate::ws {

struct EndpointConfig {
  std::size_t max_message = proto::limits::kMaxInboundMessage;  // bytes of one inbound message, fragments together
  std::chrono::milliseconds handshake_timeout{5'000};           // from accept to the end of the opening handshake
  std::chrono::milliseconds message_timeout{10'000};            // a message in progress must be complete by then
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds idle_timeout{55'000};  // nothing received for so long: closed with `idle`
  std::chrono::milliseconds close_timeout{5'000};  // for the peer's close frame, then the socket is forced
  OutboxLimits outbox;
  int socket_send_buffer = 0;  // bytes, SO_SNDBUF; 0: the kernel's default
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

  // Writes what the outboxes hold, once per connection that has something. Also runs by itself at the end of a loop
  // turn.
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
