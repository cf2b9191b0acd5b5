// Publishing over a connection of its own: what is taken arrives, what is not permitted is told apart from what failed.
#include "bus/redis_publisher.hpp"

#include <boost/test/unit_test.hpp>
#include <optional>
#include <string>
#include <utility>

#include "bus/redis_sharded_subscriber.hpp"
#include "bus/slot_map.hpp"
#include "bus_world.hpp"
#include "scripted_redis.hpp"
#include "tests/support/redis_cluster.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using bus::Published;

namespace {

struct World : LoopWorld {
  explicit World(const std::string& url, bool sharded = false) {
    bus::RedisPublisherConfig config;
    config.sharded = sharded;
    config.redis = quick_config(url);
    config.answer_timeout = Millis(300);
    publisher.emplace(io_, config);
  }

  Published publish(const std::string& topic, const std::string& payload) {
    std::optional<Published> outcome;
    publisher->publish(topic, payload, [&](Published result, const std::string& why) {
      outcome = result;
      reason = why;
    });
    BOOST_TEST(!outcome.has_value());  // never from inside the call
    BOOST_REQUIRE(run_until([&] { return outcome.has_value(); }));
    return *outcome;
  }

  std::optional<bus::RedisPublisher> publisher;
  std::string reason;
};

}  // namespace

namespace pulsegate::bus {
static std::ostream& operator<<(std::ostream& out, Published outcome) {
  return out << (outcome == Published::taken ? "taken" : outcome == Published::refused ? "refused" : "failed");
}
}  // namespace pulsegate::bus

BOOST_AUTO_TEST_SUITE(redis_publisher)

BOOST_AUTO_TEST_CASE(what_is_taken_arrives_at_a_subscriber) {
  BusWorld bus(quick_config(shared_redis().url()));
  RecordingSink sink;
  bus.subscriber().start(sink);
  bus.subscriber().subscribe({"canary:1"});
  BOOST_REQUIRE(bus.run_until([&] { return sink.count("subscribed canary:1") == 1; }));
  World world(shared_redis().url());
  BOOST_TEST(world.publish("canary:1", "one") == Published::taken);
  BOOST_TEST(world.publish("canary:1", "two") == Published::taken);
  BOOST_TEST(world.reason.empty());
  BOOST_TEST(bus.run_until([&] { return sink.count("event canary:1 two") == 1; }));
  BOOST_TEST(sink.count("event canary:1 one") == 1);
}

BOOST_AUTO_TEST_CASE(without_the_right_it_is_refused_and_says_which_one_is_missing) {
  RedisServer redis;
  redis.start();
  const auto user = [&](const char* name, const char* channels, const char* publish) {
    redis.client().command("ACL", "SETUSER", name, "on", ">secret", channels, "-@all", "+ping", "+subscribe",
                           "+unsubscribe", "+client|setname", publish);
    return "redis://" + std::string(name) + ":secret@127.0.0.1:" + std::to_string(redis.port());
  };
  World no_command(user("nocommand", "&*", "+select"));
  BOOST_TEST(no_command.publish("pulsegate:canary:1", "x") == Published::refused);
  BOOST_TEST(no_command.reason.find("+publish") != std::string::npos, no_command.reason);
  World no_channel(user("nochannel", "&device:*", "+publish"));
  BOOST_TEST(no_channel.publish("pulsegate:canary:1", "x") == Published::refused);
  World both(user("both", "&pulsegate:canary:*", "+publish"));
  BOOST_TEST(both.publish("pulsegate:canary:1", "x") == Published::taken);
}

BOOST_AUTO_TEST_CASE(a_server_that_is_away_fails_one_message_after_the_other_and_is_found_when_it_is_back) {
  RedisServer redis;
  redis.start();
  World world(redis.url());
  BOOST_TEST(world.publish("t", "1") == Published::taken);
  redis.kill();
  BOOST_TEST(world.publish("t", "2") == Published::failed);
  BOOST_TEST(world.publish("t", "3") == Published::failed);
  BOOST_TEST(!world.reason.empty());
  redis.start();
  BOOST_TEST(world.run_until([&] { return world.publish("t", "4") == Published::taken; }));
}

