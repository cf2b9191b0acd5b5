// Where a client stands in the samples of a device: what `cursor` of a message says and `since` of a subscribe gives
// back. Every replica, process and later version reads the same from the same text. It is no secret and grants nothing:
// the check in it finds accidents, not forgery.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "proto/metric_values.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto {

struct Cursor {
  Timestamp time{};              // the event's own where an event is known, else the row's; 1970 to 9999
  std::uint64_t digest = 0;      // sample_digest() of the sample
  std::uint16_t occurrence = 0;  // 0, 1, … among the samples of this time and digest, in their order; | kOfRow
  // In `occurrence`: the time is that of the row, because the event was not known.
  static constexpr std::uint16_t kOfRow = 0x8000;

  bool of_row() const noexcept { return (occurrence & kOfRow) != 0; }
  unsigned ordinal() const noexcept { return occurrence & ~unsigned{kOfRow}; }

  friend bool operator==(const Cursor& a, const Cursor& b) noexcept {
    return a.time == b.time && a.digest == b.digest && a.occurrence == b.occurrence;
  }
};

// The same for an event and for the row that stores it. It covers the five metrics that every table of the guide has
// and that a range of history reads: cpu_usage to 2 decimals, memory_usage, memory_total, network_rx and network_tx to
// whole numbers, as the columns keep them (NUMERIC(5,2) and BIGINT). A value is rounded as PostgreSQL rounds the text
// that JavaScript prints of it: decimally, half away from zero, so 45.675 becomes 45.68. Missing is a value of its own,
// and not 0. README.md says which samples same_values() calls equal and this does not.
std::uint64_t sample_digest(const MetricValues& values) noexcept;

// Of a sample of which only the row is known.
inline Cursor row_cursor(Timestamp recorded_at, const MetricValues& values) noexcept {
  return {recorded_at, sample_digest(values), Cursor::kOfRow};
}

// Letters, digits, '-' and '_': safe in URLs and JSON. Never mistaken for a time.
inline constexpr std::size_t kCursorSize = 28;
// Requires: time is within the years 1970 to 9999.
void append_cursor(std::string& out, const Cursor& cursor);
// Anything that append_cursor() cannot have written is nullopt, and all but one of 65 536 damaged texts.
std::optional<Cursor> parse_cursor(std::string_view text) noexcept;

// `since`: exactly after a sample, or after a time.
using Since = std::variant<Cursor, Timestamp>;
// Neither a cursor nor ISO 8601: nullopt.
std::optional<Since> parse_since(std::string_view text) noexcept;
// The time that it names, whichever it is.
Timestamp time_of(const Since& since) noexcept;

}  // namespace pulsegate::proto
