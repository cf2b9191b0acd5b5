// One shard's WebSocket server: adopts accepted sockets, shakes hands, and turns connections into links or
// answers. Hides websocketpp.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "gateway/access/gate.hpp"
#include "gateway/access/limiter.hpp"
#include "gateway/clock.hpp"
#include "gateway/ws/arrival.hpp"
#include "gateway/ws/endpoint_counters.hpp"
#include "gateway/ws/http_answerer.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/outbox.hpp"
#include "gateway/ws/session_report.hpp"
#include "proto/limits.hpp"
#include "proto/time.hpp"

namespace pulsegate::web {
class Page;
}

namespace pulsegate::ws {

// Bytes of a request line and its headers, websocketpp's own limit; more is refused with 431.
inline constexpr std::size_t kMaxRequestHead = 16'000;

struct EndpointConfig {
  std::size_t max_message = proto::limits::kMaxInboundMessage;  // bytes of one inbound message, fragments together
  std::chrono::milliseconds handshake_timeout{5'000};           // from accept to the end of the opening handshake
  std::chrono::milliseconds message_timeout{10'000};            // a message in progress must be complete by then
  std::chrono::milliseconds ping_interval{25'000};
  std::chrono::milliseconds idle_timeout{55'000};    // nothing received for so long: closed with `idle`
  std::chrono::milliseconds close_timeout{5'000};    // for the peer's close frame, then the socket is forced
  std::chrono::milliseconds coalesce{0};             // a write of events waits so long for more that leave with it
  std::chrono::milliseconds answer_timeout{30'000};  // to make the answer of a plain request, and again to take it
  std::size_t max_answers = 1'024;                   // plain requests at the same time; more get 503
  std::size_t max_answer_bytes = 64 * 1024 * 1024;   // bodies not yet taken; above it the same
  std::chrono::milliseconds max_age{0};              // sent away after this time, give or take a tenth; 0: never
  std::size_t departures_per_second = 100;           // of those at most
  OutboxLimits outbox;
  std::size_t backlog_limit = 256 * 1024 * 1024;  // bytes of all outboxes together; above it the slowest are closed
  bool compress = false;                          // agree to permessage-deflate where a client offers it
  const web::Page* page = nullptr;                // the dashboard; null: none is served. Outlives the endpoint
  int socket_send_buffer = 0;                     // bytes, SO_SNDBUF; 0: the kernel's default
};

// Thread: the io_context's thread only.
class Endpoint {
 public:
  // All of them, and the limiter, must outlive the endpoint. Without `limiter` nobody is limited.
  Endpoint(asio::io_context& io, const EndpointConfig& config, LinkFactory& factory, HttpAnswerer& answerer,
           access::Gate& gate, const Clock& clock, access::Limiter* limiter = nullptr);
  ~Endpoint();
  Endpoint(const Endpoint&) = delete;
  Endpoint& operator=(const Endpoint&) = delete;

  // Takes over a connected socket by its descriptor, since it was accepted on another thread's io_context. Failures
  // close it and are counted.
  void adopt(const asio::ip::tcp& protocol, int descriptor, Arrival arrival = {});

  // false: every new WebSocket is refused with 503 / 1013.
  void set_accepting(bool accepting) noexcept;

  // Refuses newcomers with 503, and sends every client away (`reconnect`, then 1012) at a random moment within `time`.
  void drain(std::chrono::milliseconds time);

  // What is sent while one exists is an event's and waits for end_batch(). Everything else leaves at the end of its
  // loop turn, together with what waits for the same client.
  class EventScope {
   public:
    explicit EventScope(Endpoint& endpoint) noexcept;
    ~EventScope();
    EventScope(const EventScope&) = delete;
    EventScope& operator=(const EventScope&) = delete;

    // The event's own time, if it has one, and when the bus was read: where somebody was sent the event, it is measured
    // how long that takes. Call it last.
    void measure(const std::optional<proto::Timestamp>& time, SteadyTime read);
    // How many frames clients were sent since it began.
    std::uint64_t frames() const noexcept;

   private:
    Endpoint& endpoint_;
    const std::uint64_t frames_before_;
  };

  // Writes what events have queued, once per connection; long lists in slices, with other handlers between them.
  // `more_waiting`: as bus::EventSink::on_batch_end(); clients then come after the bus, see FlushPace.
  void end_batch(bool more_waiting);

  // Visits every open link.
  void for_each(const std::function<void(Link&)>& visit);

  // For operators: the open WebSocket with this id, or null; and up to `most` of all, those that matter most (the
  // largest backlog) first. Costs a look at each connection.
  std::optional<SessionReport> report(std::string_view id) const;
  std::vector<SessionReport> reports(std::size_t most) const;

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
