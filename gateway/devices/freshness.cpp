#include "gateway/devices/freshness.hpp"

#include <algorithm>
#include <array>

namespace pulsegate::devices {

namespace {

using std::chrono::microseconds;

// As in HistoryWindow, which does not merge rows.
constexpr std::chrono::seconds kDoubledWithin{1};
// Stamps may be anything; older than this is all the same, and keeps the arithmetic of nanoseconds in its range.
constexpr std::chrono::hours kOldest{24 * 365 * 100};

// nullopt: the two have no clock in common, or what lies between them is not one interval.
std::optional<microseconds> interval(const Sample& earlier, const Sample& later) noexcept {
  if (later.after_gap) return std::nullopt;
  std::optional<microseconds> between;
  if (earlier.event_time && later.event_time) {
    between = *later.event_time - *earlier.event_time;
  } else if (earlier.row_time && later.row_time) {
    between = *later.row_time - *earlier.row_time;
  }
  return between && between->count() >= 0 ? between : std::nullopt;
}

SteadyTime steady(proto::Timestamp time, const Now& now) noexcept {
  return now.steady - std::clamp<microseconds>(now.wall - time, microseconds(0), kOldest);
}

}  // namespace

std::optional<microseconds> Freshness::limit(const std::vector<Sample>& samples, std::chrono::milliseconds at_least) {
  std::array<microseconds, kIntervals> intervals;
  std::size_t count = 0;
  std::size_t batch = 1;  // samples of the same stamp
  for (std::size_t i = samples.size(); i-- > 1 && count < kIntervals;) {
    const auto between = interval(samples[i - 1], samples[i]);
    if (between && *between < kDoubledWithin && proto::same_values(samples[i - 1].values, samples[i].values)) continue;
    if (between && between->count() == 0) {
      ++batch;
      continue;
    }
    if (between)
      for (std::size_t k = 0; k < batch && count < kIntervals; ++k)
        intervals[count++] = *between / static_cast<microseconds::rep>(batch);
    batch = 1;
  }
  if (count < kFewestIntervals) return std::nullopt;
  std::sort(intervals.begin(), intervals.begin() + static_cast<std::ptrdiff_t>(count));
  const microseconds median = (intervals[(count - 1) / 2] + intervals[count / 2]) / 2;
  const microseconds longest = kLongestLimit;
  return std::max<microseconds>(at_least, std::min(longest / kMissedReports, median) * kMissedReports);
}

void Freshness::on_row(proto::Timestamp stamp, const Now& now) noexcept {
  heard_ = std::max(heard_, steady(stamp, now));
}

void Freshness::on_table_read(proto::Timestamp complete_until, const Now& now) noexcept {
  table_complete_until_ = std::max(table_complete_until_, steady(complete_until, now));
}

void Freshness::on_bus_down(SteadyTime at) noexcept {
  listening_since_ = kNever;
  if (lost_at_ == kNever || heard_ >= lost_at_) lost_at_ = at;
}

SteadyTime Freshness::silent_at(microseconds limit) const noexcept {
  if (heard_ == kNotYet) return kNever;
  // By the table, where it is the only witness: a device that died before we looked.
  const SteadyTime by_table = heard_ + limit;
  if (std::min(table_complete_until_, lost_at_) >= by_table) return by_table;
  return listening_since_ == kNever ? kNever : std::max(heard_, listening_since_) + limit;
}

proto::Timestamp Freshness::heard_at(const Now& now) const noexcept {
  return now.wall - std::chrono::floor<microseconds>(now.steady - heard_);
}

void Freshness::declare_stale(const Now& now) noexcept {
  stale_since_ = heard_at(now);
  heard_before_stale_ = heard_;
}

bool Freshness::revived(std::optional<microseconds> limit, const Now& now) const noexcept {
  return heard_ > heard_before_stale_ && (!limit || now.steady - heard_ < *limit);
}

}  // namespace pulsegate::devices
