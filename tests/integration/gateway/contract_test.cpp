// Every message, command and body that the contract has, on one gateway: WsClient holds each against its schema.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <set>

#include "stack.hpp"
#include "tests/support/contract.hpp"

using namespace pulsegate::test;

namespace {

std::vector<Json> until(WsClient& client, const std::string& type) {
  return client.expect_until([&](const Json& message) { return message.type() == type; });
}

// All of these, in any order.
void expect_all(WsClient& client, std::set<std::string> types) {
  client.expect_until([&](const Json& message) {
    types.erase(message.type());
    return types.empty();
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ContractOfTheGateway)

BOOST_AUTO_TEST_CASE(has_no_message_that_is_not_sent_and_no_command_that_is_not_answered) {
  contract_begin();
  Stack stack({"--channel", "logs", "--replay", "all"});
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 3);
  StateSample state;
  state.device = device;
  insert_state(stack.sql(), state);
  WsClient client = stack.open(device);
  client.subscribe({"metrics", "history", "processes", "system-info", "network-interfaces"}, R"("id":"s1")");
  expect_all(client,
             {"connected", "subscribed", "metrics", "history", "processes", "system-info", "network-interfaces"});
  // Nothing keeps what a channel has carried that is passed through, so this is a gap, always.
  client.subscribe({"logs"}, R"("since":"2026-11-22T14:05:00Z")");
  BOOST_TEST(until(client, "gap").back().at("data").at("reason").string() == "resume");
  stack.redis().publish("device:" + device + ":logs", R"({"logs":[1.50]})");
  stack.redis().publish("device:" + device + ":broadcast", R"({"type":"maintenance","data":{"minutes":5}})");
  expect_all(client, {"logs", "maintenance"});
  client.send_text(R"({"type":"auth","token":"whatever","id":1})");
  BOOST_TEST(until(client, "authenticated").back().at("id").integer() == 1);
  const std::string from = R"("from":)" + std::to_string(now_ms() - 1'800'000);
  client.send_text(R"({"type":"history-query","id":"q1",)" + from + R"(,"points":2,"downsample":"mean"})");
  BOOST_TEST(until(client, "history-result").back().at("data").at("cpu").size() == 2u);
  client.send_text(R"({"type":"replay","id":"r1",)" + from + R"(,"speed":"max","live":"mix"})");
  const auto past = until(client, "replay-end");
  BOOST_TEST(past.back().at("data").at("events").integer() == 3);
  client.send_text(R"({"type":"replay-stop","id":"r2"})");
  BOOST_TEST(until(client, "error").back().at("data").at("code").string() == "bad-replay");
  client.unsubscribe({"logs"});
  until(client, "unsubscribed");
  client.send_text(R"({"type":"ping","id":"p"})");
  until(client, "pong");
  WsClient fleet = stack.gateway().open("/api/v1/ws");
  fleet.subscribe({"metrics"}, R"("deviceUuids":[")" + new_device() + R"("],"maxRate":1)");
  BOOST_TEST(until(fleet, "status").back().at("data").at("device").string() == "unknown");

  const std::string path = "/api/v1/devices/" + device;
  BOOST_TEST(stack.gateway().get(path + "/snapshot").json().at("logs").at("type").string() == "logs");
  BOOST_TEST(stack.gateway().get(path + "/history?from=0").status == 400);
  BOOST_TEST(stack.gateway().get(path + "/history?from=" + std::to_string(now_ms() - 1'800'000)).status == 200);
  stack.gateway().signal(SIGTERM);
  until(client, "reconnect");

  std::set<std::string> all;
  for (const Side side : {Side::client, Side::server, Side::http}) all.merge(contract_all(side));
  const std::set<std::string> seen = contract_seen();
  BOOST_TEST(seen == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
