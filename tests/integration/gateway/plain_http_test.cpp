// `snapshot` and `history` over plain HTTP in the real gateway: the same as over a WebSocket, and what happens when
// something is away.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <future>
#include <map>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

std::string path(const std::string& device, const std::string& rest) {
  return "/api/v1/devices/" + device + "/" + rest;
}

Json get_json(Stack& stack, const std::string& target) {
  const HttpResponse response = stack.gateway().get(target);
  BOOST_TEST(response.status == 200, target + ": " + response.body);
  return response.json();
}

std::string error_code(const HttpResponse& response) {
  return response.json().at("error").at("code").string();
}

double requests(Stack& stack, const std::string& route, const std::string& status) {
  return stack.gateway()
      .metric("pulsegate_http_requests_total{route=\"" + route + "\",status=\"" + status + "\"}")
      .value_or(-1);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PlainHttp)

BOOST_AUTO_TEST_CASE(a_snapshot_holds_the_messages_of_the_websocket) {
  Stack stack({"--channel", "logs"});
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 5);
  StateSample state;
  state.device = device;
  insert_state(stack.sql(), state);
  std::vector<std::string> channels = kAllChannels;
  channels.push_back("logs");
  WsClient client = stack.watch(device, channels);
  stack.publish(device, 42, now_ms());
  stack.redis().publish("device:" + device + ":logs", R"({"line":"hello"})");
  std::map<std::string, std::string> latest;
  client.expect_until([&](const Json& message) {
    latest[message.type()] = message.text();
    return latest.count("logs") && latest.count("system-info") && latest.count("processes") &&
           latest.count("network-interfaces") && latest["metrics"].find("42") != std::string::npos &&
           latest.count("history") && cpu_values(Json::parse(latest["history"])).back() == 42;
  });
  const HttpResponse response = stack.gateway().get(path(device, "snapshot"));
  BOOST_TEST(response.status == 200);
  BOOST_TEST(response.header("content-type") == "application/json");
  BOOST_TEST(response.header("cache-control") == "no-store");
  const Json told = response.json();
  BOOST_TEST(told.at("deviceUuid").string() == device);
  for (const std::string& channel : channels) BOOST_TEST(told.at(channel).text() == latest[channel], channel);
  BOOST_TEST(told.at("status").text() == R"({"bus":"up","database":"up","device":"live"})");
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 1);
  BOOST_TEST(stack.gateway().admin("/api/v1/devices/" + device + "/clients").json().at("clients").number() == 1);
}

BOOST_AUTO_TEST_CASE(a_crowd_on_one_device_costs_one_read_and_polling_none) {
  Stack stack;
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 30);
  std::vector<std::future<HttpResponse>> crowd;
  for (int i = 0; i < 200; ++i)
    crowd.push_back(std::async(std::launch::async, [&] { return stack.gateway().get(path(device, "snapshot")); }));
  for (auto& each : crowd) {
    const HttpResponse response = each.get();
    BOOST_TEST(response.status == 200);
    BOOST_TEST(cpu_values(response.json().at("history")).size() == 30u);
  }
  for (int i = 0; i < 10; ++i) get_json(stack, path(device, "snapshot"));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 1);
  BOOST_TEST(requests(stack, "snapshot", "200") == 210);
  BOOST_TEST(eventually([&] { return stack.gateway().metric_sum("pulsegate_http_pending") == 0; }));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_subscriptions") == 0);
}

