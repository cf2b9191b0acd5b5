// Sharded pub/sub in a real cluster: topics go where their slots are, follow them while slots move and masters die, and
// what is lost is told for the topics concerned alone.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "bus/redis_sharded_subscriber.hpp"
#include "bus/slot_map.hpp"
#include "tests/integration/bus/bus_world.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::contains;
using test::Millis;
using test::RecordingSink;
using test::RedisCluster;

namespace {

// Topics of the slots of each of the three masters at the start.
std::string topic_of(RedisCluster& cluster, int master, int number = 0) {
  for (int i = 0;; ++i) {
    const std::string topic = "device:" + std::to_string(i) + ":metrics";
    if (cluster.owner_at_start(bus::slot_of(topic)) == master && number-- == 0) return topic;
  }
}

class World : public test::LoopWorld {
 public:
  World(RedisCluster& cluster, std::vector<std::string> topics, const bus::RedisConfig& config)
      : cluster_(cluster), topics_(std::move(topics)), subscriber(io_, config) {
    subscriber.start(sink);
    subscriber.subscribe(topics_);
  }
  World(RedisCluster& cluster, const std::vector<std::string>& topics)
      : World(cluster, topics, test::quick_config(cluster.url())) {}

  // As a publisher would that follows MOVED; false while nobody takes it.
  bool publish(const std::string& topic, const std::string& payload) {
    for (int i = 0; i < cluster_.size(); ++i) {
      if (!cluster_.node(i).running()) continue;
      try {
        cluster_.client(i).command("SPUBLISH", topic, payload);
        return true;
      } catch (const std::runtime_error& error) {
        if (!contains(error.what(), "MOVED") && !contains(error.what(), "CLUSTERDOWN")) throw;
      }
    }
    return false;
  }
  // Publishes until an event of that topic arrives.
  bool receives(const std::string& topic) {
    const std::string payload = std::to_string(++number_);
    return run_until(
        [&] {
          publish(topic, payload);
          return sink.has("event " + topic + " " + payload);
        },
        test::kServerDeadline);
  }
  bool confirmed(std::size_t count) {
    return run_until([&] { return subscriber.counters().confirmed_topics == count; }, test::kServerDeadline);
  }

 private:
  RedisCluster& cluster_;
  const std::vector<std::string> topics_;
  int number_ = 0;

