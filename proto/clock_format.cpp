// The guide's clock form in a chosen zone. The zone's offsets are copied into a table at construction, so that
// formatting is one binary search, needs no lock, and touches neither the time zone library nor the file system.
#include <date/tz.h>

#include <algorithm>
#include <stdexcept>
#include <vector>

#include "proto/time.hpp"

namespace pulsegate::proto {
namespace {

using std::chrono::seconds;

struct Offset {
  date::sys_seconds from;  // valid until the next entry
  seconds value;
};

constexpr date::sys_seconds kFrom = date::sys_days(date::year(1970) / 1 / 1);
constexpr date::sys_seconds kUntil = date::sys_days(date::year(2200) / 1 / 1);

std::vector<Offset> load_offsets(std::string_view zone) {
  // UTC must work where no time zone data is installed, as in a minimal container.
  if (zone == "UTC" || zone == "Etc/UTC") return {{kFrom, seconds(0)}};
  const date::time_zone* located = date::locate_zone(zone);
  std::vector<Offset> offsets;
  for (date::sys_seconds at = kFrom; at < kUntil;) {
    const date::sys_info info = located->get_info(at);
    if (offsets.empty() || offsets.back().value != info.offset) offsets.push_back({at, info.offset});
    if (info.end <= at) break;
    at = info.end;
  }
  return offsets;
}

}  // namespace

struct ClockFormat::Zone {
  std::vector<Offset> offsets;  // ascending, at least one

  seconds offset_at(date::sys_seconds time) const noexcept {
    const auto after = std::upper_bound(offsets.begin(), offsets.end(), time,
                                        [](date::sys_seconds t, const Offset& o) { return t < o.from; });
    return after == offsets.begin() ? after->value : (after - 1)->value;
  }
};

ClockFormat::ClockFormat(std::string_view zone, Style style) : style_(style) {
  try {
    zone_ = std::make_unique<const Zone>(Zone{load_offsets(zone)});
  } catch (const std::exception&) {
    throw std::invalid_argument("The time zone \"" + std::string(zone) +
                                "\" is not known here; use an IANA name such as Europe/Berlin, and install tzdata.");
  }
}

ClockFormat::~ClockFormat() = default;
ClockFormat::ClockFormat(ClockFormat&&) noexcept = default;
ClockFormat& ClockFormat::operator=(ClockFormat&&) noexcept = default;

void ClockFormat::append(std::string& out, Timestamp time) const {
  if (style_ == Style::iso) return append_iso8601(out, time);
  const date::sys_seconds utc = date::floor<seconds>(time);
  const date::sys_seconds local = utc + zone_->offset_at(utc);
  const auto minute_of_day =
      static_cast<unsigned>(date::floor<std::chrono::minutes>(local - date::floor<date::days>(local)).count());
  const unsigned hour = minute_of_day / 60;
  const unsigned hour12 = hour % 12 == 0 ? 12 : hour % 12;
  const unsigned minute = minute_of_day % 60;
  const auto digit = [](unsigned value) { return static_cast<char>('0' + value); };
  const char text[] = {digit(hour12 / 10),
                       digit(hour12 % 10),
                       ':',
                       digit(minute / 10),
                       digit(minute % 10),
                       ' ',
                       hour < 12 ? 'A' : 'P',
                       'M'};
  out.append(text, sizeof text);
}

}  // namespace pulsegate::proto
