// --coalesce-ms: events that come close together leave in one write, in order, and no later than promised.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>

#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

constexpr int kEvents = 10;

double writes(Stack& stack) {
  return stack.gateway().metric_sum("pulsegate_writes_total");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Coalesce)

BOOST_AUTO_TEST_CASE(events_within_the_window_come_in_one_write_in_order_and_in_time) {
  Stack stack({"--coalesce-ms", "300"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  const double before = writes(stack);
  const auto begin = std::chrono::steady_clock::now();
  // One by one: each is an event of a read of its own.
  for (int i = 0; i < kEvents; ++i) stack.publish(device, i, now_ms() + i);
  for (int i = 0; i < kEvents; ++i) {
    const Json message = client.expect("metrics");
    BOOST_TEST(message.at("data").at("cpu_usage").number() == i);
  }
  const auto taken = std::chrono::steady_clock::now() - begin;
  BOOST_TEST((taken >= std::chrono::milliseconds(300)));
  BOOST_TEST((taken < std::chrono::milliseconds(2'000)));
  BOOST_TEST(writes(stack) < before + kEvents / 2);  // publishing may outlast a window, and there is the `status`
}

BOOST_AUTO_TEST_CASE(answers_to_commands_do_not_wait) {
  Stack stack({"--coalesce-ms", "1000"});
  WsClient client = stack.watch(new_device(), {"metrics"});
  const auto begin = std::chrono::steady_clock::now();
  client.send_text(R"({"type":"ping"})");
  client.expect("pong");
  BOOST_TEST((std::chrono::steady_clock::now() - begin < std::chrono::milliseconds(900)));
}

BOOST_AUTO_TEST_SUITE_END()
