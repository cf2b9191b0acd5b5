// Last step of a merge: where samples stand. Events keep their order and rows theirs; how the two interleave where no
// pair tells it is decided here.
#include <algorithm>

#include "gateway/devices/sample_merge_steps.hpp"

namespace pulsegate::devices::merging {

// From which event on each pair may be one row too early; events_.size(): none. So it is where values repeat and the
// last row is older than its event, which, where clocks agree, only the row of another report is: that of an equal one
// before it, whose event we did not hear. The rows that belong here are then still to come.
std::size_t Merge::first_doubtful() const {
  std::size_t last = events_.size();
  while (last > 0 && events_[last - 1].row == kNone) --last;
  if (last-- == 0) return events_.size();
  const Row& row = rows_[events_[last].row];
  if (row.stamp - input_.clock_offset >= *sample(events_[last]).event_time) return events_.size();
  const auto equal = [&](std::size_t a, std::size_t b) {
    return same(sample(events_[a]).values, sample(events_[b]).values);
  };
  std::size_t first = last;
  while (first > 0 && events_[first - 1].row != kNone && equal(first - 1, first)) --first;
  const bool repeats = first < last || (last + 1 < events_.size() && equal(last, last + 1)) ||
                       (&row != &rows_.front() && same(*(&row - 1)->values, *row.values));
  return repeats ? first : events_.size();
}

// Where what was read is full and pairs with nothing, the rows of some events may be older than all that was read. As
// rows are in the order of events, the left-over ones then stand in one place, after those events: where others have
// been missed, and the rows of the later events are still to come. Without such a place: none.
Merge::Missed Merge::missed_events() const {
  if (input_.rows.empty() || input_.rows.size() < input_.capacity) return {};
  const auto read_first = [&](const Row& row) { return row.values == &input_.rows.front().values; };
  const auto oldest = std::find_if(rows_.begin(), rows_.end(), read_first);
  const auto alone = [](const Row& row) { return row.event == kNone; };
  if (oldest == rows_.end() || oldest->owner != kNone || !free(*oldest) || !alone(*oldest)) return {};
  const auto end = std::find_if_not(oldest, rows_.end(), alone);
  const std::size_t last = end == rows_.end() ? events_.size() : end->event;
  std::size_t first = last;
  while (first > 0 && events_[first - 1].row == kNone) --first;
  for (std::size_t i = last; i > first; --i) {
    if (!open_before(i)) continue;
    // Clocks differ, so they are asked only where the rows may be from before the first of these events instead.
    const bool older = *sample(events_[i - 1]).event_time <= oldest->stamp - input_.clock_offset;
    const bool rows_follow = i == last || std::prev(end)->stamp <= *sample(events_[i]).event_time + kLongestLag;
    if (rows_follow && (older || !open_before(first)))
      return {static_cast<std::size_t>(oldest - rows_.begin()), static_cast<std::size_t>(end - rows_.begin()), i};
  }
  return {};
}

MergeResult Merge::place() const {
  MergeResult result;
  std::vector<Sample>& samples = result.samples;
  result.newest_row_is_known = std::any_of(rows_.begin(), rows_.end(), [&](const Row& row) {
    return !input_.rows.empty() && row.values == &input_.rows.back().values &&
           (row.owner != kNone || row.event != kNone);
  });
  const auto paired = [](const Event& event) { return event.row != kNone; };
  const auto last_pair = std::find_if(events_.rbegin(), events_.rend(), paired);
  const std::size_t tail = static_cast<std::size_t>(events_.rend() - last_pair);  // events from here on have no row
  const std::size_t head =
      static_cast<std::size_t>(std::find_if(events_.begin(), events_.end(), paired) - events_.begin());

  // Rows are written in the order of their events. So a row stands before an event after the last pair whose own row
  // may be still to come; and before the first pair, rows are from before our subscription. Any other event without row
  // will never get one (or it lies beyond the rows that were read), and only the clocks can tell.
  const Missed missed = missed_events();
  const auto row_first = [&](std::size_t r, std::size_t e) {
    const Row& row = rows_[r];
    if (r >= missed.begin && r < missed.end) return e >= missed.before;
    const Sample& other = sample(events_[e]);
    if (firm(other)) return row.stamp < *other.row_time;
    const bool rows_lead = e < tail ? e < head : row_may_come(events_[e]);
    return row.stamp <= *other.event_time + (rows_lead ? kLongestLag : std::chrono::seconds(0));
  };

  const auto stands_alone = [](const Row& row) { return row.event == kNone && !row.hidden; };
  const std::size_t total =
      events_.size() + static_cast<std::size_t>(std::count_if(rows_.begin(), rows_.end(), stands_alone));
  std::size_t skip = total > input_.capacity ? total - input_.capacity : 0;
  samples.reserve(total - skip);
  bool guessing = false;
  const std::size_t doubtful = first_doubtful();
  const auto take_event = [&](std::size_t i) {
    const Event& event = events_[i];
    Sample taken = sample(event);
    if (!firm(taken)) {
      if (event.row != kNone) {
        result.identified += !taken.row_time;
        taken.row_time = rows_[event.row].stamp;
        taken.provisional = guessing || i >= doubtful;
      } else {
        // Its row would come before those of later events: while it may come, what follows is a guess.
        guessing = guessing || row_may_come(event);
        taken.row_time.reset();
        taken.provisional = false;
      }
    }
    if (skip == 0) samples.push_back(taken);
    skip -= skip > 0;
  };
  const auto take_row = [&](const Row& row) {
    const bool stood_alone = row.owner != kNone && !input_.known[row.owner].event_time;
    Sample taken = stood_alone ? input_.known[row.owner] : Sample{*row.values, std::nullopt, row.stamp};
    taken.provisional = guessing && free(row);
    if (skip == 0) samples.push_back(taken);
    result.added += skip == 0 && !stood_alone;
    skip -= skip > 0;
  };
  std::size_t e = 0;
  std::size_t r = 0;
  while (e < events_.size() || r < rows_.size()) {
    const bool rows_left = r < rows_.size();
    const bool events_left = e < events_.size();
    const auto row_stands_first = [&] { return events_[e].row != kNone || row_first(r, e); };
    if (rows_left && rows_[r].hidden) {
      ++r;
    } else if (rows_left && (!events_left || (rows_[r].event == kNone && row_stands_first()))) {
      take_row(rows_[r++]);
    } else {
      r += rows_left && rows_[r].event == e;  // the row of another event waits for that one
      take_event(e++);
    }
  }
  result.guessed = std::any_of(samples.begin(), samples.end(), [](const Sample& placed) { return placed.provisional; });
  return result;
}

}  // namespace pulsegate::devices::merging
