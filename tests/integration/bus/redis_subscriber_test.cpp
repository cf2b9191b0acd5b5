// RedisSubscriber against real servers that die, freeze, come back, and refuse.
#include "bus/redis_subscriber.hpp"

#include <asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/integration/bus/bus_world.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/text.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::BusWorld;
using test::contains;
using test::Millis;
using test::RecordingSink;
using test::RedisOptions;
using test::RedisServer;

namespace {

// The reason that a first attempt with this URL fails for.
std::string refusal(const std::string& url) {
  RecordingSink sink;
  BusWorld world(test::quick_config(url));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  BOOST_REQUIRE(world.run_until([&] { return world.subscriber().counters().connect_failures > 2; }));
  BOOST_TEST(sink.lines == (std::vector<std::string>{"down"}), boost::test_tools::per_element());
  BOOST_TEST(world.subscriber().last_error() == sink.reasons[0]);
  return sink.reasons[0];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisSubscriberTest)

BOOST_AUTO_TEST_CASE(killed_and_restarted_redis_gets_every_subscription_again) {
  RedisServer server;
  server.start();
  RecordingSink sink;
  BusWorld world(test::quick_config(server.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"a", "b"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
  server.kill();
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  BOOST_TEST(!world.subscriber().up());
  BOOST_TEST(world.subscriber().counters().confirmed_topics == 0u);
  world.subscriber().subscribe({"c"});
  BOOST_REQUIRE(world.run_until([&] { return world.subscriber().counters().connect_failures > 3; }));
  BOOST_TEST(sink.count("down") == 1u);
  BOOST_TEST(contains(world.subscriber().last_error(), "refused"));
  server.start();
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 5; }));
  BOOST_TEST(sink.count("up") == 2u);
  for (const char* topic : {"a", "b", "c"}) {
    server.publish(topic, "x");
    BOOST_REQUIRE(world.run_until([&] { return sink.has("event " + std::string(topic) + " x"); }));
  }
}

