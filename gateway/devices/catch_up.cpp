// Stream and memory hold events of the same publisher, so they are joined by time and values; rows are then joined to
// those by the same merge as a snapshot's.
#include "gateway/devices/catch_up.hpp"

#include <algorithm>
#include <utility>

#include "gateway/devices/cursor_match.hpp"

namespace pulsegate::devices {

namespace {

using proto::Timestamp;
using Source = PastSample::Source;
using std::chrono::microseconds;

Sample sample_of(const Remembered& remembered) {
  if (remembered.cursor.of_row()) return {remembered.values, std::nullopt, remembered.cursor.time};
  return {remembered.values, remembered.cursor.time, std::nullopt, remembered.after_gap};
}

}  // namespace

CatchUp::CatchUp(const EventMemory& memory, const Past& past, const CatchUpRules& rules) : past_(past), rules_(rules) {
  join(memory);
  merge_rows(memory);
  digests_.reserve(samples_.size());
  for (const PastSample& past_sample : samples_) digests_.push_back(proto::sample_digest(past_sample.sample.values));
}

// An entry of the stream that the memory has too is one event; the others stand where their time says.
void CatchUp::join(const EventMemory& memory) {
  std::size_t m = 0;
  const auto take_memory_until = [&](std::size_t end) {
    for (; m < end; ++m) events_.push_back({Source::memory, m, sample_of(memory[m])});
  };
  for (std::size_t s = 0; s < past_.stream.size(); ++s) {
    const StreamSample& entry = past_.stream[s];
    const std::uint64_t digest = proto::sample_digest(entry.values);
    const auto same = [&](const Remembered& other) {
      return !other.cursor.of_row() && other.cursor.digest == digest &&
             distance(other.cursor.time, entry.time) < kSameReport;
    };
    std::size_t found = m;
    while (found < memory.size() && !same(memory[found])) ++found;
    if (found < memory.size()) {
      take_memory_until(found + 1);
      continue;
    }
    while (m < memory.size() && memory[m].cursor.time <= entry.time) take_memory_until(m + 1);
    // One report, written once and published twice, or the other way round.
    const bool again = !events_.empty() && events_.back().sample.event_time &&
                       *events_.back().sample.event_time == entry.time && events_.back().source == Source::memory &&
                       memory[events_.back().index].cursor.digest == digest;
    if (again) continue;
    Sample sample{entry.values, entry.time, std::nullopt, events_.empty() || events_.back().source != Source::stream};
    events_.push_back({Source::stream, s, sample, entry.young});
  }
  take_memory_until(memory.size());
}

// Marks events of repeated values that are so young that their rows may be missing: the row that such an event would
// get may be that of an equal sample which we do not know.
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
  for (std::size_t first = 0, last = 0; first < all.size(); first = last) {
    while (last < all.size() && all[last].digest == all[first].digest) ++last;
    std::size_t end = first;  // of its events, which stand before its rows, oldest first
    while (end < last && all[end].event != kRow) ++end;
    if (end == first) continue;
    const auto time = [&](std::size_t i) { return *events_[all[i].event].sample.event_time; };
    for (std::size_t i = first; i < end; ++i) {
      if (time(i) + rules_.row_lag < past_.looked) continue;
      const bool repeated =
          distance(time(first), time(i)) >= kSameReport || distance(time(end - 1), time(i)) >= kSameReport;
      if (repeated || last - end > end - first) marked[all[i].event] = true;
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
                     known.size() + history.rows.size(), false});
  // Events keep their order in the result, and so do rows that were known.
  std::size_t next_event = 0;
  const auto take_events_until = [&](std::size_t end) {
    for (; next_event < end; ++next_event)
      if (events_[next_event].sample.event_time) samples_.push_back(events_[next_event]);
  };
  std::size_t k = 0;
  for (const Sample& sample : merged.samples) {
    if (sample.event_time) {
      while (!known[k].event_time) ++k;
      take_events_until(known_at[k]);
      samples_.push_back(events_[known_at[k]]);
      samples_.back().sample.row_time = sample.row_time;
      next_event = known_at[k++] + 1;
      continue;
    }
    const auto was_known = std::find_if(events_.begin(), events_.end(), [&](const PastSample& event) {
      return !event.sample.event_time && *event.sample.row_time == *sample.row_time &&
             proto::same_values(event.sample.values, sample.values, history.metric_mask);
    });
    if (was_known != events_.end()) {
      samples_.push_back(*was_known);
      continue;
    }
    const bool young = *sample.row_time - history.clock_offset > past_.looked - rules_.tolerance;
    samples_.push_back({Source::row, 0, sample, young});
  }
  take_events_until(events_.size());

  live_from_ = samples_.size();
  const std::size_t unbroken = memory.unbroken_from();
  for (std::size_t i = samples_.size(); i-- > 0;)
    if (samples_[i].source == Source::memory && samples_[i].index >= unbroken) live_from_ = i;
}

std::optional<std::size_t> CatchUp::after(const proto::Since& since) const {
  const auto* const cursor = std::get_if<proto::Cursor>(&since);
  if (cursor == nullptr) {
    const Timestamp time = std::get<Timestamp>(since);
    std::size_t i = 0;
    for (; i < samples_.size(); ++i) {
      const Sample& sample = samples_[i].sample;
      if ((sample.event_time ? *sample.event_time : *sample.row_time - offset()) >= time) break;
    }
    // The table was asked for what is much older; the others must show that they reach back so far.
    if (i == 0 && !past_.rows) return std::nullopt;
    return i;
  }
  std::optional<std::size_t> exact, maybe;
  unsigned seen = 0;
  for (std::size_t i = 0; i < samples_.size() && seen <= cursor->ordinal(); ++i) {
    if (digests_[i] != cursor->digest) continue;
    const Sample& sample = samples_[i].sample;
    const CursorMatch found = match(*cursor, sample.event_time, sample.row_time, offset(), rules_.row_lag);
    if (found == CursorMatch::maybe && !maybe) maybe = i + 1;
    if (found != CursorMatch::exact) continue;
    exact = i + 1;
    ++seen;
  }
  return exact ? exact : maybe;
}

bool CatchUp::complete(Timestamp confirmed) const noexcept {
  // The server writes the stream before it publishes, and nothing leaves the stream before it is in the table, which
  // was read after it.
  if (past_.stream_exists && !past_.stream_more && past_.looked >= confirmed) return true;
  if (!past_.rows) return false;
  // Rows are written in the order of their events: with that of the first event that was heard again, all are there.
  if (live_from_ < samples_.size() && samples_[live_from_].sample.row_time) return true;
  // A table in which no sample of ours is found may not be this device's at all.
  const bool stored = std::any_of(samples_.begin(), samples_.end(),
                                  [](const PastSample& sample) { return sample.sample.row_time.has_value(); });
  return stored && past_.looked >= confirmed + rules_.row_lag;
}

}  // namespace pulsegate::devices
