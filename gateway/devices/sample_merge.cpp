// Two sequences, events in the order of the bus and rows in the order of the table, become one. What is certain (a row
// that was seen before) cuts both into segments; within a segment the new rows are given to the events that still lack
// one.
#include "gateway/devices/sample_merge.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gateway/devices/alignment.hpp"
#include "gateway/devices/sample_merge_steps.hpp"
#include "proto/cursor.hpp"

namespace pulsegate::devices::merging {

MergeResult Merge::run() {
  collect();
  order_ties();
  pin();
  if (input_.early_rows) find_alone();
  align_segments();
  return place();
}

// Links the firm pairs that earlier merges found. One that crosses another (somebody changed stamps in the table)
// remains one sample: it stands where its event does.
void Merge::pin() {
  std::size_t next = 0;
  for (std::size_t r = 0; r < rows_.size(); ++r) {
    Row& row = rows_[r];
    if (row.owner == kNone || free(row) || !input_.known[row.owner].event_time) continue;
    const auto at = std::lower_bound(events_.begin(), events_.end(), row.owner,
                                     [](const Event& event, std::size_t owner) { return event.sample < owner; });
    const auto e = static_cast<std::size_t>(at - events_.begin());
    if (e < next) {
      row.hidden = true;
      continue;
    }
    row.event = e;
    events_[e].row = r;
    next = e + 1;
  }
}

// One digest for each: pairs are many more.
void Merge::find_alone() {
  const auto mark = [](auto& list, const auto& values_of) {
    std::unordered_map<std::uint64_t, std::pair<std::size_t, bool>> first;  // where, and whether it is the only one
    for (std::size_t i = 0; i < list.size(); ++i) {
      const auto [at, is_new] = first.try_emplace(proto::sample_digest(values_of(list[i])), i, true);
      at->second.second = is_new;
    }
    for (const auto& [digest, place] : first) list[place.first].alone = place.second;
  };
  mark(rows_, [](const Row& row) -> const proto::MetricValues& { return *row.values; });
  mark(events_, [&](const Event& event) -> const proto::MetricValues& { return sample(event).values; });
}

void Merge::align_segments() {
  std::size_t first_event = 0;
  std::size_t first_row = 0;
  for (std::size_t e = 0; e <= events_.size(); ++e) {
    if (e < events_.size() && events_[e].row == kNone) continue;
    const std::size_t last_row = e < events_.size() ? events_[e].row : rows_.size();
    align_segment(first_event, e, first_row, last_row);
    first_event = e + 1;
    first_row = last_row + 1;
  }
}

void Merge::align_segment(std::size_t first_event, std::size_t last_event, std::size_t first_row,
                          std::size_t last_row) {
  if (first_event == last_event) return;
  candidates_.clear();
  for (std::size_t r = first_row; r < last_row; ++r)
    if (free(rows_[r])) candidates_.push_back(r);
  if (candidates_.empty()) return;
  align(
      last_event - first_event, candidates_.size(),
      [&](std::size_t e, std::size_t c) { return fits(events_[first_event + e], rows_[candidates_[c]]); },
      [&](std::size_t e, std::size_t c) {
        // Within what lag and clocks allow; then, not older than the event.
        const Event& event = events_[first_event + e];
        const Row& row = rows_[candidates_[c]];
        const std::chrono::microseconds lag = row.stamp - *sample(event).event_time;
        const std::int64_t near_bonus = near(event, row) ? 1 << 15 : 0;
        if (input_.early_rows && lag >= input_.clock_offset)
          return near_bonus + (std::int64_t{1} << 14) -
                 static_cast<std::int64_t>(std::min<std::size_t>(c, (1 << 14) - 1));
        return near_bonus + (lag.count() >= 0 ? 1 : 0);
      },
      [&](std::size_t e) { return !open_before(first_event + e); },
      [&](std::size_t e, std::size_t c) {
        rows_[candidates_[c]].event = first_event + e;
        events_[first_event + e].row = candidates_[c];
      });
}

}  // namespace pulsegate::devices::merging

namespace pulsegate::devices {

MergeResult merge_samples(const MergeInput& input) {
  return merging::Merge(input).run();
}

}  // namespace pulsegate::devices
