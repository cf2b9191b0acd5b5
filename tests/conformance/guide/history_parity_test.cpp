// The points of `history`: their number, order, times and values.
#include <boost/test/unit_test.hpp>

#include "tests/conformance/guide/world.hpp"

using namespace pulsegate::test;

namespace {

// One row a minute, oldest first, with these values in one column and some in the others.
void compare_metrics(const std::string& column, const std::vector<SqlValue>& values) {
  compare_all(
      [&](DeviceRows& rows) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          Columns columns = full_metrics();
          columns[column] = values[i];
          rows.metrics(minute(static_cast<int>(i)), columns);
        }
      },
      {"history"});
}

}  // namespace

BOOST_AUTO_TEST_SUITE(GuideParity)

BOOST_AUTO_TEST_CASE(each_column_of_metrics_null_in_turn) {
  compare_all(
      [](DeviceRows& rows) {
        int i = 0;
        for (const auto& [column, value] : full_metrics()) {
          Columns columns = full_metrics();
          columns[column].reset();
          rows.metrics(minute(i++), columns);
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(number_of_points_ends_at_thirty) {
  for (const int count : {1, 2, 29, 30, 31, 49}) {
    BOOST_TEST_CONTEXT(count << " rows") {
      compare_all(
          [&](DeviceRows& rows) {
            // Inserted in an order that is not that of their times: 7 has no factor in common with any of the counts.
            for (int i = 0; i < count; ++i) {
              const int place = count % 7 == 0 ? count - 1 - i : i * 7 % count;
              Columns columns = full_metrics();
              columns["cpu_usage"] = std::to_string(place);
              rows.metrics(minute(place), columns);
            }
          },
          {"history"});
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_rows_close_together_are_points_of_their_own) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time : {"14:05:00.000", "14:05:00.001", "14:05:00.000001", "14:05:00.4", "14:05:01"}) {
          rows.metrics(std::string("2026-11-22 ") + time, full_metrics());
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(times_of_day) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time :
             {"00:00:00", "00:00:59.999", "00:01:00", "01:09:00", "09:59:59.999999", "10:00:00", "11:59:59.999999",
              "12:00:00", "12:00:59", "12:59:59", "13:00:00", "23:59:59.999999"}) {
          rows.metrics(std::string("2026-11-22 ") + time, full_metrics());
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(times_long_ago_and_in_the_future) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time : {"1969-12-31 23:59:30.5", "1970-01-01 00:00:00", "2001-09-09 01:46:40",
                                 "2024-02-29 12:30:00", "2038-01-19 03:14:08", "2099-12-31 23:59:00"}) {
          rows.metrics(time, full_metrics());
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(cpu_is_rounded_as_by_math_round) {
  compare_metrics("cpu_usage", {"0.5", "1.5", "2.5", "44.5", "44.49999999999999", "0.49999999999999994", "99.999999999",
                                "12.3456789012345678901234567890", "100.0", "0.0000000001", "150", "1000000.5"});
}

BOOST_AUTO_TEST_CASE(negative_cpu_is_rounded_as_by_math_round) {
  compare_metrics("cpu_usage", {"-0.3", "-0.5", "-0.50000001", "-1", "-1.5", "-2.5", "-2.51", "-99.99"});
}

BOOST_AUTO_TEST_CASE(cpu_beyond_reason) {
  compare_metrics("cpu_usage", {"4503599627370497.5", "9007199254740993", "123456789012345678901234567890", "NaN"});
}

BOOST_AUTO_TEST_CASE(memory_is_rounded_to_mebibytes) {
  compare_metrics("memory_usage", {"0", "1", "524287", "524288", "524289", "1572864", "2621440", "8589934591",
                                   "8589410304", "9007199254740993", "9223372036854775807"});
}

BOOST_AUTO_TEST_CASE(more_memory_used_than_there_is) {
  compare_metrics("memory_total", {"2147483647", "2146959360", "2146435072", "1", "0", "-1", std::nullopt});
}

BOOST_AUTO_TEST_CASE(negative_memory) {
  compare_metrics("memory_usage", {"-1", "-524288", "-524289", "-1572864", "-9223372036854775808"});
}

BOOST_AUTO_TEST_CASE(network_counters_of_any_size) {
  const std::vector<SqlValue> counters = {"0",
                                          "1",
                                          "-1",
                                          std::nullopt,
                                          "2147483648",
                                          "9007199254740991",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "-9223372036854775808"};
  compare_metrics("network_rx", counters);
  compare_metrics("network_tx", counters);
}

BOOST_AUTO_TEST_SUITE_END()
