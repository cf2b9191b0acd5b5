// `pulsegate doctor` against real servers: all is well, and each fault that it is for is found and named.
#include <boost/test/unit_test.hpp>

#include <thread>

#include "stack.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate::test;

namespace {

struct Outcome {
  int exit_code;
  Json report;

  // The findings of a check, worst first would not matter: there is one of each.
  Json finding(const std::string& check) const {
    const Json all = report.at("findings");
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all.at(i).at("check").string() == check) return all.at(i);
    throw std::runtime_error("no finding about " + check + " in " + report.text());
  }
  std::string verdict(const std::string& check) const { return finding(check).at("verdict").string(); }
  std::string says(const std::string& check) const { return finding(check).at("says").string(); }
  std::string advice(const std::string& check) const { return finding(check).at("advice").string(); }
};

Outcome examine(std::vector<std::string> args) {
  ChildOptions options;
  options.program = pulsegate_binary();
  options.args = {"doctor",      "--json", "--listen", "127.0.0.1:0",    "--health", "127.0.0.1:0",       "--admin",
                  "127.0.0.1:0", "--auth", "none",     "--memory-limit", "4GiB",     "--max-connections", "500"};
  options.args.insert(options.args.end(), args.begin(), args.end());
  options.environment = clean_environment();
  options.split_stderr = true;
  const RunResult result = run_program(std::move(options));
  BOOST_TEST(result.errors == "");
  return {result.exit_code, Json::parse(result.output)};
}

// A database of a case's own, with the guide's tables and index.
struct World {
  World() : connection(shared_postgres().create_database(name())), sql(connection) { create_guide_schema(sql); }
  static std::string name() {
    static int number = 0;
    return "doctor_" + std::to_string(number++);
  }
  Outcome examine(std::vector<std::string> more = {}) const {
    more.insert(more.end(), {"--redis", shared_redis().url(), "--database", connection});
    return ::examine(std::move(more));
  }

  const std::string connection;
  PostgresClient sql;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(DoctorCommand)

BOOST_AUTO_TEST_CASE(finds_nothing_to_mend_where_all_is_well) {
  World world;
  const Outcome outcome = world.examine();
  BOOST_TEST(outcome.exit_code == 0, outcome.report.text());
  BOOST_TEST(outcome.report.at("fail").integer() == 0);
  for (const char* check :
       {"configuration", "open files", "memory", "tokens", "redis", "redis clock", "redis output buffer",
        "redis right to subscribe", "redis right to publish the canary", "redis right to read streams", "database",
        "database clock", "database snapshots", "database history", "database resumes", "database index"})
    BOOST_TEST(outcome.verdict(check) == "ok", check << ": " << outcome.says(check));
}

BOOST_AUTO_TEST_CASE(names_the_right_that_is_missing_and_shows_no_password) {
  World world;
  shared_redis().client().command(
      {"ACL", "SETUSER", "doctor", "reset", "on", ">s3cret", "+ping", "+publish", "&pulsegate:canary:*"});
  const std::string url = "redis://doctor:s3cret@127.0.0.1:" + std::to_string(shared_redis().port());
  const Outcome outcome = examine({"--redis", url, "--database", world.connection});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.verdict("redis right to subscribe") == "fail");
  BOOST_TEST(outcome.advice("redis right to subscribe") == "ACL SETUSER doctor +subscribe +unsubscribe &device:*");
  BOOST_TEST(outcome.verdict("redis right to publish the canary") == "ok");
  BOOST_TEST(outcome.verdict("redis right to read streams") == "warn");
  BOOST_TEST(contains(outcome.advice("redis right to read streams"), "~metrics:*"));
  BOOST_TEST(!contains(outcome.report.text(), "s3cret"));
  const Outcome wrong = examine({"--redis", "redis://doctor:wrong@127.0.0.1:" + std::to_string(shared_redis().port())});
  BOOST_TEST(wrong.verdict("redis") == "fail");
  BOOST_TEST(!contains(wrong.report.text(), ":wrong@"));
}

BOOST_AUTO_TEST_CASE(names_servers_that_are_not_there) {
  const std::string port = std::to_string(free_port());
  const Outcome outcome = examine({"--redis", "redis://127.0.0.1:" + port, "--database",
                                   "host=127.0.0.1 port=" + port + " dbname=iot user=reader password=s3cret"});
  BOOST_TEST(outcome.exit_code == 1);
  BOOST_TEST(outcome.verdict("redis") == "fail");
  BOOST_TEST(outcome.verdict("database") == "fail");
  BOOST_TEST(!contains(outcome.report.text(), "s3cret"));
}

BOOST_AUTO_TEST_CASE(names_tables_rights_and_indexes_that_are_missing) {
  World world;
  world.sql.exec("DROP INDEX " + world.sql.value("SELECT CAST(indexrelid AS regclass) FROM pg_index WHERE indrelid = "
                                                 "CAST('device_metrics' AS regclass) AND NOT indisprimary"));
  const Outcome bare = world.examine();
  BOOST_TEST(bare.verdict("database index") == "fail", bare.report.text());
  BOOST_TEST(contains(bare.advice("database index"), "CREATE INDEX CONCURRENTLY ON device_metrics"));
  BOOST_TEST(bare.exit_code == 1);

  world.sql.exec("DROP TABLE device_state_records CASCADE");
  const Outcome torn = world.examine();
  BOOST_TEST(torn.verdict("database snapshots") == "fail");
  BOOST_TEST(contains(torn.says("database snapshots"), "device_state_records"), torn.says("database snapshots"));
  BOOST_TEST(torn.verdict("database history") == "ok");
}

BOOST_AUTO_TEST_CASE(tells_whether_a_device_is_there) {
  World world;
  const std::string device = new_device();
  const Outcome silent = world.examine({"--device", device, "--listen-for", "200ms"});
  BOOST_TEST(silent.verdict("device rows") == "warn");
  BOOST_TEST(silent.verdict("device stream") == "warn");
  BOOST_TEST(silent.verdict("device events") == "warn");
  BOOST_TEST(silent.exit_code == 0);

  insert_metrics(world.sql, row_of(device, 7));
  shared_redis().client().command({"XADD", "metrics:" + device, "*", "data", R"({"cpu_usage":7})"});
  RedisServer& redis = shared_redis();
  std::thread publisher([&] {
    if (redis.wait_for_subscribers("device:" + device + ":metrics", 1))
      redis.client().command({"PUBLISH", "device:" + device + ":metrics", metrics_event(device, 7, now_ms())});
  });
  const Outcome there = world.examine({"--device", device, "--listen-for", "2s"});
  publisher.join();
  for (const char* check : {"device rows", "device stream", "device events"})
    BOOST_TEST(there.verdict(check) == "ok", check << ": " << there.says(check));
}

BOOST_AUTO_TEST_CASE(wrong_options_are_a_configuration_error) {
  ChildOptions options;
  options.program = pulsegate_binary();
  options.args = {"doctor", "--shards", "0"};
  options.environment = clean_environment();
  BOOST_TEST(run_program(options).exit_code == 2);
  options.args = {"doctor", "--device", "kitchen"};
  BOOST_TEST(run_program(options).exit_code == 2);
}

BOOST_AUTO_TEST_SUITE_END()
