// Many devices on one WebSocket in the real gateway: each of them as if it had a connection of its own.
#include <boost/test/unit_test.hpp>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "auth_world.hpp"
#include "stack.hpp"

using namespace pulsegate::test;

namespace {

using Devices = std::vector<std::string>;

Devices new_devices(std::size_t count) {
  Devices devices;
  while (devices.size() < count) devices.push_back(new_device());
  return devices;
}

std::string quoted_list(const Devices& texts) {
  std::string list;
  for (const std::string& text : texts) list += (list.empty() ? "[\"" : ",\"") + text + '"';
  return list + "]";
}

std::string of(const Devices& devices) {
  return R"("deviceUuids":)" + quoted_list(devices);
}

struct FleetClient {
  FleetClient(const GatewayProcess& gateway, const WsOptions& options = {}) : ws(gateway.open("/api/v1/ws", options)) {
    limit = static_cast<std::size_t>(ws.expect("connected").at("data").at("limits").at("maxDevices").integer());
  }

  // Each channel of each device is acknowledged; what came until then.
  std::vector<Json> subscribe(const Devices& devices, const std::vector<std::string>& channels,
                              const std::string& more = {}) {
    ws.subscribe(channels, of(devices) + more);
    std::size_t missing = devices.size() * channels.size();
    return ws.expect_until([&](const Json& message) { return message.type() == "subscribed" && --missing == 0; });
  }
  // CPU of the `metrics` messages of each device, in order, until `count` of them have come.
  std::map<std::string, std::vector<double>> metrics(std::size_t count) {
    std::map<std::string, std::vector<double>> values;
    ws.expect_until([&](const Json& message) {
      if (message.type() != "metrics") return false;
      values[message.at("deviceUuid").string()].push_back(message.at("data").at("cpu_usage").number());
      return --count == 0;
    });
    return values;
  }

  WsClient ws;
  std::size_t limit = 0;
};

bool is_error(const Json& message, const std::string& code) {
  return message.type() == "error" && message.at("data").at("code").string() == code;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ManyDevices)

BOOST_AUTO_TEST_CASE(each_has_its_snapshot_then_what_is_live_and_ends_alone) {
  Stack stack;
  const Devices devices = new_devices(3);
  for (const std::string& device : devices) insert_metrics_series(stack.sql(), device, 3);
  FleetClient client(stack.gateway());
  client.ws.subscribe({"metrics", "history"}, of(devices));
  std::map<std::string, std::string> told;
  std::size_t charts = 0;
  client.ws.expect_until([&](const Json& message) {
    if (message.type() == "status") return false;  // its rows are old
    told[message.at("deviceUuid").string()] += " " + message.type();
    if (message.type() == "history") BOOST_TEST(cpu_values(message).size() == 3u);
    return message.type() == "history" && ++charts == devices.size();
  });
  for (const std::string& device : devices) BOOST_TEST(told[device] == " subscribed subscribed metrics history");

  WsClient single = stack.watch(devices[0], {"metrics"});
  single.expect("metrics");
  stack.publish(devices[0], 41, now_ms());
  // To the byte what a client of this device alone gets.
  const auto text_of = [](WsClient& from) {
    for (;;) {
      const std::optional<WsMessage> message = from.receive();
      BOOST_REQUIRE(message.has_value());
      if (message->json().type() == "metrics") return message->payload;
    }
  };
  BOOST_TEST(text_of(client.ws) == text_of(single));

  client.ws.unsubscribe({"metrics", "history"}, R"("deviceUuid":")" + devices[0] + '"');
  client.ws.expect("unsubscribed");
  client.ws.expect("unsubscribed");
  stack.publish(devices[0], 42, now_ms());
  stack.publish(devices[1], 43, now_ms());
  const Json next = client.ws.expect("metrics");
  BOOST_TEST(next.at("deviceUuid").string() == devices[1]);
  BOOST_TEST(single.expect("metrics").at("data").at("cpu_usage").number() == 42);
}

BOOST_AUTO_TEST_CASE(names_that_are_none_and_devices_beyond_the_limit_cost_the_others_nothing) {
  Stack stack;
  FleetClient client(stack.gateway());
  BOOST_TEST(client.limit == 256u);
  const Devices devices = new_devices(client.limit);
  for (std::size_t i = 0; i < devices.size(); i += 128)  // a message holds some hundred of them
    client.subscribe(Devices(devices.begin() + static_cast<std::ptrdiff_t>(i),
                             devices.begin() + static_cast<std::ptrdiff_t>(i + 128)),
                     {"metrics"});
  const std::string more = new_device();
  client.ws.send_unchecked(R"({"type":"subscribe","channels":["metrics"],)" + of({"kitchen", more, devices[7]}) +
                           R"(,"id":"a"})");
  client.ws.expect_until([](const Json& message) { return is_error(message, "invalid-device"); });
  client.ws.expect_until([&](const Json& message) {
    return is_error(message, "too-many-devices") && message.at("deviceUuid").string() == more;
  });
  BOOST_TEST(client.ws.expect("subscribed").at("deviceUuid").string() == devices[7]);

  for (std::size_t i = 0; i < devices.size(); ++i) stack.publish(devices[i], static_cast<double>(i % 100), now_ms());
  const auto values = client.metrics(devices.size());
  BOOST_TEST(values.size() == devices.size());
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_fleet_devices") == static_cast<double>(devices.size()));
  client.ws.close();
  BOOST_TEST(eventually([&] { return stack.gateway().metric_sum("pulsegate_fleet_devices") == 0; }));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_fleet_connections") == 0);
}

BOOST_AUTO_TEST_CASE(each_goes_on_at_another_replica_where_it_stood) {
  Stack stack;
  const GatewayProcess other({"--redis", stack.redis().url(), "--database", stack.connection(), "--auth", "none"});
  const Devices devices = new_devices(2);
  std::vector<WsClient> watchers;  // so that the other replica knows the devices
  for (const std::string& device : devices) {
    watchers.push_back(other.open_device(device));
    watchers.back().subscribe({"metrics"});
    watchers.back().expect("subscribed");
  }
  std::map<std::string, std::string> cursors;
  {
    FleetClient client(stack.gateway());
    client.subscribe(devices, {"metrics"});
    for (std::size_t i = 0; i < devices.size(); ++i) {
      stack.publish(devices[i], 1 + 10 * static_cast<double>(i), now_ms());
      cursors[devices[i]] = client.ws.expect("metrics").at("cursor").string();
    }
    client.ws.drop();
  }
  for (int cpu = 2; cpu <= 3; ++cpu)
    for (std::size_t i = 0; i < devices.size(); ++i)
      stack.publish(devices[i], cpu + 10 * static_cast<double>(i), now_ms() + cpu);
  for (WsClient& watcher : watchers)
    for (int i = 0; i < 3; ++i) watcher.expect("metrics");

  FleetClient client(other);
  client.ws.subscribe({"metrics"}, of(devices) + R"(,"since":{")" + devices[0] + R"(":")" + cursors[devices[0]] +
                                       R"(",")" + devices[1] + R"(":")" + cursors[devices[1]] + "\"}");
  auto values = client.metrics(4);
  BOOST_TEST(values[devices[0]] == (std::vector<double>{2, 3}), boost::test_tools::per_element());
  BOOST_TEST(values[devices[1]] == (std::vector<double>{12, 13}), boost::test_tools::per_element());
  for (const Json& rest : client.ws.expect_until_pong()) BOOST_TEST(rest.type() == "pong");
}

