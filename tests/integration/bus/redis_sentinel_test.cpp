// redis-sentinel:// against real Sentinels: failovers are followed, and nothing leads back to the old master.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/integration/bus/sentinel_world.hpp"
#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::BusWorld;
using test::contains;
using test::RecordingSink;
using test::RedisOptions;
using test::RedisServer;
using test::SentinelGroup;
using test::SentinelGroupOptions;

namespace {

// A master that a Sentinel cannot make a replica: what one looks like that Sentinels cannot reach and clients can.
RedisOptions stubborn() {
  RedisOptions options;
  options.config = "rename-command SLAVEOF \"\"\nrename-command REPLICAOF \"\"";
  return options;
}

std::string refusal(const std::string& url) {
  RecordingSink sink;
  BusWorld world(test::quick_config(url));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.has("up"); }));
  BOOST_REQUIRE(sink.has("down"));
  return sink.reasons[0];
}

bool receives(BusWorld& world, RecordingSink& sink, RedisServer& from, const std::string& payload) {
  return world.run_until([&] {
    from.publish("t", payload);
    return sink.has("event t " + payload);
  });
}

// Each question is a connection.
int connections_to(test::RedisClient& sentinel) {
  const std::string stats = sentinel.command("INFO", "stats").string;
  const std::string name = "total_connections_received:";
  return std::stoi(stats.substr(stats.find(name) + name.size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisSentinelTest)

BOOST_AUTO_TEST_CASE(killed_master_is_left_for_the_promoted_replica) {
  SentinelGroup group;
  std::vector<std::string> notices;
  auto config = test::quick_config(group.url());
  config.notice = [&](std::string_view event, std::string_view detail) {
    notices.push_back(std::string(event) + " " + std::string(detail));
  };
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  BOOST_REQUIRE(receives(world, sink, group.master, "before"));
  group.master.kill();
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }, test::kServerDeadline));
  BOOST_REQUIRE(receives(world, sink, group.replica, "after"));
  BOOST_TEST(sink.count("down") == 1u);
  BOOST_TEST(world.subscriber().counters().node_changes == 1u);
  const std::string node = "redis.node 127.0.0.1:";
  BOOST_TEST(notices == (std::vector<std::string>{node + std::to_string(group.master.port()),
                                                  node + std::to_string(group.replica.port())}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(old_master_that_still_accepts_connections_is_left) {
  SentinelGroupOptions options;
  options.master = stubborn();
  options.master.config += "\nrename-command PUBLISH \"\"";  // Sentinels tell each other by it
  SentinelGroup group(options);
  RecordingSink sink;
  BusWorld world(test::quick_config(group.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  BOOST_REQUIRE(group.fail_over());
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
  BOOST_TEST(contains(sink.reasons.at(0), "the master is now"), sink.reasons.at(0));
  BOOST_REQUIRE(receives(world, sink, group.replica, "after"));
  BOOST_TEST(group.master.client().command("ROLE").array.at(0).string == "master");  // it has not noticed to this day

  // A Sentinel that has not heard of it must not lead back, whenever its turn comes.
  RedisServer behind(SentinelGroup::watching(group.master));
  behind.start();
  const std::string both = "redis-sentinel://127.0.0.1:" + std::to_string(group.sentinel.port()) +
                           ",127.0.0.1:" + std::to_string(behind.port()) + "/" + SentinelGroup::kName;
  RecordingSink other;
  BusWorld second(test::quick_config(both));
  second.subscriber().start(other);
  second.subscriber().subscribe({"t"});
  BOOST_REQUIRE(second.run_until([&] { return other.confirmations == 1; }));
  test::RedisClient client = behind.client();
  const int asked = connections_to(client);
  BOOST_REQUIRE(second.run_until([&] { return connections_to(client) >= asked + 3; }));
  BOOST_TEST(client.command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", SentinelGroup::kName).array.at(1).string ==
             std::to_string(group.master.port()));
  BOOST_TEST(!other.has("down"));
  BOOST_REQUIRE(receives(second, other, group.replica, "still"));
}

BOOST_AUTO_TEST_CASE(reader_of_streams_follows_as_well) {
  SentinelGroupOptions options;
  options.master = stubborn();
  SentinelGroup group(options);
  const auto device = *proto::DeviceId::parse("0a0a0a0a-2222-3333-4444-555555555555");
  test::StreamWorld world(test::quick_stream_config(group.url()));
  group.master.client().command("XADD", "metrics:" + device.text(), "*", "data", "old");
  const auto first = world.read(device);
  BOOST_REQUIRE_MESSAGE(first.ok, first.detail);
  BOOST_TEST(first.entries.size() == 1u);
  BOOST_REQUIRE(test::eventually(
      [&] { return group.replica.client().command("EXISTS", "metrics:" + device.text()).integer == 1; }));
  BOOST_REQUIRE(group.fail_over());
  BOOST_REQUIRE(test::eventually([&] {
    try {
      group.replica.client().command("XADD", "metrics:" + device.text(), "*", "data", "new");
      return true;
    } catch (const std::runtime_error&) {
      return false;  // not promoted yet
    }
  }));
  BOOST_REQUIRE(world.run_until([&] {
    const auto answer = world.read(device);
    return answer.ok && answer.entries.size() == 2;
  }));
  BOOST_TEST(world.reader().counters().reconnects == 1u);
}

BOOST_AUTO_TEST_CASE(refusals_say_what_to_change) {
  RedisServer server;
  server.start();
  RedisOptions closed = SentinelGroup::watching(server);
  closed.password = "s3cret";
  RedisServer sentinel(closed);
  sentinel.start();
  const std::string host = "127.0.0.1:" + std::to_string(sentinel.port());
  const std::string nobody = "127.0.0.1:" + std::to_string(test::free_port());
  const std::string open = "?sentinel-password=s3cret";
  BOOST_TEST(contains(refusal("redis-sentinel://" + nobody + "/main"), "refused"));
  BOOST_TEST(contains(refusal("redis-sentinel://" + host + "/main"), "NOAUTH"));
  const std::string wrong = refusal("redis-sentinel://" + host + "/main?sentinel-password=hunter2");
  BOOST_TEST(contains(wrong, "WRONGPASS"), wrong);
  BOOST_TEST(!contains(wrong, "hunter2"));
  BOOST_TEST(contains(refusal("redis-sentinel://" + host + "/other" + open), "no master called other"));
  const std::string not_one = refusal("redis-sentinel://127.0.0.1:" + std::to_string(server.port()) + "/main");
  BOOST_TEST(contains(not_one, "unknown command"), not_one);
  // The first one does not answer, the second one does.
  RecordingSink sink;
  BusWorld world(test::quick_config("redis-sentinel://" + nobody + "," + host + "/main" + open));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up") || sink.has("down"); }));
  BOOST_TEST(sink.has("up"));
  // A Sentinel that freezes costs nothing; the master is still known.
  sentinel.pause();
  world.run_all_for(test::Millis(500));
  BOOST_TEST(!sink.has("down"));
  sentinel.resume();
}

BOOST_AUTO_TEST_CASE(master_that_is_none_is_not_used) {
  RedisServer server;
  server.start();
  RedisOptions options;
  options.args = {"--replicaof", "127.0.0.1 " + std::to_string(server.port())};
  RedisServer replica(options);
  replica.start();
  RedisServer sentinel(SentinelGroup::watching(replica, "sentinel down-after-milliseconds main 60000"));
  sentinel.start();
  const std::string url = "redis-sentinel://127.0.0.1:" + std::to_string(sentinel.port()) + "/main";
  RecordingSink sink;
  BusWorld world(test::quick_config(url));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return world.subscriber().counters().connect_failures > 2; }));
  BOOST_TEST(!sink.has("up"));
  BOOST_TEST(contains(sink.reasons.at(0), "it says that it is none"), sink.reasons.at(0));
  BOOST_TEST(test::client_line(replica).empty());
  // As soon as it is one, it will do.
  replica.client().command("REPLICAOF", "NO", "ONE");
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
}

BOOST_AUTO_TEST_SUITE_END()
