// How late events are when they are written, as operators see it.
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(BusLag)

BOOST_AUTO_TEST_CASE(it_runs_from_the_event_s_own_time_to_the_write) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.publish(device, 1, now_ms() - 2'000);
  client.expect("metrics");
  stack.publish(device, 2, now_ms() + 3'600'000);  // its clock is wrong: no lag
  client.expect("metrics");
  stack.redis().publish("device:" + device + ":metrics", R"({"metrics":{"cpu_usage":3}})");
  client.expect("metrics");
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_bus_lag_seconds_count") == 2);
  const double sum = stack.gateway().metric_sum("pulsegate_bus_lag_seconds_sum");
  BOOST_TEST(sum >= 2.0);
  BOOST_TEST(sum < 5.0);
  BOOST_TEST(*stack.gateway().metric("pulsegate_bus_lag_seconds_bucket{le=\"1\"}") == 1);
  // What the gateway takes is another matter, and known of an event without a time, too.
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_fanout_duration_seconds_count") == 3);
  const double fanout = stack.gateway().metric_sum("pulsegate_fanout_duration_seconds_sum");
  BOOST_TEST(fanout > 0);
  BOOST_TEST(fanout < 1.0);
}

BOOST_AUTO_TEST_CASE(the_window_of_coalescing_is_part_of_it) {
  Stack stack({"--coalesce-ms", "300"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.publish(device, 1, now_ms());
  client.expect("metrics");
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_bus_lag_seconds_count") == 1);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_bus_lag_seconds_sum") >= 0.295);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_event_age_seconds_sum") <
             stack.gateway().metric_sum("pulsegate_bus_lag_seconds_sum"));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_fanout_duration_seconds_sum") >= 0.3);
}

BOOST_AUTO_TEST_CASE(an_event_that_nobody_is_sent_has_none) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"system-info"});
  stack.publish(device, 1, now_ms());
  client.send_text(R"({"type":"ping"})");
  client.expect("pong");
  BOOST_REQUIRE(eventually([&] { return stack.gateway().metric_sum("pulsegate_event_age_seconds_count") == 1; }));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_bus_lag_seconds_count") == 0);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_fanout_duration_seconds_count") == 0);
}

BOOST_AUTO_TEST_SUITE_END()
