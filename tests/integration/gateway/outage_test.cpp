// Redis and PostgreSQL go away and come back: clients stay, are told, and end up with a right chart.
#include <boost/test/unit_test.hpp>

#include <set>
#include <thread>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

bool is_status(const Json& message, const char* key, const char* value) {
  return message.type() == "status" && message.at("data").has(key) && message.at("data").at(key).string() == value;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Outage)

BOOST_AUTO_TEST_CASE(redis_killed_and_restarted_under_load_costs_no_client_and_every_device_is_caught_up) {
  Stack stack({}, Stack::Servers::own);
  constexpr int kDevices = 20;
  constexpr int kClients = 100;
  std::vector<std::string> devices;
  for (int i = 0; i < kDevices; ++i) {
    devices.push_back(new_device());
    insert_metrics_series(stack.sql(), devices.back(), 3);
  }
  std::vector<WsClient> clients;
  for (int i = 0; i < kClients; ++i)
    clients.push_back(stack.watch(devices[static_cast<std::size_t>(i % kDevices)], {"metrics", "history"}));
  for (const std::string& device : devices) {
    stack.publish(device, 50, now_ms());
    insert_metrics(stack.sql(), row_of(device, 50));
  }
  for (WsClient& client : clients)
    client.expect_until([](const Json& m) { return m.type() == "history" && cpu_values(m).back() == 50; });

  stack.redis().kill();
  for (WsClient& client : clients) client.expect_until([](const Json& m) { return is_status(m, "bus", "down"); });
  BOOST_TEST(stack.gateway().health("/healthz").status == 200);
  // Written while the bus is away: nobody hears of it until the repair.
  for (const std::string& device : devices) insert_metrics(stack.sql(), row_of(device, 60));
  stack.redis().start();
  for (WsClient& client : clients) {
    bool up = false, missed = false, repaired = false;
    client.expect_until(
        [&](const Json& m) {
          up = up || is_status(m, "bus", "up");
          missed = missed || (m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 60);
          repaired = repaired || (m.type() == "history" && cpu_values(m) == std::vector<int>{1, 2, 3, 50, 60});
          BOOST_TEST(m.type() != "gap");
          return up && missed && repaired;
        },
        Millis(20'000));
  }
  for (const std::string& device : devices) {
    insert_metrics(stack.sql(), row_of(device, 70));
    stack.publish(device, 70, now_ms());
  }
  for (WsClient& client : clients)
    client.expect_until([](const Json& m) {
      BOOST_TEST(m.type() != "gap");
      return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 70;
    });
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_connections") == kClients);
}

BOOST_AUTO_TEST_CASE(a_client_that_comes_while_redis_is_away_is_acknowledged_told_and_served_from_the_database) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 5);
  stack.redis().kill();
  BOOST_REQUIRE(stack.gateway().wait_for_log("bus.down"));
  WsClient client = stack.watch(device, {"history", "metrics"});
  std::set<std::string> seen;
  client.expect_until([&](const Json& m) {
    if (is_status(m, "bus", "down")) seen.insert("down");
    if (m.type() == "history") seen.insert("history");
    if (m.type() == "metrics") seen.insert("metrics");
    return seen.size() == 3;
  });
  BOOST_TEST(stack.gateway().health("/readyz").status == 503);
  stack.redis().start();
  client.expect_until([](const Json& m) { return is_status(m, "bus", "up"); }, Millis(20'000));
  stack.publish(device, 9, now_ms());
  client.expect_until(
      [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 9; });
  BOOST_TEST(eventually([&] { return stack.gateway().health("/readyz").status == 200; }));
}

BOOST_AUTO_TEST_CASE(postgresql_killed_and_restarted_leaves_live_alone_and_snapshots_recover_by_themselves) {
  Stack stack({}, Stack::Servers::own);
  const std::string known = new_device();
  const std::string fresh = new_device();
  insert_metrics_series(stack.sql(), known, 3);
  insert_metrics_series(stack.sql(), fresh, 4);
  WsClient watching = stack.watch(known, {"metrics", "history"});
  watching.expect("history");

  // What was committed a moment ago would be lost with a server that does not wait for the disk.
  stack.sql().exec("CHECKPOINT");
  stack.postgres().kill();
  stack.publish(known, 21, now_ms());
  watching.expect_until(
      [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 21; });

  // Somebody opens a device whose rows cannot be read now: live at once, the window when the database is back.
  WsClient late = stack.watch(fresh, {"metrics", "history"});
  late.expect_until([](const Json& m) { return is_status(m, "database", "down"); });
  stack.publish(fresh, 22, now_ms());
  late.expect("metrics");
  // Ready once the first canary is back, whatever PostgreSQL does.
  BOOST_TEST(eventually([&] { return stack.gateway().health("/readyz").status == 200; }));

  stack.postgres().start();
  bool up = false;
  late.expect_until(
      [&](const Json& m) {
        up = up || is_status(m, "database", "up");
        return up && m.type() == "history" && cpu_values(m) == std::vector<int>{1, 2, 3, 4, 22};
      },
      Millis(40'000));
}

BOOST_AUTO_TEST_CASE(a_frozen_redis_is_found_and_told) {
  Stack stack({}, Stack::Servers::own);
  WsClient client = stack.watch(new_device(), {"metrics"});
  stack.redis().pause();
  client.expect_until([](const Json& m) { return is_status(m, "bus", "down"); }, Millis(15'000));
  stack.redis().resume();
  client.expect_until([](const Json& m) { return is_status(m, "bus", "up"); }, Millis(20'000));
}

BOOST_AUTO_TEST_CASE(a_gateway_started_before_its_servers_serves_once_they_are_there) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 2);
  stack.redis().kill();
  // What was committed a moment ago would be lost with a server that does not wait for the disk.
  stack.sql().exec("CHECKPOINT");
  stack.postgres().kill();
  GatewayProcess gateway({"--redis", stack.redis().url(), "--database", stack.connection(), "--auth", "none"});
  WsClient client = gateway.open_device(device);
  client.subscribe({"metrics", "history"});
  client.expect_until([](const Json& m) { return is_status(m, "bus", "down"); });
  stack.redis().start();
  stack.postgres().start();
  client.expect_until(
      [](const Json& m) {
        return m.type() == "history" && cpu_values(m) == std::vector<int>{1, 2};
      },
      Millis(40'000));
  BOOST_REQUIRE(stack.redis().wait_for_subscribers("device:" + device + ":metrics", 1, Millis(20'000)));
  stack.publish(device, 3, now_ms());
  client.expect_until(
      [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 3; });
}

BOOST_AUTO_TEST_SUITE_END()
