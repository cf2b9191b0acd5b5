// Points in time as they appear on the wire: ISO 8601 in UTC, and the guide's clock form "02:05 PM" in a chosen zone.
#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::proto {

// Wall-clock time, microseconds since the Unix epoch, UTC.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::microseconds>;

// Accepts "2026-11-22T14:05:00Z" with 0–9 fraction digits (truncated to µs), 'T' or a space, and 'Z' or
// "+hh:mm"/"-hh:mm". Years 1970–9999. Anything else: nullopt.
std::optional<Timestamp> parse_iso8601(std::string_view text) noexcept;

// "2026-11-22T14:05:00.123Z": 24 characters, as JavaScript's toISOString().
void append_iso8601(std::string& out, Timestamp time);

// Formats history times. Thread: immutable after construction; append() is thread safe.
class ClockFormat {
 public:
  enum class Style { clock12, iso };

  // `zone`: an IANA name such as "Europe/Berlin" or "UTC". Throws std::invalid_argument when the zone is unknown.
  explicit ClockFormat(std::string_view zone = "UTC", Style style = Style::clock12);
  ~ClockFormat();
  ClockFormat(ClockFormat&&) noexcept;
  ClockFormat& operator=(ClockFormat&&) noexcept;

  // clock12: "02:05 PM", exactly toLocaleTimeString('en-US', {hour:'2-digit', minute:'2-digit'}); iso: as
  // append_iso8601.
  void append(std::string& out, Timestamp time) const;

 private:
  struct Zone;
  std::unique_ptr<const Zone> zone_;
  Style style_;
};

}  // namespace pulsegate::proto
