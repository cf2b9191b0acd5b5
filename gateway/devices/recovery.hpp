// The members of a device whose `metrics` wait until what they missed has been found, and when to look for it next.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/devices/catch_up.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/cursor.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: one shard. Owner: Device, while somebody waits.
struct Recovery {
  struct Waiting {
    Member* member;
    proto::Since since;     // the last sample that it has
    proto::Timestamp from;  // a gap begins here
    bool resumed;           // it has come back with `since`; otherwise it was here when the bus was lost
    bool ack_owed;          // of those that have come back
    SteadyTime found_by;    // its last sample must have been found by then
  };

  bool holds() const noexcept { return hold_until != kNever; }

  std::vector<Waiting> waiting;
  std::optional<proto::Since> origin;  // the earliest that any of them needed
  proto::Timestamp confirmed{};        // our clock: since then the bus is heard
  std::shared_ptr<const Past> past;    // the latest look, for whoever comes after it
  proto::Timestamp past_from{};        // where that look began
  proto::Timestamp stream_seen_at{};   // when that was, and the newest entry that stood there then
  proto::Timestamp stream_seen_until{};
  bool look_again = false;  // somebody needs more than the look in flight will show
  unsigned looks = 0;
  SteadyTime look_at = kNever;
  SteadyTime hold_until = kNever;  // live samples wait: no longer than until then
  SteadyTime all_stored_by{};      // by then every row is written of what was published before `confirmed`
};

}  // namespace pulsegate::devices
