#include "gateway/devices/history_span.hpp"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>

namespace pulsegate::devices {

using proto::HistoryPoint;

namespace {

// Least and greatest of four series: what is available of the memory is what is not used.
constexpr std::array kSeries = {&HistoryPoint::cpu, &HistoryPoint::memory_used, &HistoryPoint::download,
                                &HistoryPoint::upload};
constexpr std::size_t kExtremes = 2 * kSeries.size();

// As for the merge of rows and events; a clock that is farther ahead costs some points of the past.
constexpr std::chrono::seconds kClocksApart{1};
constexpr std::chrono::seconds kLongestLag{30};

bool shows_the_same(const HistoryPoint& a, const HistoryPoint& b) noexcept {
  return std::all_of(kSeries.begin(), kSeries.end(), [&](const auto member) { return a.*member == b.*member; });
}

void keep_extremes(const HistoryPoint* first, const HistoryPoint* last, std::vector<HistoryPoint>& out) {
  std::array<const HistoryPoint*, kExtremes> kept;
  std::size_t count = 0;
  for (const auto member : kSeries) {
    const auto less = [&](const HistoryPoint& a, const HistoryPoint& b) { return a.*member < b.*member; };
    const auto [least, greatest] = std::minmax_element(first, last, less);
    kept[count++] = least;
    kept[count++] = greatest;
  }
  std::sort(kept.begin(), kept.end());
  for (auto it = kept.begin(), end = std::unique(kept.begin(), kept.end()); it != end; ++it) out.push_back(**it);
}

HistoryPoint mean(const HistoryPoint* first, const HistoryPoint* last, const std::uint32_t* weights) {
  std::uint64_t total = 0;
  for (std::ptrdiff_t i = 0; i < last - first; ++i) total += weights[i];
  HistoryPoint sum;
  // In the middle of the samples, not of their times: that could lie where the device was away.
  std::uint64_t passed = 0;
  bool middle_found = false;
  for (const HistoryPoint* point = first; point != last; ++point) {
    const std::uint32_t weight = weights[point - first];
    const double share = static_cast<double>(weight) / static_cast<double>(total);
    sum.cpu += share * point->cpu;
    sum.memory_used += share * point->memory_used;
    sum.memory_available += share * point->memory_available;
    sum.download += share * point->download;
    sum.upload += share * point->upload;
    passed += weight;
    if (middle_found || 2 * passed < total) continue;
    sum.time = point->time;
    middle_found = true;
  }
  return sum;
}

}  // namespace

HistorySpan::HistorySpan(std::chrono::milliseconds length, std::size_t points, proto::Downsample how) noexcept
    : length_(length), limit_(points), how_(how) {}

// Two slices more than `points`: the first is cut by the edge of the span, and one by the edge of what was read. And
// room to grow, so that not every sample thins out.
std::size_t HistorySpan::max_size() const noexcept {
  return (how_ == proto::Downsample::mean ? 1 : kExtremes) * (limit_ + 2) + limit_;
}

// Rows end where those of the samples begin that the window gave: at the row of the first of them, which was written
// some time later.
void HistorySpan::assign(std::vector<HistoryPoint> rows) {
  const auto kept = points_.end() - static_cast<std::ptrdiff_t>(taken_);
  if (kept != points_.end()) {
    auto seam = std::find_if(rows.begin(), rows.end(), [&](const HistoryPoint& row) {
      return row.time >= kept->time - kClocksApart && row.time <= kept->time + kLongestLag &&
             shows_the_same(row, *kept);
    });
    if (seam == rows.end())
      seam = std::find_if(rows.begin(), rows.end(), [&](const HistoryPoint& row) { return row.time >= kept->time; });
    rows.erase(seam, rows.end());
  }
  rows.insert(rows.end(), kept, points_.end());
  if (how_ == proto::Downsample::mean) {
    std::vector<std::uint32_t> weights(rows.size() - taken_, 1);
    weights.insert(weights.end(), weights_.end() - static_cast<std::ptrdiff_t>(taken_), weights_.end());
    weights_ = std::move(weights);
  }
  points_ = std::move(rows);
  compact();
}

void HistorySpan::take(const Sample& sample) {
  points_.push_back(proto::make_history_point(sample.time(), sample.values));
  if (how_ == proto::Downsample::mean) weights_.push_back(1);
  ++taken_;
  compact();
}

void HistorySpan::cut(proto::Timestamp from) {
  const auto first =
      std::find_if(points_.begin(), points_.end(), [&](const HistoryPoint& point) { return point.time >= from; });
  const auto cut = static_cast<std::size_t>(points_.end() - first);
  points_.erase(first, points_.end());
  if (!weights_.empty()) weights_.resize(points_.size());
  taken_ -= std::min(taken_, cut);
}

void HistorySpan::expire(proto::Timestamp oldest) {
  const auto first =
      std::find_if(points_.begin(), points_.end(), [&](const HistoryPoint& point) { return point.time >= oldest; });
  const auto old = first - points_.begin();
  if (old == 0) return;
  points_.erase(points_.begin(), first);
  if (!weights_.empty()) weights_.erase(weights_.begin(), weights_.begin() + old);
  taken_ = std::min(taken_, points_.size());
}

// The slices have fixed edges: what was thinned out once is within its slice again, and stays as it is.
void HistorySpan::compact() {
  if (points_.size() <= max_size()) return;
  const auto slice =
      std::max<std::int64_t>(1, std::chrono::microseconds(length_).count() / static_cast<std::int64_t>(limit_));
  const auto slice_of = [&](const HistoryPoint& point) { return point.time.time_since_epoch().count() / slice; };
  const std::size_t from_table = points_.size() - taken_;
  std::vector<HistoryPoint> kept;
  std::vector<std::uint32_t> weights;
  kept.reserve(max_size());
  std::size_t taken_at = 0;  // in `kept`
  for (std::size_t begin = 0, end = 0; begin < points_.size(); begin = end) {
    const std::size_t bound = begin < from_table ? from_table : points_.size();
    if (begin == from_table) taken_at = kept.size();
    while (end < bound && slice_of(points_[end]) == slice_of(points_[begin])) ++end;
    const HistoryPoint* const first = points_.data() + begin;
    if (how_ == proto::Downsample::mean) {
      kept.push_back(mean(first, points_.data() + end, weights_.data() + begin));
      weights.push_back(0);
      for (std::size_t i = begin; i < end; ++i) weights.back() += weights_[i];
    } else {
      keep_extremes(first, points_.data() + end, kept);
    }
  }
  if (taken_ == 0) taken_at = kept.size();
  // Times that jump to and fro make more slices than there are: the newest points then have to do.
  const std::size_t total = kept.size();
  const std::size_t surplus = total - std::min(total, max_size() - limit_);
  kept.erase(kept.begin(), kept.begin() + static_cast<std::ptrdiff_t>(surplus));
  if (!weights.empty()) weights.erase(weights.begin(), weights.begin() + static_cast<std::ptrdiff_t>(surplus));
  points_ = std::move(kept);
  weights_ = std::move(weights);
  taken_ = total - std::max(taken_at, surplus);
}

}  // namespace pulsegate::devices
