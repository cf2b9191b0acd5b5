// Stream and memory hold events of the same publisher, so they are joined by time and values; rows are then joined to
// those by the same merge as a snapshot's.
#include "gateway/devices/catch_up.hpp"

#include <algorithm>
#include <unordered_map>
#include <utility>

#include "gateway/devices/alignment.hpp"
#include "gateway/devices/cursor_match.hpp"

namespace pulsegate::devices {

namespace {

using proto::Timestamp;
using Source = PastSample::Source;
using std::chrono::microseconds;

}  // namespace

Sample CatchUp::sample_of(const Remembered& remembered) const {
  if (remembered.cursor.of_row()) return {remembered.values, std::nullopt, remembered.cursor.time};
  return {remembered.values, ours(remembered.cursor.time), std::nullopt, remembered.after_gap};
}

CursorMatch CatchUp::match_of(const proto::Cursor& cursor, const Sample& sample) const noexcept {
  proto::Cursor by_our_clock = cursor;
  if (!cursor.of_row()) by_our_clock.time = ours(cursor.time);
  return match(by_our_clock, sample.event_time, sample.row_time, offset(), rules_.row_lag);
}

CatchUp::CatchUp(const EventMemory& memory, const Past& past, const CatchUpRules& rules) : past_(past), rules_(rules) {
  join(memory);
  merge_rows(memory);
  move_rows_behind_runs(memory);
  find_live(memory);
  digests_.reserve(samples_.size());
  for (const PastSample& past_sample : samples_) digests_.push_back(proto::sample_digest(past_sample.sample.values));
}

// Which entries of the stream the memory has too: as many as possible, and rather those of exactly one time. A row that
// stood in for its event is recognised by its values, where they occur once.
CatchUp::Pairs CatchUp::pair_stream(const EventMemory& memory) const {
  const std::vector<StreamSample>& stream = past_.stream;
  std::vector<std::uint64_t> digests;
  std::unordered_map<std::uint64_t, unsigned> entries, remembered;
  for (const StreamSample& entry : stream) {
    digests.push_back(proto::sample_digest(entry.values));
    ++entries[digests.back()];
  }
  for (std::size_t m = 0; m < memory.size(); ++m) ++remembered[memory[m].cursor.digest];
  const auto fits = [&](std::size_t m, std::size_t s) {
    const proto::Cursor& cursor = memory[m].cursor;
    if (cursor.digest != digests[s]) return false;
    if (!cursor.of_row()) return distance(cursor.time, stream[s].time) < kSameReport;
    return entries[digests[s]] == 1 && remembered[digests[s]] == 1 &&
           match(cursor, ours(stream[s].time), std::nullopt, offset(), rules_.row_lag) == CursorMatch::maybe;
  };
  const auto same_time = [&](std::size_t m, std::size_t s) {
    return std::int64_t{memory[m].cursor.time == stream[s].time};
  };
  Pairs pairs;
  align(
      memory.size(), stream.size(), fits, same_time, [](std::size_t) { return false; },
      [&](std::size_t m, std::size_t s) { pairs.emplace_back(m, s); });
  std::reverse(pairs.begin(), pairs.end());
  return pairs;
}

// An entry of the stream that the memory has too is one event; the others stand where their time says.
void CatchUp::join(const EventMemory& memory) {
  std::size_t m = 0;
  std::size_t s = 0;
  if (!past_.stream.empty()) {
    for (const auto& [paired_memory, paired_stream] : pair_stream(memory)) {
      take_between(memory, m, paired_memory, s, paired_stream);
      PastSample both{Source::memory, m, sample_of(memory[m])};
      if (!both.sample.event_time) both.sample.event_time = ours(past_.stream[s].time);
      both.in_stream = true;
      events_.push_back(both);
      ++m;
      ++s;
    }
  }
  take_between(memory, m, memory.size(), s, past_.stream.size());
}

// What lies between two that are known to be the same. Entries leave the stream once they are in the table, oldest
// first: so a row without entry is older than all that are left.
void CatchUp::take_between(const EventMemory& memory, std::size_t& m, std::size_t memory_end, std::size_t& s,
                           std::size_t stream_end) {
  while (m < memory_end || s < stream_end) {
    if (m < memory_end &&
        (s == stream_end || memory[m].cursor.of_row() || memory[m].cursor.time <= past_.stream[s].time)) {
      events_.push_back({Source::memory, m, sample_of(memory[m])});
      ++m;
      continue;
    }
    const StreamSample& entry = past_.stream[s];
    const bool after_gap = events_.empty() || events_.back().source != Source::stream;
    events_.push_back(
        {Source::stream, s, {entry.values, ours(entry.time), std::nullopt, after_gap}, entry.young, true});
    ++s;
  }
}

// Marks events of repeated values whose own rows may be missing, because they are young, or the rows were written
// before the first that was read, or given to clients as samples of their own: the row that such an event would get may
// be that of an equal sample which we do not know.
std::vector<bool> CatchUp::undecided() const {
  struct Equal {
    std::uint64_t digest;
    std::size_t event;  // kRow: a row
  };
  constexpr std::size_t kRow = static_cast<std::size_t>(-1);
  std::vector<Equal> all;
  for (std::size_t i = 0; i < events_.size(); ++i)
    if (events_[i].sample.event_time) all.push_back({proto::sample_digest(events_[i].sample.values), i});
  if (past_.rows)
    for (const storage::MetricsRow& row : past_.rows->rows) all.push_back({proto::sample_digest(row.values), kRow});
  std::stable_sort(all.begin(), all.end(), [](const Equal& a, const Equal& b) { return a.digest < b.digest; });
  std::vector<bool> marked(events_.size());
  std::size_t last_row = events_.size();  // that was given to clients
  while (last_row > 0 && events_[last_row - 1].sample.event_time) --last_row;
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && all[last].digest == all[first].digest) ++last;
    std::size_t end = first;  // of its events, which stand before its rows, oldest first
    while (end < last && all[end].event != kRow) ++end;
    if (end == first) continue;
    const auto time = [&](std::size_t i) { return *events_[all[i].event].sample.event_time; };
    const std::size_t rows = last - end;
    for (std::size_t i = first; i < end; ++i) {
      const bool young = time(i) + rules_.row_lag >= past_.looked;
      const bool behind = all[i].event < last_row;
      const bool before = rows > 0 && time(i) < past_.rows->rows.front().recorded_at - offset();
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

void CatchUp::merge_rows(const EventMemory& memory) {
  const std::vector<bool> left_out = undecided();
  std::vector<Sample> known;
  std::vector<std::size_t> known_at;  // index into events_ of each of `known`
  for (std::size_t i = 0; i < events_.size(); ++i) {
    if (left_out[i]) continue;
    known.push_back(events_[i].sample);
    known_at.push_back(i);
  }
  static const storage::History kNothing;
  const storage::History& history = past_.rows ? *past_.rows : kNothing;
  Timestamp earliest = Timestamp::max() - kClocksApart;
  for (const Sample& sample : known)
    if (sample.event_time) earliest = std::min(earliest, *sample.event_time);
  const MergeResult merged =
      merge_samples({known, history.rows, history.metric_mask, earliest + history.clock_offset - kClocksApart,
                     known.size() + history.rows.size(), rules_.missed, history.clock_offset, rules_.missed,
                     rules_.unknown.count() == 0});
  // Events keep their order in the result.
  std::size_t next_event = 0;
  const auto take_events_until = [&](std::size_t end) {
    for (; next_event < end; ++next_event)
      if (events_[next_event].sample.event_time) samples_.push_back(events_[next_event]);
  };
  std::vector<bool> taken(events_.size());
  const auto known_row = [&](const Sample& sample) {
    for (std::size_t i = 0; i < events_.size(); ++i) {
      const Sample& known_sample = events_[i].sample;
      if (taken[i] || known_sample.event_time || *known_sample.row_time != *sample.row_time) continue;
      if (proto::same_values(known_sample.values, sample.values, history.metric_mask)) return i;
    }
    return events_.size();
  };
  // From here on nothing was missed: a row is that of one of these events, or of one that was missed before them.
  const auto in_run = [unbroken = memory.unbroken_from()](const PastSample& each) {
    return each.source == Source::memory && each.index >= unbroken;
  };
  const auto run_begin = std::find_if(events_.begin(), events_.end(), in_run);
  const auto run = static_cast<std::size_t>(run_begin - events_.begin());
  const auto may_be_of_run = [&](const Sample& row) {
    return std::any_of(run_begin, events_.end(), [&](const PastSample& event) {
      return proto::same_values(event.sample.values, row.values, history.metric_mask);
    });
  };
  // Whether a row is that of an event that was left out is open; a row that may be of a later one stands behind it.
  // `known`: where it is known to stand among the events.
  const auto take_left_out_before = [&](const Sample& row, std::size_t known_place) {
    std::size_t end = next_event;
    const auto before = [&](const PastSample& other) {
      if (!other.sample.event_time) return true;
      if (!left_out[end]) return false;
      // Entries leave the stream once they are in the table: a row is that of one that is left, or older than all.
      const bool open = end < run && !other.in_stream;
      return end < known_place || (open && *other.sample.event_time <= *row.row_time - offset() + rules_.tolerance);
    };
    while (end < events_.size() && before(events_[end])) ++end;
    take_events_until(end);
  };
  std::size_t k = 0;
  for (const Sample& sample : merged.samples) {
    const std::size_t place = sample.event_time ? events_.size() : known_row(sample);
    if (!sample.event_time) take_left_out_before(sample, place < events_.size() ? place : 0);
    if (sample.event_time) {
      while (!known[k].event_time) ++k;
      take_events_until(known_at[k]);
      samples_.push_back(events_[known_at[k]]);
      samples_.back().sample.row_time = sample.row_time;
      next_event = known_at[k++] + 1;
    } else if (place < events_.size()) {
      taken[place] = true;
      samples_.push_back(events_[place]);
    } else {
      const bool young = *sample.row_time - history.clock_offset > past_.looked - rules_.tolerance;
      const bool of_run = may_be_of_run(sample);
      const auto at = of_run ? std::find_if(samples_.begin(), samples_.end(), in_run) : samples_.end();
      samples_.insert(at, {Source::row, 0, sample, young && !of_run, false, of_run});
    }
  }
  take_events_until(events_.size());
}

// The merge lets a row stand before events whose own rows may be still to come. But between events that were heard
// without a gap nothing was missed: what is not older than they are came after them.
void CatchUp::move_rows_behind_runs(const EventMemory& memory) {
  std::vector<PastSample> moved, rows;
  const auto take_rows = [&](Timestamp before) {
    const auto older = [&](const PastSample& row) { return *row.sample.row_time - offset() < before; };
    const auto end = std::find_if_not(rows.begin(), rows.end(), older);
    moved.insert(moved.end(), rows.begin(), end);
    rows.erase(rows.begin(), end);
  };
  bool anchored = false;
  for (const PastSample& each : samples_) {
    if (each.source == Source::row) {
      (each.doubtful ? moved : rows).push_back(each);
      continue;
    }
    const bool heard = each.source == Source::memory && each.sample.event_time;
    if (!heard || memory[each.index].after_gap) anchored = false;
    const bool row_may_come = heard && *each.sample.event_time + rules_.row_lag >= past_.looked;
    const bool stays = heard && !each.sample.row_time && (anchored || !row_may_come);
    take_rows(stays ? *each.sample.event_time - rules_.tolerance : Timestamp::max());
    moved.push_back(each);
    anchored = heard && (anchored || each.sample.row_time);
  }
  take_rows(Timestamp::max());
  samples_ = std::move(moved);
}

void CatchUp::find_live(const EventMemory& memory) {
  const std::size_t unbroken = memory.unbroken_from();
  live_from_ = 0;
  while (live_from_ < samples_.size() &&
         (samples_[live_from_].source != Source::memory || samples_[live_from_].index < unbroken))
    ++live_from_;
}

std::optional<std::size_t> CatchUp::after(const Position& position) const {
  const auto seen = position.seen ? after(*position.seen) : std::nullopt;
  if (!position.told_until) return seen;
  // Who has nothing but a time would rather get a sample twice.
  const auto told = after(*position.told_until, position.seen ? rules_.unknown.zero() : rules_.unknown);
  return seen && told ? std::max(seen, told) : seen ? seen : told;
}

std::optional<std::size_t> CatchUp::after(Timestamp publishers, std::chrono::microseconds unknown) const {
  const Timestamp time = ours(publishers);
  std::size_t i = 0;
  for (; i < samples_.size(); ++i) {
    const Sample& sample = samples_[i].sample;
    if (sample.event_time ? *sample.event_time >= time : *sample.row_time - offset() >= time - unknown) break;
  }
  // The table was asked for what is much older; the others must show that they reach back so far.
  if (i == 0 && !past_.rows) return std::nullopt;
  return i;
}

std::optional<std::size_t> CatchUp::after(const proto::Cursor& cursor) const {
  std::optional<std::size_t> exact, maybe;
  unsigned seen = 0;
  for (std::size_t i = 0; i < samples_.size() && seen <= cursor.ordinal(); ++i) {
    if (digests_[i] != cursor.digest) continue;
    const CursorMatch found = match_of(cursor, samples_[i].sample);
    if (found == CursorMatch::maybe && !maybe) maybe = i + 1;
    if (found != CursorMatch::exact) continue;
    exact = i + 1;
    ++seen;
  }
  return exact ? exact : maybe;
}

// Entries leave the stream only once they are in the table, so without the table one may have been between that is in
// neither any more.
bool CatchUp::follows_surely(std::size_t i) const noexcept {
  return past_.rows || (i > 0 && samples_[i - 1].in_stream);
}

bool CatchUp::any_row(std::size_t count) const noexcept {
  return std::any_of(samples_.begin(), samples_.begin() + static_cast<std::ptrdiff_t>(count),
                     [](const PastSample& sample) { return sample.sample.row_time.has_value(); });
}

// A key may outlive its use: a server that has ceased to write it would let us believe that nothing was published. What
// was heard must stand in the stream, or in the table, where it went from there.
bool CatchUp::stream_is_written() const noexcept {
  if (!past_.stream_exists || past_.stream.empty()) return false;
  bool heard = false;
  for (std::size_t i = live_from_; i < samples_.size(); ++i) {
    if (samples_[i].in_stream || samples_[i].sample.row_time) return true;
    heard = heard || samples_[i].sample.time() >= past_.from;
  }
  return !heard;
}

bool CatchUp::complete(Timestamp confirmed) const noexcept {
  // The server writes the stream before it publishes, and nothing leaves the stream before it is in the table, which
  // was read after it.
  if (stream_is_written() && !past_.stream_more && past_.looked >= confirmed) return true;
  if (!past_.rows) return false;
  // Rows are written in the order of their events: with that of the first event that was heard again, all are there.
  if (live_from_ < samples_.size() && samples_[live_from_].sample.row_time) return true;
  // A table in which no sample of ours is found may not be this device's at all.
  return any_row() && past_.looked >= confirmed + rules_.row_lag;
}

proto::Cursor CatchUp::cursor(std::size_t i, const EventMemory& memory) const {
  const PastSample& sample = samples_[i];
  if (sample.source == Source::memory) return memory[sample.index].cursor;
  const bool of_row = sample.source == Source::row;
  // Equal rows of one stamp stand among that batch, and reports that came twice close to each other.
  constexpr std::size_t kLookBack = 8;
  const auto same_time = [&](const Sample& other) {
    return of_row ? !other.event_time && other.row_time == sample.sample.row_time
                  : other.event_time == sample.sample.event_time;
  };
  unsigned before = 0;
  for (std::size_t k = i; k-- > 0 && (i - k <= kLookBack || samples_[k].sample.row_time == sample.sample.row_time);)
    before += digests_[k] == digests_[i] && same_time(samples_[k].sample);
  proto::Cursor cursor = of_row ? proto::row_cursor(*sample.sample.row_time, sample.sample.values)
                                : proto::Cursor{EventMemory::said(past_.stream[sample.index].time), digests_[i], 0};
  cursor.occurrence = static_cast<std::uint16_t>(cursor.occurrence | (before & 0xff));
  return cursor;
}

}  // namespace pulsegate::devices
