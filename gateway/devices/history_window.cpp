#include "gateway/devices/history_window.hpp"

#include <algorithm>

namespace pulsegate::devices {

namespace {

// A report that is published twice comes twice in a row, or with very few others of its device between.
constexpr std::size_t kLookBack = 4;
constexpr std::chrono::seconds kDoubledWithin{1};

}  // namespace

bool HistoryWindow::add_event(const proto::MetricValues& values, proto::Timestamp event_time) {
  const std::size_t look_back = std::min(kLookBack, samples_.size());
  for (std::size_t i = samples_.size() - look_back; i < samples_.size(); ++i) {
    const Sample& sample = samples_[i];
    if (!sample.event_time) continue;
    const auto distance = *sample.event_time > event_time ? *sample.event_time - event_time : event_time - *sample.event_time;
    if (distance < kDoubledWithin && proto::same_values(values, sample.values)) return false;
  }
  // A vector that drops its first element: thirty samples are moved faster than a ring is read in two pieces.
  if (samples_.size() >= capacity_) samples_.erase(samples_.begin());
  samples_.push_back({values, event_time, std::nullopt});
  return true;
}

HistoryWindow::Applied HistoryWindow::apply(const storage::Snapshot& snapshot, proto::Timestamp earliest_row_of_events) {
  MergeResult merged =
      merge_samples({samples_, snapshot.metrics, snapshot.metric_mask, earliest_row_of_events, capacity_});
  Applied applied;
  applied.changed = merged.added > 0;
  applied.added = merged.added;
  applied.newest_row_is_known = merged.newest_row_is_known;
  samples_ = std::move(merged.samples);
  return applied;
}

bool HistoryWindow::all_from_events() const noexcept {
  return samples_.size() >= capacity_ &&
         std::all_of(samples_.begin(), samples_.end(), [](const Sample& sample) { return sample.event_time.has_value(); });
}

}  // namespace pulsegate::devices