BOOST_AUTO_TEST_CASE(redis_that_starts_after_us_is_found) {
  RedisServer server;
  server.start();
  server.stop();
  RecordingSink sink;
  BusWorld world(test::quick_config(server.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return world.subscriber().counters().connect_failures > 2; }));
  server.start();
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  BOOST_TEST(sink.lines == (std::vector<std::string>{"down", "up", "subscribed t", "batch"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(frozen_redis_is_found_by_the_read_deadline_and_found_again_when_it_thaws) {
  RedisServer server;
  server.start();
  auto config = test::quick_config(server.url());
  config.ping_interval = Millis(200);
  config.read_deadline = Millis(500);
  config.connect_timeout = Millis(300);
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  server.pause();
  const auto frozen = std::chrono::steady_clock::now();
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  const auto found = std::chrono::steady_clock::now() - frozen;
  BOOST_TEST((found >= Millis(250)));
  BOOST_TEST((found < Millis(5'000)));
  BOOST_TEST(contains(sink.reasons[0], "PING"));
  // The kernel still accepts connections for a frozen process, so the handshake needs a deadline of its own.
  BOOST_REQUIRE(world.run_until([&] { return contains(world.subscriber().last_error(), "connect timeout"); }));
  server.resume();
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2; }));
}

BOOST_AUTO_TEST_CASE(default_times_find_a_half_open_connection_in_less_than_fifteen_seconds) {
  const bus::RedisConfig config;
  BOOST_TEST((config.read_deadline < Millis(15'000)));
  BOOST_TEST((config.ping_interval < config.read_deadline));
}

BOOST_AUTO_TEST_CASE(silence_is_no_loss_while_pings_are_answered) {
  RedisServer server;
  server.start();
  auto config = test::quick_config(server.url());
  config.ping_interval = Millis(30);
  config.read_deadline = Millis(3'000);  // only a lost pong can reach it
  RecordingSink sink;
  BusWorld world(config);
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
  const auto pings = [&] {
    const std::string stats = server.client().command("INFO", "commandstats").string;
    const auto at = stats.find("cmdstat_ping:calls=");
    return at == std::string::npos ? 0 : std::stoi(stats.substr(at + 19));
  };
  // Without subscriptions the answer is +PONG, with one it is an array.
  int before = pings();
  BOOST_REQUIRE(world.run_until([&] { return pings() >= before + 4; }));
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  before = pings();
  BOOST_REQUIRE(world.run_until([&] { return pings() >= before + 4; }));
  world.subscriber().unsubscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return server.client().subscribers("t") == 0; }));
  before = pings();
  BOOST_REQUIRE(world.run_until([&] { return pings() >= before + 4; }));
  BOOST_TEST(sink.count("down") == 0u);
}

BOOST_AUTO_TEST_CASE(refusals_say_what_to_change) {
  RedisOptions options;
  options.password = "right";
  RedisServer server(options);
  server.start();
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  BOOST_TEST(contains(refusal("redis://" + address), "NOAUTH"));
  const std::string wrong = refusal("redis://:wrong@" + address);
  BOOST_TEST(contains(wrong, "WRONGPASS"));
  BOOST_TEST(!contains(wrong, "wrong@"));
  BOOST_TEST(contains(refusal("redis://nobody:right@" + address), "WRONGPASS"));
  BOOST_TEST(contains(refusal("redis://:right@" + address + "/99"), "DB index"));
  BOOST_TEST(contains(refusal("redis://127.0.0.1:" + std::to_string(test::free_port())), "refused"));
  BOOST_TEST(contains(refusal("unix:///nonexistent/redis.sock"), "cannot connect"));
  BOOST_TEST(contains(refusal("redis://:x@127.0.0.1:" + std::to_string(test::shared_redis().port())), "requirepass"));
}

BOOST_AUTO_TEST_CASE(user_database_and_name_reach_the_server) {
  RedisOptions options;
  options.config = "user gate on >s3/cret ~* &device:* +subscribe +unsubscribe +ping +select +client|setname";
  RedisServer server(options);
  server.start();
  RecordingSink sink;
  BusWorld world(test::quick_config("redis://gate:s3%2Fcret@127.0.0.1:" + std::to_string(server.port()) + "/3"));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"device:1:metrics"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  const std::string line = test::client_line(server);
  BOOST_TEST(contains(line, " db=3 "));
  BOOST_TEST(contains(line, " user=gate "));
  server.publish("device:1:metrics", "x");
  BOOST_REQUIRE(world.run_until([&] { return sink.events == 1; }));
}

BOOST_AUTO_TEST_CASE(missing_permission_on_a_channel_is_told) {
  RedisOptions options;
  options.config = "user gate on >pw ~* &device:* +subscribe +unsubscribe +ping";  // not even client|setname
  RedisServer server(options);
  server.start();
  RecordingSink sink;
  BusWorld world(test::quick_config("redis://gate:pw@127.0.0.1:" + std::to_string(server.port())));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"device:1:metrics"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  world.subscriber().subscribe({"secret"});
  BOOST_REQUIRE(world.run_until([&] { return sink.has("down"); }));
  BOOST_TEST(contains(sink.reasons[0], "&device:*"));
  world.subscriber().unsubscribe({"secret"});
  BOOST_REQUIRE(
      world.run_until([&] { return sink.lines.back() == "batch" && sink.has("subscribed device:1:metrics"); }));
}

BOOST_AUTO_TEST_CASE(name_is_resolved) {
  RecordingSink sink;
  BusWorld world(test::quick_config("redis://localhost:" + std::to_string(test::shared_redis().port())));
  world.subscriber().start(sink);
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));  // also where localhost is ::1 first
}

BOOST_AUTO_TEST_CASE(ten_thousand_topics_are_confirmed_again_after_a_reconnect) {
  RedisServer& server = test::shared_redis();
  std::vector<std::string> topics;
  for (int i = 0; i < 10'000; ++i) topics.push_back("device:" + std::to_string(i) + ":metrics");
  RecordingSink sink;
  BusWorld world(test::quick_config(server.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe(topics);
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == topics.size(); }));
  sink.clear();
  test::kill_connection(server);
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 2 * topics.size(); }));
  const std::set<std::string> distinct(sink.lines.begin(), sink.lines.end());
  BOOST_TEST(distinct.size() == topics.size() + 3);  // down, up, batch
  BOOST_TEST(world.subscriber().counters().confirmed_topics == topics.size());
  server.publish(topics.back(), "x");
  BOOST_REQUIRE(world.run_until([&] { return sink.events == 1; }));
  world.subscriber().unsubscribe(topics);
  BOOST_REQUIRE(world.run_until([&] { return server.client().subscribers(topics.front()) == 0; }));
}

