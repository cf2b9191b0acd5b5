// From an event's own time to the end of the pass that writes it.
#include "gateway/ws/lag_meter.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate;
using namespace pulsegate::ws;
using std::chrono::milliseconds;

namespace {

proto::Timestamp at(int ms) {
  return proto::Timestamp(std::chrono::seconds(1'800'000'000)) + milliseconds(ms);
}

SteadyTime steady(int ms) {
  return SteadyTime(std::chrono::hours(1)) + milliseconds(ms);
}

struct World {
  LagHistogram lag;
  FanoutHistogram fanout;
  LagMeter meter{lag, fanout};

  static Now now(int ms) { return {steady(ms), at(ms)}; }
  // Read at once.
  void event(int ms) { meter.on_event(at(ms), steady(ms)); }
  void pass(bool all_written, int ms) {
    meter.on_pass_begin();
    meter.on_pass_end(all_written, now(ms));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(LagMeter)

BOOST_FIXTURE_TEST_CASE(an_event_is_observed_when_its_pass_is_over, World) {
  event(0);
  event(100);
  meter.on_pass_begin();
  BOOST_TEST(lag.count == 0u);
  meter.on_pass_end(true, now(300));
  BOOST_TEST(lag.count == 2u);
  BOOST_TEST(lag.sum == 0.5, boost::test_tools::tolerance(1e-9));
  pass(true, 1'000);
  BOOST_TEST(lag.count == 2u);
}

BOOST_FIXTURE_TEST_CASE(an_event_during_a_pass_waits_for_the_next_one, World) {
  event(0);
  meter.on_pass_begin();
  event(10);
  meter.on_pass_end(false, now(20));
  BOOST_TEST(lag.count == 1u);
  event(30);
  pass(true, 50);
  BOOST_TEST(lag.count == 3u);
  BOOST_TEST(lag.sum == 0.02 + 0.04 + 0.02, boost::test_tools::tolerance(1e-9));
}

BOOST_FIXTURE_TEST_CASE(an_event_during_a_pass_that_leaves_nobody_waiting_was_written_by_it, World) {
  event(0);
  meter.on_pass_begin();
  event(10);
  meter.on_pass_end(true, now(20));
  BOOST_TEST(lag.count == 2u);
  BOOST_TEST(lag.sum == 0.03, boost::test_tools::tolerance(1e-9));
}

BOOST_FIXTURE_TEST_CASE(a_clock_ahead_of_ours_counts_as_no_lag, World) {
  event(5'000);
  pass(true, 0);
  BOOST_TEST(lag.buckets[0] == 1u);
  BOOST_TEST(lag.sum == 0.0);
}

BOOST_FIXTURE_TEST_CASE(what_finds_no_room_counts_as_the_last_one_that_did, World) {
  const int more = 1'000;
  for (std::size_t i = 0; i < ws::LagMeter::kMostTimes; ++i) event(0);
  for (int i = 0; i < more; ++i) event(900);
  pass(true, 1'000);
  BOOST_TEST(lag.count == ws::LagMeter::kMostTimes + more);
  BOOST_TEST(lag.sum == static_cast<double>(lag.count), boost::test_tools::tolerance(1e-9));
  event(1'000);
  pass(true, 1'001);
  BOOST_TEST(lag.count == ws::LagMeter::kMostTimes + more + 1);
}

BOOST_FIXTURE_TEST_CASE(a_fan_out_lasts_from_the_read_of_its_batch_whatever_the_event_says, World) {
  meter.on_event(at(-3'600'000), steady(10));
  meter.on_event(at(+3'600'000), steady(10));
  meter.on_event(std::nullopt, steady(10));
  meter.on_event(at(20), steady(30));
  pass(true, 60);
  BOOST_TEST(lag.count == 3u);
  BOOST_TEST(fanout.count == 4u);
  BOOST_TEST(fanout.sum == 3 * 0.05 + 0.03, boost::test_tools::tolerance(1e-9));
  pass(true, 100);
  BOOST_TEST(fanout.count == 4u);
}

BOOST_FIXTURE_TEST_CASE(a_read_during_a_pass_is_of_the_next_one, World) {
  event(0);
  meter.on_pass_begin();
  event(10);
  meter.on_pass_end(false, now(20));
  BOOST_TEST(fanout.count == 1u);
  BOOST_TEST(fanout.sum == 0.02, boost::test_tools::tolerance(1e-9));
  pass(true, 50);
  BOOST_TEST(fanout.count == 2u);
  BOOST_TEST(fanout.sum == 0.02 + 0.04, boost::test_tools::tolerance(1e-9));
}

BOOST_FIXTURE_TEST_CASE(reads_that_find_no_room_count_as_the_last_one_that_did, World) {
  const int most = static_cast<int>(ws::LagMeter::kMostReads);
  for (int i = 0; i < most + 7; ++i) meter.on_event(std::nullopt, steady(i));
  pass(true, most - 1);
  BOOST_TEST(fanout.count == ws::LagMeter::kMostReads + 7);
  BOOST_TEST(fanout.sum == 0.001 * most * (most - 1) / 2, boost::test_tools::tolerance(1e-9));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(LagHistogram)

BOOST_AUTO_TEST_CASE(a_bound_belongs_to_the_bucket_below_it) {
  pulsegate::LagHistogram lag;
  lag.observe(0.001);
  lag.observe(0.0011);
  lag.observe(300);
  lag.observe(301);
  lag.observe(-1);
  BOOST_TEST(lag.buckets[0] == 2u);
  BOOST_TEST(lag.buckets[1] == 1u);
  BOOST_TEST(lag.buckets[kLagBounds.size() - 1] == 1u);
  BOOST_TEST(lag.buckets[kLagBounds.size()] == 1u);
  BOOST_TEST(lag.count == 5u);
  pulsegate::LagHistogram sum = lag;
  sum += lag;
  BOOST_TEST(sum.count == 10u);
  BOOST_TEST(sum.buckets[0] == 4u);
  BOOST_TEST(sum.sum == 2 * lag.sum);
}

BOOST_AUTO_TEST_SUITE_END()
