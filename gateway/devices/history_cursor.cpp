// Where a client stands in the window: the cursor of its newest sample, and where to go on after one.
#include <algorithm>

#include "gateway/devices/cursor_match.hpp"
#include "gateway/devices/history_window.hpp"

namespace pulsegate::devices {

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
  unsigned left = cursor.ordinal();
  for (std::size_t i = 0; i < samples_.size(); ++i) {
    const Sample& sample = samples_[i];
    const auto found = match(cursor, sample.event_time, sample.row_time, std::chrono::microseconds(0), row_lag);
    if (found == CursorMatch::none || (found == CursorMatch::maybe && (exact || other))) continue;
    if (proto::sample_digest(sample.values) != cursor.digest) continue;
    if (found == CursorMatch::maybe) {
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
    if (sample->event_time == newest.event_time && sample->time() == cursor.time &&
        cursor.occurrence + 1 < proto::Cursor::kOfRow && proto::sample_digest(sample->values) == cursor.digest)
      ++cursor.occurrence;
  if (!newest.event_time) cursor.occurrence = static_cast<std::uint16_t>(cursor.occurrence | proto::Cursor::kOfRow);
  return cursor;
}

}  // namespace pulsegate::devices
