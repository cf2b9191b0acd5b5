// What a window does with an event is decided here; how rows and samples become one sequence, in sample_merge.
#include "gateway/devices/history_window.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::devices {

namespace {

// A report that is published twice comes twice in a row, or with very few others of its device between.
constexpr std::size_t kLookBack = 4;
constexpr std::chrono::seconds kDoubledWithin{1};
// A row that is read before its event arrives was written at the time of the event, but clocks differ.
constexpr std::chrono::seconds kClocksApart{30};

std::chrono::microseconds distance(proto::Timestamp a, proto::Timestamp b) noexcept {
  return a > b ? a - b : b - a;
}

bool shows_the_same(const Sample& a, const Sample& b) noexcept {
  const auto equal = [](const proto::MetricValue& x, const proto::MetricValue& y) {
    return x.present == y.present && (!x.present || x.value == y.value);
  };
  return a.time() == b.time() &&
         std::equal(a.values.items.begin(), a.values.items.end(), b.values.items.begin(), equal);
}

}  // namespace

bool HistoryWindow::add_event(const proto::MetricValues& values, proto::Timestamp event_time) {
  std::size_t events = 0;
  for (auto sample = samples_.rbegin(); sample != samples_.rend() && events < kLookBack; ++sample) {
    if (!sample->event_time) continue;
    ++events;
    if (distance(*sample->event_time, event_time) < kDoubledWithin && proto::same_values(values, sample->values))
      return false;
  }
  const bool after_gap = std::exchange(gap_at_end_, false);
  same_from_ = begin();
  if (Sample* const sample = row_of(values, event_time)) {
    same_from_ += sample - samples_.data() + 1;
    sample->values = values;
    sample->event_time = event_time;
    sample->after_gap = after_gap;
    sample->provisional = guessed_ = true;
  } else {
    append({values, event_time, std::nullopt, after_gap});
  }
  return true;
}

// The event's row, where the table was read between its insertion and the arrival of the event. Rows from before the
// newest event are not asked: their events came, or never will. It may be the row of an equal report from before our
// subscription instead; hence the pair is provisional, and parted when the event's own row is read.
Sample* HistoryWindow::row_of(const proto::MetricValues& values, proto::Timestamp event_time) noexcept {
  for (auto sample = samples_.rbegin(); sample != samples_.rend() && !sample->event_time; ++sample) {
    if (*sample->row_time <= earliest_row_) break;
    if (distance(*sample->row_time, event_time) <= kClocksApart &&
        proto::same_values(values, sample->values, metric_mask_))
      return &*sample;
  }
  return nullptr;
}

// A vector that drops its first element: thirty samples are moved faster than a ring is read in two pieces, and
// everybody else sees a plain vector. It grows by doubling, but never beyond the window.
void HistoryWindow::append(const Sample& sample) {
  if (capacity_ == 0) return;
  if (samples_.size() >= capacity_) samples_.erase(samples_.begin());
  if (samples_.size() == samples_.capacity()) samples_.reserve(std::min(capacity_, 2 * samples_.size() + 4));
  samples_.push_back(sample);
  ++end_;
}

HistoryWindow::Applied HistoryWindow::apply(const storage::Snapshot& snapshot,
                                            proto::Timestamp earliest_row_of_events) {
  earliest_row_ = earliest_row_of_events;
  metric_mask_ = snapshot.metric_mask;
  MergeResult merged = merge_samples({samples_, snapshot.metrics, snapshot.metric_mask, earliest_row_of_events,
                                      capacity_, gap_at_end_, snapshot.clock_offset});
  Applied applied;
  applied.changed =
      !std::equal(samples_.begin(), samples_.end(), merged.samples.begin(), merged.samples.end(), shows_the_same);
  applied.added = merged.added;
  applied.identified = merged.identified;
  applied.newest_row_is_known = merged.newest_row_is_known;
  renumber(merged.samples);
  guessed_ = merged.guessed;
  samples_ = std::move(merged.samples);
  return applied;
}

// The newest sample of before keeps its number, and so do those before it as far back as nothing differs.
void HistoryWindow::renumber(const std::vector<Sample>& merged) noexcept {
  const auto newest = std::find_if(merged.rbegin(), merged.rend(), [&](const Sample& sample) {
    return !samples_.empty() && shows_the_same(sample, samples_.back());
  });
  const auto same = std::mismatch(samples_.rbegin(), newest == merged.rend() ? samples_.rbegin() : samples_.rend(),
                                  newest, merged.rend(), shows_the_same);
  same_from_ = end_ - (same.first - samples_.rbegin());
  end_ += newest - merged.rbegin();
  if (newest == merged.rend() && !samples_.empty()) same_from_ = end_ + 1;
}

std::vector<Sample> HistoryWindow::join(const std::vector<storage::MetricsRow>& rows, std::uint8_t metric_mask) const {
  // Only rows from about the first sample on can be those of samples; the others need no merge.
  const auto first =
      samples_.empty() ? rows.end() : std::partition_point(rows.begin(), rows.end(), [&](const auto& row) {
        return row.recorded_at < samples_.front().time() - 2 * kClocksApart;
      });
  std::vector<Sample> joined;
  joined.reserve(rows.size() + samples_.size());
  for (auto row = rows.begin(); row != first; ++row) joined.push_back({row->values, std::nullopt, row->recorded_at});
  const std::vector<storage::MetricsRow> late(first, rows.end());
  const MergeResult merged =
      merge_samples({samples_, late, metric_mask, earliest_row_, late.size() + samples_.size(), gap_at_end_});
  joined.insert(joined.end(), merged.samples.begin(), merged.samples.end());
  return joined;
}

void HistoryWindow::set_capacity(std::size_t capacity) {
  capacity_ = capacity;
  if (samples_.size() <= capacity) return;
  samples_.erase(samples_.begin(), samples_.end() - static_cast<std::ptrdiff_t>(capacity));
  samples_.shrink_to_fit();
}

bool HistoryWindow::all_from_events() const noexcept {
  if (samples_.size() < capacity_ || gap_at_end_) return false;
  // Before the first sample events may be missing as they like.
  for (std::size_t i = 0; i < samples_.size(); ++i)
    if (!samples_[i].event_time || (i > 0 && samples_[i].after_gap)) return false;
  return true;
}

}  // namespace pulsegate::devices
