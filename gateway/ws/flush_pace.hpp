// Decides when what events have queued is written: after each batch, but behind the bus when there is more to read, and
// no earlier than the window allows. Pure: no Asio, no clock of its own.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "gateway/clock.hpp"

namespace pulsegate::ws {

// Reading the bus goes before writing to clients: what a client does not get in time is conflated by its outbox, but a
// bus connection that is not read is cut by Redis, and then every client has a gap.
// Thread: one shard. Owner: the endpoint.
class FlushPace {
 public:
  enum class Verdict : std::uint8_t {
    write,  // a slice, and then ask again
    hold,   // not now: the next on_batch_end() comes at once
    wait,   // until due()
  };

  // Clients are held back for so many reads or so long before they get a slice of the time all the same.
  static constexpr int kHeldReads = 4;
  static constexpr std::chrono::milliseconds kLongestHold{200};
  // After so many reads in a row that were not the bus's last it is no burst, but more than can be delivered: some 20
  // MB, of the 32 that Redis keeps for a subscriber by default. Clients are then held back for longer.
  static constexpr int kReadsOfABurst = 24;
  static constexpr int kHeldReadsInOverload = 16;

  // `window`: how long a write may wait for more events that leave with it.
  explicit FlushPace(std::chrono::milliseconds window) noexcept : window_(window) {}

  // A batch has been queued.
  void on_batch_end(bool more_waiting, SteadyTime now) noexcept {
    on_empty_batch_end(more_waiting);
    if (!due_) due_ = now + window_;
    if (!more_waiting) {
      held_reads_ = 0;
    } else if (held_reads_++ == 0) {
      held_since_ = now;
    }
  }

  // A batch that has queued nothing.
  void on_empty_batch_end(bool more_waiting) noexcept {
    more_waiting_ = more_waiting;
    reads_behind_ = more_waiting ? reads_behind_ + 1 : 0;
  }

  Verdict verdict(SteadyTime now) const noexcept {
    if (!due_) return Verdict::hold;
    if (now < *due_) return Verdict::wait;
    const int held_reads = overloaded() ? kHeldReadsInOverload : kHeldReads;
    if (more_waiting_ && held_reads_ < held_reads && now - held_since_ < kLongestHold) return Verdict::hold;
    return Verdict::write;
  }

  // A slice was written. `pass_over`: all that was queued when the pass began; `left`: more has been queued since.
  void on_written(bool pass_over, bool left, SteadyTime now) noexcept {
    held_reads_ = 0;
    held_since_ = now;
    if (pass_over) due_ = left ? std::optional(now + window_) : std::nullopt;
  }

  bool behind() const noexcept { return reads_behind_ > 0; }
  bool overloaded() const noexcept { return reads_behind_ > kReadsOfABurst; }

  // Requires: the verdict was `wait`.
  SteadyTime due() const noexcept { return *due_; }

 private:
  const std::chrono::milliseconds window_;
  std::optional<SteadyTime> due_;  // of what is queued; nullopt: nothing is
  bool more_waiting_ = false;
  int reads_behind_ = 0;  // reads of the bus in a row that were not its last
  int held_reads_ = 0;    // reads of the bus since the last slice, none of which was its last
  SteadyTime held_since_{};
};

}  // namespace pulsegate::ws
