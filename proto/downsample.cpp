// Three ways to thin out a chart, each one pass over buckets of equally many samples.
#include "proto/downsample.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

namespace pulsegate::proto {
namespace {

constexpr std::array<std::string_view, 3> kNames = {"lttb", "minmax", "mean"};

// One chart of the samples.
class Series {
 public:
  Series(Chart chart, const std::vector<HistoryPoint>& points) noexcept : chart_(chart), points_(points) {}

  Chart chart() const noexcept { return chart_; }
  std::size_t size() const noexcept { return points_.size(); }
  ChartPoint operator[](std::size_t i) const noexcept { return chart_point(chart_, points_[i]); }
  ChartPoint back() const noexcept { return (*this)[size() - 1]; }

 private:
  const Chart chart_;
  const std::vector<HistoryPoint>& points_;
};

// Where bucket `i` of `buckets` begins when they share the samples from `first` to before `last`.
std::size_t edge(std::size_t first, std::size_t last, std::size_t i, std::size_t buckets) noexcept {
  return first + (last - first) * i / buckets;
}

// Maps the values between two extremes to 0–1. Everything is halved first: a difference of doubles may exceed them all.
class Scale {
 public:
  void take(double value) noexcept {
    low_ = empty_ ? value / 2 : std::min(low_, value / 2);
    high_ = std::exchange(empty_, false) ? value / 2 : std::max(high_, value / 2);
  }
  // A constant counts for nothing.
  double operator()(double value) const noexcept { return high_ > low_ ? (value / 2 - low_) / (high_ - low_) : 0; }

 private:
  bool empty_ = true;
  double low_ = 0, high_ = 0;
};

struct Place {
  double time = 0;  // microseconds since the first sample
  double first = 0, second = 0;
};

class Plane {
 public:
  explicit Plane(const Series& in) noexcept : in_(in), origin_(in[0].time) {
    for (std::size_t i = 0; i < in.size(); ++i) {
      first_.take(in[i].first);
      second_.take(in[i].second);
    }
  }

  Place place(std::size_t i) const noexcept {
    const ChartPoint point = in_[i];
    const auto time = static_cast<double>((point.time - origin_).count());
    return {time, first_(point.first), second_(point.second)};
  }

  Place mean(std::size_t begin, std::size_t end) const noexcept {
    Place sum;
    for (std::size_t i = begin; i < end; ++i) {
      const Place one = place(i);
      sum.time += one.time;
      sum.first += one.first;
      sum.second += one.second;
    }
    const auto count = static_cast<double>(end - begin);
    return {sum.time / count, sum.first / count, sum.second / count};
  }

