// The guide's protocol, message by message, against the real binary.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(GuideProtocol)

BOOST_AUTO_TEST_CASE(connected_is_the_first_message_and_names_the_device) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.open(device);
  const Json connected = client.expect_json();
  BOOST_TEST(connected.type() == "connected");
  BOOST_TEST(connected.at("data").at("deviceUuid").string() == device);
  BOOST_TEST(connected.at("data").at("timestamp").string().size() == 24u);
  BOOST_TEST(connected.at("data").at("protocol").integer() == 1);
  BOOST_TEST(!connected.at("data").at("connectionId").string().empty());
}

BOOST_AUTO_TEST_CASE(subscribing_to_all_channels_brings_the_snapshot_of_the_tables) {
  Stack stack;
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 39);
  MetricsSample newest;
  newest.device = device;
  newest.cpu_usage = 40;
  newest.recorded_at = iso_time(now_ms() - 10'000);
  insert_metrics(stack.sql(), newest);
  StateSample state;
  state.device = device;
  insert_state(stack.sql(), state);

  WsClient client = stack.watch(device, kAllChannels);
  std::map<std::string, Json> got;
  client.expect_until([&](const Json& message) {
    got.emplace(message.type(), message);
    return got.count("metrics") && got.count("system-info") && got.count("processes") && got.count("history") &&
           got.count("network-interfaces");
  });

  const Json info = got.at("system-info").at("data");
  BOOST_TEST(info.text() ==
             Json::parse(R"x({"os":"Debian GNU/Linux 12 (bookworm)","architecture":"arm64","uptime":86400,)x"
                         R"("hostname":"device-1","ipAddress":"192.0.2.10","macAddress":"02:00:00:00:00:01"})")
                 .text());
  BOOST_TEST(got.at("processes").at("data").at("top_processes").at(0).at("name").string() == "init");
  BOOST_TEST(got.at("network-interfaces").at("data").at("interfaces").at(0).at("name").string() == "eth0");

  const Json history = got.at("history");
  BOOST_TEST(history.at("mode").string() == "replace");
  const std::vector<int> cpu = cpu_values(history);
  BOOST_REQUIRE_EQUAL(cpu.size(), 30u);
  BOOST_TEST(cpu.front() == 11);  // the newest thirty of forty, oldest first
  BOOST_TEST(cpu.back() == 40);
  const Json memory = history.at("data").at("memory").at(29);
  BOOST_TEST(memory.at("used").number() == 2048);
  BOOST_TEST(memory.at("available").number() == 6144);
  const Json network = history.at("data").at("network").at(29);
  BOOST_TEST(network.at("download").number() == 1000);
  BOOST_TEST(network.at("upload").number() == 500);
  const std::string time = history.at("data").at("cpu").at(0).at("time").string();
  BOOST_TEST(time.size() == 8u);
  BOOST_TEST((time.substr(5) == " AM" || time.substr(5) == " PM"));

  BOOST_TEST(got.at("metrics").at("data").at("cpu_usage").number() == 40);
}

BOOST_AUTO_TEST_CASE(an_event_is_forwarded_verbatim_to_metrics_and_projected_to_the_other_channels) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, kAllChannels);
  const long long time = now_ms();
  stack.redis().publish("device:" + device + ":metrics",
                        metrics_event(device, 45.5, time,
                                      R"(,"cpu_temp":"51.5","top_processes":[{"pid":7,"name":"x"}],)"
                                      R"("network_interfaces":[{"name":"wlan0"}],"odd":1.50)"));
  std::map<std::string, Json> got;
  client.expect_until([&](const Json& message) {
    got.emplace(message.type(), message);
    return got.count("metrics") && got.count("processes") && got.count("history") && got.count("network-interfaces");
  });
  BOOST_TEST(got.at("metrics").at("data").at("cpu_temp").string() == "51.5");
  BOOST_TEST(got.at("metrics").at("data").at("odd").number() == 1.5);
  BOOST_TEST(got.at("metrics").at("timestamp").string() == iso_time(time));
  BOOST_TEST(got.at("metrics").at("deviceUuid").string() == device);
  BOOST_TEST(got.at("processes").at("data").at("top_processes").at(0).at("pid").integer() == 7);
  BOOST_TEST(got.at("network-interfaces").at("data").at("interfaces").at(0).at("name").string() == "wlan0");
  BOOST_TEST(got.at("history").at("data").at("cpu").at(0).at("value").integer() == 46);  // Math.round, half up
}

