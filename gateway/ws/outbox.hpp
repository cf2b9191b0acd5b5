// What one session still has to send, bounded in bytes. The only queue between a device and a socket: nothing waits in
// websocketpp or Asio, so that a slow client's older values can be dropped for newer ones (conflation). Pure: no socket.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>

#include "gateway/clock.hpp"
#include "gateway/frame.hpp"

namespace pulsegate::ws {

struct OutboxLimits {
  std::size_t conflate_above = 64 * 1024;         // bytes of backlog: above it only the latest frame per key is kept
  std::size_t close_above = 1024 * 1024;          // bytes of backlog: above it the session is closed
  std::chrono::milliseconds stalled_after{30'000};  // no byte taken by the socket for so long, with a backlog: closed
};

// Which frames replace each other when the backlog is too long; 0: never replaced (acks, errors, broadcasts, control frames).
using ConflationKey = std::uint32_t;

// Thread: one shard. Owner: the connection.
// Invariants: 1. backlog() is the exact number of bytes not yet handed to the kernel. 2. A frame of which a byte was
// sent is never dropped. 3. Frames leave in the order of push(), except that conflation drops older ones.
class Outbox {
 public:
  enum class Push : std::uint8_t { queued, conflated, overflow };

  explicit Outbox(const OutboxLimits& limits) noexcept : limits_(limits) {}

  // `conflated`: the frame was queued and at least one older frame with its key was dropped. `overflow`: the backlog
  // would exceed close_above even so; the frame was not queued and the session must be closed.
  Push push(FramePtr frame, ConflationKey key);
  // As push(key 0), but not subject to close_above, and `sent` runs once the last byte was handed to the kernel (from
  // consume(), which may push again). For what websocketpp writes: handshake, control and close frames.
  void push_control(FramePtr frame, std::function<void()> sent);

  // Fills `out` with up to `capacity` unsent pieces in order; returns how many.
  std::size_t gather(iovec* out, std::size_t capacity) const noexcept;
  // `bytes` of what gather() returned were taken by the socket. Requires: bytes <= backlog().
  void consume(std::size_t bytes, SteadyTime now);

  bool empty() const noexcept { return entries_.empty(); }
  std::size_t backlog() const noexcept { return backlog_; }
  bool stalled(SteadyTime now) const noexcept;
  // Frames dropped by conflation since the last call of this function.
  std::uint64_t take_conflated() noexcept;
  // Drops everything, without calling `sent` handlers. For a socket that is gone.
  void clear() noexcept;

 private:
  struct Entry {
    FramePtr frame;
    ConflationKey key;
    std::function<void()> sent;  // control entries only
  };

  OutboxLimits limits_;
  std::deque<Entry> entries_;
  std::size_t front_sent_ = 0;  // bytes of entries_.front() already sent
  std::size_t backlog_ = 0;
  std::uint64_t conflated_ = 0;
  SteadyTime last_progress_{};  // of the last consume(), or of the first push into an empty outbox (set by the caller's next consume)
};

}  // namespace pulsegate::ws
