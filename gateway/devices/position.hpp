// Where a client stands on `metrics`: what it has, or was told that it lacks, reaches up to here; all that comes later
// is owed to it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>

#include "proto/cursor.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// At least one of `seen` and `told_until` is set, but for a client that has never subscribed.
struct Position {
  std::optional<proto::Cursor> seen;           // the last sample that it has
  std::optional<proto::Timestamp> told_until;  // what came after that, and before this time, was named by a gap
  proto::Timestamp next{};                     // the publisher's clock: no event that it lacks is older

  // `lag`: where only the row of the sample is known, its event may be older by so much, see Device::row_lead().
  static Position after(const proto::Cursor& cursor, std::chrono::microseconds lag) {
    return {cursor, std::nullopt, cursor.of_row() ? cursor.time - lag : cursor.time};
  }
  static Position after(const proto::Since& since, std::chrono::microseconds lag) {
    if (const auto* const cursor = std::get_if<proto::Cursor>(&since)) return after(*cursor, lag);
    return at(std::get<proto::Timestamp>(since));
  }
  // Of one that has nothing, and wants nothing older.
  static Position at(proto::Timestamp time) { return {std::nullopt, time, time}; }

  // It has got another sample.
  void advance(const proto::Cursor& cursor, std::chrono::microseconds lag) {
    const proto::Timestamp before = next;
    *this = after(cursor, lag);
    next = std::max(next, before);
  }
  // A gap has been told that ends here.
  void skip(proto::Timestamp until) {
    told_until = until;
    next = std::max(next, until);
  }

  // Where a gap begins: at the last message that it got, by that message's own time, or where the last gap ended.
  proto::Timestamp gap_from() const {
    const proto::Timestamp last = seen ? seen->time : proto::Timestamp{};
    return told_until ? std::max(last, *told_until) : last;
  }

  // Our clock; what is looked up must reach back to this time. `ahead`: the publisher's clock minus ours.
  proto::Timestamp time(std::chrono::microseconds ahead) const {
    if (told_until) return *told_until - ahead;
    return !seen ? proto::Timestamp{} : seen->of_row() ? seen->time : seen->time - ahead;
  }

  // Whether a sample certainly came before.
  bool passed(const proto::Cursor& other) const {
    if (!other.of_row()) return other.time <= next;
    return seen && other.time <= seen->time;  // a row is never older than its event
  }
};

}  // namespace pulsegate::devices
