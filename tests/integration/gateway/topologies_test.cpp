// The gateway finds its Redis where the URL names a topology or TLS, from the command line to the client.
#include <algorithm>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <cstdio>
#include <functional>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "bus/slot_map.hpp"
#include "stack.hpp"
#include "tests/integration/bus/sentinel_world.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/run_results.hpp"
#include "tests/support/tls_files.hpp"

using namespace pulsegate::test;

namespace {

bool is_bus_status(const Json& message, const char* value) {
  return message.type() == "status" && message.at("data").has("bus") && message.at("data").at("bus").string() == value;
}

WsClient watch_metrics(const GatewayProcess& gateway, const std::string& device) {
  WsClient client = gateway.open_device(device);
  client.subscribe({"metrics"});
  client.expect_until([](const Json& message) { return message.type() == "subscribed"; });
  return client;
}

void expect_cpu(WsClient& client, double cpu) {
  client.expect_until([cpu](const Json& message) {
    return message.type() == "metrics" && message.at("data").at("cpu_usage").number() == cpu;
  });
}

// Kills a node that delivers, publishes every 20 ms by `publish` (which may throw as long as nobody takes it) and
// writes down how long the client had to wait for the first event after that. What was published before it is a hole
// that the client must have been told of.
void expect_deliveries_again(WsClient& client, const std::string& fact, const std::function<void()>& kill,
                             const std::function<void(int cpu)>& publish) {
  kill();
  const long long killed = now_ms();
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    for (int cpu = 100; !stop; ++cpu) {
      try {
        publish(cpu);
      } catch (const std::runtime_error&) {
        // Nobody there yet.
      }
      pause_for(Millis(20));
    }
  });
  std::vector<Json> seen;
  try {
    seen = client.expect_until(
        [](const Json& message) {
          return message.type() == "metrics" && message.at("data").at("cpu_usage").number() >= 100;
        },
        kServerDeadline);
  } catch (...) {
    stop = true;
    publisher.join();
    throw;
  }
  const long long waited = now_ms() - killed;
  stop = true;
  publisher.join();
  char result[64];
  std::snprintf(result, sizeof result, "deliveries again after %.1f s", static_cast<double>(waited) / 1000);
  record_result("failover", fact, result);
  const auto told = [](const Json& message) { return is_bus_status(message, "down") || message.type() == "gap"; };
  BOOST_TEST(std::any_of(seen.begin(), seen.end(), told));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Topologies)

BOOST_AUTO_TEST_CASE(deliveries_come_again_when_the_master_of_a_sentinel_group_was_killed) {
  SentinelGroup group;
  const GatewayProcess gateway({"--redis", group.url(), "--database", "none", "--auth", "none"});
  const std::string device = new_device();
  const std::string topic = "device:" + device + ":metrics";
  WsClient client = watch_metrics(gateway, device);
  BOOST_REQUIRE(group.master.wait_for_subscribers(topic, 1, kServerDeadline));
  group.master.publish(topic, metrics_event(device, 1, now_ms()));
  expect_cpu(client, 1);
  expect_deliveries_again(
      client, "master of a Sentinel group killed (its Sentinel takes it for dead after 0.5 s)",
      [&] { group.master.kill(); },
      [&](int cpu) {
        group.replica.client().command({"PUBLISH", topic, metrics_event(device, cpu, now_ms())});
      });
}

BOOST_AUTO_TEST_CASE(deliveries_come_again_when_a_master_of_a_cluster_was_killed) {
  for (const bool sharded : {true, false}) {
    RedisCluster cluster(3, true);
    const GatewayProcess gateway({"--redis", cluster.url(), "--redis-sharded", sharded ? "on" : "off", "--database",
                                  "none", "--auth", "none", "--canary", "off"});
    const std::string device = new_device();
    const std::string topic = "device:" + device + ":metrics";
    WsClient client = watch_metrics(gateway, device);
    const auto publish = [&](int node, int cpu) {
      cluster.node(node).client().command(
          {sharded ? "SPUBLISH" : "PUBLISH", topic, metrics_event(device, cpu, now_ms())});
    };
    // Whose subscriber the gateway is: in a classic cluster any node's. A client is acknowledged at once while the bus
    // is still away, so that is waited for.
    int holder = -1;
    const auto find_holder = [&] {
      for (int node = 0; node < cluster.size(); ++node) {
        const RedisReply reply =
            cluster.node(node).client().command({"PUBSUB", sharded ? "SHARDNUMSUB" : "NUMSUB", topic});
        if (reply.array.at(1).integer > 0) holder = node;
      }
      return holder >= 0;
    };
    BOOST_REQUIRE(eventually(find_holder, kServerDeadline));
    publish(holder, 1);
    expect_cpu(client, 1);
    const int other = holder % 3 + 3;  // sharded: its replica; else one that lives
    expect_deliveries_again(
        client,
        sharded ? "master of a sharded cluster killed (node timeout of the tests)" : "node of a classic cluster killed",
        [&] { cluster.node(holder).kill(); }, [&](int cpu) { publish(sharded ? other : (holder + 1) % 3, cpu); });
  }
}

