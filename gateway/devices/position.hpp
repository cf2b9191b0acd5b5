// Where a client stands on `metrics`: what it has, or was told that it lacks, reaches up to here; all that comes later
// is owed to it.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <variant>

#include "gateway/devices/cursor_match.hpp"
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
  // Of one that has nothing, and wants nothing older. `slack`: by so much the publisher's clock may be behind.
  static Position at(proto::Timestamp time, std::chrono::microseconds slack = std::chrono::microseconds(0)) {
    return {std::nullopt, time - slack, time};
  }

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
    if (!seen) return next;
    return told_until ? std::max(seen->time, *told_until) : seen->time;
  }

  // Our clock; what is looked up must reach back to this time. `ahead`: the publisher's clock minus ours.
  proto::Timestamp time(std::chrono::microseconds ahead) const {
    if (told_until) return *told_until - ahead;
    return !seen ? proto::Timestamp{} : seen->of_row() ? seen->time : seen->time - ahead;
  }

  // Whether a sample certainly comes after. An event's row is stamped, by the database's clock, from `lead` - `lag` to
  // `lead` after the event's own time.
  bool surely_before(const proto::Cursor& other, std::chrono::microseconds lead, std::chrono::microseconds lag) const {
    const bool rows = other.of_row() && seen && seen->of_row();
    if (rows && other.time <= seen->time) return false;
    // By the publisher's clock: the event of that row, at the earliest. Rows stand in their own order.
    const proto::Timestamp event = !other.of_row() ? other.time : rows ? other.time - lead + lag : other.time - lead;
    if (told_until && event < *told_until) return false;
    if (!seen || rows) return true;
    return !may_be_seen(other, lag) && event > (seen->of_row() ? seen->time - lead + lag : seen->time);
  }

  // Whether another sample seems to come after: its time is later, and it is not the same one.
  bool seems_before(const proto::Cursor& other, std::chrono::microseconds row_lag) const {
    if (!seen) return other.time > next;
    return other.time > seen->time && !may_be_seen(other, row_lag);
  }

  // Whether a sample certainly came before. `lead` and `lag` as above: a row is never older than its event.
  bool passed(const proto::Cursor& other, std::chrono::microseconds lead, std::chrono::microseconds lag) const {
    if (!other.of_row()) return other.time <= next;
    return (seen && seen->of_row() && other.time <= seen->time) || other.time - lead + lag <= next;
  }

 private:
  // Whether another sample may be the one that was seen last.
  bool may_be_seen(const proto::Cursor& other, std::chrono::microseconds row_lag) const {
    if (other.digest != seen->digest) return false;
    const auto time = std::optional(other.time);
    const auto nothing = std::chrono::microseconds(0);
    return (other.of_row() ? match(*seen, std::nullopt, time, nothing, row_lag)
                           : match(*seen, time, std::nullopt, nothing, row_lag)) != CursorMatch::none;
  }
};

}  // namespace pulsegate::devices
