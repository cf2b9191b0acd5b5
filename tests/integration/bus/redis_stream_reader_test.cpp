// RedisStreamReader against real servers that die, freeze, refuse, and hold what the API server never wrote.
#include "bus/redis_stream_reader.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/integration/bus/stream_world.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using test::contains;
using test::Millis;
using test::RedisOptions;
using test::RedisServer;
using test::StreamWorld;

namespace {

const std::string kUuid = "0a0a0a0a-2222-3333-4444-555555555555";
const proto::DeviceId kDevice = *proto::DeviceId::parse(kUuid);

// The key under which the API server would keep the device's stream.
std::string key(int number = 0) {
  return "metrics:" + std::string(1, static_cast<char>('0' + number)) + kUuid.substr(1);
}
proto::DeviceId device(int number) {
  return *proto::DeviceId::parse(key(number).substr(8));
}

template <typename... Fields>
void add(RedisServer& server, const std::string& to, const Fields&... fields) {
  server.client().command("XADD", to, "*", fields...);
}

// What the answer to a single read says when it fails.
std::string refusal(const std::string& url, const proto::DeviceId& of = kDevice) {
  StreamWorld world(test::quick_stream_config(url));
  const auto answer = world.read(of);
  BOOST_TEST(!answer.ok);
  BOOST_TEST(!answer.detail.empty());
  return answer.detail;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RedisStreamReaderTest)

BOOST_AUTO_TEST_CASE(what_the_api_server_appends_is_read) {
  RedisServer& server = test::shared_redis();
  server.client().command("DEL", key());
  const auto before = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  server.client().command("XADD", key(), "MAXLEN", "~", "1000", "*", "timestamp", "2026-11-22T14:05:00.123Z", "data",
                          R"({"cpu_usage":42})");
  StreamWorld world(test::quick_stream_config(server.url()));
  const auto answer = world.read(kDevice);
  BOOST_REQUIRE_MESSAGE(answer.ok, answer.detail);
  BOOST_REQUIRE(answer.entries.size() == 1u);
  BOOST_TEST((answer.entries[0].time == *proto::parse_iso8601("2026-11-22T14:05:00.123Z")));
  BOOST_TEST((answer.entries[0].added >= before));
  BOOST_TEST((answer.entries[0].added <= std::chrono::system_clock::now()));
  BOOST_TEST(answer.entries[0].data == R"({"cpu_usage":42})");
}

BOOST_AUTO_TEST_CASE(nothing_connects_before_the_first_read_and_one_connection_serves_all) {
  RedisServer server;
  server.start();
  StreamWorld world(test::quick_stream_config(server.url()));
  world.run_all_for(Millis(50));
  BOOST_TEST(test::client_line(server).empty());
  for (int i = 0; i < 20; ++i) BOOST_TEST(world.read(kDevice).ok);
  const std::string line = test::client_line(server);
  BOOST_TEST(!line.empty());
  BOOST_TEST(contains(server.client().command("INFO", "clients").string, "connected_clients:2\r\n"));  // and this one
  BOOST_TEST(world.reader().counters().reconnects == 0u);
}

BOOST_AUTO_TEST_CASE(entry_with_other_fields_only_has_no_data) {
  RedisServer& server = test::shared_redis();
  server.client().command("DEL", key());
  add(server, key(), "note", "x");
  add(server, key(), "timestamp", "soon", "data", "{\"broken");
  add(server, key(), "data", "1", "extra", std::string("\0\r\n*1\r\n", 7), "data", "2");
  StreamWorld world(test::quick_stream_config(server.url()));
  const auto answer = world.read(kDevice);
  BOOST_REQUIRE_MESSAGE(answer.ok, answer.detail);
  BOOST_REQUIRE(answer.entries.size() == 3u);
  const std::vector<std::string> expected{"", "{\"broken", "2"};
  for (std::size_t i = 0; i < 3; ++i) {
    BOOST_TEST(answer.entries[i].data == expected[i]);
    BOOST_TEST((answer.entries[i].time == answer.entries[i].added));
  }
}

BOOST_AUTO_TEST_CASE(deleted_entries_are_gone_and_the_stream_stays) {
  RedisServer& server = test::shared_redis();
  server.client().command("DEL", key());
  StreamWorld world(test::quick_stream_config(server.url()));
  BOOST_TEST(!world.read(kDevice).exists);
  const std::string id = server.client().command("XADD", key(), "*", "data", "x").string;
  server.client().command("XDEL", key(), id);
  const auto answer = world.read(kDevice);
  BOOST_TEST(answer.ok);
  BOOST_TEST(answer.exists);
  BOOST_TEST(answer.entries.empty());
}

BOOST_AUTO_TEST_CASE(key_of_another_type_fails_its_reads_alone) {
  RedisServer& server = test::shared_redis();
  server.client().command("SET", key(1), "text");
  server.client().command("DEL", key(2));
  add(server, key(2), "data", "x");
  StreamWorld world(test::quick_stream_config(server.url()));
  for (const int number : {2, 1, 2, 1, 2}) world.ask(device(number));
  BOOST_REQUIRE(world.wait(5));
  for (std::size_t i = 0; i < 5; ++i) BOOST_TEST(world.answers()[i].ok == (i % 2 == 0));
  BOOST_TEST(contains(world.answers()[1].detail, "--stream-key"));
  BOOST_TEST(contains(world.answers()[1].detail, "WRONGTYPE"));
  BOOST_TEST(world.reader().counters().failures == 2u);
  BOOST_TEST(world.reader().counters().reconnects == 0u);
}

BOOST_AUTO_TEST_CASE(missing_rights_are_named_and_cost_no_connection) {
  RedisOptions options;
  options.config =
      "user none on >pw ~* +ping\n"
      "user half on >pw ~metrics:* +ping +xrange\n"
      "user keys on >pw ~other:* +ping +xrange +exists\n"
      "user all on >pw ~metrics:* +ping +xrange +exists";
  RedisServer server(options);
  server.start();
  add(server, key(), "data", "x");
  const std::string address = ":pw@127.0.0.1:" + std::to_string(server.port());
  for (const char* user : {"none", "half", "keys"}) {
    StreamWorld world(test::quick_stream_config("redis://" + std::string(user) + address));
    for (int i = 0; i < 3; ++i) {
      const auto answer = world.read(kDevice);
      BOOST_TEST(!answer.ok, user);
      BOOST_TEST(contains(answer.detail, "+xrange +exists ~metrics:*"), answer.detail);
      BOOST_TEST(contains(answer.detail, "NOPERM"), answer.detail);
    }
    BOOST_TEST(world.reader().counters().reconnects == 0u);
  }
  StreamWorld world(test::quick_stream_config("redis://all" + address));
  BOOST_TEST(world.read(kDevice).entries.size() == 1u);
}

BOOST_AUTO_TEST_CASE(refusals_say_what_to_change) {
  RedisOptions options;
  options.password = "right";
  RedisServer server(options);
  server.start();
  const std::string address = "127.0.0.1:" + std::to_string(server.port());
  BOOST_TEST(contains(refusal("redis://" + address), "NOAUTH"));
  BOOST_TEST(contains(refusal("redis://:wrong@" + address), "WRONGPASS"));
  BOOST_TEST(contains(refusal("redis://127.0.0.1:" + std::to_string(test::free_port())), "refused"));
  BOOST_TEST(contains(refusal("unix:///nonexistent/redis.sock"), "cannot connect"));
}

BOOST_AUTO_TEST_CASE(database_of_the_url_is_the_one_that_is_read) {
  RedisServer& server = test::shared_redis();
  auto client = server.client();
  client.command("SELECT", "3");
  client.command("DEL", key(3));
  client.command("XADD", key(3), "*", "data", "x");
  const std::string address = "redis://127.0.0.1:" + std::to_string(server.port());
  StreamWorld third(test::quick_stream_config(address + "/3"));
  BOOST_TEST(third.read(device(3)).entries.size() == 1u);
  StreamWorld first(test::quick_stream_config(address + "/0"));
  BOOST_TEST(!first.read(device(3)).exists);
}

BOOST_AUTO_TEST_CASE(killed_redis_fails_reads_at_once_and_is_found_again) {
  RedisServer server;
  server.start();
  add(server, key(), "data", "x");
  StreamWorld world(test::quick_stream_config(server.url()));
  BOOST_TEST(world.read(kDevice).ok);
  server.pause();  // so that the reads are under way when it dies
  for (int i = 0; i < 40; ++i) world.ask(kDevice);
  world.run_all_for(Millis(20));
  BOOST_TEST(world.answers().size() == 1u);
  server.kill();
  const auto killed = std::chrono::steady_clock::now();
  BOOST_REQUIRE(world.wait(41));
  for (int i = 0; i < 20; ++i) BOOST_TEST(!world.read(kDevice).ok);
  BOOST_TEST((std::chrono::steady_clock::now() - killed < Millis(1'900)));  // far below a deadline each
  for (std::size_t i = 1; i < 61; ++i) BOOST_TEST(!world.answers()[i].ok);
  BOOST_TEST(contains(world.answers().back().detail, "refused"));
  BOOST_TEST(world.reader().counters().failures == 60u);
  server.start();
  BOOST_REQUIRE(world.run_until([&] { return world.read(kDevice).ok; }));
  BOOST_TEST(!world.answers().back().exists);
  BOOST_TEST(world.reader().counters().reconnects == 1u);
}

BOOST_AUTO_TEST_CASE(read_over_a_connection_that_redis_has_closed_waits_for_the_next_one) {
  RedisServer server;
  server.start();
  auto config = test::quick_stream_config(server.url());
  StreamWorld world(config);
  BOOST_TEST(world.read(kDevice).ok);
  test::kill_connection(server);
  BOOST_REQUIRE(world.run_until([&] { return test::client_line(server).empty(); }));
  BOOST_TEST(world.read(kDevice).ok);
  BOOST_TEST(world.reader().counters().failures == 0u);
  BOOST_TEST(world.reader().counters().reconnects == 1u);
}

BOOST_AUTO_TEST_CASE(frozen_redis_meets_the_deadline_and_is_read_again_when_it_thaws) {
  RedisServer server;
  server.start();
  auto config = test::quick_stream_config(server.url());
  config.deadline = Millis(300);
  StreamWorld world(config);
  BOOST_TEST(world.read(kDevice).ok);
  server.pause();
  const auto asked = std::chrono::steady_clock::now();
  for (int i = 0; i < 40; ++i) world.ask(kDevice);  // some are sent, some wait for those
  BOOST_REQUIRE(world.wait(41));
  const auto took = std::chrono::steady_clock::now() - asked;
  BOOST_TEST((took >= Millis(300)));
  BOOST_TEST((took < Millis(3'000)));
  for (std::size_t i = 1; i < 41; ++i) BOOST_TEST(!world.answers()[i].ok);
  BOOST_TEST(contains(world.answers()[1].detail, "did not answer"));
  // The kernel still accepts connections for a frozen process.
  BOOST_TEST(!world.read(kDevice).ok);
  server.resume();
  BOOST_REQUIRE(world.run_until([&] { return world.read(kDevice).ok; }));
  BOOST_TEST(world.reader().counters().in_flight == 0u);
}

BOOST_AUTO_TEST_CASE(too_many_reads_at_once_fail_at_once) {
  RedisServer& server = test::shared_redis();
  auto config = test::quick_stream_config(server.url());
  config.max_reads = 30;
  StreamWorld world(config);
  for (int i = 0; i < 32; ++i) world.ask(kDevice);
  BOOST_TEST(world.reader().counters().in_flight == 32u);
  BOOST_REQUIRE(world.wait(2));
  BOOST_TEST(!world.answers()[0].ok);  // the two that came last, before anything was connected
  BOOST_TEST(contains(world.answers()[1].detail, "too many"));
  BOOST_REQUIRE(world.wait(32));
  for (std::size_t i = 2; i < 32; ++i) BOOST_TEST(world.answers()[i].ok);
}

BOOST_AUTO_TEST_CASE(answer_that_is_too_large_fails_its_read_and_nobody_elses) {
  RedisServer& server = test::shared_redis();
  server.client().command("DEL", key(4));
  for (int i = 0; i < 40; ++i) add(server, key(4), "data", std::string(200'000, 'x'));
  server.client().command("DEL", key(5));
  add(server, key(5), "data", "x");
  StreamWorld world(test::quick_stream_config(server.url()));
  for (const int number : {5, 4, 5, 4, 5, 5}) world.ask(device(number));
  BOOST_REQUIRE(world.wait(6));
  std::size_t failed = 0;
  for (const auto& answer : world.answers()) {
    if (answer.ok) {
      BOOST_REQUIRE(answer.entries.size() == 1u);
      BOOST_TEST(answer.entries[0].data == "x");
    } else {
      ++failed;
      BOOST_TEST(contains(answer.detail, "exceeds"), answer.detail);
    }
  }
  BOOST_TEST(failed == 2u);
  BOOST_TEST(world.reader().counters().reconnects == 2u);
  BOOST_TEST(world.read(device(4), 10).entries.size() == 10u);  // fewer of them fit
}

BOOST_AUTO_TEST_CASE(stop_at_any_moment_of_a_connect_is_silent) {
  const std::string port = std::to_string(test::shared_redis().port());
  for (const std::string& url : {"redis://127.0.0.1:" + port + "/1", "redis://localhost:" + port}) {
    for (int handlers = 0; handlers < 12; ++handlers) {
      StreamWorld world(test::quick_stream_config(url));
      for (int i = 0; i < 3; ++i) world.ask(kDevice);
      for (int i = 0; i < handlers; ++i) world.run_for(Millis(5));
      const std::size_t answered = world.answers().size();
      if (handlers % 2 == 0) {
        world.reader().stop();
      } else {
        world.destroy_reader();
      }
      world.run_all_for(Millis(20));
      BOOST_TEST(world.answers().size() == answered);
      BOOST_TEST(world.io().stopped());  // nothing is left pending
    }
  }
}

BOOST_AUTO_TEST_CASE(io_context_may_end_with_reads_in_flight) {
  StreamWorld world(test::quick_stream_config("redis://localhost:" + std::to_string(test::shared_redis().port())));
  BOOST_TEST(world.read(kDevice).ok);
  for (int i = 0; i < 40; ++i) world.ask(kDevice);
}

BOOST_AUTO_TEST_SUITE_END()