BOOST_AUTO_TEST_CASE(a_state_event_updates_system_info_field_by_field) {
  Stack stack;
  const std::string device = new_device();
  StateSample state;
  state.device = device;
  insert_state(stack.sql(), state);
  WsClient client = stack.watch(device, {"system-info"});
  client.expect("system-info");
  stack.redis().publish("device:" + device + ":state", R"({"deviceUuid":")" + device +
                                                           R"(","state":{"uptime":99,)"
                                                           R"("local_ip":"192.0.2.77"},"timestamp":")" +
                                                           iso_time(now_ms()) + "\"}");
  const Json info = client.expect("system-info").at("data");
  BOOST_TEST(info.at("uptime").integer() == 99);
  BOOST_TEST(info.at("ipAddress").string() == "192.0.2.77");
  BOOST_TEST(info.at("hostname").string() == "device-1");
}

BOOST_AUTO_TEST_CASE(ping_is_answered_with_pong) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.send_text(R"({"type":"ping"})");
  BOOST_TEST(client.expect("pong").at("data").at("timestamp").string().size() == 24u);
}

BOOST_AUTO_TEST_CASE(a_command_in_a_binary_message_is_carried_out_as_by_the_guides_server) {
  Stack stack;
  WsClient client = stack.open(new_device());
  client.send_binary(R"({"type":"ping"})");
  client.expect("pong");
}

BOOST_AUTO_TEST_CASE(connected_echoes_the_uuid_in_the_clients_own_letters) {
  Stack stack;
  const std::string device = "ABCDEF00-0000-4000-8000-" + new_device().substr(24);
  WsClient client = stack.open(device);
  const Json connected = client.expect("connected");
  BOOST_TEST(connected.at("data").at("deviceUuid").string() == device);
  BOOST_TEST(connected.at("deviceUuid").string() == "abcdef00-0000-4000-8000-" + device.substr(24));
}

BOOST_AUTO_TEST_CASE(nothing_of_a_channel_follows_its_unsubscribed) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics", "history"});
  stack.publish(device, 1, now_ms());
  client.expect("metrics");
  client.unsubscribe({"metrics"});
  BOOST_TEST(client.expect("unsubscribed").at("channel").string() == "metrics");
  stack.publish(device, 2, now_ms() + 5'000);
  const std::vector<Json> messages = client.expect_until(
      [](const Json& message) { return message.type() == "history" && cpu_values(message).back() == 2; });
  for (const Json& message : messages) BOOST_TEST(message.type() != "metrics");
}

BOOST_AUTO_TEST_CASE(the_first_client_leaving_silences_nobody) {
  Stack stack({"--refresh", "system-info=1s"});
  const std::string device = new_device();
  StateSample state;
  state.device = device;
  insert_state(stack.sql(), state);
  WsClient first = stack.watch(device, {"system-info", "metrics"});
  WsClient second = stack.watch(device, {"system-info", "metrics"});
  second.expect("system-info");
  first.close();
  stack.publish(device, 7, now_ms());
  BOOST_TEST(second.expect("metrics").at("data").at("cpu_usage").number() == 7);
  // The refresh timer belongs to the device: it goes on for those who stay.
  second.expect("system-info");
  second.expect("system-info");
}

