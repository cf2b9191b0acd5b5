// Reading numbers as JavaScript does, and telling whether an event and a row are the same sample.
#include "proto/metric_values.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::proto;

namespace {

MetricValue event_value(double value) {
  return {value, true, -1};
}

MetricValues one(Metric metric, MetricValue value) {
  MetricValues values;
  values[metric] = value;
  return values;
}

bool same(MetricValue a, MetricValue b) {
  return same_values(one(Metric::cpu_usage, a), one(Metric::cpu_usage, b)) &&
         same_values(one(Metric::cpu_usage, b), one(Metric::cpu_usage, a));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(MetricNames)

BOOST_AUTO_TEST_CASE(name_and_find_are_inverse) {
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    const auto metric = static_cast<Metric>(i);
    BOOST_TEST((find_metric(metric_name(metric)) == metric));
  }
  BOOST_TEST(metric_name(Metric::network_tx) == "network_tx");
  for (const char* name : {"", "cpu", "CPU_USAGE", "cpu_usage ", "top_processes"})
    BOOST_TEST(!find_metric(name).has_value(), name);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ParseNumber)

BOOST_AUTO_TEST_CASE(reads_the_longest_prefix_as_parse_float_does) {
  const std::pair<const char*, double> rows[] = {
      {"45.2", 45.2}, {" 45.2%", 45.2}, {"\t\r\n 7", 7},
      {"+5", 5},      {"-5", -5},       {".5", 0.5},
      {"-.5", -0.5},  {"5.", 5},        {"5.e1", 50},
      {"1e3", 1000},  {"1E+3", 1000},   {"1e", 1},
      {"1e+", 1},     {"1.2.3", 1.2},   {"0x10", 0},
      {"1,5", 1},     {"007", 7},       {"8589934592", 8589934592.0},
      {"1e-400", 0},  {"0.1e-400", 0},  {"-0", 0},
      {"1_000", 1},   {"12abc", 12},    {"9007199254740993", 9007199254740992.0},
  };
  for (const auto& [text, expected] : rows) {
    const auto number = parse_number(text);
    BOOST_TEST_REQUIRE(number.has_value(), text);
    BOOST_TEST(*number == expected, text);
  }
}

BOOST_AUTO_TEST_CASE(finds_no_number_in_anything_else) {
  for (const char* text : {"",    " ",   "abc", "-",   "+",   ".",    "-.",       "e5",    ".e5",    "+-5",
                           "--5", "- 5", "NaN", "nan", "inf", "-inf", "Infinity", "1e400", "-1e999", "%45"})
    BOOST_TEST(!parse_number(text).has_value(), text);
  BOOST_TEST(!parse_number(std::string(400, '9')).has_value());
}

BOOST_AUTO_TEST_CASE(survives_numbers_that_break_naive_parsers) {
  const std::string tiny = "0." + std::string(5000, '0') + "1e-2147483639";
  BOOST_TEST(parse_number(tiny).value_or(1) == 0);
  BOOST_TEST(parse_number("0." + std::string(5000, '0') + "1").value_or(1) == 0);
  BOOST_TEST(parse_number("1e-99999999999999999999").value_or(1) == 0);
  BOOST_TEST(!parse_number("1e99999999999999999999").has_value());
  BOOST_TEST(parse_number(std::string(5000, '0') + "7").value_or(0) == 7);
}

BOOST_AUTO_TEST_CASE(keeps_the_decimals_of_a_row) {
  const struct {
    const char* text;
    double value;
    int decimals;
  } rows[] = {
      {"45.20", 45.2, 2}, {"45", 45, 0}, {"-3.5", -3.5, 1}, {"4.5e+20", 4.5e20, -1}, {"8589934592", 8589934592.0, 0}};
  for (const auto& row : rows) {
    const MetricValue value = parse_row_value(row.text);
    BOOST_TEST(value.present);
    BOOST_TEST(value.value == row.value);
    BOOST_TEST(static_cast<int>(value.decimals) == row.decimals, row.text);
  }
  for (const char* text : {"", "NaN", "null", "Infinity"}) BOOST_TEST(!parse_row_value(text).present, text);
  BOOST_TEST(static_cast<int>(parse_row_value("0." + std::string(300, '3')).decimals) == 100);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(SameValues)

BOOST_AUTO_TEST_CASE(two_events_must_agree_exactly) {
  BOOST_TEST(same(event_value(45.678), event_value(45.678)));
  BOOST_TEST(!same(event_value(45.678), event_value(45.6780001)));
  BOOST_TEST(same(event_value(0.0), event_value(-0.0)));
}

BOOST_AUTO_TEST_CASE(an_event_equals_the_row_that_it_rounds_to) {
  const struct {
    double event;
    const char* row;
    bool expected;
  } rows[] = {
      {45.678, "45.68", true},
      {45.678, "45.67", false},
      {45.675, "45.68", true},
      {45.665, "45.67", true},
      {45.6749, "45.68", false},
      {45.2, "45.20", true},
      {1.005, "1.01", true},
      {1.005, "1.00", true},
      {-2.345, "-2.35", true},
      {-2.345, "-2.33", false},
      {99.999, "100.00", true},
      {0.004, "0.00", true},
      {0.0051, "0.00", false},
      {8589934592.4, "8589934592", true},
      {8589934591.0, "8589934592", false},
      {9007199254740991.0, "9007199254740991", true},
      {1e15 + 1, "1000000000000000", false},
      {45.678, "45.678", true},
  };
  for (const auto& row : rows)
    BOOST_TEST(same(event_value(row.event), parse_row_value(row.row)) == row.expected, row.event << " " << row.row);
}

BOOST_AUTO_TEST_CASE(two_rows_are_compared_in_the_coarser_precision) {
  BOOST_TEST(same(parse_row_value("45.20"), parse_row_value("45.20")));
  BOOST_TEST(!same(parse_row_value("45.20"), parse_row_value("45.21")));
  BOOST_TEST(same(parse_row_value("45.68"), parse_row_value("45.678")));
}

BOOST_AUTO_TEST_CASE(a_missing_value_equals_only_a_missing_value) {
  BOOST_TEST(same({}, {}));
  BOOST_TEST(!same({}, event_value(0)));
  BOOST_TEST(!same({}, parse_row_value("0")));
}

BOOST_AUTO_TEST_CASE(only_metrics_of_the_mask_count) {
  MetricValues a = one(Metric::cpu_usage, event_value(1));
  MetricValues b = a;
  b[Metric::network_tx] = event_value(5);
  BOOST_TEST(!same_values(a, b));
  BOOST_TEST(same_values(a, b, 0x7f));
  BOOST_TEST(same_values(a, b, 0x01));
  BOOST_TEST(same_values(a, one(Metric::storage_total, event_value(9)), 0));
}

BOOST_AUTO_TEST_SUITE_END()