 public:
  RecordingSink sink;
  bus::RedisShardedSubscriber subscriber;
};

// Three masters, begun once; cases put slots back where they were.
RedisCluster& three_masters() {
  static RedisCluster cluster(3, false);
  return cluster;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisShardedTest)

BOOST_AUTO_TEST_CASE(topics_of_all_nodes_arrive_and_share_commands_by_slot) {
  RedisCluster& cluster = three_masters();
  std::vector<std::string> topics{"{x}:a", "{x}:b", "{x}:c"};
  for (int master = 0; master < 3; ++master) topics.push_back(topic_of(cluster, master));
  World world(cluster, topics, test::quick_config(cluster.url({1})));  // one seed leads to all
  BOOST_REQUIRE(world.confirmed(6));
  for (const std::string& topic : topics) BOOST_TEST(world.receives(topic), topic);
  BOOST_TEST(world.sink.count("up") == 1u);
  BOOST_TEST(world.sink.count("down") == 0u);
  BOOST_TEST(world.subscriber.counters().nodes_connected == 3u);
  BOOST_TEST(world.subscriber.counters().moved_topics == 0u);
  world.subscriber.unsubscribe(topics);
  BOOST_REQUIRE(world.run_until([&] {
    for (int i = 0; i < 3; ++i)
      if (!cluster.client(i).command("PUBSUB", "SHARDCHANNELS").array.empty()) return false;
    return true;
  }));
}

BOOST_AUTO_TEST_CASE(slot_that_moves_costs_its_topics_alone) {
  RedisCluster& cluster = three_masters();
  const std::string moving = topic_of(cluster, 0);
  const std::vector<std::string> staying{topic_of(cluster, 0, 1), topic_of(cluster, 1), topic_of(cluster, 2)};
  std::vector<std::string> topics = staying;
  topics.push_back(moving);
  World world(cluster, topics);
  BOOST_REQUIRE(world.confirmed(4));
  const int slot = bus::slot_of(moving);
  cluster.move_slots(slot, slot, 0, 2);
  BOOST_REQUIRE(world.run_until([&] { return world.sink.count("subscribed " + moving) == 2; }));
  BOOST_TEST(world.sink.count("lost " + moving) == 1u);
  BOOST_TEST(world.sink.position("lost " + moving) > world.sink.position("subscribed " + moving));
  for (const std::string& topic : topics) BOOST_TEST(world.receives(topic), topic);
  for (const std::string& topic : staying) BOOST_TEST(world.sink.count("subscribed " + topic) == 1u, topic);
  BOOST_TEST(world.sink.count("down") == 0u);
  BOOST_TEST(world.subscriber.counters().disconnects == 0u);
  BOOST_TEST(world.subscriber.counters().moved_topics >= 1u);
  BOOST_TEST(world.subscriber.counters().lost_topics == 1u);
  cluster.move_slots(slot, slot, 2, 0);
  BOOST_REQUIRE(world.run_until([&] { return world.sink.count("subscribed " + moving) == 3; }));
}

BOOST_AUTO_TEST_CASE(new_topic_follows_moved_before_the_topology_is_read_again) {
  RedisCluster& cluster = three_masters();
  auto config = test::quick_config(cluster.url());
  config.recheck = std::chrono::hours(1);
  const std::string first = topic_of(cluster, 0);
  const std::string moved = topic_of(cluster, 1);
  World world(cluster, {first}, config);
  BOOST_REQUIRE(world.confirmed(1));
  const int slot = bus::slot_of(moved);
  cluster.move_slots(slot, slot, 1, 0);
  world.subscriber.subscribe({moved});
  BOOST_REQUIRE(world.run_until([&] { return world.sink.has("subscribed " + moved); }));
  BOOST_TEST(world.subscriber.counters().moved_topics == 1u);
  BOOST_TEST(!world.sink.has("lost " + first));
  BOOST_TEST(world.receives(moved));
  cluster.move_slots(slot, slot, 0, 1);
  BOOST_REQUIRE(world.run_until([&] { return world.sink.count("subscribed " + moved) == 2; }));
}

BOOST_AUTO_TEST_CASE(resharding_under_load_loses_nothing_unsaid) {
  RedisCluster& cluster = three_masters();
  std::vector<std::string> topics;
  for (int i = 0; i < 300; ++i) topics.push_back("device:" + std::to_string(i) + ":metrics");
  World world(cluster, topics);
  BOOST_REQUIRE(world.confirmed(topics.size()));
  // What each topic was sent and has got: a hole must lie between "lost" and "subscribed".
  std::map<std::string, int> last;
  std::map<std::string, bool> gap;
  int unsaid = 0;
  world.sink.react = [&](const std::string& line) {
    const std::string topic = line.substr(line.find(' ') + 1, line.rfind(' ') - line.find(' ') - 1);
    if (line.rfind("lost ", 0) == 0) gap[line.substr(5)] = true;
    if (line.rfind("event ", 0) != 0) return;
    const int number = std::stoi(line.substr(line.rfind(' ') + 1));
    if (number != last[topic] + 1 && !gap[topic]) ++unsaid;
    last[topic] = number;
    gap[topic] = false;
  };
  int sent = 0;
  const auto publish_to_all = [&] {
    ++sent;
    for (const std::string& topic : topics) world.publish(topic, std::to_string(sent));
    world.run_all_for(Millis(5));
  };
  // There and back, a few slots at a time.
  std::vector<int> moving;
  for (const std::string& topic : topics)
    if (cluster.owner_at_start(bus::slot_of(topic)) == 0 && moving.size() < 40) moving.push_back(bus::slot_of(topic));
  for (const auto& [from, to] : {std::pair(0, 1), std::pair(1, 0)})
    for (std::size_t i = 0; i < moving.size(); ++i) {
      cluster.move_slots(moving[i], moving[i], from, to);
      if (i % 4 == 0) publish_to_all();
    }
  // Nodes agree a moment later, and until then may mislead once more: the last word is what counts.
  BOOST_REQUIRE(world.run_until(
      [&] {
        publish_to_all();
        return std::all_of(topics.begin(), topics.end(), [&](const auto& topic) { return last[topic] == sent; });
      },
      test::kServerDeadline));
  BOOST_TEST_MESSAGE("moved " << world.subscriber.counters().moved_topics << ", lost "
                              << world.subscriber.counters().lost_topics << " of " << 2 * moving.size() << " moves");
  BOOST_TEST(unsaid == 0);
  BOOST_TEST(world.sink.count("down") == 0u);
  BOOST_TEST(world.subscriber.counters().disconnects == 0u);
}

BOOST_AUTO_TEST_CASE(killed_master_costs_its_topics_until_the_replica_has_taken_over) {
  RedisCluster cluster(3, true);
  std::vector<std::string> topics;
  for (int master = 0; master < 3; ++master) topics.push_back(topic_of(cluster, master));
  World world(cluster, topics);
  BOOST_REQUIRE(world.confirmed(3));
  cluster.node(1).kill();
  BOOST_REQUIRE(world.run_until([&] { return world.sink.has("lost " + topics[1]); }));
  BOOST_TEST(world.receives(topics[0]));
  BOOST_TEST(world.receives(topics[2]));
  BOOST_REQUIRE(world.receives(topics[1]));
  BOOST_TEST(world.sink.count("subscribed " + topics[0]) == 1u);
  BOOST_TEST(world.sink.count("down") == 0u);
  BOOST_TEST(world.subscriber.counters().node_changes >= 1u);

  // A failover on purpose: the old master lives on as a replica.
  cluster.fail_over_to(3);
  BOOST_REQUIRE(
      world.run_until([&] { return world.sink.count("subscribed " + topics[0]) == 2; }, test::kServerDeadline));
  for (const std::string& topic : topics) BOOST_TEST(world.receives(topic), topic);
}

BOOST_AUTO_TEST_CASE(node_that_is_away_at_the_start_is_told_for_its_topics) {
  RedisCluster cluster(2, false);
  for (int i = 0; i < 2; ++i) cluster.client(i).command("CONFIG", "SET", "cluster-require-full-coverage", "no");
  const std::vector<std::string> topics{"a", "b", "c", "d", "e", "f"};  // of both
  cluster.node(1).kill();
  World world(cluster, topics);
  BOOST_REQUIRE(world.run_until([&] {
    for (const std::string& topic : topics) {
      const bool away = cluster.owner_at_start(bus::slot_of(topic)) == 1;
      if (!world.sink.has((away ? "lost " : "subscribed ") + topic)) return false;
    }
    return true;
  }));
  BOOST_TEST(world.sink.count("down") == 0u);
  cluster.node(1).start();
  BOOST_REQUIRE(world.confirmed(topics.size()));
  cluster.node(0).kill();
  cluster.node(1).kill();
  BOOST_REQUIRE(world.run_until([&] { return world.sink.has("down"); }));
  BOOST_TEST(!world.subscriber.up());
}

BOOST_AUTO_TEST_SUITE_END()
