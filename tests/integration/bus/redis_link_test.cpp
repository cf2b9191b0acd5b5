// The connection against a peer whose every byte the test chooses: cut replies, garbage, errors at odd moments.
#include <boost/test/unit_test.hpp>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/bus/bus_world.hpp"
#include "tests/integration/bus/scripted_redis.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"
#include "tests/unit/bus/resp_text.hpp"

using namespace pulsegate;
using bus::test::bulk;
using bus::test::confirmation;
using bus::test::message;
using test::BusWorld;
using test::contains;
using test::kGreeting;
using test::Millis;
using test::RecordingSink;
using test::ScriptedRedis;

namespace {

struct Script {
  explicit Script(bus::RedisConfig config) : world(std::move(config)) { world.subscriber().start(sink); }
  Script() : Script(bus::RedisConfig{}, 0) {}

  void accept() {
    BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  }
  void expect_received(const std::string& part) {
    BOOST_REQUIRE_MESSAGE(world.run_until([&] { return contains(redis.received(), part); }), part);
  }
  void expect_line(const std::string& line, std::size_t times = 1) {
    BOOST_REQUIRE_MESSAGE(world.run_until([&] { return sink.count(line) >= times; }), line);
  }
  // Up, with one confirmed topic.
  void establish() {
    accept();
    redis.send(kGreeting);
    expect_line("up");
    world.subscriber().subscribe({"t"});
    expect_received("SUBSCRIBE");
    redis.send(confirmation("subscribe", "t", 1));
    expect_line("subscribed t");
  }

  ScriptedRedis redis;
  RecordingSink sink;
  BusWorld world;

