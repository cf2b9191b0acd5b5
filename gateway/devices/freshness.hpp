// Whether a device has been silent for longer than it should be: what it is measured by, and how long is too long.
// Pure: no clock, no timer, no member; the device tells what happened and asks when it wants to know.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/devices/sample_merge.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Silence is measured on our steady clock, from the arrival of events and from the stamps of rows in our time, so the
// publisher's clock does not matter. README.md says what counts as evidence of silence.
// Thread: one shard. Owner: Device. Only on_event() is called on the data path.
// Invariants: 1. What may have been published while nobody listened is never taken for silence. 2. Once declared, a
// silence ends only by a sign of life.
class Freshness {
 public:
  static constexpr std::size_t kIntervals = 8;        // between the newest samples: they say what is usual
  static constexpr std::size_t kFewestIntervals = 2;  // less than that says nothing
  static constexpr int kMissedReports = 3;
  static constexpr std::chrono::hours kLongestLimit{24 * 365};

  // How long a device may be silent, by its samples (oldest first): three times the median of its last intervals, at
  // least `at_least`. Each interval is taken on one clock, the publisher's or the database's. Left out: intervals
  // across a gap, reports that came twice, and clocks that were set back. Samples of one stamp are a batch and share
  // the interval before it. nullopt: too few intervals are known.
  static std::optional<std::chrono::microseconds> limit(const std::vector<Sample>& samples,
                                                        std::chrono::milliseconds at_least);

  // Signs of life.
  void on_event(SteadyTime arrival) noexcept { heard_ = arrival; }
  // `stamp`: in our time. One in our future counts as now, one that is older than what is known not at all.
  void on_row(proto::Timestamp stamp, const Now& now) noexcept;

  // The table was read: of what was published until `complete_until` (our time) no row is missing.
  void on_table_read(proto::Timestamp complete_until, const Now& now) noexcept;
  // From here on whatever is published reaches us; until the bus is down.
  void on_bus_confirmed(SteadyTime at) noexcept { listening_since_ = at; }
  void on_bus_down(SteadyTime at) noexcept;

  // When the silence becomes longer than `limit` as far as we can tell, if nothing is heard before; may be in the past.
  // kNever: we do not listen, or the device was never heard.
  SteadyTime silent_at(std::chrono::microseconds limit) const noexcept;
  // The newest sign of life, in our time. Requires: there was one.
  proto::Timestamp heard_at(const Now& now) const noexcept;

  bool stale() const noexcept { return stale_since_.has_value(); }
  // Null: not stale. The same for everybody who is told, whatever our clocks do meanwhile.
  const std::optional<proto::Timestamp>& stale_since() const noexcept { return stale_since_; }
  // Requires: heard.
  void declare_stale(const Now& now) noexcept;
  void declare_live() noexcept { stale_since_.reset(); }
  // A row that came after the declaration is young enough to end it. `limit` null: any is. Requires: stale.
  bool revived(std::optional<std::chrono::microseconds> limit, const Now& now) const noexcept;

 private:
  static constexpr SteadyTime kNotYet = SteadyTime::min();

  SteadyTime heard_ = kNotYet;  // the newest sign of life
  SteadyTime listening_since_ = kNever;
  // The first loss of the bus since the device was last heard: from then on the table is no witness either, because
  // whoever writes it may depend on the same Redis.
  SteadyTime lost_at_ = kNever;
  SteadyTime table_complete_until_ = kNotYet;
  SteadyTime heard_before_stale_ = kNotYet;
  std::optional<proto::Timestamp> stale_since_;
};

}  // namespace pulsegate::devices
