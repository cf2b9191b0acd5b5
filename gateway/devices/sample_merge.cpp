// Two sequences, events in the order of the bus and rows in the order of the table, become one. What is certain (a row
// that was seen before) cuts both into segments; within a segment the new rows are given to the events that still lack
// one.
#include "gateway/devices/sample_merge.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gateway/devices/alignment.hpp"
#include "proto/cursor.hpp"

namespace pulsegate::devices {

namespace {

using proto::Timestamp;

constexpr std::size_t kNone = static_cast<std::size_t>(-1);
// A row stamped later than this after an event is of a later report: row lag (15 s), and clocks as far apart again.
constexpr std::chrono::seconds kLongestLag{30};
// How well the difference of clocks is known, where it is.
constexpr std::chrono::seconds kClocksAgree{2};

struct Row {
  Timestamp stamp;
  const proto::MetricValues* values;
  std::size_t owner;          // the known sample whose row this is; kNone: a row that is new to us
  std::size_t event = kNone;  // index into `events`
  bool hidden = false;        // stands where its event does, see pin()
};

struct Event {
  std::size_t sample;       // index into `known`
  std::size_t row = kNone;  // index into `rows`
};

class Merge {
 public:
  explicit Merge(const MergeInput& input) : input_(input) {}

  MergeResult run() {
    collect();
    order_ties();
    pin();
    if (input_.early_rows) count_values();
    align_segments();
    return place();
  }

 private:
  const Sample& sample(const Event& event) const { return input_.known[event.sample]; }

  bool same(const proto::MetricValues& a, const proto::MetricValues& b) const {
    return proto::same_values(a, b, input_.metric_mask);
  }
  // Whether no other row, and no other event, shows the same.
  bool one_of_each(const Event& event, const Row& row) const {
    return counts_.at(proto::sample_digest(*row.values)).rows == 1 &&
           counts_.at(proto::sample_digest(sample(event).values)).events == 1;
  }
  bool firm(const Sample& known) const { return known.row_time && !known.provisional; }
  bool free(const Row& row) const {
    return row.owner == kNone ? row.stamp > input_.earliest_row_of_events : input_.known[row.owner].provisional;
  }
  // A row that was read before an event came is not that event's. So of what is known only earlier events may still get
  // it, which is also why points never become fewer by a merge.
  bool fits(const Event& event, const Row& row) const {
    return free(row) && (row.owner == kNone || event.sample <= row.owner) && !firm(sample(event)) &&
           same(sample(event).values, *row.values) &&
           (!input_.early_rows || near(event, row) || (!input_.clocks_known && one_of_each(event, row)));
  }
  // Within what lag and clocks allow.
  bool near(const Event& event, const Row& row) const {
    const Timestamp time = *sample(event).event_time;
    if (input_.early_rows) {
      const std::chrono::microseconds lag = row.stamp - input_.clock_offset - time;
      return lag <= kLongestLag && (lag.count() >= 0 || (lag >= -kClocksAgree && one_of_each(event, row)));
    }
    return row.stamp <= time + kLongestLag && time <= row.stamp + kLongestLag;
  }
  // Rows are written in the order of their events, so an event whose row must be there by now will never get one.
  bool row_may_come(const Event& event) const {
    return rows_.empty() || rows_.back().stamp <= *sample(event).event_time + kLongestLag;
  }
  // Whether the event of a left-over row may have been missed just before events_[i]: before the first, and in gaps.
  bool open_before(std::size_t i) const {
    return i == 0 || (i < events_.size() ? sample(events_[i]).after_gap : input_.gap_at_end);
  }

  void collect();
  void collect_tie(const std::vector<std::size_t>& owned, std::size_t first_known, std::size_t last_known,
                   std::size_t first_read, std::size_t last_read);
  void order_ties();
  void order_tie(std::size_t first, std::size_t last);
  std::size_t witness(const Row& row) const;
  void pin();
  void count_values();
  void align_segments();
  void align_segment(std::size_t first_event, std::size_t last_event, std::size_t first_row, std::size_t last_row);
  std::size_t first_doubtful() const;
  MergeResult place() const;

