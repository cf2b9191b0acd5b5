// First step of a merge: the rows of known samples and those just read become one sequence, each row once, and batches
// of one stamp are put in the order of their events.
#include <algorithm>
#include <utility>

#include "gateway/devices/sample_merge_steps.hpp"

namespace pulsegate::devices::merging {

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

}  // namespace pulsegate::devices::merging
