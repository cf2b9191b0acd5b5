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

struct World {
  LagHistogram lag;
  LagMeter meter{lag};

  void pass(bool all_written, int ms) {
    meter.on_pass_begin();
    meter.on_pass_end(all_written, at(ms));
  }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(LagMeter)

BOOST_FIXTURE_TEST_CASE(an_event_is_observed_when_its_pass_is_over, World) {
  meter.on_event(at(0));
  meter.on_event(at(100));
  meter.on_pass_begin();
  BOOST_TEST(lag.count == 0u);
  meter.on_pass_end(true, at(300));
  BOOST_TEST(lag.count == 2u);
  BOOST_TEST(lag.sum == 0.5, boost::test_tools::tolerance(1e-9));
  pass(true, 1'000);
  BOOST_TEST(lag.count == 2u);
}

BOOST_FIXTURE_TEST_CASE(an_event_during_a_pass_waits_for_the_next_one, World) {
  meter.on_event(at(0));
  meter.on_pass_begin();
  meter.on_event(at(10));
  meter.on_pass_end(false, at(20));
  BOOST_TEST(lag.count == 1u);
  meter.on_event(at(30));
  pass(true, 50);
  BOOST_TEST(lag.count == 3u);
  BOOST_TEST(lag.sum == 0.02 + 0.04 + 0.02, boost::test_tools::tolerance(1e-9));
}

BOOST_FIXTURE_TEST_CASE(an_event_during_a_pass_that_leaves_nobody_waiting_was_written_by_it, World) {
  meter.on_event(at(0));
  meter.on_pass_begin();
  meter.on_event(at(10));
  meter.on_pass_end(true, at(20));
  BOOST_TEST(lag.count == 2u);
  BOOST_TEST(lag.sum == 0.03, boost::test_tools::tolerance(1e-9));
}

BOOST_FIXTURE_TEST_CASE(a_clock_ahead_of_ours_counts_as_no_lag, World) {
  meter.on_event(at(5'000));
  pass(true, 0);
  BOOST_TEST(lag.buckets[0] == 1u);
  BOOST_TEST(lag.sum == 0.0);
}

BOOST_FIXTURE_TEST_CASE(what_finds_no_room_counts_as_the_last_one_that_did, World) {
  const int more = 1'000;
  for (std::size_t i = 0; i < ws::LagMeter::kMostTimes; ++i) meter.on_event(at(0));
  for (int i = 0; i < more; ++i) meter.on_event(at(900));
  pass(true, 1'000);
  BOOST_TEST(lag.count == ws::LagMeter::kMostTimes + more);
  BOOST_TEST(lag.sum == static_cast<double>(lag.count), boost::test_tools::tolerance(1e-9));
  meter.on_event(at(1'000));
  pass(true, 1'001);
  BOOST_TEST(lag.count == ws::LagMeter::kMostTimes + more + 1);
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
