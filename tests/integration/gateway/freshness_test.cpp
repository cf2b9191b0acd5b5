// A device that falls silent: what clients are told, and what operators see.
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

// The device is what `status` says of it.
Json expect_device(WsClient& client, const std::string& state) {
  return client
      .expect_until([&](const Json& message) {
        return message.type() == "status" && message.at("data").has("device") &&
               message.at("data").at("device").string() == state;
      })
      .back();
}

std::string words(const Json& status) {
  const std::string device = status.at("device").string();
  return status.has("since") ? device + " since " + status.at("since").string() : device;
}

// The same over plain HTTP.
std::string asked(Stack& stack, const std::string& device) {
  return words(stack.gateway().get("/api/v1/devices/" + device + "/snapshot").json().at("status"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Freshness)

BOOST_AUTO_TEST_CASE(a_device_that_falls_silent_is_stale_until_it_reports_again) {
  Stack stack({"--stale-after", "300ms"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  expect_device(client, "unknown");
  BOOST_TEST(asked(stack, device) == "unknown");
  const long long first = now_ms() - 500;
  for (int i = 0; i < 5; ++i) stack.publish(device, i, first + 100 * i);
  expect_device(client, "live");
  const Json stale = expect_device(client, "stale");
  BOOST_TEST(stale.at("data").at("since").string() >= iso_time(first + 400));  // when the last one came
  BOOST_TEST(stale.at("data").at("since").string() <= iso_time(now_ms() - 300));
  WsClient newcomer = stack.watch(device, {"metrics"});
  BOOST_TEST(expect_device(newcomer, "stale").text() == stale.text());
  BOOST_TEST(asked(stack, device) == words(stale.at("data")));
  BOOST_TEST(*stack.gateway().metric("pulsegate_devices_by_freshness{state=\"stale\"}") == 1);
  const long long back = now_ms();
  stack.publish(device, 7, back);
  for (WsClient* each : {&client, &newcomer})
    BOOST_TEST(expect_device(*each, "live").at("data").at("since").string() == iso_time(back));
  BOOST_TEST(asked(stack, device) == "live");
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_device_silences_total") >= 1);
}

BOOST_AUTO_TEST_CASE(a_machine_that_died_long_ago_is_stale_with_its_first_values) {
  Stack stack;
  const std::string device = new_device();
  constexpr int kTwoDays = 2 * 86'400;
  insert_metrics_series(stack.sql(), device, 10, 5, kTwoDays);
  WsClient client = stack.open(device);
  client.subscribe({"metrics"});
  client.expect("metrics");
  const std::string since = expect_device(client, "stale").at("data").at("since").string();
  BOOST_TEST(since <= iso_time(now_ms() - kTwoDays * 1'000LL + 1'000));
  BOOST_TEST(since >= iso_time(now_ms() - kTwoDays * 1'000LL - 20'000));
  BOOST_TEST(asked(stack, device) == "stale since " + since);
}

BOOST_AUTO_TEST_SUITE_END()