BOOST_AUTO_TEST_CASE(a_token_opens_the_devices_that_it_names) {
  AuthWorld world;
  const Devices devices = new_devices(2);
  FleetClient client(world.stack.gateway(), bearer(world.token(60, R"(,"devices":)" + quoted_list({devices[0]}))));
  client.ws.subscribe({"metrics"}, of(devices));
  std::set<std::string> told;
  client.ws.expect_until([&](const Json& message) {
    if (message.type() == "subscribed") told.insert("subscribed " + message.at("deviceUuid").string());
    if (is_error(message, "forbidden")) told.insert("forbidden " + message.at("deviceUuid").string());
    return told.size() == 2;
  });
  BOOST_TEST(told.count("subscribed " + devices[0]) == 1u);
  BOOST_TEST(told.count("forbidden " + devices[1]) == 1u);
  BOOST_TEST(world.stack.redis().client().subscribers("device:" + devices[1] + ":metrics") == 0);
  const WsClient stranger = WsClient::attempt(world.port(), "/api/v1/ws");
  BOOST_TEST(stranger.response().status == 401);
}

BOOST_AUTO_TEST_CASE(a_lost_bus_is_told_for_each_and_what_was_missed_is_sent_or_named) {
  Stack stack({"--stream-key", "none", "--row-lag", "1s"}, Stack::Servers::own);
  const Devices devices = new_devices(2);
  FleetClient client(stack.gateway());
  client.subscribe(devices, {"metrics"});
  for (const std::string& device : devices) stack.publish(device, 1, now_ms());
  client.metrics(2);
  stack.redis().kill();
  std::set<std::string> down, up;
  const auto note = [&](const Json& message) {
    if (message.type() != "status" || !message.at("data").has("bus")) return;
    const bool is_up = message.at("data").at("bus").string() == "up";
    (is_up ? up : down).insert(message.at("deviceUuid").string());
  };
  client.ws.expect_until([&](const Json& message) { return note(message), down.size() == 2; });
  // Written to the table, but nobody could publish it.
  for (const std::string& device : devices) insert_metrics(stack.sql(), row_of(device, 2));
  stack.redis().start();
  std::set<std::string> repaired;
  client.ws.expect_until(
      [&](const Json& message) {
        note(message);
        if (message.type() == "metrics" && message.at("data").at("cpu_usage").number() == 2)
          repaired.insert(message.at("deviceUuid").string());
        return repaired.size() == 2 && up.size() == 2;
      },
      kServerDeadline);
  for (const std::string& device : devices) stack.publish(device, 3, now_ms());
  for (const auto& [device, values] : client.metrics(2)) BOOST_TEST(values.back() == 3, device);
}

