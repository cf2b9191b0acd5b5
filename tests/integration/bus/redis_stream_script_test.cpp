// RedisStreamReader against a peer whose every byte the test chooses: what it sends, cut answers, answers out of step.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/bus/scripted_redis.hpp"
#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/resp_text.hpp"

using namespace pulsegate;
using bus::test::array;
using bus::test::bulk;
using test::contains;
using test::Millis;
using test::ScriptedRedis;
using test::StreamWorld;

namespace {

const proto::DeviceId kDevice = *proto::DeviceId::parse("0a0a0a0a-2222-3333-4444-555555555555");

std::string entry(const std::string& id, const std::string& data) {
  return array({bulk(id), array({bulk("data"), bulk(data)})});
}

struct Script {
  Script() : world(test::quick_stream_config(redis.url())) {}

  void accept() {
    BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
    redis.send(test::kGreeting);
  }
  void expect_received(const std::string& part) {
    BOOST_REQUIRE_MESSAGE(world.run_until([&] { return contains(redis.received(), part); }), part);
  }
  std::size_t received_reads() {
    std::size_t count = 0;
    const std::string& text = redis.received();
    for (auto at = text.find("XRANGE"); at != std::string::npos; at = text.find("XRANGE", at + 1)) ++count;
    return count;
  }
  const bus::StreamAnswer& answer(std::size_t place) {
    BOOST_REQUIRE(world.wait(place + 1));
    return world.answers()[place];
  }

