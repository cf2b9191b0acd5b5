// How long events take from their own timestamp to the sockets: remembers the times of those that wait for a flush, and
// observes them when the pass that writes them is over. Pure: no Asio, no clock of its own.
#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "gateway/histogram.hpp"
#include "proto/time.hpp"

namespace pulsegate::ws {

// Follows the passes of a FlushList: what comes during a pass is written by the next one, or by this one where nobody
// is left for a next one. Thread: one shard. Owner: the endpoint.
class LagMeter {
 public:
  // Times that are kept. Events beyond it count as the last one that found room, so as a little later than they are.
  static constexpr std::size_t kMostTimes = 65'536;

  explicit LagMeter(LagHistogram& histogram) noexcept : histogram_(histogram) {}

  // An event that somebody was sent. `time`: its own.
  void on_event(proto::Timestamp time) {
    if (queued_.times.size() < kMostTimes) {
      queued_.times.push_back(time);
    } else {
      ++queued_.more;
    }
  }

  // Requires: the pass before has ended.
  void on_pass_begin() noexcept { std::swap(queued_, writing_); }

  // `all_written`: nobody waits for another pass.
  void on_pass_end(bool all_written, proto::Timestamp now) noexcept {
    observe(writing_, now);
    if (all_written) observe(queued_, now);
  }

 private:
  struct Pending {
    std::vector<proto::Timestamp> times;
    std::uint64_t more = 0;  // events beyond kMostTimes
  };

  void observe(Pending& pending, proto::Timestamp now) noexcept {
    const auto lag = [now](proto::Timestamp time) { return std::chrono::duration<double>(now - time).count(); };
    for (const proto::Timestamp time : pending.times) histogram_.observe(lag(time));
    if (pending.more > 0) histogram_.observe(lag(pending.times.back()), pending.more);
    pending.times.clear();
    pending.more = 0;
  }

  LagHistogram& histogram_;
  Pending queued_;   // since the pass that is under way began
  Pending writing_;  // before it
};

}  // namespace pulsegate::ws
