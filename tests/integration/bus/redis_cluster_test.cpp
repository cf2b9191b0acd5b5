// redis-cluster:// with classic pub/sub, against a real cluster: every node carries all messages, and one that is dead,
// has left, or is cut off is left for another.
#include <boost/test/unit_test.hpp>
#include <string>

#include "bus/slot_map.hpp"
#include "tests/integration/bus/bus_world.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::BusWorld;
using test::contains;
using test::RecordingSink;
using test::RedisCluster;
using test::RedisServer;

namespace {

// The node that our subscriber is connected to; -1: none.
int node_of(RedisCluster& cluster) {
  for (int i = 0; i < cluster.size(); ++i)
    if (cluster.node(i).running() && !test::client_line(cluster.node(i)).empty()) return i;
  return -1;
}

// Published at another node, so it comes over the cluster's own bus.
bool receives(BusWorld& world, RecordingSink& sink, RedisServer& from, const std::string& payload) {
  return world.run_until([&] {
    from.publish("t", payload);
    return sink.has("event t " + payload);
  });
}

std::string refusal(const std::string& url) {
  RecordingSink sink;
  BusWorld world(test::quick_config(url));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.has("up"); }));
  BOOST_REQUIRE(sink.has("down"));
  return sink.reasons[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisClusterTest)

BOOST_AUTO_TEST_CASE(slots_are_those_that_redis_computes) {
  RedisCluster cluster(1, false);
  for (const char* key : {"", "a", "device:1:metrics", "{x}y", "a{}b{c}", "{{x}}", "}{", "{a"})
    BOOST_TEST(bus::slot_of(key) == RedisCluster::slot_of(cluster.node(0), key), key);
}

BOOST_AUTO_TEST_CASE(dead_node_is_left_for_another) {
  RedisCluster cluster(3, false);
  // One of the seeds is nobody, and one is enough.
  const std::string url = "redis-cluster://127.0.0.1:" + std::to_string(test::free_port()) +
                          ",127.0.0.1:" + std::to_string(cluster.node(0).port());
  RecordingSink sink;
  BusWorld world(test::quick_config(url));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  const int first = node_of(cluster);
  BOOST_REQUIRE(first >= 0);
  BOOST_REQUIRE(receives(world, sink, cluster.node((first + 1) % 3), "over the bus"));
  cluster.node(first).kill();
  // Whatever is asked at first, the node that is dead is not used for long.
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
  const int second = node_of(cluster);
  BOOST_TEST(second != first);
  BOOST_TEST(world.subscriber().counters().node_changes >= 1u);
  BOOST_REQUIRE(receives(world, sink, cluster.node(3 - first - second), "after"));
  BOOST_TEST(sink.count("down") == 1u);
}

BOOST_AUTO_TEST_CASE(node_that_has_left_the_cluster_is_left) {
  RedisCluster cluster(2, true);
  RecordingSink sink;
  BusWorld world(test::quick_config(cluster.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  const int left = node_of(cluster);
  if (left < 2) {  // only a replica can be forgotten by a cluster that goes on
    cluster.fail_over_to(left + 2);
    BOOST_REQUIRE(test::eventually([&] { return cluster.owner(left * 8'192, 1 - left) == left + 2; }));
  }
  BOOST_TEST(!sink.has("down"));
  const std::string id = cluster.id(left);
  for (int i = 0; i < 4; ++i)
    if (i != left) cluster.client(i).command("CLUSTER", "FORGET", id);
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
  BOOST_TEST(contains(sink.reasons.at(0), "has left the cluster"), sink.reasons.at(0));
  BOOST_TEST(node_of(cluster) != left);
}

// It does not see all slots held, while the others do. It would learn better at the next heartbeat, so it is made to
// forget again and again.
BOOST_AUTO_TEST_CASE(node_that_is_cut_off_from_the_cluster_is_left) {
  RedisCluster cluster(3, false);
  RecordingSink sink;
  BusWorld world(test::quick_config(cluster.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  const int alone = node_of(cluster);
  const int foreign = alone == 0 ? RedisCluster::kSlots - 1 : 0;
  BOOST_REQUIRE(world.run_until([&] {
    if (cluster.owner(foreign, alone) >= 0 && !sink.has("down"))
      cluster.client(alone).command("CLUSTER", "DELSLOTS", std::to_string(foreign));
    return sink.confirmations == 2;
  }));
  BOOST_TEST(contains(sink.reasons.at(0), "is cut off from the cluster"), sink.reasons.at(0));
}

BOOST_AUTO_TEST_CASE(refusals_say_what_to_change) {
  BOOST_TEST(contains(refusal("redis-cluster://127.0.0.1:" + std::to_string(test::free_port())), "refused"));
  const std::string alone = refusal("redis-cluster://127.0.0.1:" + std::to_string(test::shared_redis().port()));
  BOOST_TEST(contains(alone, "use redis://"), alone);
}

BOOST_AUTO_TEST_SUITE_END()
