// Where a client stands in the window: the cursor of its newest sample, and where to go on after one.
#include <algorithm>
#include <limits>

#include "gateway/devices/history_window.hpp"

namespace pulsegate::devices {

namespace {

// Of the publisher, the database and the replica that wrote the cursor.
constexpr std::chrono::seconds kClocksApart{30};

bool stands_at(const Sample& sample, proto::Timestamp time) noexcept {
  return sample.event_time == time || sample.row_time == time;
}

// Whether a sample with the values of the cursor's can be it, under the other of its two times.
bool may_stand_for(const Sample& sample, proto::Timestamp time, std::chrono::microseconds row_lag) noexcept {
  if (sample.row_time && *sample.row_time >= time - kClocksApart && *sample.row_time <= time + row_lag) return true;
  return sample.event_time && *sample.event_time <= time && *sample.event_time >= time - row_lag;
}

}  // namespace

std::optional<std::size_t> HistoryWindow::after(const proto::Since& since, std::chrono::microseconds row_lag) const {
  if (const auto* const cursor = std::get_if<proto::Cursor>(&since)) {
    const auto found = find(*cursor, row_lag);
    return found ? std::optional(*found + 1) : std::nullopt;
  }
  // What begins later than the client's time may have lost samples in between.
  const proto::Timestamp time = std::get<proto::Timestamp>(since);
  if (samples_.empty() || samples_.front().time() > time) return std::nullopt;
  const auto first =
      std::find_if(samples_.begin(), samples_.end(), [&](const Sample& sample) { return sample.time() >= time; });
  return static_cast<std::size_t>(first - samples_.begin());
}

std::optional<std::size_t> HistoryWindow::find(const proto::Cursor& cursor, std::chrono::microseconds row_lag) const {
  std::optional<std::size_t> exact, other;
  std::size_t left = cursor.occurrence;
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& sample = samples_[i];
    const bool here = stands_at(sample, cursor.time);
    if (!here && (exact || other || !may_stand_for(sample, cursor.time, row_lag))) continue;
    if (proto::sample_digest(sample.values) != cursor.digest) continue;
    if (!here) {
      other = i;
      continue;
    }
    // Of equal ones the first may have grown too old: then the last that is left is meant, or comes before it.
    exact = i;
    if (left-- == 0) break;
  }
  return exact ? exact : other;
}

proto::Cursor HistoryWindow::cursor() const {
  const Sample& newest = samples_.back();
  proto::Cursor cursor{newest.time(), proto::sample_digest(newest.values), 0};
  for (auto sample = samples_.begin(); sample != std::prev(samples_.end()); ++sample)
    if (sample->time() == cursor.time && cursor.occurrence < std::numeric_limits<std::uint16_t>::max() &&
        proto::sample_digest(sample->values) == cursor.digest)
      ++cursor.occurrence;
  return cursor;
}

}  // namespace pulsegate::devices