BOOST_AUTO_TEST_CASE(history_is_what_a_history_query_says) {
  Stack stack;
  const std::string device = new_device();
  stack.sql().exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT '" + device +
                   "', (now() AT TIME ZONE 'utc') - make_interval(secs => 300 - i), i FROM generate_series(1, 100) i");
  const long long from = now_ms() - 3'600'000, to = now_ms() + 60'000;
  const auto parameters = [&](const std::string& more) {
    return "?from=" + std::to_string(from) + "&to=" + iso_time(to) + more;
  };
  // Nobody has asked for this device yet, and asking does not bring it into memory.
  const Json cold = get_json(stack, path(device, "history") + parameters(""));
  BOOST_TEST(cpu_values(cold).size() == 100u);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_devices") == 0);
  BOOST_TEST(cold.at("from").string() == iso_time(from));
  BOOST_TEST(cold.at("to").string() == iso_time(to));

  WsClient client = stack.watch(device, {"history", "metrics"});
  client.expect("history");
  stack.publish(device, 101, now_ms());
  client.expect_until(
      [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 101; });
  for (const std::string downsample : {"lttb", "minmax", "mean"}) {
    client.send_text(R"({"type":"history-query","id":1,"from":)" + std::to_string(from) + R"(,"to":")" + iso_time(to) +
                     R"(","points":20,"downsample":")" + downsample + R"("})");
    const Json asked =
        client.expect_until([](const Json& message) { return message.type() == "history-result"; }).back();
    const Json got = get_json(stack, path(device, "history") + parameters("&points=20&downsample=" + downsample));
    BOOST_TEST(got.at("data").text() == asked.at("data").text(), downsample);
  }
  // The zone of an ISO time may come as it is written, with a '+' that means a space in a query.
  const std::string plus = iso_time(from).substr(0, 19) + "+00:00";
  BOOST_TEST(cpu_values(get_json(stack, path(device, "history") + "?from=" + plus)).back() == 101);
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_a_request_is_told) {
  Stack stack;
  const std::string device = new_device();
  for (const char* query : {"", "?from=yesterday", "?from=2026-11-22T15:00:00Z&to=2026-11-22T14:00:00Z", "?from=0",
                            "?from=2026-11-22T14:00:00Z&points=0", "?from=2026-11-22T14:00:00Z&points=2001",
                            "?from=2026-11-22T14:00:00Z&downsample=best", "?from=%zz"}) {
    const HttpResponse response = stack.gateway().get(path(device, "history") + query);
    BOOST_TEST(response.status == 400, query);
    BOOST_TEST(error_code(response) == "bad-query", query);
  }
  for (const char* rest : {"snapshot", "history?from=0"}) {
    const HttpResponse response = stack.gateway().get(path("kitchen", rest));
    BOOST_TEST(response.status == 400);
    BOOST_TEST(error_code(response) == "invalid-device");
  }
  BOOST_TEST(stack.gateway().get(path(device, "snapshots")).status == 404);
  BOOST_TEST(stack.gateway().get(path(device, "ws")).status == 426);
  BOOST_TEST(http_post(stack.gateway().port(), path(device, "snapshot"), "{}").header("allow") == "GET");
  BOOST_TEST(requests(stack, "history", "400") == 9);
  BOOST_TEST(requests(stack, "snapshot", "400") == 1);
  BOOST_TEST(requests(stack, "snapshot", "405") == 1);
}

BOOST_AUTO_TEST_CASE(nothing_known_is_an_answer) {
  Stack stack;
  const std::string device = new_device();
  const Json told = get_json(stack, path(device, "snapshot"));
  for (const std::string& channel : kAllChannels) BOOST_TEST(told.at(channel).text() == "null");
  BOOST_TEST(told.at("status").at("device").string() == "unknown");
  BOOST_TEST(get_json(stack, path(device, "history?from=" + std::to_string(now_ms() - 1000))).at("data").text() ==
             R"({"cpu":[],"memory":[],"network":[]})");
}

