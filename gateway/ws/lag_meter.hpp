// How long events take to the sockets, from their own timestamp and from their arrival here: remembers those that wait
// for a flush, and observes them when the pass that writes them is over. Pure: no Asio, no clock of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/histogram.hpp"
#include "proto/time.hpp"

namespace pulsegate::ws {

// Follows the passes of a FlushList: what comes during a pass is written by the next one, or by this one where nobody
// is left for a next one. Thread: one shard. Owner: the endpoint.
class LagMeter {
 public:
  // Times that are kept, and reads of the bus. What is beyond it counts as the last one that found room: times as a
  // little later than they are, reads as earlier.
  static constexpr std::size_t kMostTimes = 65'536;
  static constexpr std::size_t kMostReads = 1'024;

  LagMeter(LagHistogram& bus_lag, FanoutHistogram& fanout) noexcept : bus_lag_(bus_lag), fanout_(fanout) {}

  // An event that somebody was sent. `time`: its own, if it has one; `read`: when the batch that it is of was read from
  // the bus, never earlier than that of the event before.
  void on_event(const std::optional<proto::Timestamp>& time, SteadyTime read) {
    if (time) {
      if (queued_.times.size() < kMostTimes) {
        queued_.times.push_back(*time);
      } else {
        ++queued_.more;
      }
    }
    const bool same = !queued_.reads.empty() && queued_.reads.back().at == read;
    if (same || queued_.reads.size() == kMostReads) {
      ++queued_.reads.back().events;
    } else {
      queued_.reads.push_back({read, 1});
    }
  }

  // Requires: the pass before has ended.
  void on_pass_begin() noexcept { std::swap(queued_, writing_); }

  // `all_written`: nobody waits for another pass.
  void on_pass_end(bool all_written, const Now& now) noexcept {
    observe(writing_, now);
    if (all_written) observe(queued_, now);
  }

 private:
  struct Read {
    SteadyTime at;
    std::uint64_t events;  // of it that somebody was sent
  };
  struct Pending {
    std::vector<proto::Timestamp> times;
    std::uint64_t more = 0;  // events with a time beyond kMostTimes
    std::vector<Read> reads;
  };

  void observe(Pending& pending, const Now& now) noexcept {
    const auto lag = [&now](proto::Timestamp time) { return std::chrono::duration<double>(now.wall - time).count(); };
    for (const proto::Timestamp time : pending.times) bus_lag_.observe(lag(time));
    if (pending.more > 0) bus_lag_.observe(lag(pending.times.back()), pending.more);
    for (const Read& read : pending.reads)
      fanout_.observe(std::chrono::duration<double>(now.steady - read.at).count(), read.events);
    pending.times.clear();
    pending.more = 0;
    pending.reads.clear();
  }

  LagHistogram& bus_lag_;
  FanoutHistogram& fanout_;
  Pending queued_;   // since the pass that is under way began
  Pending writing_;  // before it
};

}  // namespace pulsegate::ws