BOOST_AUTO_TEST_CASE(max_rate_bounds_messages_and_the_last_value_always_comes) {
  Stack stack;
  const std::string device = new_device();
  WsClient all = stack.watch(device, {"metrics"});
  WsClient few = stack.open(device);
  few.subscribe({"metrics"}, R"("maxRate":5)");
  few.expect("subscribed");
  FleetClient fleet(stack.gateway());
  fleet.subscribe({device}, {"metrics"}, R"(,"maxRate":5)");
  constexpr int kEvents = 40;
  const auto begin = std::chrono::steady_clock::now();
  for (int cpu = 1; cpu <= kEvents; ++cpu) {
    stack.publish(device, cpu, now_ms());
    BOOST_TEST(all.expect("metrics").at("data").at("cpu_usage").number() == cpu);
    pause_for(Millis(20));
  }
  for (WsClient* client : {&few, &fleet.ws}) {
    double last = 0;
    std::size_t count = 0;
    client->expect_until([&](const Json& message) {
      if (message.type() != "metrics") return false;
      const double cpu = message.at("data").at("cpu_usage").number();
      BOOST_TEST(cpu > last);
      last = cpu;
      ++count;
      return cpu == kEvents;
    });
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    BOOST_TEST(static_cast<double>(count) <= 2 + 5 * seconds);
    BOOST_TEST(count >= 3u);
  }
}

BOOST_AUTO_TEST_CASE(who_reads_too_slowly_gets_the_latest_of_each_and_is_told_of_which) {
  Stack stack;
  const Devices devices = new_devices(4);
  WsOptions slow;
  slow.tcp.receive_buffer = 4'096;
  FleetClient client(stack.gateway(), slow);
  client.subscribe(devices, {"metrics"});
  const std::string padding = R"(,"padding":")" + std::string(60'000, 'x') + '"';
  double cpu = 0;
  const auto conflated = [&] {
    ++cpu;
    for (std::size_t i = 0; i + 1 < devices.size(); ++i)
      stack.redis().publish("device:" + devices[i] + ":metrics", metrics_event(devices[i], cpu, now_ms(), padding));
    return stack.gateway().metric_sum("pulsegate_conflated_frames_total") >= 100;
  };
  BOOST_REQUIRE(eventually(conflated, kServerDeadline));
  std::map<std::string, double> last;
  std::set<std::string> gaps;
  client.ws.expect_until([&](const Json& message) {
    const std::string device = message.at("deviceUuid").string();
    if (message.type() == "metrics") last[device] = message.at("data").at("cpu_usage").number();
    if (message.type() == "gap") {
      BOOST_TEST(message.at("data").at("reason").string() == "conflated");
      gaps.insert(device);
    }
    return gaps.size() == devices.size() - 1;
  });
  BOOST_TEST(gaps.count(devices.back()) == 0u);
  for (const auto& [device, value] : last) BOOST_TEST(value == cpu, device);
  BOOST_TEST(client.ws.is_open());
}

BOOST_AUTO_TEST_CASE(queries_and_broadcasts_say_which_device_they_are_of) {
  Stack stack;
  const Devices devices = new_devices(2);
  insert_metrics_series(stack.sql(), devices[1], 5);
  FleetClient client(stack.gateway());
  client.subscribe({devices[0]}, {"metrics"});
  client.ws.send_text(R"({"type":"history-query","id":"q","from":)" + std::to_string(now_ms() - 3'600'000) +
                      R"(,"deviceUuid":")" + devices[1] + "\"}");
  const Json answer = client.ws.expect("history-result");
  BOOST_TEST(answer.at("id").string() == "q");
  BOOST_TEST(answer.at("deviceUuid").string() == devices[1]);
  BOOST_TEST(answer.at("data").at("cpu").size() == 5u);
  client.ws.send_text(R"({"type":"history-query","id":"r","from":"2026-11-22T00:00:00Z"})");
  client.ws.expect_until([](const Json& message) { return is_error(message, "missing-device"); });
  BOOST_TEST(stack.gateway().admin_post("/api/v1/devices/" + devices[0] + "/broadcast", R"({"type":"hello"})").status ==
             200);
  client.ws.expect("hello");
}

BOOST_AUTO_TEST_CASE(a_drain_sends_the_client_away_once) {
  Stack stack({"--drain-time", "300ms"});
  FleetClient client(stack.gateway());
  client.subscribe(new_devices(3), {"metrics"});
  stack.gateway().signal(SIGTERM);
  client.ws.expect("reconnect");
  BOOST_TEST(client.ws.expect_close(kServerDeadline).code == 1012);
  BOOST_TEST(stack.gateway().wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
