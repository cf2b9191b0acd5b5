// What one session still has to send, bounded in bytes. The only queue between a device and a socket: nothing waits in
// websocketpp or Asio, so that a slow client's older values can be dropped for newer ones (conflation). Pure: no
// socket.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/frame.hpp"

namespace pulsegate::ws {

struct OutboxLimits {
  std::size_t conflate_above = 64 * 1024;           // bytes of backlog: above it only the latest frame per key is kept
  std::size_t close_above = 1024 * 1024;            // bytes of backlog: above it the session is closed
  std::chrono::milliseconds stalled_after{30'000};  // no byte taken by the socket for so long, with a backlog: closed
};

// Of a socket that carries so many devices: each 8 of them add what one device's socket may have.
constexpr OutboxLimits limits_for(OutboxLimits limits, std::size_t devices) noexcept {
  const std::size_t times = 1 + devices / 8;
  limits.conflate_above *= times;
  limits.close_above *= times;
  return limits;
}

// Which frames replace each other when the backlog is too long: 1 to kMaxConflationKey; 0: never replaced (acks,
// errors, broadcasts, control frames). Outbox::make_room() allows higher ones.
using ConflationKey = std::uint32_t;
inline constexpr ConflationKey kMaxConflationKey = 32;

// A set of keys other than 0, as a bit mask. Thread: value.
class ConflationKeys {
 public:
  ConflationKeys() noexcept = default;
  // Keys up to `highest`, which nothing has to be allocated for later.
  explicit ConflationKeys(ConflationKey highest) : more_(highest <= kWord ? 0 : (highest - 1) / kWord) {}

  bool contains(ConflationKey key) const noexcept {
    return key <= kWord ? (bits_ & bit(key)) != 0 : has_room(key) && (more_[word(key)] & bit(key)) != 0;
  }
  bool empty() const noexcept {
    return bits_ == 0 && std::all_of(more_.begin(), more_.end(), [](std::uint32_t bits) { return bits == 0; });
  }
  bool has_room(ConflationKey key) const noexcept { return key <= kWord || word(key) < more_.size(); }
  ConflationKey highest() const noexcept { return kWord * static_cast<ConflationKey>(1 + more_.size()); }
  // Requires: has_room(key).
  void add(ConflationKey key) noexcept { (key <= kWord ? bits_ : more_[word(key)]) |= bit(key); }
  void remove(ConflationKey key) noexcept { (key <= kWord ? bits_ : more_[word(key)]) &= ~bit(key); }

  friend bool operator==(const ConflationKeys& a, const ConflationKeys& b) noexcept {
    return a.bits_ == b.bits_ && a.more_ == b.more_;
  }

 private:
  static constexpr ConflationKey kWord = 32;
  static constexpr std::uint32_t bit(ConflationKey key) noexcept { return std::uint32_t{1} << ((key - 1) % kWord); }
  static constexpr std::size_t word(ConflationKey key) noexcept { return (key - 1) / kWord - 1; }

  std::uint32_t bits_ = 0;
  std::vector<std::uint32_t> more_;  // of the keys above 32
};

// What conflation has cost.
struct Conflated {
  std::uint64_t frames = 0;  // that were dropped
  ConflationKeys keys;       // of those frames
  SteadyTime since{};        // none of them was pushed before
};

// Thread: one shard. Owner: the connection.
// Invariants: 1. backlog() is the exact number of bytes not yet handed to the kernel. 2. A frame of which a byte was
// sent is never dropped (but by clear()). 3. Frames leave in the order of push(), except that conflation drops older
// ones. 4. An entry without a frame was dropped and takes its place until it is the oldest, or the ring is full: so
// dropping one takes the same time whatever the length of the queue. The oldest entry has a frame.
class Outbox {
 public:
  enum class Push : std::uint8_t { queued, overflow };

  explicit Outbox(const OutboxLimits& limits) noexcept : limits_(limits) {}

  // From here on the limits in bytes are these, and keys up to `highest` are allowed. For sockets of many devices.
  // Requires: not called with a lower `highest` before.
  void make_room(const OutboxLimits& limits, ConflationKey highest);

  // May drop older frames, of this key and of others. `overflow`: the backlog would exceed close_above even so; the
  // frame was not queued and the session must be closed.
  Push push(FramePtr frame, ConflationKey key);
  // As push(key 0), but not subject to close_above, and `sent` (may be empty) runs once the last byte was handed to the
  // kernel (from consume(), which may push again or clear). For what websocketpp writes: handshake and close frames.
  void push_control(FramePtr frame, std::function<void()> sent);

  // As push(key 0), but charged apart: neither conflate_above nor close_above counts it, and it is never dropped for
  // newer frames. For an answer that the client has asked for; the caller sees to it that there is one at a time.
  void push_apart(FramePtr frame);
  // Whether one is still in the queue.
  bool holds_apart() const noexcept { return apart_ > 0; }

