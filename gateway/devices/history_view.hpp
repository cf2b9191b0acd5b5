// One form of the `history` channel of a device, and the members that want it so.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>

#include "gateway/clock.hpp"
#include "gateway/devices/channel_state.hpp"
#include "gateway/devices/history_key.hpp"
#include "gateway/devices/history_span.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/channel.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: the shard. Owner: HistoryViews. Samples go by the numbers of HistoryWindow.
struct HistoryView {
  static constexpr std::int64_t kNothing = std::numeric_limits<std::int64_t>::min();

  HistoryView(const HistoryKey& k, std::uint32_t number);

  const HistoryKey key;
  const std::uint32_t number;  // unique in the device, never 0: tells the answer to its read from that of another
  ChannelState channel{proto::Channel::history};  // members, and the frame of the whole window
  SteadyTime sent_at{};                           // last fan-out
  std::chrono::milliseconds pause{0};             // least time after that: longer after a large frame
  SteadyTime due = kNever;                        // of what may not be sent yet
  SteadyTime drop_at = kNever;                    // set while it has no members
  bool waiting = false;                           // for a read; until then its members get nothing
  bool dirty = false;                             // replace: it shows something else than was sent

  // In append form: what those members have that have anything (Member::has_history).
  std::int64_t sent_end = kNothing;  // the first sample that was not sent; kNothing: nobody has anything
  std::int64_t true_from = 0;        // from this sample on, what was sent is what the window shows
  std::size_t tail = 0;              // points that were sent since the whole window was
  // append_only: up to this number samples came by a read, so that some may be older than what was sent.
  std::int64_t read_end = kNothing;
  proto::Timestamp newest_sent{};

  // Of a span.
  std::unique_ptr<HistorySpan> past;  // what lies before the window in memory; null: the view has no span
  bool range_wanted = false;
  bool look_owed = false;       // once more when rows that were late are there
  SteadyTime look_at = kNever;  // when that is
  SteadyTime built_at{};        // channel.latest: a span moves on even if nothing comes

  bool appends() const noexcept { return key.form != HistoryForm::replace; }
};

}  // namespace pulsegate::devices
