// How long a device may be silent, and since when it is. Pure: samples, times, no hub.
#include "gateway/devices/freshness.hpp"

#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <ostream>
#include <random>
#include <string>

#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::Freshness;
using devices::kNever;
using std::chrono::microseconds;
using std::chrono::milliseconds;

namespace {

constexpr std::chrono::milliseconds kAtLeast{15'000};

// Seconds; -1: cannot tell.
double limit(const std::vector<Sample>& samples, milliseconds at_least = kAtLeast) {
  const auto found = Freshness::limit(samples, at_least);
  return found ? std::chrono::duration<double>(*found).count() : -1;
}

std::vector<Sample> events_at(std::initializer_list<double> times) {
  std::vector<Sample> samples;
  for (const double time : times) samples.push_back(event(time, static_cast<double>(samples.size())));
  return samples;
}
std::vector<Sample> rows_at(std::initializer_list<double> times) {
  std::vector<Sample> samples;
  for (const double time : times) samples.push_back(stored(time, static_cast<double>(samples.size())));
  return samples;
}

// Our two clocks, `seconds` after some moment.
Now now(double seconds) {
  return {SteadyTime(std::chrono::hours(1)) + microseconds(std::llround(seconds * 1e6)), at(seconds)};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(FreshnessLimit)

BOOST_AUTO_TEST_CASE(three_times_the_median_interval_but_not_too_short) {
  struct Row {
    const char* what;
    std::vector<Sample> samples;
    double expected;
  };
  const std::vector<Row> rows = {
      {"nothing", {}, -1},
      {"one sample", events_at({0}), -1},
      {"one interval", events_at({0, 60}), -1},
      {"two intervals", events_at({0, 60, 120}), 180},
      {"the mean of the middle two", events_at({0, 60, 160}), 240},
      {"a fast device", events_at({0, 1, 2, 3}), 15},
      {"as long as the shortest limit", events_at({0, 5, 10}), 15},
      {"one pause says nothing", events_at({0, 10, 20, 1000, 1010, 1020}), 30},
      {"only the last eight intervals", events_at({0, 100, 200, 300, 400, 410, 420, 430, 440, 450, 460, 470, 480}), 30},
      {"reports in pairs", events_at({0, 5, 30, 35, 60, 65, 90}), 45},
      {"rows", rows_at({0, 60, 120}), 180},
      {"rows of one statement share the interval before them", rows_at({0, 0, 60, 60, 120, 120}), 90},
      {"… of which the oldest may be cut off", rows_at({0, 90, 90, 90, 180, 180, 180}), 90},
      {"… of any size", rows_at({0, 30, 60, 60}), 45},
      {"rows, then events of another clock", {stored(0, 1), stored(60, 2), event(5000, 3), event(5060, 4)}, 180},
      {"the row's clock joins rows and pairs",
       {stored(0, 1), stored(60, 2), paired(5055, 120, 3), paired(5115, 180, 4)},
       180},
      {"an interval across a gap is none", {event(0, 1), event(60, 2), event(900, 3, true), event(960, 4)}, 180},
      {"two that are left over are too few", {event(0, 1), event(60, 2), event(900, 3, true)}, -1},
      {"a clock that was set back", {event(900, 1), event(960, 2), event(0, 3), event(60, 4)}, 180},
      {"a doubled report",
       {event(0, 1), event(0.2, 1), event(60, 2), event(60.2, 2), event(120, 3), event(120.2, 3)},
       180},
      {"equal values a second apart are two", {event(0, 1), event(1, 1), event(2, 1)}, 15},
      {"a doubled row", {stored(0, 1), stored(0.01, 1), stored(60, 2), stored(60.01, 2), stored(120, 3)}, 180},
  };
  for (const Row& row : rows)
    BOOST_TEST_CONTEXT(row.what) BOOST_TEST(limit(row.samples) == row.expected, boost::test_tools::tolerance(5e-3));
}

BOOST_AUTO_TEST_CASE(the_shortest_limit_is_what_the_operator_says) {
  BOOST_TEST(limit(events_at({0, 0.1, 0.2}), milliseconds(0)) == 0.3);
  BOOST_TEST(limit(events_at({0, 0.1, 0.2}), milliseconds(500)) == 0.5);
  BOOST_TEST(limit(events_at({0, 10, 20}), std::chrono::hours(1)) == 3600);
}

BOOST_AUTO_TEST_CASE(times_that_make_no_sense_do_not_overflow) {
  const auto sample = [](proto::Timestamp time, double value) { return Sample{cpu(value), time, std::nullopt}; };
  const proto::Timestamp first{std::chrono::hours(-24 * 365 * 1969)}, last{std::chrono::hours(24 * 365 * 8000)};
  BOOST_TEST(limit({sample(first, 1), sample(proto::Timestamp{}, 2), sample(last, 3)}) == 365 * 86'400.0,
             boost::test_tools::tolerance(1e-6));
}

// Whatever a device reports: twice as slow is twice as long, its clock does not matter, nor does a doubled report.
BOOST_AUTO_TEST_CASE(a_limit_follows_the_pace_and_nothing_else) {
  std::mt19937 random(7);
  const auto draw = [&](int below) { return static_cast<int>(random() % static_cast<unsigned>(below)); };
  for (int round = 0; round < 2'000; ++round) {
    const bool rows = draw(2) == 0;
    const double skew = draw(7'200'000) - 3'600'000;
    std::vector<Sample> plain, slower, skewed, doubled;
    double time = 0;
    for (int i = draw(30); i > 0; --i) {
      time += 2 + draw(100'000) / 1000.0;
      const bool gap = draw(8) == 0;
      const auto add = [&](std::vector<Sample>& to, double when) {
        to.push_back(rows ? stored(when, i) : event(when, i, gap));
      };
      add(plain, time);
      add(slower, 2 * time);
      add(skewed, time + skew);
      add(doubled, time);
      if (draw(3) == 0) doubled.push_back(rows ? stored(time, i) : event(time, i));
    }
    const double expected = limit(plain, milliseconds(0));
    BOOST_TEST(limit(skewed, milliseconds(0)) == expected, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(limit(doubled, milliseconds(0)) == expected, boost::test_tools::tolerance(1e-5));
    if (expected < 0) continue;
    BOOST_TEST(limit(slower, milliseconds(0)) == 2 * expected, boost::test_tools::tolerance(1e-5));
    BOOST_TEST(limit(plain, kAtLeast) == std::max(15.0, expected), boost::test_tools::tolerance(1e-5));
    BOOST_TEST(expected >= 6 - 1e-3);
    BOOST_TEST(expected <= 3 * 102);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(FreshnessSilence)

constexpr std::chrono::seconds kLimit{20};

BOOST_AUTO_TEST_CASE(nobody_can_tell_before_the_device_was_heard) {
  Freshness freshness;
  freshness.on_bus_confirmed(now(0).steady);
  freshness.on_table_read(at(100), now(120));
  BOOST_TEST((freshness.silent_at(kLimit) == kNever));
}

BOOST_AUTO_TEST_CASE(silence_counts_from_the_last_event_that_came) {
  Freshness freshness;
  freshness.on_bus_confirmed(now(0).steady);
  freshness.on_event(now(5).steady);
  freshness.on_event(now(10).steady);
  BOOST_TEST((freshness.silent_at(kLimit) == now(30).steady));
  BOOST_TEST((freshness.heard_at(now(30)) == at(10)));
}

BOOST_AUTO_TEST_CASE(what_was_published_before_we_listened_is_not_silence) {
  Freshness freshness;
  freshness.on_row(at(-30), now(0));
  freshness.on_table_read(at(-15), now(0));
  BOOST_TEST((freshness.silent_at(kLimit) == kNever));
  freshness.on_bus_confirmed(now(0).steady);
  BOOST_TEST((freshness.silent_at(kLimit) == now(20).steady));
  BOOST_TEST((freshness.heard_at(now(20)) == at(-30)));
}

BOOST_AUTO_TEST_CASE(the_table_tells_of_a_silence_from_before_we_listened) {
  Freshness freshness;
  freshness.on_bus_confirmed(now(0).steady);
  freshness.on_row(at(-172'800), now(1));
  freshness.on_table_read(at(-15), now(1));
  BOOST_TEST((freshness.silent_at(kLimit) <= now(1).steady));
  BOOST_TEST((freshness.heard_at(now(1)) == at(-172'800)));
}

BOOST_AUTO_TEST_CASE(an_outage_is_not_silence_whoever_tells_of_it) {
  Freshness freshness;
  freshness.on_bus_confirmed(now(0).steady);
  freshness.on_event(now(10).steady);
  freshness.on_bus_down(now(15).steady);
  BOOST_TEST((freshness.silent_at(kLimit) == kNever));
  freshness.on_table_read(at(600), now(615));
  BOOST_TEST((freshness.silent_at(kLimit) == kNever));
  freshness.on_bus_confirmed(now(620).steady);
  freshness.on_table_read(at(605), now(620));
  BOOST_TEST((freshness.silent_at(kLimit) == now(640).steady));
  // Nor is a second one, right after the first.
  freshness.on_bus_down(now(625).steady);
  freshness.on_bus_confirmed(now(630).steady);
  freshness.on_table_read(at(629), now(644));
  BOOST_TEST((freshness.silent_at(kLimit) == now(650).steady));
  BOOST_TEST((freshness.heard_at(now(650)) == at(10)));
}

BOOST_AUTO_TEST_CASE(a_row_in_our_future_counts_as_now_and_an_absurd_one_as_old) {
  Freshness freshness;
  freshness.on_row(at(100), now(0));
  BOOST_TEST((freshness.heard_at(now(0)) == at(0)));
  Freshness old;
  old.on_row(proto::Timestamp(std::chrono::hours(-24 * 365 * 1969)), now(0));
  old.on_table_read(at(-15), now(0));
  BOOST_TEST((old.silent_at(kLimit) < now(0).steady));
}

BOOST_AUTO_TEST_CASE(stale_ends_with_a_young_row_only) {
  Freshness freshness;
  freshness.on_bus_confirmed(now(0).steady);
  freshness.on_event(now(0).steady);
  freshness.declare_stale(now(20));
  BOOST_TEST(freshness.stale());
  BOOST_TEST((*freshness.stale_since() == at(0)));
  BOOST_TEST(!freshness.revived(kLimit, now(100)));
  freshness.on_row(at(70), now(100));
  BOOST_TEST(!freshness.revived(kLimit, now(100)));
  freshness.on_row(at(81), now(100));
  BOOST_TEST(freshness.revived(kLimit, now(100)));
  BOOST_TEST((*freshness.stale_since() == at(0)));
}

BOOST_AUTO_TEST_SUITE_END()
