// The rows are given to events by the merge that a snapshot uses; what that does not know is added here: which events
// it must not see, what was heard without a gap, and what clients were given before.
#include "gateway/devices/past_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>

#include "gateway/devices/cursor_match.hpp"
#include "proto/cursor.hpp"

namespace pulsegate::devices {

namespace {

using proto::Timestamp;
using Source = PastSample::Source;

const storage::History& rows_of(const Past& past) {
  static const storage::History kNothing;
  return past.rows ? *past.rows : kNothing;
}

// Marks events of repeated values whose own rows may be missing, because they are young, or the rows were written
// before the first that was read, or given to clients as samples of their own: the row that such an event would get may
// be that of an equal sample which we do not know.
std::vector<bool> undecided(const std::vector<PastSample>& events, const Past& past, const CatchUpRules& rules) {
  struct Equal {
    std::uint64_t digest;
    std::size_t event;  // kRow: a row
  };
  constexpr std::size_t kRow = static_cast<std::size_t>(-1);
  const std::vector<storage::MetricsRow>& read = rows_of(past).rows;
  std::vector<Equal> all;
  for (std::size_t i = 0; i < events.size(); ++i)
    if (events[i].sample.event_time) all.push_back({proto::sample_digest(events[i].sample.values), i});
  for (const storage::MetricsRow& row : read) all.push_back({proto::sample_digest(row.values), kRow});
  std::stable_sort(all.begin(), all.end(), [](const Equal& a, const Equal& b) { return a.digest < b.digest; });
  std::vector<bool> marked(events.size());
  std::size_t last_row = events.size();  // that was given to clients
  while (last_row > 0 && events[last_row - 1].sample.event_time) --last_row;
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && all[last].digest == all[first].digest) ++last;
    std::size_t end = first;  // of its events, which stand before its rows, oldest first
    while (end < last && all[end].event != kRow) ++end;
    if (end == first) continue;
    const auto time = [&](std::size_t i) { return *events[all[i].event].sample.event_time; };
    const std::size_t rows = last - end;
    for (std::size_t i = first; i < end; ++i) {
      const bool young = time(i) + rules.row_lag >= past.looked;
      const bool behind = all[i].event < last_row;
      const bool before = rows > 0 && time(i) < read.front().recorded_at - clock_offset(past);
      const bool repeated =
          distance(time(first), time(i)) >= kSameReport || distance(time(end - 1), time(i)) >= kSameReport;
      // Of a report that came twice and was written once only one has a row.
      const bool twin = !repeated && i - first >= std::max<std::size_t>(rows, 1);
      if (twin || ((before || behind) && repeated) || (young && (repeated || rows > end - first)))
        marked[all[i].event] = true;
    }
  }
  return marked;
}

// Made for one look at the past, and run once.
class Placing {
 public:
  Placing(const std::vector<PastSample>& events, const EventMemory& memory, const Past& past, const CatchUpRules& rules)
      : events_(events),
        past_(past),
        rules_(rules),
        read_(rows_of(past)),
        left_out_(undecided(events, past, rules)),
        unbroken_(memory.unbroken_from()),
        run_(static_cast<std::size_t>(
            std::find_if(events.begin(), events.end(), [&](const PastSample& each) { return in_run(each); }) -
            events.begin())),
        given_(events.size()) {}

  std::vector<PastSample> run() {
    std::vector<Sample> known;
    std::vector<std::size_t> known_at;  // index into events_ of each of `known`
    for (std::size_t i = 0; i < events_.size(); ++i) {
      if (left_out_[i]) continue;
      known.push_back(events_[i].sample);
      known_at.push_back(i);
    }
    std::size_t k = 0;
    for (const Sample& sample : merge(known).samples) {
      if (!sample.event_time) {
        take_row(sample);
        continue;
      }
      while (!known[k].event_time) ++k;
      take_event(known_at[k++], sample.row_time);
    }
    take_events_until(events_.size());
    samples_.insert(samples_.begin() + static_cast<std::ptrdiff_t>(run_at_), before_run_.begin(), before_run_.end());
    return std::move(samples_);
  }

 private:
  MergeResult merge(const std::vector<Sample>& known) const {
    Timestamp earliest = Timestamp::max() - kClocksApart;
    for (const Sample& sample : known)
      if (sample.event_time) earliest = std::min(earliest, *sample.event_time);
    MergeInput input{known, read_.rows, read_.metric_mask};
    input.earliest_row_of_events = earliest + read_.clock_offset - kClocksApart;
    input.capacity = known.size() + read_.rows.size();
    input.gap_at_end = rules_.missed;
    input.clock_offset = read_.clock_offset;
    input.early_rows = rules_.missed;
    input.clocks_known = rules_.unknown.count() == 0;
    return merge_samples(input);
  }

