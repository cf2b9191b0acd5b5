// Real servers: they start, stop and come back where they were.
#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {
namespace {

const std::string kDevice = "0f0e8a1c-5b0a-4d6e-9f5e-0123456789ab";

BOOST_AUTO_TEST_SUITE(redis_server)

BOOST_AUTO_TEST_CASE(publishes_over_tcp_and_unix_socket) {
  RedisServer redis;
  redis.start();
  BOOST_TEST(redis.publish("nobody", "listens") == 0);
  RedisClient client(redis.unix_socket());
  const std::string bytes("a\0b", 3);
  client.command("SET", "key", bytes);
  BOOST_TEST((redis.client().command("GET", "key").string == bytes));
  BOOST_TEST((client.command("GET", "none").type == RedisReply::Type::nil));
  BOOST_CHECK_THROW(client.command("NO-SUCH-COMMAND"), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(counts_subscribers) {
  RedisServer redis;
  redis.start();
  RedisClient listener = redis.client();
  listener.command("SUBSCRIBE", "news");
  BOOST_TEST(redis.wait_for_subscribers("news", 1));
  BOOST_TEST(redis.publish("news", "hello") == 1);
}

BOOST_AUTO_TEST_CASE(restarts_on_the_same_port) {
  RedisServer redis;
  const std::uint16_t port = redis.start().port();
  redis.restart();
  BOOST_TEST(redis.port() == port);
  BOOST_TEST(redis.publish("a", "b") == 0);
  redis.kill();
  BOOST_TEST(!redis.running());
  BOOST_CHECK_THROW(redis.client(), std::runtime_error);
  redis.start();
  BOOST_TEST(redis.port() == port);
  BOOST_TEST(redis.publish("a", "b") == 0);
}

BOOST_AUTO_TEST_CASE(password_is_asked_for) {
  RedisOptions options;
  options.password = "secret";
  RedisServer redis(options);
  redis.start();
  BOOST_TEST(redis.publish("a", "b") == 0);
  RedisClient stranger("127.0.0.1", redis.port());
  BOOST_CHECK_THROW(stranger.command("PING"), std::runtime_error);
  BOOST_TEST((redis.url() == "redis://:secret@127.0.0.1:" + std::to_string(redis.port()) + "/0"));
}

BOOST_AUTO_TEST_CASE(a_paused_server_is_silent) {
  RedisServer redis;
  redis.start();
  RedisClient impatient("127.0.0.1", redis.port(), {}, Millis(100));
  redis.pause();
  BOOST_CHECK_THROW(impatient.command("PING"), std::runtime_error);
  redis.resume();
  BOOST_TEST((redis.client().command("PING").string == "PONG"));
}

BOOST_AUTO_TEST_CASE(a_sentinel_knows_its_master) {
  RedisServer redis;
  redis.start();
  RedisOptions options;
  options.sentinel = true;
  options.config = "sentinel monitor main 127.0.0.1 " + std::to_string(redis.port()) + " 1";
  RedisServer sentinel(options);
  sentinel.start();
  const RedisReply address = sentinel.client().command("SENTINEL", "get-master-addr-by-name", "main");
  BOOST_TEST((address.array.at(1).string == std::to_string(redis.port())));
}

BOOST_AUTO_TEST_CASE(a_server_that_cannot_start_says_why) {
  RedisOptions options;
  options.args = {"--no-such-option", "1"};
  RedisServer redis(options);
  BOOST_CHECK_EXCEPTION(redis.start(), std::runtime_error, [](const std::runtime_error& error) {
    return std::string(error.what()).find("no-such-option") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(postgres_server)

BOOST_AUTO_TEST_CASE(answers_and_comes_back_with_its_data) {
  PostgresServer postgres;
  const std::uint16_t port = postgres.start().port();
  postgres.exec("CREATE TABLE t (n int, s text); INSERT INTO t VALUES (1, 'one'), (2, NULL)");
  const SqlRows rows = postgres.exec("SELECT n, s FROM t ORDER BY n");
  BOOST_TEST(rows.size() == 2U);
  BOOST_TEST(rows[0][1].value_or("") == "one");
  BOOST_TEST(!rows[1][1]);
  BOOST_TEST(postgres.exec("SELECT n FROM t WHERE s = $1", {"one"}).size() == 1U);
  BOOST_CHECK_THROW(postgres.exec("SELECT * FROM nowhere"), std::runtime_error);

  const std::string other = postgres.create_database("other");
  BOOST_TEST(PostgresClient(other).value("SELECT current_database()") == "other");

  postgres.kill();
  BOOST_TEST(!postgres.running());
  BOOST_CHECK_THROW(PostgresClient(postgres.connection_string()), std::runtime_error);
  postgres.start();
  BOOST_TEST(postgres.port() == port);
  BOOST_TEST(postgres.value("SELECT count(*) FROM t") == "2");
  postgres.restart();
  BOOST_TEST(postgres.port() == port);
  BOOST_TEST(postgres.value("SELECT count(*) FROM t") == "2");
}

BOOST_AUTO_TEST_CASE(guide_schema_takes_rows_of_every_day) {
  PostgresOptions options;
  options.max_connections = 12;
  options.settings["log_statement"] = "all";
  PostgresServer postgres(options);
  postgres.start();
  BOOST_TEST(postgres.value("SHOW max_connections") == "12");
  for (const bool timestamptz : {false, true}) {
    GuideSchema schema;
    schema.timestamptz = timestamptz;
    schema.devices_table = timestamptz;
    schema.device_uuid_type = timestamptz ? "text" : "uuid";
    postgres.create_guide_schema(schema);
    MetricsSample sample{kDevice};
    postgres.insert_metrics(sample);
    sample.recorded_at = "2020-01-01 00:00:00";
    sample.cpu_usage = std::nullopt;
    postgres.insert_metrics(sample);
    insert_metrics_series(postgres.client(), kDevice, 30);
    postgres.insert_state({kDevice});
    BOOST_TEST(postgres.value("SELECT count(*) FROM device_metrics") == "32");
    BOOST_TEST(postgres.value("SELECT count(*) FROM ONLY device_metrics_default") == "1");
    BOOST_TEST(postgres.value("SELECT cpu_usage FROM device_metrics ORDER BY recorded_at DESC LIMIT 1") == "12.5");
    BOOST_TEST(postgres.value("SELECT hostname FROM device_state_records") == "device-1");
  }
}

BOOST_AUTO_TEST_CASE(a_paused_server_is_silent) {
  PostgresServer postgres;
  postgres.start();
  PostgresClient session(postgres.connection_string());
  session.exec("SELECT 1");
  const auto processes = children_of(postgres.pid());
  BOOST_TEST(!processes.empty());
  postgres.pause();
  for (const pid_t process : processes) {
    BOOST_TEST(eventually(
        [&] { return read_file("/proc/" + std::to_string(process) + "/stat").find(") T ") != std::string::npos; }));
  }
  postgres.resume();
  BOOST_TEST(session.value("SELECT 1") == "1");
}

BOOST_AUTO_TEST_CASE(nothing_is_left_of_it) {
  std::vector<pid_t> processes;
  std::string dir;
  {
    PostgresServer postgres;
    postgres.start();
    dir = postgres.socket_dir();
    processes = children_of(postgres.pid());
    processes.push_back(postgres.pid());
  }
  for (const pid_t process : processes) BOOST_TEST(read_file("/proc/" + std::to_string(process) + "/stat").empty());
  BOOST_TEST((!std::filesystem::exists(dir) || std::getenv("PULSEGATE_TEST_KEEP") != nullptr));
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pulsegate::test
