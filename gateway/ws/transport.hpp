// websocketpp's transport policy over one Asio socket, whose every outgoing byte passes the connection's Outbox: frames
// of the session and what websocketpp itself writes (handshake, close). See README.md for why the library's queue is
// bypassed.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include <asio/ip/tcp.hpp>
#include <websocketpp/transport/base/connection.hpp>

#include "gateway/clock.hpp"
#include "gateway/ws/endpoint_counters.hpp"
#include "gateway/ws/outbox.hpp"

namespace pulsegate::ws {

// Thread: the shard of the socket. Owner: shared by the endpoint and the operations in flight.
// Invariants: 1. At most one read and at most one wait for writability are in flight. 2. `sent` handlers, and through
// them websocketpp, run only from write(), never from a function that queues. 3. Once closed, no hook is called any
// more.
class Transport : public std::enable_shared_from_this<Transport> {
 public:
  // What websocketpp calls, statically. It takes a transport without timers: every deadline is the endpoint's tick's.
  using ptr = std::shared_ptr<Transport>;
  struct Timer {
    void cancel() noexcept {}
  };
  using timer_ptr = std::shared_ptr<Timer>;

  ptr get_shared() { return shared_from_this(); }
  bool is_secure() const noexcept { return false; }
  void set_handle(const websocketpp::connection_hdl&) noexcept {}
  std::string get_remote_endpoint() const { return {}; }  // asked for log lines that nobody writes
  timer_ptr set_timer(long, const websocketpp::transport::timer_handler&) { return {}; }
  void init(const websocketpp::transport::init_handler& ready) { ready({}); }
  // Runs inline: websocketpp dispatches only write_frame(), which queues and returns.
  std::error_code dispatch(const websocketpp::transport::dispatch_handler& handler);
  std::error_code interrupt(const websocketpp::transport::interrupt_handler& handler) { return dispatch(handler); }
  void async_read_at_least(std::size_t, char* buffer, std::size_t size, websocketpp::transport::read_handler handler);
  void async_write(const char* bytes, std::size_t size, websocketpp::transport::write_handler handler);
  void async_write(const std::vector<websocketpp::transport::buffer>& pieces,
                   websocketpp::transport::write_handler handler);
  // websocketpp's last call. The peer gets everything that was sent: see linger().
  void async_shutdown(const websocketpp::transport::shutdown_handler& done);

 protected:
  enum class Stage : std::uint8_t { unattached, live, lingering, closed };

  Transport() = default;
  ~Transport() = default;

  // `counters` and `clock` must be valid until the transport is closed.
  void attach(asio::ip::tcp::socket socket, const OutboxLimits& limits, EndpointCounters& counters, const Clock& clock);

  // Queues bytes of our own (a pong, a ping) and asks for a flush. `sent`: see Outbox::push_control.
  void queue_control(FramePtr frame, std::function<void()> sent);
  Outbox::Push queue(FramePtr frame, ConflationKey key);
  void queue_apart(FramePtr frame);
  void drop_unsent() noexcept;
  void forget_queued(ConflationKey first, ConflationKey last) noexcept;
  // Writes what the outbox holds, as far as the kernel takes it. May run websocketpp and hooks.
  void write(SteadyTime now);
  // Whether a flush would do anything: not while the kernel has yet to say that it takes more.
  bool wants_write() const noexcept { return stage_ == Stage::live && !blocked_ && !outbox_.empty(); }
  // From now on the socket is closed without lingering, with a reset if `reset` (frees what the kernel holds for the
  // peer).
  void give_up(bool reset) noexcept;
  // Closes the socket now. The last thing that happens to a transport. Idempotent.
  void finish() noexcept;

  // Whether the peer has reset the connection. One that has only ended its sending may well wait for an answer.
  bool peer_reset() const noexcept;
  // Whether the peer's kernel has yet to confirm some of what was sent.
  bool unacknowledged() const noexcept;

  Stage stage() const noexcept { return stage_; }
  SteadyTime lingering_since() const noexcept { return lingering_since_; }
  bool received_anything() const noexcept { return received_anything_; }
  const Outbox& outbox() const noexcept { return outbox_; }
  // When the socket last took something; SteadyTime{}: never.
  SteadyTime last_taken() const noexcept { return last_taken_; }
  Outbox& outbox() noexcept { return outbox_; }
  asio::ip::tcp::socket& socket() noexcept { return *socket_; }

  // Hooks. on_queued: something can be written. on_received: before websocketpp sees the bytes; on_consumed: after.
  // on_written: after the kernel took bytes. on_failed: the socket is broken or a handler threw; must terminate
  // websocketpp. on_terminated: websocketpp has ended. on_finished: the socket is closed.
  virtual void on_queued() = 0;
  virtual void on_received(SteadyTime now) = 0;
  virtual void on_consumed(SteadyTime now) = 0;
  virtual void on_written() = 0;
  virtual void on_failed() = 0;
  virtual void on_terminated() = 0;
  virtual void on_finished() noexcept = 0;

 private:
  void on_read(const websocketpp::transport::read_handler& handler, const std::error_code& error, std::size_t bytes);
  void write_some(SteadyTime now);
  void wait_writable();
  void linger();
  void discard();

  std::optional<asio::ip::tcp::socket> socket_;
  SteadyTime last_taken_{};
  Outbox outbox_{OutboxLimits{}};
  EndpointCounters* counters_ = nullptr;
  const Clock* clock_ = nullptr;
  SteadyTime lingering_since_{};
  Stage stage_ = Stage::unattached;
  bool reading_ = false;  // a read is in flight
  bool blocked_ = false;  // a wait for writability is in flight
  bool abrupt_ = false;   // no lingering: the peer is gone or was given up
  bool received_anything_ = false;
};

}  // namespace pulsegate::ws