 private:
  const Series& in_;
  const Timestamp origin_;
  Scale first_, second_;
};

// Twice the area of the triangles of both values. Where time stands still all areas are nothing; then the way from the
// point before decides, so that rows of one stamp do not hide a spike.
std::pair<double, double> weight(const Place& a, const Place& b, const Place& c) noexcept {
  const auto area = [&](double va, double vb, double vc) {
    return std::fabs((a.time - c.time) * (vb - va) - (a.time - b.time) * (vc - va));
  };
  return {area(a.first, b.first, c.first) + area(a.second, b.second, c.second),
          std::fabs(b.first - a.first) + std::fabs(b.second - a.second)};
}

// Requires: 3 ≤ limit < in.size().
void lttb(const Series& in, std::size_t limit, std::vector<ChartPoint>& out) {
  const Plane plane(in);
  const std::size_t last = in.size() - 1;
  const std::size_t buckets = limit - 2;
  out.push_back(in[0]);
  Place chosen = plane.place(0);
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const std::size_t begin = edge(1, last, bucket, buckets);
    const std::size_t end = edge(1, last, bucket + 1, buckets);
    const Place next = bucket + 1 < buckets ? plane.mean(end, edge(1, last, bucket + 2, buckets)) : plane.place(last);
    std::size_t best = begin;
    std::pair<double, double> most{-1, -1};
    for (std::size_t i = begin; i < end; ++i) {
      const auto candidate = weight(chosen, plane.place(i), next);
      if (candidate > most) most = candidate, best = i;
    }
    out.push_back(in[best]);
    chosen = plane.place(best);
  }
  out.push_back(in[last]);
}

// Requires: 3 ≤ limit < in.size().
void minmax(const Series& in, std::size_t limit, std::vector<ChartPoint>& out) {
  const std::size_t last = in.size() - 1;
  const std::size_t room = limit - 2;
  const std::size_t values = values_of(in.chart());
  const std::size_t buckets = std::max<std::size_t>(1, room / (2 * values));
  const std::size_t kept = std::min(room, 2 * values);  // samples of a bucket
  out.push_back(in[0]);
  for (std::size_t bucket = 0; bucket < buckets; ++bucket) {
    const std::size_t begin = edge(1, last, bucket, buckets);
    const std::size_t end = edge(1, last, bucket + 1, buckets);
    std::size_t high_first = begin, high_second = begin, low_first = begin, low_second = begin;
    for (std::size_t i = begin + 1; i < end; ++i) {
      const ChartPoint point = in[i];
      if (point.first > in[high_first].first) high_first = i;
      if (point.first < in[low_first].first) low_first = i;
      if (point.second > in[high_second].second) high_second = i;
      if (point.second < in[low_second].second) low_second = i;
    }
    std::array<std::size_t, 4> extremes{high_first, high_second, low_first, low_second};
    if (values == 1) extremes = {high_first, low_first, high_first, high_first};
    // What there is no room for becomes a repetition, and all repetitions go.
    std::fill(extremes.begin() + static_cast<std::ptrdiff_t>(kept), extremes.end(), high_first);
    std::sort(extremes.begin(), extremes.end());
    const auto distinct = std::unique(extremes.begin(), extremes.end());
    for (auto i = extremes.begin(); i != distinct; ++i) out.push_back(in[*i]);
  }
  out.push_back(in[last]);
}

// Sums in long double neither overflow nor gather what a mean of integers would show as 149.99999999999997; rounding
// may still carry a mean of equal values past them, hence the bounds.
class Mean {
 public:
  void take(double value) noexcept {
    low_ = count_ == 0 ? value : std::min(low_, value);
    high_ = count_ == 0 ? value : std::max(high_, value);
    sum_ += value;
    ++count_;
  }
  double value() const noexcept {
    return std::clamp(static_cast<double>(sum_ / static_cast<long double>(count_)), low_, high_);
  }

 private:
  long double sum_ = 0;
  std::size_t count_ = 0;
  double low_ = 0, high_ = 0;
};

// Requires: 1 ≤ limit < in.size().
void mean(const Series& in, std::size_t limit, std::vector<ChartPoint>& out) {
  for (std::size_t bucket = 0; bucket < limit; ++bucket) {
    const std::size_t begin = edge(0, in.size(), bucket, limit);
    const std::size_t end = edge(0, in.size(), bucket + 1, limit);
    Mean first, second;
    for (std::size_t i = begin; i < end; ++i) {
      first.take(in[i].first);
      second.take(in[i].second);
    }
    // A sample's time, not the mean of the times: that could lie where the device was away.
    out.push_back({in[begin + (end - begin) / 2].time, first.value(), second.value()});
  }
}

}  // namespace

std::string_view name(Downsample how) noexcept {
  return kNames[static_cast<std::size_t>(how)];
}

std::optional<Downsample> find_downsample(std::string_view name) noexcept {
  for (std::size_t i = 0; i < kNames.size(); ++i)
    if (kNames[i] == name) return static_cast<Downsample>(i);
  return std::nullopt;
}

std::vector<ChartPoint> downsample(Downsample how, Chart chart, const std::vector<HistoryPoint>& points,
                                   std::size_t limit) {
  const Series in(chart, points);
  std::vector<ChartPoint> out;
  out.reserve(std::min(limit, in.size()));
  if (in.size() <= limit) {
    for (std::size_t i = 0; i < in.size(); ++i) out.push_back(in[i]);
  } else if (limit == 0) {
    return out;
  } else if (how == Downsample::mean) {
    mean(in, limit, out);
  } else if (limit <= 2) {
    if (limit == 2) out.push_back(in[0]);
    out.push_back(in.back());
  } else if (how == Downsample::lttb) {
    lttb(in, limit, out);
  } else {
    minmax(in, limit, out);
  }
  return out;
}

}  // namespace pulsegate::proto