  bool same(const Sample& a, const Sample& b) const {
    return proto::same_values(a.values, b.values, read_.metric_mask);
  }
  // From its first on nothing was missed: a row is that of one of these events, or of one that was missed before them.
  bool in_run(const PastSample& each) const { return each.source == Source::memory && each.index >= unbroken_; }
  bool may_be_of_run(const Sample& row) const {
    return std::any_of(events_.begin() + static_cast<std::ptrdiff_t>(run_), events_.end(),
                       [&](const PastSample& event) { return same(event.sample, row); });
  }
  bool run_begun() {
    while (run_at_ < samples_.size() && !in_run(samples_[run_at_])) ++run_at_;
    return run_at_ < samples_.size();
  }

  // Rows that were given to clients come where the merge puts them.
  void take_events_until(std::size_t end) {
    for (; next_event_ < end; ++next_event_)
      if (events_[next_event_].sample.event_time) samples_.push_back(events_[next_event_]);
  }
  void take_event(std::size_t i, const std::optional<Timestamp>& row_time) {
    take_events_until(i);
    samples_.push_back(events_[i]);
    samples_.back().sample.row_time = row_time;
    next_event_ = i + 1;
  }
  void take_row(const Sample& row) {
    const std::size_t place = given(row);
    const bool known = place < events_.size();
    take_left_out_before(row, known ? place : 0);
    if (known) {
      given_[place] = true;
      samples_.push_back(events_[place]);
      return;
    }
    const bool young = *row.row_time - read_.clock_offset > past_.looked - rules_.tolerance;
    const bool of_run = may_be_of_run(row);
    auto& place_of_row = of_run && run_begun() ? before_run_ : samples_;
    place_of_row.push_back({Source::row, 0, row, young && !of_run, false, of_run});
  }

  // Where among the events a row stands that was given to clients; events_.size(): it was not.
  std::size_t given(const Sample& row) const {
    std::size_t i = 0;
    for (; i < events_.size(); ++i) {
      const Sample& known = events_[i].sample;
      if (!given_[i] && !known.event_time && *known.row_time == *row.row_time && same(known, row)) break;
    }
    return i;
  }

  // Whether a row is that of an event that was left out is open; a row that may be of a later one stands behind it.
  // `known_place`: where it is known to stand among the events.
  void take_left_out_before(const Sample& row, std::size_t known_place) {
    const auto before = [&](std::size_t i) {
      const PastSample& other = events_[i];
      if (!other.sample.event_time) return true;
      if (!left_out_[i]) return false;
      // Entries leave the stream once they are in the table: a row is that of one that is left, or older than all.
      const bool open = i < run_ && !other.in_stream;
      return i < known_place ||
             (open && *other.sample.event_time <= *row.row_time - clock_offset(past_) + rules_.tolerance);
    };
    std::size_t end = next_event_;
    while (end < events_.size() && before(end)) ++end;
    take_events_until(end);
  }

  const std::vector<PastSample>& events_;
  const Past& past_;
  const CatchUpRules& rules_;
  const storage::History& read_;
  const std::vector<bool> left_out_;  // of events_, which the merge must not see
  const std::size_t unbroken_;        // index into the memory
  const std::size_t run_;             // index into events_ of the first that is in_run()
  std::vector<bool> given_;           // rows among events_ that were found again
  std::vector<PastSample> samples_;
  std::vector<PastSample> before_run_;  // rows that stand there, found once it has begun
  std::size_t run_at_ = 0;              // index into samples_ of the first that is in_run(), once run_begun()
  std::size_t next_event_ = 0;
};

// The merge lets a row stand before events whose own rows may be still to come. But between events that were heard
// without a gap nothing was missed: what is not older than they are came after them.
std::vector<PastSample> rows_behind_runs(const std::vector<PastSample>& samples, const EventMemory& memory,
                                         const Past& past, const CatchUpRules& rules) {
  std::vector<PastSample> moved, rows;
  const auto take_rows = [&](Timestamp before) {
    const auto older = [&](const PastSample& row) { return *row.sample.row_time - clock_offset(past) < before; };
    const auto end = std::find_if_not(rows.begin(), rows.end(), older);
    moved.insert(moved.end(), rows.begin(), end);
    rows.erase(rows.begin(), end);
  };
  bool anchored = false;
  for (const PastSample& each : samples) {
    if (each.source == Source::row) {
      // Rows keep their order, so those before one that stands before the run do too.
      if (each.doubtful) take_rows(Timestamp::max());
      (each.doubtful ? moved : rows).push_back(each);
      continue;
    }
    const bool heard = each.source == Source::memory && each.sample.event_time;
    if (!heard || memory[each.index].after_gap) anchored = false;
    const bool row_may_come = heard && *each.sample.event_time + rules.row_lag >= past.looked;
    const bool stays = heard && !each.sample.row_time && (anchored || !row_may_come);
    take_rows(stays ? *each.sample.event_time - rules.tolerance : Timestamp::max());
    moved.push_back(each);
    anchored = heard && (anchored || each.sample.row_time);
  }
  take_rows(Timestamp::max());
  return moved;
}

}  // namespace

std::vector<PastSample> put_rows_among(const std::vector<PastSample>& events, const EventMemory& memory,
                                       const Past& past, const CatchUpRules& rules) {
  return rows_behind_runs(Placing(events, memory, past, rules).run(), memory, past, rules);
}

}  // namespace pulsegate::devices
