// RedisClusterStreamReader in a real cluster: each read finds the node of its key, also while slots move and masters
// die.
#include "bus/redis_cluster_stream_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <deque>
#include <string>

#include "bus/slot_map.hpp"
#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/redis_cluster.hpp"

using namespace pulsegate;
using test::RedisCluster;

namespace {

constexpr int kDevices = 12;

proto::DeviceId device(int number) {
  const std::string digits = std::to_string(100 + number);
  return *proto::DeviceId::parse("0a0a0a0a-2222-3333-4444-555555555" + digits);
}
std::string key(int number) {
  return "metrics:" + device(number).text();
}
int slot(int number) {
  return bus::slot_of(key(number));
}

class World : public test::LoopWorld {
 public:
  explicit World(RedisCluster& cluster) : World(config_for(cluster)) {}
  explicit World(const bus::RedisStreamConfig& config) : reader(io_, config) {}

  static bus::RedisStreamConfig config_for(RedisCluster& cluster) {
    auto config = test::quick_stream_config(cluster.url({0}));
    config.deadline = test::kDeadline;
    return config;
  }
  // What each device's stream holds, as one text; "!" and why for one that cannot be read.
  std::string read_all() {
    std::deque<bus::StreamAnswer> answers(kDevices);
    int left = kDevices;
    for (int i = 0; i < kDevices; ++i)
      reader.read_from(device(i), proto::Timestamp{}, 10, [&, i](bus::StreamAnswer answer) {
        answers[static_cast<std::size_t>(i)] = std::move(answer);
        --left;
      });
    BOOST_REQUIRE(run_until([&] { return left == 0; }, test::kServerDeadline));
    std::string all;
    for (const bus::StreamAnswer& answer : answers) {
      if (!answer.ok) all += "!" + answer.detail;
      for (const bus::StreamEntry& entry : answer.entries) all += entry.data;
      all += " ";
    }
    return all;
  }

  bus::RedisClusterStreamReader reader;
};

void append_to_each(RedisCluster& cluster, const std::string& data) {
  for (int i = 0; i < kDevices; ++i) {
    const int owner = cluster.owner(slot(i), 0);
    cluster.client(owner).command("XADD", key(i), "*", "data", data + std::to_string(i));
  }
}

std::string expected(const std::string& data) {
  std::string all;
  for (int i = 0; i < kDevices; ++i) all += data + std::to_string(i) + " ";
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisClusterStreamTest)

BOOST_AUTO_TEST_CASE(reads_go_to_the_node_of_the_key_and_follow_it) {
  RedisCluster cluster(3, false);
  append_to_each(cluster, "a");
  auto config = World::config_for(cluster);
  config.redis.recheck = std::chrono::hours(1);  // so that only the nodes' own words lead on
  World world(config);
  BOOST_TEST(world.read_all() == expected("a"));
  BOOST_TEST(world.reader.counters().redirects == 0u);
  BOOST_TEST(world.reader.counters().reads == static_cast<unsigned>(kDevices));

  // ASK: the slot is on its way, and this key has gone already.
  const int from = cluster.owner(slot(0), 0);
  const int to = (from + 1) % 3;
  const std::string number = std::to_string(slot(0));
  cluster.client(to).command("CLUSTER", "SETSLOT", number, "IMPORTING", cluster.id(from));
  cluster.client(from).command("CLUSTER", "SETSLOT", number, "MIGRATING", cluster.id(to));
  cluster.client(from).command("MIGRATE", "127.0.0.1", std::to_string(cluster.node(to).port()), key(0), "0", "5000");
  BOOST_TEST(world.read_all() == expected("a"));
  BOOST_TEST(world.reader.counters().redirects == 1u);

  // MOVED: the slot has come; then the new holder is known.
  cluster.client(to).command("CLUSTER", "SETSLOT", number, "NODE", cluster.id(to));
  cluster.client(from).command("CLUSTER", "SETSLOT", number, "NODE", cluster.id(to));
  BOOST_TEST(world.read_all() == expected("a"));
  BOOST_TEST(world.reader.counters().redirects <= 2u);
  const auto redirects = world.reader.counters().redirects;
  BOOST_TEST(world.read_all() == expected("a"));
  BOOST_TEST(world.reader.counters().redirects == redirects);
}

BOOST_AUTO_TEST_CASE(killed_master_is_replaced_by_its_replica_within_the_deadline) {
  RedisCluster cluster(3, true);
  append_to_each(cluster, "a");
  World world(cluster);
  BOOST_TEST(world.read_all() == expected("a"));
  for (int i = 0; i < 3; ++i) cluster.client(i).command("WAIT", "1", "5000");
  cluster.node(1).kill();
  BOOST_TEST(world.read_all() == expected("a"));
}

BOOST_AUTO_TEST_CASE(reads_that_find_no_node_say_why_in_time) {
  RedisCluster cluster(1, false);
  auto config = World::config_for(cluster);
  config.deadline = test::Millis(300);
  World world(config);
  cluster.node(0).kill();
  const std::string all = world.read_all();
  BOOST_TEST(all.find("refused") != std::string::npos, all);
  BOOST_TEST(world.reader.counters().failures == static_cast<unsigned>(kDevices));
  BOOST_TEST(world.reader.counters().in_flight == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
