// ClockFormat against a table that JavaScript itself printed, with every change of offset of several zones.
#include <boost/test/unit_test.hpp>

#include <atomic>
#include <stdexcept>
#include <thread>
#include <vector>

#include "proto/time.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

struct Row {
  const char* zone;
  const char* instant;
  const char* expected;
};

constexpr Row kTable[] = {
#include "tests/unit/proto/clock_format_table.inc"
};

std::string format(const ClockFormat& clock, Timestamp time) {
  std::string out;
  clock.append(out, time);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ClockFormatTest)

BOOST_AUTO_TEST_CASE(prints_what_javascript_prints) {
  for (const Row& row : kTable)
    BOOST_TEST(format(ClockFormat(row.zone), at(row.instant)) == row.expected, row.zone << " " << row.instant);
}

BOOST_AUTO_TEST_CASE(is_utc_unless_told_otherwise) {
  BOOST_TEST(format(ClockFormat(), at("2026-11-22T14:05:00.123Z")) == "02:05 PM");
  BOOST_TEST(format(ClockFormat("Etc/UTC"), at("2026-11-22T00:05:00Z")) == "12:05 AM");
}

BOOST_AUTO_TEST_CASE(can_print_iso_instead) {
  BOOST_TEST(format(ClockFormat("Asia/Kolkata", ClockFormat::Style::iso), at("2026-11-22T14:05:00.123Z")) ==
             "2026-11-22T14:05:00.123Z");
}

BOOST_AUTO_TEST_CASE(refuses_a_zone_that_it_does_not_know_by_name) {
  for (const char* zone : {"", "Mars/Olympus", "europe/berlin", "../etc/passwd", "UTC "})
    BOOST_CHECK_EXCEPTION(ClockFormat{zone}, std::invalid_argument, [&](const std::invalid_argument& error) {
      return std::string(error.what()).find("\"" + std::string(zone) + "\"") != std::string::npos;
    });
}

BOOST_AUTO_TEST_CASE(survives_times_far_outside_the_table) {
  const ClockFormat clock("Europe/Berlin");
  BOOST_TEST(format(clock, Timestamp(std::chrono::microseconds(-1))).size() == 8u);
  BOOST_TEST(format(clock, at("9999-12-31T23:59:59Z")).size() == 8u);
}

BOOST_AUTO_TEST_CASE(keeps_its_zone_when_moved) {
  ClockFormat clock("Asia/Kolkata");
  ClockFormat other = std::move(clock);
  BOOST_TEST(format(other, at("2026-11-22T00:00:00Z")) == "05:30 AM");
  other = ClockFormat("UTC");
  BOOST_TEST(format(other, at("2026-11-22T00:00:00Z")) == "12:00 AM");
}

BOOST_AUTO_TEST_CASE(formats_from_several_threads_at_once) {
  const ClockFormat clock("America/New_York");
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      for (int n = 0; n < 2000; ++n)
        if (format(clock, at("2026-07-04T16:00:00Z")) != "12:00 PM") ++wrong;
    });
  for (std::thread& thread : threads) thread.join();
  BOOST_TEST(wrong == 0);
}

BOOST_AUTO_TEST_SUITE_END()
