// Start, drain, stop, limits and several shards, as an operator sees them.
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <csignal>

#include "stack.hpp"

using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(Lifecycle)

BOOST_AUTO_TEST_CASE(sigterm_sends_clients_away_with_1012_spread_over_the_drain_time_and_exits_with_0) {
  Stack stack({"--drain-time", "2s", "--shards", "1"});  // each shard spreads its own
  std::vector<WsClient> clients;
  for (int i = 0; i < 20; ++i) clients.push_back(stack.watch(new_device(), {"metrics"}));
  BOOST_REQUIRE(stack.gateway().signal(SIGTERM));
  BOOST_REQUIRE(stack.gateway().wait_for_log("drain.begin"));
  BOOST_TEST(stack.gateway().health("/readyz").status == 503);
  BOOST_TEST(stack.gateway().health("/healthz").status == 200);
  // Asking each in turn finds them in the order of their creation, which is the order in which they are sent away.
  const auto start = std::chrono::steady_clock::now();
  std::vector<double> seconds;
  for (WsClient& client : clients) {
    BOOST_TEST(client.expect("reconnect").at("data").at("after_ms").number() < 1000);
    BOOST_TEST(client.expect_close().code == 1012);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
  }
  BOOST_TEST(seconds.back() > 1.0);
  BOOST_TEST(stack.gateway().wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_does_not_answer_the_close_is_cut_off_and_the_exit_is_clean) {
  Stack stack({"--drain-time", "100ms"});
  WsClient client = stack.open(new_device());
  client.expect("connected");
  BOOST_TEST(stack.gateway().stop(Millis(15'000)) == 0);
}

BOOST_AUTO_TEST_CASE(drain_by_the_admin_port_keeps_the_process_and_refuses_newcomers) {
  Stack stack({"--drain-time", "200ms"});
  WsClient client = stack.open(new_device());
  BOOST_TEST(stack.gateway().admin_post("/drain").status == 202);
  BOOST_TEST(client.expect_close().code == 1012);
  const WsClient refused = WsClient::attempt(stack.gateway().port(), "/api/v1/devices/" + new_device() + "/ws");
  BOOST_TEST(refused.response().status == 503);
  BOOST_TEST(!refused.response().header("retry-after").empty());
  BOOST_TEST(stack.gateway().running());
  BOOST_TEST(stack.gateway().stop() == 0);
}

BOOST_AUTO_TEST_CASE(a_client_that_was_sent_away_has_time_for_the_closing_handshake) {
  Stack stack({"--drain-time", "100ms"});
  WsClient client = stack.open(new_device());
  client.expect("connected");
  BOOST_REQUIRE(stack.gateway().signal(SIGTERM));
  // The close frame is read late: the gateway still waits for its answer meanwhile.
  BOOST_TEST(!stack.gateway().wait(Millis(1'500)).has_value());
  BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(stack.gateway().wait(Millis(10'000)).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_socket_that_has_said_nothing_does_not_hold_up_the_end_with_several_shards) {
  Stack stack({"--shards", "2", "--drain-time", "0s"});
  TcpSocket silent("127.0.0.1", stack.gateway().port());
  BOOST_TEST(stack.open(new_device()).is_open());  // taken after the silent one
  BOOST_TEST(stack.gateway().stop(Millis(12'000)) == 0);
}

BOOST_AUTO_TEST_CASE(a_second_signal_cuts_the_drain_short) {
  Stack stack({"--drain-time", "60s"});
  std::vector<WsClient> clients;
  for (int i = 0; i < 50; ++i) clients.push_back(stack.open(new_device()));
  stack.gateway().signal(SIGTERM);
  BOOST_REQUIRE(stack.gateway().wait_for_log("drain.begin"));
  stack.gateway().signal(SIGTERM);
  BOOST_TEST(stack.gateway().wait(Millis(10'000)).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(above_the_limit_of_connections_newcomers_are_told_503_and_those_inside_stay) {
  Stack stack({"--max-connections", "5"});
  const std::string device = new_device();
  std::vector<WsClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(stack.watch(device, {"metrics"}));
  BOOST_TEST(eventually([&] {
    return WsClient::attempt(stack.gateway().port(), "/api/v1/devices/" + device + "/ws").response().status == 503;
  }));
  stack.publish(device, 1, now_ms());
  for (WsClient& client : clients) client.expect("metrics");
  clients.clear();
  BOOST_TEST(eventually(
      [&] { return WsClient::attempt(stack.gateway().port(), "/api/v1/devices/" + device + "/ws").is_open(); }));
}

BOOST_DATA_TEST_CASE(with_several_shards_each_device_lives_on_one_of_them,
                     boost::unit_test::data::make({std::string("2"), std::string("4")}), shards) {
  Stack stack({"--shards", shards});
  std::vector<std::string> devices;
  std::vector<WsClient> clients;
  for (int i = 0; i < 12; ++i) {
    devices.push_back(new_device());
    insert_metrics_series(stack.sql(), devices.back(), 2);
    for (int j = 0; j < 2; ++j) clients.push_back(stack.watch(devices.back(), {"metrics", "history"}));
  }
  for (const std::string& device : devices)
    BOOST_TEST(stack.redis().client().subscribers("device:" + device + ":metrics") == 1);
  for (const std::string& device : devices) stack.publish(device, 8, now_ms());
  for (WsClient& client : clients)
    client.expect_until(
        [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 8; });
  BOOST_TEST(stack.gateway().admin("/api/v1/clients").json().at("clients").integer() == 24);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 12);
  BOOST_TEST(stack.gateway()
                 .admin_post("/api/v1/devices/" + devices[3] + "/broadcast", R"({"type":"x"})")
                 .json()
                 .at("delivered")
                 .integer() == 2);
}

BOOST_AUTO_TEST_CASE(reads_of_streams_are_counted_unless_they_are_switched_off) {
  BOOST_TEST(Stack().gateway().metric("pulsegate_stream_reads_total{outcome=\"failed\"}").has_value());
  Stack without({"--stream-key", "none"});
  BOOST_TEST(!without.gateway().metric("pulsegate_stream_reads_total{outcome=\"failed\"}").has_value());
}

BOOST_AUTO_TEST_CASE(the_subscription_outlives_a_page_reload_and_ends_after_the_linger_time) {
  Stack stack({"--linger", "1s"});
  const std::string device = new_device();
  WsClient first = stack.watch(device, {"metrics"});
  first.close();
  WsClient second = stack.watch(device, {"metrics"});
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 1);
  second.close();
  BOOST_TEST(stack.redis().wait_for_subscribers("device:" + device + ":metrics", 0));
}

BOOST_AUTO_TEST_CASE(a_client_that_stops_answering_pings_is_closed) {
  Stack stack({"--ping-interval", "300ms", "--idle-timeout", "1s"});
  WsOptions silent;
  silent.answer_pings = false;
  WsClient client = stack.open(new_device(), silent);
  BOOST_TEST(client.expect_close().code == 4408);
  WsClient alive = stack.open(new_device());
  alive.receive(Millis(2'500));  // reads, and so answers pings, for longer than the idle time
  alive.send_text(R"({"type":"ping"})");
  alive.expect("pong");
}

BOOST_AUTO_TEST_SUITE_END()
