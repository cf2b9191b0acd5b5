#include "gateway/devices/sample_merge.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::devices {

namespace {

// The worth of one pair in the alignment. Lexicographic by magnitude: an identity that is certain outweighs any number of
// likely ones, a match outweighs any number of well-ordered times. Good for some thousand samples.
constexpr std::int64_t kIdentity = std::int64_t{1} << 40;
constexpr std::int64_t kMatch = std::int64_t{1} << 20;
constexpr std::int64_t kRowNotOlder = 1;
constexpr std::int64_t kNoPair = -1;

std::int64_t worth(const Sample& sample, const storage::MetricsRow& row, const MergeInput& input) {
  if (sample.row_time) {
    return row.recorded_at == *sample.row_time && proto::same_values(sample.values, row.values, input.metric_mask)
               ? kIdentity
               : kNoPair;
  }
  if (row.recorded_at <= input.earliest_row_of_events ||
      !proto::same_values(sample.values, row.values, input.metric_mask))
    return kNoPair;
  return kMatch + (row.recorded_at >= *sample.event_time ? kRowNotOlder : 0);
}

// For each row the index of its sample, or -1. Order-preserving, of the greatest total worth.
std::vector<std::ptrdiff_t> align(const MergeInput& input) {
  const std::size_t samples = input.known.size();
  const std::size_t rows = input.rows.size();
  std::vector<std::ptrdiff_t> sample_of(rows, -1);
  if (samples == 0 || rows == 0) return sample_of;

  const std::size_t width = rows + 1;
  std::vector<std::int64_t> best((samples + 1) * width, 0);
  std::vector<std::int64_t> pair(samples * rows);
  for (std::size_t s = 0; s < samples; ++s) {
    for (std::size_t r = 0; r < rows; ++r) {
      const std::int64_t value = worth(input.known[s], input.rows[r], input);
      pair[s * rows + r] = value;
      std::int64_t top = std::max(best[s * width + r + 1], best[(s + 1) * width + r]);
      if (value != kNoPair) top = std::max(top, best[s * width + r] + value);
      best[(s + 1) * width + r + 1] = top;
    }
  }
  // Rows are written in the order of their events, so of equal alignments the one is likely in which the *latest* samples
  // still lack their row and the *earliest* rows are those from before our subscription. Walking back from the end,
  // that is: leave the sample out if that costs nothing, else take the pair, else leave the row out.
  std::size_t s = samples;
  std::size_t r = rows;
  while (s > 0 && r > 0) {
    const std::int64_t here = best[s * width + r];
    const std::int64_t value = pair[(s - 1) * rows + r - 1];
    if (here == best[(s - 1) * width + r]) {
      --s;
    } else if (value != kNoPair && here == best[(s - 1) * width + r - 1] + value) {
      sample_of[--r] = static_cast<std::ptrdiff_t>(--s);
    } else {
      --r;
    }
  }
  return sample_of;
}

// Where the samples end that stand between this row and the next row that has a sample.
std::size_t segment_end(const MergeInput& input, const std::vector<std::ptrdiff_t>& sample_of, std::size_t row) {
  for (std::size_t r = row + 1; r < sample_of.size(); ++r)
    if (sample_of[r] >= 0) return static_cast<std::size_t>(sample_of[r]);
  return input.known.size();
}

// How many samples of [from, end) go before a row that is new to us: all up to the last whose own row is not younger.
// The rest have no row yet, and rows are written in order: a row that is there belongs to an earlier report than theirs.
std::size_t samples_before(const MergeInput& input, std::size_t from, std::size_t end, const storage::MetricsRow& row) {
  for (std::size_t i = end; i > from; --i) {
    const auto& row_time = input.known[i - 1].row_time;
    if (row_time && *row_time <= row.recorded_at) return i;
  }
  return from;
}

}  // namespace

MergeResult merge_samples(const MergeInput& input) {
  const std::vector<std::ptrdiff_t> sample_of = align(input);
  MergeResult result;
  std::vector<bool> added;
  result.samples.reserve(input.known.size() + input.rows.size());
  std::size_t next = 0;
  const auto keep_until = [&](std::size_t end) {
    for (; next < end; ++next) {
      result.samples.push_back(input.known[next]);
      added.push_back(false);
    }
  };
  for (std::size_t r = 0; r < input.rows.size(); ++r) {
    const storage::MetricsRow& row = input.rows[r];
    if (sample_of[r] < 0) {
      keep_until(samples_before(input, next, segment_end(input, sample_of, r), row));
      result.samples.push_back({row.values, std::nullopt, row.recorded_at});
      added.push_back(true);
      continue;
    }
    keep_until(static_cast<std::size_t>(sample_of[r]));
    Sample sample = input.known[next++];
    if (!sample.row_time) {
      sample.row_time = row.recorded_at;
      ++result.identified;
    }
    result.samples.push_back(std::move(sample));
    added.push_back(false);
  }
  keep_until(input.known.size());
  result.newest_row_is_known = !input.rows.empty() && sample_of.back() >= 0;
  const std::size_t drop = result.samples.size() > input.capacity ? result.samples.size() - input.capacity : 0;
  result.samples.erase(result.samples.begin(), result.samples.begin() + static_cast<std::ptrdiff_t>(drop));
  result.added = static_cast<std::size_t>(std::count(added.begin() + static_cast<std::ptrdiff_t>(drop), added.end(), true));
  return result;
}

}  // namespace pulsegate::devices