BOOST_AUTO_TEST_CASE(in_a_sharded_cluster_it_goes_to_the_holder_of_the_slot_wherever_that_is) {
  RedisCluster cluster(2, false);
  // Topics of both masters, so that one of them is not where the connection is.
  std::vector<std::string> topics;
  for (int i = 0; topics.size() < 2; ++i) {
    const std::string topic = "pulsegate:canary:" + std::to_string(i);
    if (cluster.owner_at_start(bus::slot_of(topic)) == static_cast<int>(topics.size())) topics.push_back(topic);
  }
  struct Listening : LoopWorld {
    explicit Listening(const std::string& url) : subscriber(io_, quick_config(url)) { subscriber.start(sink); }
    RecordingSink sink;
    bus::RedisShardedSubscriber subscriber;
  } listening(cluster.url());
  listening.subscriber.subscribe(topics);
  BOOST_REQUIRE(listening.run_until([&] { return listening.subscriber.counters().confirmed_topics == 2; }));
  World world(cluster.url(), true);
  for (const char* payload : {"1", "2"})
    for (const std::string& topic : topics) {
      BOOST_TEST(world.publish(topic, payload) == Published::taken, world.reason);
      BOOST_TEST(listening.run_until([&] { return listening.sink.has("event " + topic + " " + payload); }));
    }
  const int slot = bus::slot_of(topics[1]);
  cluster.move_slots(slot, slot, 1, 0);
  BOOST_TEST(world.publish(topics[1], "3") == Published::taken, world.reason);
  BOOST_TEST(listening.run_until([&] {
    world.publish(topics[1], "4");
    return listening.sink.has("event " + topics[1] + " 4");
  }));
}

BOOST_AUTO_TEST_CASE(a_server_that_does_not_answer_costs_the_connection_so_that_answers_stay_in_step) {
  ScriptedRedis redis;
  World world(redis.url());
  std::optional<Published> outcome;
  const auto begin = [&] {
    outcome.reset();
    world.publisher->publish("t", "x", [&](Published result, const std::string&) { outcome = result; });
  };
  begin();
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send(kGreeting);
  BOOST_REQUIRE(world.run_until([&] { return redis.received().find("PUBLISH") != std::string::npos; }));
  BOOST_REQUIRE(world.run_until([&] { return outcome.has_value(); }));
  BOOST_TEST(*outcome == Published::failed);
  // The next message finds a new connection, whatever the old one still says.
  BOOST_REQUIRE(world.run_until([&] {
    begin();
    return redis.accept() || (world.run_for(Millis(20)), redis.accept());
  }));
  redis.send(kGreeting);
  BOOST_REQUIRE(world.run_until([&] { return redis.received().find("PUBLISH") != std::string::npos; }));
  redis.send(":0\r\n");
  BOOST_REQUIRE(world.run_until([&] { return outcome.has_value(); }));
  BOOST_TEST(*outcome == Published::taken);
}

BOOST_AUTO_TEST_CASE(another_message_before_the_answer_fails_and_nothing_is_told_after_stop) {
  ScriptedRedis redis;
  World world(redis.url());
  int first = 0, second = 0;
  world.publisher->publish("t", "1", [&](Published, const std::string&) { ++first; });
  world.publisher->publish("t", "2", [&](Published outcome, const std::string&) {
    BOOST_TEST(outcome == Published::failed);
    ++second;
  });
  BOOST_REQUIRE(world.run_until([&] { return second == 1; }));
  world.publisher->publish("t", "3", [&](Published, const std::string&) { ++second; });
  world.publisher->stop();
  world.run_all_for(Millis(500));
  BOOST_TEST(first == 0);
  BOOST_TEST(second == 1);
}

BOOST_AUTO_TEST_SUITE_END()