 private:
  Script(const bus::RedisConfig&, int) : world(test::quick_config(redis.url())) { world.subscriber().start(sink); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisLinkTest)

BOOST_AUTO_TEST_CASE(handshake_and_events_may_come_byte_by_byte) {
  Script script;
  script.accept();
  const auto send_bytes = [&](const std::string& bytes) {
    for (const char byte : bytes) {
      script.redis.send(std::string(1, byte));
      script.world.run_for(Millis(1));
    }
  };
  send_bytes(kGreeting);
  script.expect_line("up");
  script.world.subscriber().subscribe({"t"});
  script.expect_received("SUBSCRIBE");
  send_bytes(confirmation("subscribe", "t", 1) + message("t", "payload"));
  script.expect_line("event t payload");
  BOOST_TEST(script.sink.position("subscribed t") < script.sink.position("event t payload"));
}

BOOST_AUTO_TEST_CASE(calls_of_one_turn_become_one_command) {
  Script script;
  script.accept();
  script.redis.send(kGreeting);
  script.expect_line("up");
  for (const char* topic : {"a", "b", "c"}) script.world.subscriber().subscribe({topic});
  script.expect_received("*4\r\n" + bulk("SUBSCRIBE") + bulk("a") + bulk("b") + bulk("c"));
}

BOOST_AUTO_TEST_CASE(stale_confirmation_does_not_count) {
  Script script;
  script.establish();
  script.world.subscriber().subscribe({"u"});
  script.expect_received(bulk("u"));
  script.world.subscriber().unsubscribe({"u"});
  script.expect_received("UNSUBSCRIBE");
  script.world.subscriber().subscribe({"u"});
  script.expect_received("UNSUBSCRIBE\r\n" + bulk("u") + "*2\r\n" + bulk("SUBSCRIBE") + bulk("u"));
  script.redis.send(confirmation("subscribe", "u", 2) + confirmation("unsubscribe", "u", 1) + message("t", "1"));
  script.expect_line("event t 1");
  BOOST_TEST(!script.sink.has("subscribed u"));
  script.redis.send(confirmation("subscribe", "u", 2));
  script.expect_line("subscribed u");
}

BOOST_AUTO_TEST_CASE(peer_that_is_no_redis_is_named) {
  Script script;
  script.accept();
  script.redis.send("HTTP/1.1 400 Bad Request\r\n\r\n");
  script.expect_line("down");
  BOOST_TEST(contains(script.sink.reasons[0], script.redis.url()));
  BOOST_TEST(contains(script.sink.reasons[0], "\"H\""));
  BOOST_TEST(script.world.subscriber().counters().protocol_errors == 1u);
}

BOOST_AUTO_TEST_CASE(loading_redis_is_tried_again) {
  Script script;
  script.accept();
  script.redis.send("-LOADING Redis is loading the dataset in memory\r\n+OK\r\n");
  script.expect_line("down");
  BOOST_TEST(contains(script.sink.reasons[0], "loading"));
  script.establish();
}

BOOST_AUTO_TEST_CASE(first_error_of_the_handshake_is_the_reason) {
  ScriptedRedis redis;
  RecordingSink sink;
  BusWorld world(test::quick_config("redis://u:p@" + redis.url().substr(8) + "/2"));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send("-WRONGPASS no\r\n-NOAUTH no\r\n-NOAUTH no\r\n-NOAUTH no\r\n");
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  BOOST_TEST(contains(sink.reasons[0], "WRONGPASS"));
  BOOST_TEST(world.subscriber().counters().protocol_errors == 1u);
}

BOOST_AUTO_TEST_CASE(refused_client_name_is_no_reason_to_give_up) {
  Script script;
  script.accept();
  script.redis.send("+PONG\r\n-NOPERM this user has no permissions to run the 'client|setname' command\r\n");
  script.expect_line("up");
}

BOOST_AUTO_TEST_CASE(silent_peer_runs_into_the_connect_timeout) {
  ScriptedRedis redis;
  auto config = test::quick_config(redis.url());
  config.connect_timeout = Millis(100);
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  BOOST_TEST(contains(sink.reasons[0], "connect timeout"));
}

BOOST_AUTO_TEST_CASE(end_in_the_middle_of_a_message_delivers_what_was_whole) {
  Script script;
  script.establish();
  script.redis.send(message("t", "whole") + message("t", "cut").substr(0, 20));
  script.expect_line("event t whole");
  script.redis.close();
  script.expect_line("down");
  BOOST_TEST(script.sink.events == 1u);
  BOOST_TEST(script.sink.lines[script.sink.position("down") - 1] == "batch");
  script.accept();
  script.redis.send(kGreeting);
  script.expect_received("SUBSCRIBE");
}

BOOST_AUTO_TEST_CASE(events_before_garbage_are_flushed_before_the_loss_is_told) {
  for (const std::string& bad : {std::string("!\r\n"), std::string("-ERR what\r\n"),
                                 confirmation("subscribe", "nobody", 9), confirmation("unsubscribe", "t", 0)}) {
    Script script;
    script.establish();
    script.redis.send(message("t", "1") + bad + message("t", "2"));
    script.expect_line("down");
    const auto at = script.sink.position("event t 1");
    BOOST_REQUIRE(at + 3 == script.sink.lines.size());
    BOOST_TEST(script.sink.lines[at + 1] == "batch");
    BOOST_TEST(script.sink.lines[at + 2] == "down");
    BOOST_TEST(script.world.subscriber().counters().protocol_errors == 1u);
  }
}

BOOST_AUTO_TEST_CASE(sink_that_throws_costs_the_connection_and_is_told_so) {
  for (const char* where : {"event t 2", "batch", "subscribed t"}) {
    Script script;
    script.establish();
    bool thrown = false;
    script.sink.react = [&](const std::string& line) {
      if (line == where && !std::exchange(thrown, true)) throw std::runtime_error("a fault of the sink");
    };
    // "subscribed t" comes from a loop turn of its own, without a read.
    script.world.subscriber().subscribe({"t"});
    script.redis.send(message("t", "1") + message("t", "2") + message("t", "3"));
    script.expect_line("down");
    BOOST_TEST(thrown);
    BOOST_TEST(contains(script.sink.reasons[0], "a fault of the sink"));
    BOOST_TEST(contains(script.world.subscriber().last_error(), "a fault of the sink"));
    BOOST_TEST(script.world.subscriber().counters().disconnects == 1u);
    BOOST_TEST(script.world.subscriber().counters().protocol_errors == 0u);
    BOOST_TEST(script.sink.lines[script.sink.position("down") - 1] == "batch");
    script.sink.clear();
    script.accept();
    script.redis.send(kGreeting);
    script.expect_line("up");
    script.expect_received("SUBSCRIBE");
    script.redis.send(confirmation("subscribe", "t", 1) + message("t", "4"));
    script.expect_line("event t 4");
    script.expect_line("batch");
  }
}

BOOST_AUTO_TEST_CASE(loss_is_told_although_the_sink_throws_at_the_end_of_the_batch) {
  Script script;
  script.establish();
  script.sink.react = [&](const std::string& line) {
    if (line == "batch") throw std::runtime_error("a fault of the sink");
  };
  script.redis.send(message("t", "1") + "-ERR what\r\n");
  BOOST_CHECK_THROW(script.world.run_until([&] { return script.sink.has("down"); }), std::runtime_error);
  BOOST_TEST(script.sink.lines.back() == "down");
  script.sink.react = nullptr;
  script.accept();
}

BOOST_AUTO_TEST_CASE(read_that_fills_half_the_buffer_is_followed_by_another_end_of_batch) {
  ScriptedRedis redis;
  auto config = test::quick_config(redis.url());
  config.read_buffer = 4096;
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send(kGreeting);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return contains(redis.received(), "SUBSCRIBE"); }));
  redis.send(confirmation("subscribe", "t", 1));
  BOOST_REQUIRE(world.run_until([&] { return sink.has("batch"); }));
  sink.clear();

  // More than half of the buffer, and then nothing: what was announced comes nevertheless.
  redis.send(message("t", std::string(3000, 'x')));
  BOOST_REQUIRE(world.run_until([&] { return sink.has("batch"); }));
  BOOST_TEST(sink.count("batch, more waiting") == 1u);
  BOOST_TEST(sink.lines.back() == "batch");
  sink.clear();

  std::string flood;
  for (int i = 0; i < 20; ++i) flood += message("t", std::string(1000, 'x'));
  redis.send(flood);
  BOOST_REQUIRE(world.run_until([&] { return sink.events == 21 && sink.has("batch"); }));
  BOOST_TEST(sink.count("batch, more waiting") >= 4u);
  BOOST_TEST(sink.count("batch") == 1u);
  BOOST_TEST(sink.lines.back() == "batch");
}