  ScriptedRedis redis;
  StreamWorld world;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisStreamScriptTest)

BOOST_AUTO_TEST_CASE(a_read_is_two_commands_and_its_answer_may_come_byte_by_byte) {
  Script script;
  const auto from = *proto::parse_iso8601("2026-11-20T12:00:00.0019Z");
  bus::StreamAnswer got;
  script.world.reader().read_from(kDevice, from, 30, [&](bus::StreamAnswer answer) { got = std::move(answer); });
  script.accept();
  const std::string key = bulk("metrics:0a0a0a0a-2222-3333-4444-555555555555");
  script.expect_received("*2\r\n" + bulk("EXISTS") + key + "*6\r\n" + bulk("XRANGE") + key + bulk("1795176000001") +
                         bulk("+") + bulk("COUNT") + bulk("31"));
  for (const char byte : ":1\r\n" + array({entry("1-0", "a"), entry("2-0", "b")})) {
    BOOST_TEST(!got.ok);
    script.redis.send(std::string(1, byte));
    script.world.run_for(Millis(1));
  }
  BOOST_REQUIRE(script.world.run_until([&] { return got.ok; }));
  BOOST_REQUIRE(got.entries.size() == 2u);
  BOOST_TEST(got.entries[1].data == "b");
}

BOOST_AUTO_TEST_CASE(stream_that_comes_into_being_between_the_commands_exists) {
  Script script;
  script.world.ask(kDevice);
  script.accept();
  script.expect_received("XRANGE");
  script.redis.send(":0\r\n" + array({entry("1-0", "a")}));
  BOOST_TEST(script.answer(0).exists);
}

BOOST_AUTO_TEST_CASE(pong_between_answers_is_nobodys) {
  Script script;
  script.world.ask(kDevice);
  script.accept();
  script.expect_received("XRANGE");
  script.redis.send("+PONG\r\n:1\r\n+PONG\r\n" + array({}) + "+PONG\r\n");
  BOOST_TEST(script.answer(0).ok);
}

BOOST_AUTO_TEST_CASE(redis_is_sent_a_few_reads_at_a_time) {
  Script script;
  for (int i = 0; i < 40; ++i) script.world.ask(kDevice);
  script.accept();
  BOOST_REQUIRE(script.world.run_until([&] { return script.received_reads() == 16; }));
  script.world.run_all_for(Millis(20));
  BOOST_TEST(script.received_reads() == 16u);
  for (std::size_t answered = 1; answered <= 40; ++answered) {
    script.redis.send(":1\r\n*0\r\n");
    const std::size_t expected = std::min<std::size_t>(40, 16 + answered);
    BOOST_REQUIRE(script.world.run_until([&] { return script.received_reads() == expected; }));
  }
  BOOST_REQUIRE(script.world.wait(40));
  BOOST_TEST(script.world.reader().counters().failures == 0u);
}

BOOST_AUTO_TEST_CASE(answers_out_of_step_cost_the_connection_and_one_read) {
  for (const std::string& bad :
       {std::string("*0\r\n"), std::string("+OK\r\n"), std::string("$-1\r\n"), std::string(":1\r\n:1\r\n"),
        std::string("HTTP/1.1 400\r\n"), ":1\r\n" + array({bulk("no entry")})}) {
    Script script;
    script.world.ask(kDevice);
    script.world.ask(kDevice);
    script.accept();
    script.expect_received("XRANGE");
    script.redis.send(bad);
    BOOST_TEST(!script.answer(0).ok, bad);
    BOOST_TEST(!script.world.answers()[0].detail.empty());
    script.accept();
    script.expect_received("XRANGE");
    BOOST_TEST(script.received_reads() == 1u);
    script.redis.send(":0\r\n*0\r\n");
    BOOST_TEST(script.answer(1).ok, bad);
  }
}

BOOST_AUTO_TEST_CASE(answer_that_nobody_asked_for_costs_the_connection) {
  Script script;
  script.world.ask(kDevice);
  script.accept();
  script.expect_received("XRANGE");
  script.redis.send(":0\r\n*0\r\n:1\r\n");
  BOOST_TEST(script.answer(0).ok);
  script.accept();
  script.world.ask(kDevice);
  script.expect_received("XRANGE");
  script.redis.send(":0\r\n*0\r\n");
  BOOST_TEST(script.answer(1).ok);
}

BOOST_AUTO_TEST_CASE(connection_that_ends_twice_in_the_middle_of_an_answer_fails_that_read) {
  const std::string cut = ":1\r\n" + array({entry("1-0", "cut")}).substr(0, 20);
  Script script;
  for (int i = 0; i < 3; ++i) script.world.ask(kDevice);
  script.accept();
  BOOST_REQUIRE(script.world.run_until([&] { return script.received_reads() == 3; }));
  script.redis.send(":1\r\n" + array({entry("1-0", "whole")}) + cut);
  BOOST_TEST(script.answer(0).entries.size() == 1u);
  script.redis.close();
  script.accept();
  BOOST_REQUIRE(script.world.run_until([&] { return script.received_reads() == 2; }));
  BOOST_TEST(script.world.answers().size() == 1u);
  script.redis.send(cut);
  script.redis.close();
  BOOST_TEST(contains(script.answer(1).detail, "closed the connection"));
  script.accept();
  BOOST_REQUIRE(script.world.run_until([&] { return script.received_reads() == 1; }));
  script.redis.send(":1\r\n" + array({entry("1-0", "again")}));
  BOOST_REQUIRE(script.answer(2).ok);
  BOOST_TEST(script.world.answers()[2].entries.at(0).data == "again");
  BOOST_TEST(script.world.reader().counters().reconnects == 2u);
}

// With long queues most of a read's time is gone before it is sent; its answer is then late, and Redis is not to blame.
BOOST_AUTO_TEST_CASE(late_answer_of_a_read_that_waited_long_keeps_the_connection) {
  auto config = test::quick_stream_config("redis://127.0.0.1:1");
  ScriptedRedis redis;
  config.redis = test::quick_config(redis.url());
  config.deadline = Millis(400);
  config.window = 1;
  StreamWorld world(config);
  world.ask(kDevice);
  BOOST_REQUIRE(world.run_until([&] { return redis.accept(); }));
  redis.send(test::kGreeting);
  BOOST_REQUIRE(world.run_until([&] { return contains(redis.received(), "XRANGE"); }));
  world.ask(kDevice);
  world.run_all_for(Millis(250));
  redis.send(":1\r\n*0\r\n");  // the second read is sent now, with little of its time left
  BOOST_REQUIRE(world.wait(2));
  BOOST_TEST(world.answers()[0].ok);
  BOOST_TEST(!world.answers()[1].ok);
  BOOST_TEST(world.reader().counters().in_flight == 0u);
  redis.send(":1\r\n" + array({entry("1-0", "nobody's")}));
  world.ask(kDevice);
  redis.send(":1\r\n" + array({entry("1-0", "mine")}));
  BOOST_REQUIRE(world.wait(3));
  BOOST_REQUIRE_MESSAGE(world.answers()[2].ok, world.answers()[2].detail);
  BOOST_TEST(world.answers()[2].entries.at(0).data == "mine");
  BOOST_TEST(world.reader().counters().reconnects == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
