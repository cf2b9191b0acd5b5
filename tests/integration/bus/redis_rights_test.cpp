// The rights that bus/README.md documents: with exactly these everything works, and without any one of them a sentence
// names it. Redis itself decides.
#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "bus/redis_sharded_subscriber.hpp"
#include "tests/integration/bus/sentinel_world.hpp"
#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::BusWorld;
using test::contains;
using test::RecordingSink;
using test::RedisServer;
using test::StreamWorld;

namespace {

const proto::DeviceId kDevice = *proto::DeviceId::parse("0a0a0a0a-2222-3333-4444-555555555555");

// A user of the shared server with these rights and no others, as an URL.
std::string url_of_user(const std::vector<std::string>& rights) {
  RedisServer& server = test::shared_redis();
  std::vector<std::string> command{"ACL", "SETUSER", "gate", "reset", "on", ">s3cret"};
  command.insert(command.end(), rights.begin(), rights.end());
  server.client().command(command);
  return "redis://gate:s3cret@127.0.0.1:" + std::to_string(server.port());
}

std::vector<std::string> without(std::vector<std::string> rights, std::size_t place) {
  rights.erase(rights.begin() + static_cast<std::ptrdiff_t>(place));
  return rights;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisRightsTest)

BOOST_AUTO_TEST_CASE(subscriber_works_with_exactly_the_documented_rights) {
  const std::vector<std::string> rights{"+ping", "+subscribe", "+unsubscribe", "&device:*"};
  RedisServer& server = test::shared_redis();
  {
    RecordingSink sink;
    BusWorld world(test::quick_config(url_of_user(rights)));
    world.subscriber().start(sink);
    world.subscriber().subscribe({"device:1:metrics", "device:2:metrics"});
    BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
    world.subscriber().unsubscribe({"device:2:metrics"});
    BOOST_REQUIRE(world.run_until([&] { return server.client().subscribers("device:2:metrics") == 0; }));
    server.publish("device:1:metrics", "x");
    BOOST_REQUIRE(world.run_until([&] { return sink.has("event device:1:metrics x"); }));
    BOOST_TEST(!sink.has("down"));
  }
  for (std::size_t i = 0; i < rights.size(); ++i) {
    RecordingSink sink;
    BusWorld world(test::quick_config(url_of_user(without(rights, i))));
    world.subscriber().start(sink);
    world.subscriber().subscribe({"device:1:metrics"});
    BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.confirmations == 1; }));
    world.subscriber().unsubscribe({"device:1:metrics"});
    BOOST_REQUIRE_MESSAGE(world.run_until([&] { return sink.has("down"); }), rights[i]);
    BOOST_TEST(contains(sink.reasons[0], "grant it"), sink.reasons[0]);
    BOOST_TEST(contains(sink.reasons[0], rights[i]), sink.reasons[0]);
  }
}

BOOST_AUTO_TEST_CASE(database_number_takes_one_right_more) {
  std::vector<std::string> rights{"+ping", "+subscribe", "+unsubscribe", "&device:*"};
  RecordingSink sink;
  BusWorld refused(test::quick_config(url_of_user(rights) + "/1"));
  refused.subscriber().start(sink);
  BOOST_REQUIRE(refused.run_until([&] { return sink.has("down"); }));
  BOOST_TEST(contains(sink.reasons[0], "+select"));
  rights.emplace_back("+select");
  RecordingSink other;
  BusWorld world(test::quick_config(url_of_user(rights) + "/1"));
  world.subscriber().start(other);
  BOOST_REQUIRE(world.run_until([&] { return other.has("up"); }));
}

BOOST_AUTO_TEST_CASE(sentinels_take_these_rights_there_and_one_more_on_redis) {
  RedisServer& server = test::shared_redis();
  RedisServer sentinel(test::SentinelGroup::watching(server));
  sentinel.start();
  const std::vector<std::string> rights{"+ping", "+sentinel|get-master-addr-by-name", "+sentinel|master", "+role"};
  // Place 4: none is missing.
  for (std::size_t i = 0; i <= rights.size(); ++i) {
    std::vector<std::string> there{"ACL", "SETUSER", "watch", "reset", "on", ">s3cret"};
    std::vector<std::string> here{"+ping", "+subscribe", "+unsubscribe", "&device:*"};
    for (std::size_t k = 0; k < rights.size(); ++k)
      if (k != i) (rights[k] == "+role" ? here : there).push_back(rights[k]);
    sentinel.client().command(there);
    url_of_user(here);
    RecordingSink sink;
    BusWorld world(test::quick_config("redis-sentinel://gate:s3cret@127.0.0.1:" + std::to_string(sentinel.port()) +
                                      "/main?sentinel-user=watch&sentinel-password=s3cret"));
    world.subscriber().start(sink);
    BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.has("up"); }));
    BOOST_TEST(sink.has("up") == (i == rights.size()));
    if (i < rights.size()) BOOST_TEST(contains(sink.reasons.at(0), rights[i]), sink.reasons.at(0));
  }
}