  const MergeInput& input_;
  std::vector<Row> rows_;
  std::vector<Event> events_;
  struct Counts {
    std::size_t rows = 0, events = 0;
  };
  std::unordered_map<std::uint64_t, Counts> counts_;  // by digest; only with early_rows
  std::vector<std::size_t> candidates_;               // scratch of align_segment()
  std::vector<std::size_t> owners_;                   // scratch of collect_tie(): of each row that was read
  std::vector<char> found_;                           // the same: whether each known row was read
};

// All rows, each once: those of known samples and those just read.
void Merge::collect() {
  const std::vector<Sample>& known = input_.known;
  const std::vector<storage::MetricsRow>& read = input_.rows;
  std::vector<std::size_t> owned;
  for (std::size_t s = 0; s < known.size(); ++s) {
    if (known[s].row_time) owned.push_back(s);
    if (known[s].event_time) events_.push_back({s});
  }
  const auto older = [&](std::size_t a, std::size_t b) { return *known[a].row_time < *known[b].row_time; };
  if (!std::is_sorted(owned.begin(), owned.end(), older)) std::stable_sort(owned.begin(), owned.end(), older);
  rows_.reserve(owned.size() + read.size());
  std::size_t k = 0;
  std::size_t r = 0;
  while (k < owned.size() || r < read.size()) {
    const bool only_known = r == read.size() || (k < owned.size() && *known[owned[k]].row_time < read[r].recorded_at);
    const Timestamp stamp = only_known ? *known[owned[k]].row_time : read[r].recorded_at;
    const std::size_t first_known = k;
    const std::size_t first_read = r;
    while (k < owned.size() && *known[owned[k]].row_time == stamp) ++k;
    while (r < read.size() && read[r].recorded_at == stamp) ++r;
    collect_tie(owned, first_known, k, first_read, r);
  }
}

// Rows of one stamp: owned[first_known, last_known) and those read as [first_read, last_read). Equal values are the
// same row, as often as both sides have it, since a batch may hold equal ones.
void Merge::collect_tie(const std::vector<std::size_t>& owned, std::size_t first_known, std::size_t last_known,
                        std::size_t first_read, std::size_t last_read) {
  const std::vector<Sample>& known = input_.known;
  const std::vector<storage::MetricsRow>& read = input_.rows;
  std::vector<std::size_t>& owners = owners_;
  std::vector<char>& found = found_;
  owners.assign(last_read - first_read, kNone);
  found.assign(last_known - first_known, 0);
  // The window and what was read may both begin amid a batch: they have the end of it in common.
  const bool from_end = first_known == 0 || first_read == 0;
  for (std::size_t i = 0; i < found.size(); ++i) {
    const std::size_t k = from_end ? found.size() - 1 - i : i;
    const proto::MetricValues& values = known[owned[first_known + k]].values;
    for (std::size_t j = 0; j < owners.size() && found[k] == 0; ++j) {
      const std::size_t r = from_end ? owners.size() - 1 - j : j;
      if (owners[r] != kNone || !same(values, read[first_read + r].values)) continue;
      owners[r] = owned[first_known + k];
      found[k] = 1;
    }
  }
  // A known row that was not read is beyond those that were: it stands before the next known one of its batch, and
  // after the last.
  std::size_t next = 0;
  const auto take_unread = [&](std::size_t end) {
    for (; next < end; ++next) {
      const std::size_t owner = owned[first_known + next];
      if (found[next] == 0) rows_.push_back({*known[owner].row_time, &known[owner].values, owner});
    }
  };
  if (first_read > 0 && std::find(found.begin(), found.end(), 1) == found.end()) take_unread(found.size());
  for (std::size_t r = 0; r < owners.size(); ++r) {
    if (owners[r] != kNone) {
      const auto at = std::find(owned.begin() + static_cast<std::ptrdiff_t>(first_known),
                                owned.begin() + static_cast<std::ptrdiff_t>(last_known), owners[r]);
      take_unread(static_cast<std::size_t>(at - owned.begin()) - first_known);
    }
    rows_.push_back({read[first_read + r].recorded_at, &read[first_read + r].values, owners[r]});
  }
  take_unread(found.size());
}

// A batch written by one statement has one stamp, and a query ordered by stamps may return it in any order.
void Merge::order_ties() {
  for (std::size_t first = 0, last = 0; first < rows_.size(); first = last) {
    while (last < rows_.size() && rows_[last].stamp == rows_[first].stamp) ++last;
    if (last - first > 1 && !events_.empty()) order_tie(first, last);
  }
}

// The event that this row must belong to, counted from 1; 0: none. Only values that occur once on either side bear
// witness: where they repeat, a contradiction is more likely chance than a batch in disorder.
std::size_t Merge::witness(const Row& row) const {
  if (row.owner == kNone && !free(row)) return 0;
  const auto like_row = [&](const Row& other) { return same(*row.values, *other.values); };
  if (std::count_if(rows_.begin(), rows_.end(), like_row) != 1) return 0;
  const auto like_event = [&](const Event& event) { return same(sample(event).values, *row.values); };
  const auto found = std::find_if(events_.begin(), events_.end(), like_event);
  if (found == events_.end() || std::find_if(found + 1, events_.end(), like_event) != events_.end()) return 0;
  return static_cast<std::size_t>(found - events_.begin()) + 1;
}

// A tie that contradicts the order of the events is turned round (an index keeps equal stamps in one order or the
// other); if that does not help it is sorted by the events.
void Merge::order_tie(std::size_t first, std::size_t last) {
  std::vector<std::pair<std::size_t, Row>> tie;
  for (std::size_t r = first; r < last; ++r) tie.emplace_back(witness(rows_[r]), rows_[r]);
  const auto contradicts = [&] {
    std::size_t latest = 0;
    for (const auto& [event, row] : tie) {
      if (event != 0 && event < latest) return true;
      latest = std::max(latest, event);
    }
    return false;
  };
  if (!contradicts()) return;
  std::reverse(tie.begin(), tie.end());
  if (contradicts())
    std::stable_sort(tie.begin(), tie.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  for (const auto& [event, row] : tie) rows_[first++] = row;
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

void Merge::count_values() {
  for (const Row& row : rows_) ++counts_[proto::sample_digest(*row.values)].rows;
  for (const Event& event : events_) ++counts_[proto::sample_digest(sample(event).values)].events;
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
  const auto row_first = [&](const Row& row, std::size_t e) {
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
    if (r < rows_.size() && rows_[r].hidden) {
      ++r;
    } else if (r == rows_.size()) {
      take_event(e++);
    } else if (e == events_.size()) {
      take_row(rows_[r++]);
    } else if (rows_[r].event != kNone) {
      r += rows_[r].event == e;  // otherwise the row waits for its event
      take_event(e++);
    } else if (events_[e].row != kNone || row_first(rows_[r], e)) {
      take_row(rows_[r++]);
    } else {
      take_event(e++);
    }
  }
  result.guessed = std::any_of(samples.begin(), samples.end(), [](const Sample& placed) { return placed.provisional; });
  return result;
}

}  // namespace

MergeResult merge_samples(const MergeInput& input) {
  return Merge(input).run();
}

}  // namespace pulsegate::devices
