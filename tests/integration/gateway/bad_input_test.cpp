// Bad input from clients and from the bus: a clear answer, and nobody else notices.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(BadInput)

BOOST_AUTO_TEST_CASE(bad_commands_get_an_error_that_names_the_fault_and_the_connection_stays) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.expect("connected");
  const std::pair<const char*, const char*> cases[] = {
      {"{", "malformed-json"},
      {"", "malformed-json"},
      {"[1,2]", "not-an-object"},
      {R"({"channels":["metrics"]})", "missing-type"},
      {R"({"type":7})", "missing-type"},
      {R"({"type":"dance"})", "unknown-type"},
      {R"({"type":"subscribe"})", "invalid-channels"},
      {R"({"type":"subscribe","channels":"metrics"})", "invalid-channels"},
      {R"({"type":"subscribe","channels":[1]})", "invalid-channels"},
      {R"({"type":"subscribe","channels":["nope"]})", "unknown-channel"},
  };
  for (const auto& [text, code] : cases) {
    client.send_unchecked(text);
    const Json error = client.expect("error");
    BOOST_TEST(error.at("data").at("code").string() == code);
    BOOST_TEST(error.at("data").at("message").string().size() > 10u);
  }
  client.send_binary(std::string("\x00\x01\xff{", 4));
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "binary-message");
  client.send_unchecked(std::string(100, '[') + std::string(100, ']'));
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "too-deep");
  client.send_text(R"({"type":"ping"})");
  client.expect("pong");
}

BOOST_AUTO_TEST_CASE(an_unknown_channel_does_not_stop_the_known_ones) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.send_text(R"({"type":"subscribe","channels":["nope","metrics"]})");
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "unknown-channel");
  BOOST_TEST(client.expect("subscribed").at("channel").string() == "metrics");
}

BOOST_AUTO_TEST_CASE(a_message_of_a_megabyte_is_closed_with_1009_and_disturbs_nobody) {
  Stack stack;
  const std::string device = new_device();
  WsClient other = stack.watch(device, {"metrics"});
  WsClient client = stack.open(device);
  client.send_unchecked(std::string(1024 * 1024, 'x'));
  BOOST_TEST(client.expect_close().code == 1009);
  stack.publish(device, 1, now_ms());
  other.expect("metrics");
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_is_closed_with_1007) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.send_unchecked("{\"type\":\"\xc3\x28\"}");
  BOOST_TEST(client.expect_close().code == 1007);
}

BOOST_AUTO_TEST_CASE(bad_requests_get_an_http_status_with_a_json_body) {
  Stack stack;
  const std::pair<const char*, int> cases[] = {
      {"/api/v1/devices/not-a-uuid/ws", 400}, {"/ws?deviceUuid=zzz", 400}, {"/ws", 400}, {"/elsewhere", 404}};
  for (const auto& [target, status] : cases) {
    const WsClient client = WsClient::attempt(stack.gateway().port(), target);
    BOOST_TEST(!client.is_open());
    BOOST_TEST(client.response().status == status);
    BOOST_TEST(!client.response().json().at("error").at("message").string().empty());
  }
  BOOST_TEST(stack.gateway().get("/api/v1/devices/" + new_device() + "/ws").status == 426);
}

BOOST_AUTO_TEST_CASE(a_browser_is_told_by_close_code_since_it_cannot_see_a_status) {
  Stack stack;
  WsOptions browser;
  browser.headers = {{"Origin", "https://dashboard.example"}};
  WsClient client = WsClient::attempt(stack.gateway().port(), "/api/v1/devices/not-a-uuid/ws", browser);
  BOOST_REQUIRE(client.is_open());
  BOOST_TEST(client.expect("error").at("data").at("code").string() == "invalid-device");
  BOOST_TEST(client.expect_close().code == 4400);
}

BOOST_AUTO_TEST_CASE(bad_events_are_counted_by_reason_and_the_stream_goes_on) {
  Stack stack({"--max-bus-payload", "4KiB"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics", "history"});
  const std::string topic = "device:" + device + ":metrics";
  stack.redis().publish(topic, "not json");
  stack.redis().publish(topic, "[1]");
  stack.redis().publish(topic, R"({"metrics":null})");
  stack.redis().publish(topic, std::string(200, '[') + std::string(200, ']'));
  stack.redis().publish(topic, "{\"metrics\":{\"x\":\"" + std::string(8192, 'x') + "\"}}");
  stack.redis().publish(topic, "\xff\xfe");
  stack.redis().publish("device:" + device + ":broadcast", R"({"no":"type"})");
  stack.publish(device, 5, now_ms());
  BOOST_TEST(client.expect("metrics").at("data").at("cpu_usage").number() == 5);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_events_dropped_total") >= 7);
}

BOOST_AUTO_TEST_CASE(values_of_wrong_types_count_as_zero_and_hurt_nothing) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"history"});
  stack.redis().publish("device:" + device + ":metrics",
                        R"({"metrics":{"cpu_usage":"abc","memory_usage":null,"memory_total":"4194304","network_rx":{},)"
                        R"("network_tx":"17","top_processes":"none"}})");
  const Json data = client.expect("history").at("data");
  BOOST_TEST(data.at("cpu").at(0).at("value").number() == 0);
  BOOST_TEST(data.at("memory").at(0).at("available").number() == 4);
  BOOST_TEST(data.at("network").at(0).at("download").number() == 0);
  BOOST_TEST(data.at("network").at(0).at("upload").number() == 17);
}

BOOST_AUTO_TEST_CASE(a_flood_of_commands_is_refused_above_the_rate_and_the_connection_stays) {
  Stack stack({"--command-rate", "5", "--command-burst", "5"});
  WsClient client = stack.open(new_device());
  client.expect("connected");
  for (int i = 0; i < 50; ++i) client.send_text(R"({"type":"ping"})");
  int pongs = 0;
  client.expect_until([&](const Json& m) {
    if (m.type() == "pong") ++pongs;
    return m.type() == "error" && m.at("data").at("code").string() == "rate-limited";
  });
  BOOST_TEST(pongs == 5);
}

BOOST_AUTO_TEST_SUITE_END()
