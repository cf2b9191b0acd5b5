// Whether a sample is the one that a cursor names. Its digest says that the values are the same; a sample has two
// times, that of the event and that of the row, and whoever gave the cursor may have known the other one.
#pragma once

#include <chrono>
#include <optional>

#include "proto/cursor.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

enum class CursorMatch { none, maybe, exact };

// By so much the clocks of publisher, database and gateway may differ.
inline constexpr std::chrono::seconds kClocksApart{10};
// An event without a time of its own is stamped by each gateway; one that is published twice has one time.
inline constexpr std::chrono::seconds kSameReport{1};

inline std::chrono::microseconds distance(proto::Timestamp a, proto::Timestamp b) noexcept {
  return a > b ? a - b : b - a;
}

// Requires: the digests are equal. `offset`: database time minus ours. Where several samples may be it, the earliest is
// the right choice: a sample twice is better than none.
inline CursorMatch match(const proto::Cursor& cursor, std::optional<proto::Timestamp> event_time,
                         std::optional<proto::Timestamp> row_time, std::chrono::microseconds offset,
                         std::chrono::microseconds row_lag) noexcept {
  const auto row_of_event = [&](proto::Timestamp row, proto::Timestamp event) {
    return row - offset >= event - kClocksApart && row - offset <= event + row_lag + kClocksApart;
  };
  if (cursor.of_row()) {
    if (row_time) return *row_time == cursor.time ? CursorMatch::exact : CursorMatch::none;
    return event_time && row_of_event(cursor.time, *event_time) ? CursorMatch::maybe : CursorMatch::none;
  }
  if (event_time) {
    if (*event_time == cursor.time) return CursorMatch::exact;
    return distance(*event_time, cursor.time) < kSameReport ? CursorMatch::maybe : CursorMatch::none;
  }
  return row_time && row_of_event(*row_time, cursor.time) ? CursorMatch::maybe : CursorMatch::none;
}

}  // namespace pulsegate::devices
