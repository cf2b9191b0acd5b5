// The gateway finds its Redis where the URL names a topology or TLS, from the command line to the client.
#include <boost/test/unit_test.hpp>
#include <string>

#include "bus/slot_map.hpp"
#include "stack.hpp"
#include "tests/support/redis_cluster.hpp"
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

}  // namespace

BOOST_AUTO_TEST_SUITE(Topologies)

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