BOOST_AUTO_TEST_CASE(end_of_batch_that_was_announced_comes_before_a_loss) {
  ScriptedRedis redis;
  auto config = test::quick_config(redis.url());
  config.read_buffer = 4096;
  RecordingSink sink;
  BusWorld world(config);
  sink.react = [&](const std::string& line) {
    if (line == "batch, more waiting") redis.close();
  };
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send(kGreeting);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return contains(redis.received(), "SUBSCRIBE"); }));
  redis.send(confirmation("subscribe", "t", 1) + message("t", std::string(3000, 'x')));
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  const std::size_t down = sink.position("down");
  BOOST_TEST(sink.lines[down - 1] == "batch");
  BOOST_TEST(sink.lines[down - 2] == "batch, more waiting");
}

BOOST_AUTO_TEST_CASE(anything_received_counts_as_a_sign_of_life) {
  ScriptedRedis redis;
  auto config = test::quick_config(redis.url());
  config.ping_interval = Millis(100);
  config.read_deadline = Millis(400);
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send(kGreeting);
  // An oversized payload that trickles in: never a whole reply, never a pong, and yet alive.
  redis.send("*3\r\n" + bulk("message") + bulk("t") + "$1000000\r\n");
  const test::Deadline end(Millis(1'200));
  while (!end.passed()) {
    redis.send("x");
    world.run_all_for(Millis(20));
  }
  BOOST_TEST(sink.count("down") == 0u);
  BOOST_TEST(world.subscriber().counters().oversized == 1u);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));  // and then it falls silent
}

BOOST_AUTO_TEST_SUITE_END()