  // Fills `out` with up to `capacity` unsent pieces in order; returns how many.
  std::size_t gather(iovec* out, std::size_t capacity) const noexcept;
  // `bytes` of what gather() returned were taken by the socket, 0 when it takes nothing now. Requires: bytes <=
  // backlog().
  void consume(std::size_t bytes, SteadyTime now);

  bool empty() const noexcept { return count_ == 0; }  // see invariant 4
  std::size_t backlog() const noexcept { return backlog_; }
  // The clock of a stall starts with the first consume() after a push into an empty outbox.
  bool stalled(SteadyTime now) const noexcept;
  // Frames dropped by conflation since the last call of take_conflated().
  std::uint64_t conflated() const noexcept { return conflated_; }
  // Hands out what was dropped and begins anew. Requires: empty(), so that the client has everything that was kept.
  Conflated take_conflated(SteadyTime now);
  // To be called now and then: bounds Conflated::since where nothing was pushed for long. The push itself takes no time
  // stamp.
  void note_idle(SteadyTime now) noexcept;
  // Drops what is queued with the keys `first` to `last`, and what conflation has cost them: whoever used these keys is
  // gone, and the next one begins anew. A frame of which a byte was sent stays.
  void forget(ConflationKey first, ConflationKey last) noexcept;
  // Drops the data frames of which no byte was sent, so that a close frame does not wait behind them.
  void drop_unsent() noexcept;
  // Drops everything, without calling `sent` handlers. For a socket that is gone.
  void clear() noexcept;

 private:
  // control: has its handler in controls_, which is in the same order. apart: counted in apart_.
  enum class Kind : std::uint8_t { data, control, apart };
  struct Entry {
    FramePtr frame;
    ConflationKey key = 0;
    Kind kind = Kind::data;
  };

  std::uint32_t slot_of(std::uint32_t position) const noexcept { return (head_ + position) & (capacity_ - 1); }
  Entry& at(std::uint32_t position) const noexcept { return slots_[slot_of(position)]; }
  Entry& append(FramePtr frame, ConflationKey key);
  // Whether `size` bytes more would be above the limit. What is apart is asked for only where it can matter.
  bool exceeds(std::size_t size, std::size_t limit) const noexcept {
    return backlog_ + size > limit && backlog_ - std::min(backlog_, apart_) + size > limit;
  }
  void pop_front() noexcept;
  void drained() noexcept;
  // The entry is partly sent, so that it cannot be dropped.
  bool under_way(std::uint32_t position) const noexcept { return position == 0 && front_sent_ > 0; }
  // Requires: not under way. pop_dropped() has to follow.
  void drop(std::uint32_t position) noexcept;
  void drop_for_newer(std::uint32_t position) noexcept;
  // Restores invariant 4 at the front.
  void pop_dropped() noexcept {
    if (dropped_ > 0) pop_all_dropped();
  }
  void pop_all_dropped() noexcept;
  // Moves the entries together, so that none is without a frame.
  void compact() noexcept;
  void make_larger();
  void keep_latest_per_key();
  // Writes down where each key is.
  void find_latest() noexcept;
  // Where the only entry of the key is; count_: nowhere. Requires: unique_keys_.
  std::uint32_t position_of(ConflationKey key) const noexcept;

  OutboxLimits limits_;
  // A ring that owns nothing while the session is idle: an empty std::deque costs over 500 bytes.
  std::unique_ptr<Entry[]> slots_;
  std::uint32_t capacity_ = 0;  // a power of two, or 0
  std::uint32_t head_ = 0;
  std::uint32_t count_ = 0;                      // entries, those without a frame included
  std::uint32_t dropped_ = 0;                    // of these: without a frame
  std::uint32_t due_ = 0;                        // control frames sent whose handler has not run
  std::vector<std::function<void()>> controls_;  // handlers of the control entries, oldest first
  std::size_t front_sent_ = 0;                   // bytes of the oldest entry already sent
  std::size_t backlog_ = 0;
  std::size_t apart_ = 0;  // bytes of backlog_ that no limit counts; at most so many once some of them were sent
  std::uint64_t conflated_ = 0;
  SteadyTime last_progress_{};  // of the last consume() that took bytes or started the clock
  SteadyTime last_empty_{};     // when it was known to be empty, before the frames of conflated_ were pushed
  ConflationKeys conflated_keys_;
  bool clock_started_ = false;  // false: nothing was offered to the socket since the outbox was last empty
  bool unique_keys_ = false;    // no key occurs twice in the queue, but for a frame that is under way
  // While keys are unique: the slot of the entry that had the key last, which may be gone, at key - 1.
  std::vector<std::uint32_t> latest_;
};

}  // namespace pulsegate::ws
