// The members of a device whose `metrics` wait until what they missed has been found, when it is looked for, and what a
// look says of each of them. Pure: the device asks, sends and keeps the time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/devices/catch_up.hpp"
#include "gateway/devices/event_memory.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/devices/position.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: one shard. Owner: Device, while somebody waits.
struct Recovery {
  struct Waiting {
    Member* member;
    Position position;
    bool resumed;                    // it has come back with `since`; otherwise it was here when the bus was lost
    bool ack_owed;                   // of those that have come back
    bool superseded = false;         // by another subscribe
    bool repeats = false;            // what was found has the values of its last sample more than once
    SteadyTime found_by = kNever;    // its last sample must have been found by then
    SteadyTime hold_until = kNever;  // live samples wait for it, no longer than until then

    std::string_view reason() const noexcept { return resumed ? "resume" : "bus"; }
  };

  bool holds() const noexcept { return hold_until() != kNever; }
  SteadyTime hold_until() const noexcept {
    SteadyTime first = kNever;
    for (const Waiting& each : waiting) first = std::min(first, each.hold_until);
    return first;
  }

  std::vector<Waiting> waiting;       // Member::waits is set in each
  std::optional<Position> origin;     // the earliest from which samples were sent
  proto::Timestamp confirmed{};       // our clock: since then the bus is heard
  std::shared_ptr<const Past> past;   // the latest look, for whoever comes after it
  proto::Timestamp stream_seen_at{};  // when that was, and the newest entry that stood there then
  proto::Timestamp stream_seen_until{};
  bool look_again = false;  // somebody needs more than the look in flight will show
  bool wider = false;       // the last look did not reach back far enough for all
  unsigned looks = 0;
  SteadyTime look_at = kNever;
  SteadyTime all_stored_by{};  // by then every row is written of what was published before `confirmed`
};

// What a look says of one who waits.
struct Finding {
  enum class What : std::uint8_t {
    unknown,  // another look may tell
    lost,     // what it has missed is not to be found
    next      // samples [begin, end) are what comes next, and nothing can come to stand between them any more
  };
  What what = What::unknown;
  std::size_t begin = 0;
  std::size_t end = 0;
  bool complete = false;  // after them comes what was heard, from live() on
};

// Thread: value. Nothing that it was made from may change while it lives.
class Findings {
 public:
  // `confirmed`: our clock, since then the bus is heard.
  Findings(const EventMemory& memory, const Past& past, const CatchUpRules& rules, proto::Timestamp confirmed);

  // `overdue`: it has waited long enough for its last sample to be found.
  Finding of(const Position& position, bool overdue) const;
  // Whether the look began before what is missing from here on.
  bool reaches(const Position& position) const;
  const std::vector<PastSample>& samples() const noexcept { return catch_up_.samples(); }
  const CatchUp& catch_up() const noexcept { return catch_up_; }
  // Of the memory, what follows after samples()[i - 1] for one to whom nothing else is missing.
  std::size_t live(std::size_t i) const noexcept;
  // The newest that only the table knows, and whose event will not come any more.
  std::optional<std::size_t> newest_row() const noexcept;
  // There is more than one look shows, and this one shows the oldest.
  bool too_much() const noexcept { return too_much_; }
  // Something stands before what was heard, but its event may still be on its way.
  bool young() const noexcept { return young_; }
  // All that was published before the bus was heard is among samples().
  bool all() const noexcept { return all_; }

 private:
  bool must_wait(const PastSample& sample) const;

  const EventMemory& memory_;
  const Past& past_;
  const CatchUpRules rules_;
  const CatchUp catch_up_;
  bool too_much_;
  bool all_;
  bool stored_;  // the stream or the table knows this device
  bool young_;
};

// The messages made of one look, for all who get them.
struct PastFrames {
  const Findings& findings;
  const Past& past;
  std::vector<Remembered> made;                      // of findings.samples(), once somebody gets it
  std::size_t first = static_cast<std::size_t>(-1);  // of the samples that were sent, [first, end)
  std::size_t end = 0;
};

}  // namespace pulsegate::devices