BOOST_AUTO_TEST_CASE(nodes_of_a_cluster_take_two_rights_more) {
  test::RedisCluster cluster(1, false);
  const std::vector<std::string> rights{"+cluster|slots", "+cluster|info"};
  for (std::size_t i = 0; i <= rights.size(); ++i) {
    std::vector<std::string> command{"ACL",     "SETUSER", "gate",       "reset",        "on",
                                     ">s3cret", "+ping",   "+subscribe", "+unsubscribe", "&device:*"};
    for (std::size_t k = 0; k < rights.size(); ++k)
      if (k != i) command.push_back(rights[k]);
    cluster.client(0).command(command);
    RecordingSink sink;
    BusWorld world(
        test::quick_config("redis-cluster://gate:s3cret@127.0.0.1:" + std::to_string(cluster.node(0).port())));
    world.subscriber().start(sink);
    BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.has("up"); }));
    BOOST_TEST(sink.has("up") == (i == rights.size()));
    if (i < rights.size()) BOOST_TEST(contains(sink.reasons.at(0), rights[i]), sink.reasons.at(0));
  }
}

BOOST_AUTO_TEST_CASE(sharded_subscriber_works_with_exactly_the_documented_rights) {
  test::RedisCluster cluster(1, false);
  const std::vector<std::string> rights{"+ping",          "+ssubscribe",   "+sunsubscribe",
                                        "+cluster|slots", "+cluster|info", "&device:*"};
  for (std::size_t i = 0; i <= rights.size(); ++i) {
    std::vector<std::string> command{"ACL", "SETUSER", "gate", "reset", "on", ">s3cret"};
    for (std::size_t k = 0; k < rights.size(); ++k)
      if (k != i) command.push_back(rights[k]);
    cluster.client(0).command(command);
    RecordingSink sink;
    test::LoopWorld world;
    bus::RedisShardedSubscriber subscriber(world.io(), test::quick_config("redis-cluster://gate:s3cret@127.0.0.1:" +
                                                                          std::to_string(cluster.node(0).port())));
    subscriber.start(sink);
    subscriber.subscribe({"device:1:metrics"});
    BOOST_REQUIRE(world.run_until([&] { return sink.has("down") || sink.confirmations == 1; }));
    subscriber.unsubscribe({"device:1:metrics"});
    if (i == rights.size()) {
      BOOST_TEST(!sink.has("down"));
      continue;
    }
    BOOST_REQUIRE_MESSAGE(world.run_until([&] { return sink.has("down"); }), rights[i]);
    BOOST_TEST(contains(sink.reasons.at(0), rights[i]), sink.reasons.at(0));
  }
}

BOOST_AUTO_TEST_CASE(reader_of_streams_works_with_exactly_the_documented_rights) {
  const std::vector<std::string> rights{"+ping", "+exists", "+xrange", "%R~metrics:*"};
  test::shared_redis().client().command("XADD", "metrics:" + kDevice.text(), "*", "data", "{}");
  {
    StreamWorld world(test::quick_stream_config(url_of_user(rights)));
    const auto answer = world.read(kDevice);
    BOOST_TEST(answer.ok, answer.detail);
    BOOST_TEST(answer.exists);
  }
  for (std::size_t i = 0; i < rights.size(); ++i) {
    StreamWorld world(test::quick_stream_config(url_of_user(without(rights, i))));
    const auto answer = world.read(kDevice);
    BOOST_REQUIRE(!answer.ok);
    const std::string right = rights[i][0] == '%' ? "~metrics:*" : rights[i];
    BOOST_TEST(contains(answer.detail, right), answer.detail);
  }
}

BOOST_AUTO_TEST_SUITE_END()