BOOST_AUTO_TEST_CASE(payload_of_many_megabytes_neither_reconnects_nor_is_kept) {
  RedisServer& server = test::shared_redis();
  RecordingSink sink;
  BusWorld world(test::quick_config(server.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"big"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  for (int i = 0; i < 3; ++i) {
    server.publish("big", std::string(20 * 1024 * 1024, 'x'));
    server.publish("big", "small " + std::to_string(i));
    BOOST_REQUIRE(world.run_until([&] { return sink.has("event big small " + std::to_string(i)); }));
  }
  BOOST_TEST(world.subscriber().counters().oversized == 3u);
  BOOST_TEST(world.subscriber().counters().connects == 1u);
}

BOOST_AUTO_TEST_CASE(flood_lets_other_handlers_of_the_loop_run_between_reads) {
  RedisServer& server = test::shared_redis();
  RecordingSink sink;
  BusWorld world(test::quick_config(server.url()));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.confirmations == 1; }));
  std::vector<std::pair<std::string, std::string>> flood(10'000, {"t", std::string(1000, 'x')});
  server.client().publish_all(flood);  // waits in the socket and in Redis' output buffer

  std::size_t turns = 0;
  std::function<void()> turn = [&] {
    ++turns;
    asio::post(world.io(), turn);
  };
  std::vector<std::size_t> turns_at_batch;
  sink.react = [&](const std::string& line) {
    if (line.rfind("batch", 0) == 0) turns_at_batch.push_back(turns);
  };
  asio::post(world.io(), turn);
  BOOST_REQUIRE(world.run_until([&] { return sink.events == flood.size(); }));
  BOOST_TEST(turns_at_batch.size() > 2u);
  for (std::size_t i = 1; i < turns_at_batch.size(); ++i) BOOST_TEST(turns_at_batch[i] > turns_at_batch[i - 1]);
  turn = nullptr;
}

BOOST_AUTO_TEST_CASE(stop_at_any_moment_of_a_connect_is_silent) {
  // From "nothing has run" to "confirmed": after each number of handlers once, with a name that has to be resolved.
  const std::string port = std::to_string(test::shared_redis().port());
  for (const std::string& url : {"redis://127.0.0.1:" + port + "/1", "redis://localhost:" + port}) {
    for (int handlers = 0; handlers < 10; ++handlers) {
      RecordingSink sink;
      BusWorld world(test::quick_config(url));
      world.subscriber().start(sink);
      world.subscriber().subscribe({"t"});
      for (int i = 0; i < handlers; ++i) world.run_for(Millis(5));
      if (handlers % 2 == 0) {
        world.subscriber().stop();
      } else {
        world.destroy_subscriber();
      }
      const std::size_t lines = sink.lines.size();
      world.run_all_for(Millis(20));
      BOOST_TEST(sink.lines.size() == lines);
      BOOST_TEST(world.io().stopped());  // nothing is left pending
    }
  }
}

BOOST_AUTO_TEST_CASE(may_be_destroyed_inside_any_callback) {
  RedisServer& server = test::shared_redis();
  for (const char* where : {"up", "subscribed t", "event t x", "batch", "down"}) {
    RecordingSink sink;
    BusWorld world(test::quick_config(server.url()));
    sink.react = [&](const std::string& line) {
      if (line == where) world.destroy_subscriber();
    };
    world.subscriber().start(sink);
    world.subscriber().subscribe({"t", "u"});
    BOOST_REQUIRE(world.run_until([&] { return sink.has(where) || sink.confirmations == 2; }));
    server.publish("t", "x");
    BOOST_REQUIRE(
        world.run_until([&] { return sink.has(where) || (sink.events == 1 && sink.lines.back() == "batch"); }));
    if (!sink.has(where)) test::kill_connection(server);
    BOOST_REQUIRE(world.run_until([&] { return sink.has(where); }));
    world.run_all_for(Millis(20));
    BOOST_TEST(sink.lines.back() == where);
  }
}

BOOST_AUTO_TEST_CASE(io_context_may_end_with_handlers_pending) {
  RecordingSink sink;
  BusWorld world(test::quick_config("redis://localhost:" + std::to_string(test::shared_redis().port())));
  world.subscriber().start(sink);
  world.subscriber().subscribe({"t"});
  BOOST_REQUIRE(world.run_until([&] { return sink.has("up"); }));
}

BOOST_AUTO_TEST_SUITE_END()