BOOST_AUTO_TEST_CASE(without_a_database_memory_is_the_answer) {
  Stack stack({"--database", "none"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.publish(device, 7, now_ms());
  client.expect("metrics");
  const Json told = get_json(stack, path(device, "snapshot"));
  BOOST_TEST(told.at("status").text() == R"({"bus":"up","database":"none","device":"live"})");
  BOOST_TEST(cpu_values(told.at("history")).size() == 1u);
  BOOST_TEST(cpu_values(get_json(stack, path(device, "history?from=" + std::to_string(now_ms() - 60'000)))).size() ==
             1u);
}

BOOST_AUTO_TEST_CASE(a_bus_that_is_down_is_told_and_every_request_reads_afresh) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 3);
  BOOST_TEST(get_json(stack, path(device, "snapshot")).at("status").at("bus").string() == "up");
  stack.redis().kill();
  BOOST_REQUIRE(stack.gateway().wait_for_log("bus.down"));
  const std::string fresh = new_device();
  insert_metrics_series(stack.sql(), fresh, 4);
  const Json told = get_json(stack, path(fresh, "snapshot"));
  BOOST_TEST(told.at("status").at("bus").string() == "down");
  BOOST_TEST(cpu_values(told.at("history")).size() == 4u);
  insert_metrics(stack.sql(), row_of(device, 60));
  BOOST_TEST(eventually([&] {
    return cpu_values(get_json(stack, path(device, "snapshot")).at("history")) == std::vector<int>{1, 2, 3, 60};
  }));
  BOOST_TEST(cpu_values(get_json(stack, path(device, "history?from=" + std::to_string(now_ms() - 3'600'000)))).back() ==
             60);
}

BOOST_AUTO_TEST_CASE(a_database_that_is_killed_leaves_what_the_bus_has_shown) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.postgres().kill();
  stack.publish(device, 21, now_ms());
  client.expect("metrics");
  const std::string fresh = new_device();
  const Json unknown = get_json(stack, path(fresh, "snapshot"));
  BOOST_TEST(unknown.at("status").at("database").string() == "down");
  BOOST_TEST(unknown.at("status").at("bus").string() == "up");
  const Json known = get_json(stack, path(device, "snapshot"));
  BOOST_TEST(known.at("metrics").at("data").at("cpu_usage").number() == 21);
  const HttpResponse history = stack.gateway().get(path(device, "history?from=" + std::to_string(now_ms() - 1000)));
  BOOST_TEST(history.status == 503);
  BOOST_TEST(error_code(history) == "unavailable");
  BOOST_TEST(!history.header("retry-after").empty());
}

BOOST_AUTO_TEST_CASE(a_database_that_hangs_is_a_504_and_who_hangs_up_is_forgotten) {
  Stack stack({"--answer-timeout", "300ms"}, Stack::Servers::own);
  const std::string device = new_device();
  get_json(stack, path(device, "snapshot"));
  stack.sql().exec("BEGIN");
  stack.sql().exec("LOCK TABLE device_metrics");
  const std::string history = path(device, "history?from=" + std::to_string(now_ms() - 60'000));
  {
    TcpSocket hung_up("127.0.0.1", stack.gateway().port());
    hung_up.write("GET " + history + " HTTP/1.1\r\nHost: x\r\n\r\n");
    BOOST_TEST(eventually([&] { return stack.gateway().metric_sum("pulsegate_http_pending") == 1; }));
    hung_up.reset();
  }
  BOOST_TEST(eventually([&] { return requests(stack, "history", "none") + requests(stack, "history", "504") == 1; }));
  for (const std::string& target : {history, path(new_device(), "snapshot")}) {
    const HttpResponse response = stack.gateway().get(target);
    BOOST_TEST(response.status == 504);
    BOOST_TEST(error_code(response) == "timed-out");
  }
  stack.sql().exec("ROLLBACK");
  BOOST_TEST(eventually([&] { return stack.gateway().get(history).status == 200; }));
  BOOST_TEST(eventually([&] { return stack.gateway().metric_sum("pulsegate_http_pending") == 0; }));
}

BOOST_AUTO_TEST_CASE(every_shard_answers_for_its_devices) {
  Stack stack({"--shards", "4"});
  for (int i = 0; i < 16; ++i) {
    const std::string device = new_device();
    WsClient client = stack.watch(device, {"metrics"});
    stack.publish(device, 10 + i, now_ms());
    client.expect("metrics");
    // Had it gone to another shard, that one would have read the device as well.
    const Json told = get_json(stack, path(device, "snapshot"));
    BOOST_TEST(told.at("metrics").at("data").at("cpu_usage").number() == 10 + i);
    BOOST_TEST(cpu_values(get_json(stack, path(device, "history?from=" + std::to_string(now_ms() - 60'000)))).size() ==
               1u);
  }
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 16);
}

BOOST_AUTO_TEST_CASE(a_limit_of_devices_is_told) {
  Stack stack({"--max-devices", "1", "--shards", "1"});  // shards share the number
  WsClient client = stack.open(new_device());
  client.expect("connected");
  const std::string other = new_device();
  const HttpResponse response = stack.gateway().get(path(other, "snapshot"));
  BOOST_TEST(response.status == 503);
  BOOST_TEST(error_code(response) == "device-limit");
  BOOST_TEST(stack.gateway().get(path(other, "history?from=" + std::to_string(now_ms() - 1000))).status == 200);
}

BOOST_AUTO_TEST_CASE(an_http_1_0_client_is_answered_and_the_connection_ends) {
  Stack stack;
  TcpSocket socket("127.0.0.1", stack.gateway().port());
  socket.write("GET " + path(new_device(), "snapshot") + " HTTP/1.0\r\nHost: x\r\n\r\n");
  std::string all;
  while (socket.read_some(all) == TcpSocket::Read::data) {
  }
  BOOST_TEST(all.find(" 200 OK\r\n") != std::string::npos);
  BOOST_TEST(all.find("\"status\":{") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(while_draining_requests_are_told_to_come_back) {
  Stack stack;
  stack.gateway().admin_post("/drain");
  const std::string target = path(new_device(), "snapshot");
  BOOST_TEST(eventually([&] { return stack.gateway().get(target).status == 503; }));
  BOOST_TEST(!stack.gateway().get(target).header("retry-after").empty());
}

BOOST_AUTO_TEST_CASE(a_stop_waits_for_an_answer_that_is_being_made) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  stack.sql().exec("BEGIN");
  stack.sql().exec("LOCK TABLE device_metrics");
  TcpSocket socket("127.0.0.1", stack.gateway().port());
  socket.write("GET " + path(device, "snapshot") + " HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(eventually([&] { return stack.gateway().metric_sum("pulsegate_http_pending") == 1; }));
  stack.gateway().signal(SIGTERM);
  BOOST_REQUIRE(stack.gateway().wait_for_log("drain.begin"));
  stack.sql().exec("ROLLBACK");
  std::string rest;
  BOOST_TEST(read_http_response(socket, rest).status == 200);
  socket.close();
  BOOST_TEST(stack.gateway().wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