BOOST_AUTO_TEST_CASE(older_dashboards_connect_by_query_and_subscribe_one_channel_a_message) {
  Stack stack;
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 3);
  WsClient client = stack.gateway().open("/ws?deviceUuid=" + device + "&token=abc");
  client.expect("connected");
  client.send_text(R"({"type":"subscribe","channel":"history"})");
  BOOST_TEST(client.expect("subscribed").at("channel").string() == "history");
  BOOST_TEST(cpu_values(client.expect("history")) == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_broadcast_reaches_every_client_whatever_it_subscribed_to) {
  Stack stack;
  const std::string device = new_device();
  WsClient subscribed = stack.watch(device, {"metrics"});
  WsClient idle = stack.open(device);
  idle.expect("connected");
  BOOST_REQUIRE(stack.redis().wait_for_subscribers("device:" + device + ":broadcast", 1));
  stack.redis().publish("device:" + device + ":broadcast", R"({"type":"maintenance","data":{"minutes":5}})");
  BOOST_TEST(subscribed.expect("maintenance").at("data").at("minutes").integer() == 5);
  BOOST_TEST(idle.expect("maintenance").at("data").at("minutes").integer() == 5);

  const auto answer =
      stack.gateway().admin_post("/api/v1/devices/" + device + "/broadcast", R"({"type":"hello","data":1})");
  BOOST_TEST(answer.status == 200);
  BOOST_TEST(answer.json().at("delivered").integer() == 2);
  BOOST_TEST(idle.expect("hello").at("data").integer() == 1);
  BOOST_TEST(stack.gateway().admin_post("/api/v1/devices/" + device + "/broadcast", R"([1])").status == 400);
}

BOOST_AUTO_TEST_CASE(clients_are_counted_per_device_and_in_total) {
  Stack stack;
  const std::string one = new_device();
  const std::string two = new_device();
  WsClient a = stack.open(one), b = stack.open(one), c = stack.open(two);
  a.expect("connected"), b.expect("connected"), c.expect("connected");
  BOOST_TEST(stack.gateway().admin("/api/v1/clients").json().at("clients").integer() == 3);
  BOOST_TEST(stack.gateway().admin("/api/v1/devices/" + one + "/clients").json().at("clients").integer() == 2);
  a.close();
  BOOST_TEST(eventually([&] {
    return stack.gateway().admin("/api/v1/devices/" + one + "/clients").json().at("clients").integer() == 1;
  }));
}

BOOST_AUTO_TEST_CASE(a_pass_through_channel_forwards_its_payload_verbatim) {
  Stack stack({"--channel", "logs"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"logs"});
  stack.redis().publish("device:" + device + ":logs", R"({"deviceUuid":"x","logs":["a",1.50],"timestamp":"t"})");
  const Json message = client.expect("logs");
  BOOST_TEST(message.at("data").at("logs").at(0).string() == "a");
}

BOOST_AUTO_TEST_CASE(a_tenant_prefix_with_literal_braces_works) {
  Stack stack({"--topic-prefix", "tenant:{acme}:"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.redis().publish("tenant:{acme}:device:" + device + ":metrics", metrics_event(device, 3, now_ms()));
  BOOST_TEST(client.expect("metrics").at("data").at("cpu_usage").number() == 3);
}

BOOST_AUTO_TEST_CASE(a_device_without_rows_or_events_is_said_to_be_unknown) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, kAllChannels);
  BOOST_TEST(client.expect("status").at("data").at("device").string() == "unknown");
  stack.publish(device, 1, now_ms());
  client.expect("metrics");
  BOOST_TEST(client.expect("status").at("data").at("device").string() == "live");
}

BOOST_AUTO_TEST_CASE(without_a_database_snapshots_come_from_what_the_bus_has_shown) {
  Stack stack({"--database", "none"});
  const std::string device = new_device();
  WsClient first = stack.watch(device, kAllChannels);
  stack.publish(device, 5, now_ms());
  first.expect("metrics");
  WsClient second = stack.watch(device, {"metrics", "history"});
  BOOST_TEST(second.expect("metrics").at("data").at("cpu_usage").number() == 5);
  BOOST_TEST(cpu_values(second.expect("history")).back() == 5);
}

BOOST_AUTO_TEST_SUITE_END()
