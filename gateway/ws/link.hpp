// The seam between a session (protocol, subscriptions) and the connection that carries it (websocketpp, socket,
// outbox). Session code and its tests need no websocketpp; the transport knows nothing of devices.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/access/admission.hpp"
#include "gateway/clock.hpp"
#include "gateway/frame.hpp"
#include "gateway/ws/outbox.hpp"
#include "gateway/ws/session_report.hpp"
#include "proto/close_code.hpp"

namespace pulsegate::ws {

// One open WebSocket as its session sees it. Thread: its shard. Owner: the connection; valid until on_closed() returns.
class Link {
 public:
  // Queues a frame and asks for one flush at the end of this loop turn. Never calls the LinkHandler back before it
  // returns; an overflowing outbox closes the link with slow_consumer in a later loop turn. Returns what the outbox did
  // with it; `overflow` also when the link is closing already.
  virtual Outbox::Push send(FramePtr frame, ConflationKey key) = 0;
  // As send(frame, 0), but no limit counts it: for an answer that the client asked for. Requires: not answering().
  // Nothing when the link is closing.
  virtual void send_apart(FramePtr frame) = 0;
  // Such an answer is still on its way.
  virtual bool answering() const noexcept = 0;
  // This one carries so many devices: its backlog may be larger by once its limits for each 8 of them, and keys go up
  // to 32 for each. Requires: not fewer than before.
  virtual void make_room(std::size_t devices) = 0;
  // What is queued with these keys is dropped, and what conflation has cost them forgotten: who used them is gone.
  virtual void forget(ConflationKey first, ConflationKey last) = 0;
  // Sends what is queued, then a close frame; the socket is forced down 5 s later at the latest. Idempotent.
  // on_closed() follows.
  virtual void close(proto::CloseCode code) = 0;
  virtual bool closing() const noexcept = 0;         // close() was called, or the peer has begun to close
  virtual std::size_t backlog() const noexcept = 0;  // bytes
  virtual std::string_view id() const noexcept = 0;  // connection id, unique in the process, as in logs and `connected`

 protected:
  ~Link() = default;
};

// A session. Thread: its shard.
class LinkHandler {
 public:
  virtual ~LinkHandler() = default;

  virtual void on_text(std::string_view message, const Now& now) = 0;
  virtual void on_binary(std::string_view message, const Now& now) = 0;
  // The backlog went to zero after frames had been dropped for newer ones; `lost`: since the last call.
  virtual void on_drained(const Conflated& lost, const Now& now) = 0;
  // About once a second, for deadlines of the session's own. Liveness, pings and stalls are the connection's business.
  virtual void on_tick(const Now& now) = 0;
  // Fills in what is the session's, for operators.
  virtual void describe(SessionReport& /*report*/) const {}
  // The last call: the link is unusable from here on. `code`: what was sent or received as close code, 1006 when
  // neither.
  virtual void on_closed(std::uint16_t code, std::string_view reason, const Now& now) = 0;
};

// Creates sessions for accepted connections. Thread: its shard.
class LinkFactory {
 public:
  virtual ~LinkFactory() = default;
  // The WebSocket is open and `link` may send. Never null.
  virtual std::unique_ptr<LinkHandler> on_open(Link& link, const access::Admission& admission, const Now& now) = 0;
};

}  // namespace pulsegate::ws
