// HistoryPoint: the guide's arithmetic, checked against values that JavaScript computed.
#include "proto/history_point.hpp"

#include <boost/test/unit_test.hpp>

#include <limits>
#include <utility>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;

BOOST_AUTO_TEST_SUITE(HistoryPointTest)

BOOST_AUTO_TEST_CASE(rounds_half_up_as_javascript_does) {
  const std::pair<double, double> rows[] = {{2.5, 3},
                                            {-2.5, -2},
                                            {-2.51, -3},
                                            {0.5, 1},
                                            {-0.5, 0},
                                            {0.49999999999999994, 0},
                                            {1.4, 1},
                                            {-1.4, -1},
                                            {1.5, 2},
                                            {99.5, 100},
                                            {4503599627370497.0, 4503599627370497.0},
                                            {1e300, 1e300},
                                            {0, 0}};
  for (const auto& [value, expected] : rows) BOOST_TEST(js_round(value) == expected, value);
}

BOOST_AUTO_TEST_CASE(computes_what_the_guide_computes) {
  MetricValues values;
  values[Metric::cpu_usage] = {45.5, true, -1};
  values[Metric::memory_usage] = {3435973836.8, true, -1};
  values[Metric::memory_total] = {8589934592.0, true, -1};
  values[Metric::network_rx] = {123456.75, true, -1};
  values[Metric::network_tx] = {9876543210.0, true, -1};
  const Timestamp time = test::at("2026-11-22T14:05:00.123Z");
  const HistoryPoint point = make_history_point(time, values);
  BOOST_TEST((point.time == time));
  BOOST_TEST(point.cpu == 46);
  BOOST_TEST(point.memory_used == 3277);
  BOOST_TEST(point.memory_available == 4915);
  BOOST_TEST(point.download == 123456.75);
  BOOST_TEST(point.upload == 9876543210.0);
}

BOOST_AUTO_TEST_CASE(counts_missing_values_as_zero) {
  const HistoryPoint nothing = make_history_point({}, {});
  BOOST_TEST(nothing.cpu == 0);
  BOOST_TEST(nothing.memory_used == 0);
  BOOST_TEST(nothing.memory_available == 0);
  BOOST_TEST(nothing.download == 0);
  BOOST_TEST(nothing.upload == 0);

  MetricValues values;
  values[Metric::memory_usage] = {1048576.0, true, -1};
  BOOST_TEST(make_history_point({}, values).memory_available == -1);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ChartPointTest)

BOOST_AUTO_TEST_CASE(each_chart_takes_its_own_values) {
  const HistoryPoint point{Timestamp{}, 1, 2, 3, 4, 5};
  const auto both = [&](Chart chart) {
    const ChartPoint shown = chart_point(chart, point);
    return std::make_pair(shown.first, shown.second);
  };
  BOOST_TEST((both(Chart::cpu) == std::make_pair(1.0, 0.0)));
  BOOST_TEST((both(Chart::memory) == std::make_pair(2.0, 3.0)));
  BOOST_TEST((both(Chart::network) == std::make_pair(4.0, 5.0)));
  BOOST_TEST(values_of(Chart::cpu) == 1u);
  BOOST_TEST(values_of(Chart::memory) == 2u);
  BOOST_TEST(values_of(Chart::network) == 2u);
}

// total - used of two numbers at the ends of a double's range.
BOOST_AUTO_TEST_CASE(what_is_not_finite_becomes_0) {
  constexpr double kMax = std::numeric_limits<double>::max();
  MetricValues values;
  values[Metric::memory_usage] = {-kMax, true, -1};
  values[Metric::memory_total] = {kMax, true, -1};
  BOOST_TEST(chart_point(Chart::memory, make_history_point({}, values)).second == 0);
}

BOOST_AUTO_TEST_SUITE_END()