BOOST_AUTO_TEST_CASE(events_come_over_tls_with_a_client_certificate) {
  const TlsFiles own = shared_ca().issue("gateway", "DNS:gateway");
  RedisOptions options;
  options.tls = shared_ca().issue("redis", "DNS:redis.example.org");
  RedisServer redis(options);
  redis.start();
  const GatewayProcess gateway({"--redis", "rediss://127.0.0.1:" + std::to_string(redis.tls_port()), "--redis-ca",
                                own.ca, "--redis-cert", own.cert, "--redis-key", own.key, "--redis-server-name",
                                "redis.example.org", "--database", "none", "--auth", "none"});
  const std::string device = new_device();
  WsClient client = watch_metrics(gateway, device);
  redis.publish("device:" + device + ":metrics", metrics_event(device, 7, now_ms()));
  expect_cpu(client, 7);
}

BOOST_AUTO_TEST_CASE(sharded_cluster_tells_a_device_whose_slot_moves_and_no_other) {
  RedisCluster cluster(2, false);
  // On a machine that stands still for a second nobody shall take a node for dead: its other topics would be lost, too.
  for (int i = 0; i < 2; ++i) cluster.client(i).command("CONFIG", "SET", "cluster-node-timeout", "15000");
  const GatewayProcess gateway(
      {"--redis", cluster.url({0}), "--redis-sharded", "on", "--database", "none", "--auth", "none"});
  const std::string device = new_device();
  const std::string neighbour = new_device();
  const std::string topic = "device:" + device + ":metrics";
  const int slot = pulsegate::bus::slot_of(topic);
  const int from = cluster.owner_at_start(slot);
  WsClient client = watch_metrics(gateway, device);
  WsClient other = watch_metrics(gateway, neighbour);
  cluster.client(from).command("SPUBLISH", topic, metrics_event(device, 1, now_ms()));
  expect_cpu(client, 1);
  BOOST_TEST(gateway.metric_sum("pulsegate_bus_nodes_connected") == 2.0);
  // The canary goes the same way as events, by SPUBLISH to the holder of its slot.
  BOOST_TEST(
      eventually([&] { return gateway.metric("pulsegate_canary_state{state=\"fresh\"}") == 1.0; }, kServerDeadline));

  cluster.move_slots(slot, slot, from, 1 - from);
  client.expect_until([](const Json& message) { return is_bus_status(message, "down"); });
  client.expect_until([](const Json& message) { return is_bus_status(message, "up"); });
  cluster.client(1 - from).command("SPUBLISH", topic, metrics_event(device, 2, now_ms()));
  expect_cpu(client, 2);
  BOOST_TEST(gateway.metric_sum("pulsegate_bus_topics_lost_total") == 1.0);
  BOOST_TEST(gateway.metric_sum("pulsegate_bus_disconnects_total") == 0.0);

  const std::string its_topic = "device:" + neighbour + ":metrics";
  const int its_slot = pulsegate::bus::slot_of(its_topic);
  const int holder = its_slot == slot ? 1 - from : cluster.owner_at_start(its_slot);
  cluster.client(holder).command("SPUBLISH", its_topic, metrics_event(neighbour, 3, now_ms()));
  other.expect_until([](const Json& message) {
    BOOST_TEST(!is_bus_status(message, "down"));
    return message.type() == "metrics";
  });
}

BOOST_AUTO_TEST_SUITE_END()
