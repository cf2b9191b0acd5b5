// Down-sampling: what each way keeps, at every size, for charts of one and of two values.
#include "proto/downsample.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <limits>
#include <random>
#include <string>

using namespace pulsegate::proto;
using std::chrono::seconds;

namespace {

constexpr Downsample kWays[] = {Downsample::lttb, Downsample::minmax, Downsample::mean};
constexpr Chart kCharts[] = {Chart::cpu, Chart::memory, Chart::network};

using Points = std::vector<HistoryPoint>;
using ChartPoints = std::vector<ChartPoint>;

Timestamp second(std::size_t i) {
  return Timestamp{} + seconds(1'700'000'000 + static_cast<std::int64_t>(i));
}

// One sample a second; every value from `value(i)`.
template <typename Value>
Points series(std::size_t count, Value&& value) {
  Points points;
  for (std::size_t i = 0; i < count; ++i) {
    const double v = value(i);
    points.push_back({second(i), v, 1000 + v, 9000 - v, 3 * v, 7 * v});
  }
  return points;
}

Points noise(std::size_t count, std::mt19937& random) {
  std::uniform_real_distribution<double> of(-100, 100);
  Points points;
  Timestamp time = second(0);
  for (std::size_t i = 0; i < count; ++i) {
    points.push_back({time, of(random), of(random), of(random), of(random), of(random)});
    time += seconds(random() % 4);  // equal times included
  }
  return points;
}

bool equal(const ChartPoint& a, const ChartPoint& b) {
  return a.time == b.time && a.first == b.first && a.second == b.second;
}

// Whether `some` are samples of `all`, each taken once, in their order.
bool is_subsequence(const ChartPoints& some, Chart chart, const Points& all) {
  std::size_t next = 0;
  for (const ChartPoint& point : some) {
    while (next < all.size() && !equal(point, chart_point(chart, all[next]))) ++next;
    if (next++ == all.size()) return false;
  }
  return true;
}

template <typename Predicate>
bool any(const ChartPoints& points, Predicate&& holds) {
  return std::any_of(points.begin(), points.end(), holds);
}

std::string shown(const ChartPoints& points) {
  std::string out;
  for (const ChartPoint& point : points) {
    out += std::to_string((point.time - second(0)) / seconds(1)) + ":" + std::to_string(std::lround(point.first));
    out += ' ';
  }
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(DownsampleTest)

BOOST_AUTO_TEST_CASE(name_and_find_are_inverse) {
  for (const Downsample how : kWays) BOOST_TEST((find_downsample(name(how)) == how));
  BOOST_TEST(name(Downsample::lttb) == "lttb");
  BOOST_TEST(name(Downsample::minmax) == "minmax");
  BOOST_TEST(name(Downsample::mean) == "mean");
  for (const char* word : {"", "LTTB", "lttb ", "min-max", "average"}) BOOST_TEST(!find_downsample(word), word);
}

BOOST_AUTO_TEST_CASE(as_many_points_as_wanted_or_fewer_are_unchanged) {
  std::mt19937 random(1);
  for (const std::size_t count : {0u, 1u, 2u, 3u, 30u}) {
    const Points points = noise(count, random);
    for (const Downsample how : kWays)
      for (const Chart chart : kCharts)
        for (const std::size_t limit : {count, count + 1, count + 1000}) {
          const ChartPoints out = downsample(how, chart, points, limit);
          BOOST_TEST(out.size() == count);
          BOOST_TEST(is_subsequence(out, chart, points));
        }
  }
}

BOOST_AUTO_TEST_CASE(lttb_and_minmax_give_a_subset_in_order_with_first_and_last) {
  std::mt19937 random(2);
  for (int round = 0; round < 60; ++round) {
    const Points points = noise(4 + random() % 300, random);
    for (const Chart chart : kCharts) {
      for (const std::size_t limit : {3u, 4u, 5u, 7u, 10u, 50u, 299u}) {
        if (limit >= points.size()) continue;
        const ChartPoints lttb = downsample(Downsample::lttb, chart, points, limit);
        const ChartPoints minmax = downsample(Downsample::minmax, chart, points, limit);
        BOOST_TEST(lttb.size() == limit);
        BOOST_TEST(minmax.size() <= limit);
        BOOST_TEST(minmax.size() >= 3u);
        for (const ChartPoints& out : {lttb, minmax}) {
          BOOST_TEST(is_subsequence(out, chart, points));
          BOOST_TEST(equal(out.front(), chart_point(chart, points.front())));
          BOOST_TEST(equal(out.back(), chart_point(chart, points.back())));
        }
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(limits_of_none_one_and_two_are_defined) {
  const Points points = series(10, [](std::size_t i) { return static_cast<double>(i); });
  for (const Downsample how : kWays) BOOST_TEST(downsample(how, Chart::cpu, points, 0).empty());
  for (const Downsample how : {Downsample::lttb, Downsample::minmax}) {
    BOOST_TEST(shown(downsample(how, Chart::cpu, points, 1)) == "9:9 ");
    BOOST_TEST(shown(downsample(how, Chart::cpu, points, 2)) == "0:0 9:9 ");
  }
  BOOST_TEST(shown(downsample(Downsample::mean, Chart::cpu, points, 2)) == "2:2 7:7 ");
  const ChartPoints one = downsample(Downsample::mean, Chart::cpu, points, 1);
  BOOST_REQUIRE(one.size() == 1u);
  BOOST_TEST(one[0].first == 4.5);
  BOOST_TEST((one[0].time == second(5)));
}

BOOST_AUTO_TEST_CASE(a_spike_survives_lttb_and_minmax_wherever_it_stands) {
  for (const double height : {80.0, -80.0}) {
    for (std::size_t at = 0; at < 500; ++at) {
      const Points points =
          series(500, [&](std::size_t i) { return i == at ? height : static_cast<double>(i * 7919 % 5); });
      for (const Downsample how : {Downsample::lttb, Downsample::minmax})
        for (const Chart chart : kCharts)
          BOOST_TEST(any(downsample(how, chart, points, 40),
                         [&](const ChartPoint& point) { return equal(point, chart_point(chart, points[at])); }),
                     name(how) << " loses the spike at " << at);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_spike_of_either_value_survives) {
  for (std::size_t at = 1; at < 299; ++at) {
    Points points = series(300, [](std::size_t) { return 0; });
    for (std::size_t i = 0; i < points.size(); ++i) {
      points[i].download =
          1'000'000 + static_cast<double>(i * 31 % 100);  // a large value must not outweigh a small one
      points[i].upload = static_cast<double>(i * 17 % 3);
    }
    points[at].upload = 50;
    for (const Downsample how : {Downsample::lttb, Downsample::minmax})
      BOOST_TEST(
          any(downsample(how, Chart::network, points, 40), [](const ChartPoint& point) { return point.second == 50; }),
          name(how) << " loses the spike at " << at);
  }
}

BOOST_AUTO_TEST_CASE(minmax_keeps_the_extremes_of_both_values_however_many_spikes_there_are) {
  std::mt19937 random(3);
  for (int round = 0; round < 40; ++round) {
    const Points points = noise(200, random);
    for (const Chart chart : kCharts) {
      const ChartPoints out = downsample(Downsample::minmax, chart, points, 6);
      ChartPoint low = chart_point(chart, points[0]), high = low;
      for (const HistoryPoint& each : points) {
        const ChartPoint point = chart_point(chart, each);
        low.first = std::min(low.first, point.first), high.first = std::max(high.first, point.first);
        low.second = std::min(low.second, point.second), high.second = std::max(high.second, point.second);
      }
      for (const double first : {low.first, high.first})
        BOOST_TEST(any(out, [&](const ChartPoint& point) { return point.first == first; }));
      for (const double value : {low.second, high.second})
        BOOST_TEST(any(out, [&](const ChartPoint& point) { return point.second == value; }));
    }
  }
}

BOOST_AUTO_TEST_CASE(minmax_with_little_room_prefers_highs) {
  Points points = series(20, [](std::size_t) { return 5; });
  points[4].cpu = -9;
  points[8].cpu = 90;
  BOOST_TEST(shown(downsample(Downsample::minmax, Chart::cpu, points, 3)) == "0:5 8:90 19:5 ");
  BOOST_TEST(shown(downsample(Downsample::minmax, Chart::cpu, points, 4)) == "0:5 4:-9 8:90 19:5 ");
  points[3].download = -9;
  points[6].upload = 99;
  points[9].download = 77;
  BOOST_TEST(shown(downsample(Downsample::minmax, Chart::network, points, 3)) == "0:15 9:77 19:15 ");
  BOOST_TEST(shown(downsample(Downsample::minmax, Chart::network, points, 4)) == "0:15 6:15 9:77 19:15 ");
  BOOST_TEST(shown(downsample(Downsample::minmax, Chart::network, points, 5)) == "0:15 3:-9 6:15 9:77 19:15 ");
}

BOOST_AUTO_TEST_CASE(lttb_chooses_the_largest_triangles) {
  // Buckets {1,2,3} and {4,5,6}; the line to the mean of the second bucket lies on 0, so 2 stands out; then 5.
  const double values[] = {0, 1, 4, 2, -1, -7, -2, 0};
  const Points points = series(8, [&](std::size_t i) { return values[i]; });
  BOOST_TEST(shown(downsample(Downsample::lttb, Chart::cpu, points, 4)) == "0:0 2:4 5:-7 7:0 ");
}

BOOST_AUTO_TEST_CASE(mean_stays_within_its_bucket_and_takes_a_samples_time) {
  std::mt19937 random(4);
  for (int round = 0; round < 40; ++round) {
    const Points points = noise(3 + random() % 300, random);
    for (const Chart chart : kCharts) {
      const std::size_t limit = 1 + random() % (points.size() - 1);
      const ChartPoints out = downsample(Downsample::mean, chart, points, limit);
      BOOST_REQUIRE(out.size() == limit);
      for (std::size_t bucket = 0; bucket < limit; ++bucket) {
        const std::size_t begin = points.size() * bucket / limit, end = points.size() * (bucket + 1) / limit;
        double low = std::numeric_limits<double>::infinity(), high = -low, sum = 0;
        for (std::size_t i = begin; i < end; ++i) {
          const double value = chart_point(chart, points[i]).first;
          low = std::min(low, value), high = std::max(high, value), sum += value;
        }
        BOOST_TEST(out[bucket].first >= low);
        BOOST_TEST(out[bucket].first <= high);
        BOOST_TEST(std::fabs(out[bucket].first - sum / static_cast<double>(end - begin)) < 1e-9);
        BOOST_TEST((out[bucket].time >= points[begin].time && out[bucket].time <= points[end - 1].time));
        BOOST_TEST((bucket == 0 || out[bucket - 1].time <= out[bucket].time));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(mean_of_equal_values_is_that_value) {
  const Points points = series(1000, [](std::size_t) { return 0.1; });
  for (const ChartPoint& point : downsample(Downsample::mean, Chart::cpu, points, 7)) BOOST_TEST(point.first == 0.1);
}

BOOST_AUTO_TEST_CASE(mean_of_integers_is_printed_without_noise) {
  const Points points = series(4, [](std::size_t i) { return 100 * static_cast<double>(i + 1); });
  const ChartPoints out = downsample(Downsample::mean, Chart::cpu, points, 1);
  BOOST_TEST(out.at(0).first == 250);
}

BOOST_AUTO_TEST_CASE(mean_puts_no_point_where_the_device_was_away) {
  Points points = series(6, [](std::size_t) { return 1; });
  for (std::size_t i = 3; i < 6; ++i) points[i].time += std::chrono::hours(24);
  for (const ChartPoint& point : downsample(Downsample::mean, Chart::cpu, points, 2))
    BOOST_TEST(std::any_of(points.begin(), points.end(),
                           [&](const HistoryPoint& sample) { return sample.time == point.time; }));
}

BOOST_AUTO_TEST_CASE(constant_values_and_equal_times_are_no_special_case) {
  for (const bool moves : {true, false}) {
    Points points = series(50, [](std::size_t) { return 5; });
    if (!moves)
      for (HistoryPoint& point : points) point.time = second(0);
    for (const Chart chart : kCharts) {
      BOOST_TEST(downsample(Downsample::lttb, chart, points, 10).size() == 10u);
      BOOST_TEST(downsample(Downsample::minmax, chart, points, 10).size() <= 10u);
      BOOST_TEST(downsample(Downsample::mean, chart, points, 10).size() == 10u);
    }
  }
}

BOOST_AUTO_TEST_CASE(a_spike_among_rows_of_one_stamp_survives) {
  for (std::size_t at = 0; at < 50; ++at) {
    Points points = series(50, [&](std::size_t i) { return i == at ? 90 : 5; });
    for (HistoryPoint& point : points) point.time = second(0);
    for (const Downsample how : {Downsample::lttb, Downsample::minmax})
      BOOST_TEST(
          any(downsample(how, Chart::cpu, points, 10), [](const ChartPoint& point) { return point.first == 90; }),
          name(how) << " loses the spike at " << at);
  }
}

BOOST_AUTO_TEST_CASE(values_at_the_ends_of_a_doubles_range_stay_finite) {
  constexpr double kMax = std::numeric_limits<double>::max();
  Points points = series(40, [](std::size_t i) { return i % 2 == 0 ? kMax : -kMax; });
  points[7].cpu = std::numeric_limits<double>::infinity();
  points[8].download = std::numeric_limits<double>::quiet_NaN();
  points[9].upload = std::numeric_limits<double>::denorm_min();
  for (const Downsample how : kWays)
    for (const Chart chart : kCharts)
      for (const std::size_t limit : {1u, 3u, 9u, 40u})
        for (const ChartPoint& point : downsample(how, chart, points, limit)) {
          BOOST_TEST(std::isfinite(point.first));
          BOOST_TEST(std::isfinite(point.second));
        }
}

BOOST_AUTO_TEST_SUITE_END()
