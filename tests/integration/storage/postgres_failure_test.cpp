// PostgresSource against a real server that is slow, refuses, or goes away.
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/integration/storage/source_fixture.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using storage::SnapshotError;

namespace {

using Clock = std::chrono::steady_clock;

std::uint64_t errors(TestedSource& source, SnapshotError error) {
  return source->counters().errors[static_cast<std::size_t>(error)];
}

// A server of the case's own, with the guide's tables and a row.
struct OwnServer {
  explicit OwnServer(PostgresOptions options = {}) : server(std::move(options)) {
    server.start();
    server.create_guide_schema();
    server.insert_metrics({kDeviceText, "2026-11-22 14:05:00"});
    server.exec("CHECKPOINT");  // the server runs without durability, and some cases end it as a crash would
  }

  PostgresServer server;
};

// Holds all reads back while it exists.
class TableLock {
 public:
  explicit TableLock(Database& db) : client_(db.client) { client_.exec("BEGIN; LOCK TABLE device_metrics"); }
  ~TableLock() { client_.exec("ROLLBACK"); }

 private:
  PostgresClient& client_;
};

// How many reads wait for a lock within the server.
bool waits_for_lock(Database& db, int count) {
  PostgresClient watcher(db.connection);
  return eventually([&] {
    return watcher.value("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'") ==
           std::to_string(count);
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PostgresFailure)

BOOST_AUTO_TEST_CASE(a_faulty_connection_string_is_refused_at_once) {
  for (const char* text : {"postgresql://db/iot", "host=db password='a b'", "host=db colour=red"}) {
    BOOST_CHECK_EXCEPTION(TestedSource{std::string(text)}, std::invalid_argument,
                          [](const std::invalid_argument& error) {
                            return !contains(error.what(), "\n") && !contains(error.what(), "a b");
                          });
  }
}

BOOST_AUTO_TEST_CASE(a_missing_table_is_named_and_found_once_it_is_there) {
  Database db;
  GuideSchema schema;
  schema.state_table = false;
  create_guide_schema(db.client, schema);
  TestedSource source(db.connection);
  const storage::SnapshotResult result = source.read();
  BOOST_TEST(is(result, SnapshotError::failed));
  BOOST_TEST(!result.snapshot);
  BOOST_TEST(contains(result.detail, "statement 'latest_state' (guide.sql:"), result.detail);
  BOOST_TEST(contains(result.detail, R"(relation "device_state_records" does not exist)"), result.detail);
  BOOST_TEST(!contains(result.detail, "\n"));
  BOOST_TEST(!contains(result.detail, "SELECT"), result.detail);
  source.read();
  BOOST_TEST(source.logged("snapshots fail: statement 'latest_state'") == 1u);  // not once a read
  BOOST_TEST(errors(source, SnapshotError::failed) == 2u);
  create_guide_schema(db.client);
  source.snapshot();
  BOOST_TEST(source.logged("snapshots succeed again") == 1u);
  BOOST_TEST(source->counters().reconnects == 0u);
}

BOOST_AUTO_TEST_CASE(a_missing_right_is_named) {
  Database db;
  create_guide_schema(db.client);
  db.client.exec(
      "DROP ROLE IF EXISTS reader; CREATE ROLE reader LOGIN; GRANT SELECT ON device_state_records TO reader");
  std::string connection = db.connection;
  connection.replace(connection.find("user=postgres"), 13, "user=reader");
  TestedSource source(connection);
  const storage::SnapshotResult result = source.read();
  BOOST_TEST(is(result, SnapshotError::failed));
  BOOST_TEST(contains(result.detail, "permission denied for table device_metrics"), result.detail);
  db.client.exec("GRANT SELECT ON device_metrics TO reader");
  source.snapshot();  // two tables and SELECT are all it needs
}

BOOST_AUTO_TEST_CASE(a_statement_that_takes_too_long_times_out) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.statement_timeout = Millis(100);
  TestedSource source(std::move(config));
  source.snapshot();
  {
    const TableLock lock(db);
    const storage::SnapshotResult result = source.read();
    BOOST_TEST(is(result, SnapshotError::timed_out));
    BOOST_TEST(contains(result.detail, "metrics_window"), result.detail);
  }
  source.snapshot();
  BOOST_TEST(source->counters().reconnects == 0u);  // the connection is as good as before
  BOOST_TEST(source.logged("lost") == 0u);
}

BOOST_AUTO_TEST_CASE(a_full_queue_and_an_ended_lease_are_overload) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.threads = 1;
  config.queue = 2;
  config.lease = Millis(200);
  TestedSource source(std::move(config));
  source.snapshot();
  Answers held, others;
  const storage::SnapshotRequest request{kDevice, 30, storage::ReadReason::first};
  {
    const TableLock lock(db);
    held.ask(*source, request);
    BOOST_REQUIRE(waits_for_lock(db, 1));  // the only thread is busy
    for (int i = 0; i < 3; ++i) others.ask(*source, request);
    BOOST_REQUIRE_EQUAL(others.settle(), 1u);  // the third found the queue full: answered at once
    BOOST_TEST(is(others[0], SnapshotError::overloaded));
    BOOST_TEST(source->counters().queue_depth == 2u);
    BOOST_REQUIRE(others.wait(3));  // while the thread is still busy
    BOOST_TEST(is(others[1], SnapshotError::overloaded));
    BOOST_TEST(is(others[2], SnapshotError::overloaded));
    BOOST_TEST(contains(others[2].detail, "within the lease"), others[2].detail);
    BOOST_TEST(held.settle() == 0u);
  }
  BOOST_REQUIRE(held.wait(1));
  BOOST_TEST(is(held[0], SnapshotError::none));
  BOOST_TEST(errors(source, SnapshotError::overloaded) == 3u);
  BOOST_TEST(source->counters().queue_depth == 0u);
}

BOOST_AUTO_TEST_CASE(a_crash_is_survived_with_statements_prepared_and_without_a_read) {
  OwnServer own;
  TestedSource source(own.server.connection_string());
  BOOST_REQUIRE(source.wait_for_connections(4));
  for (int round = 1; round <= 3; ++round) {
    // Statements stand prepared on all connections: executing one of them after a reconnect would crash.
    Answers warm;
    for (int i = 0; i < 40; ++i) warm.ask(*source, {kDevice, 30, storage::ReadReason::first});
    BOOST_REQUIRE(warm.wait(40));
    own.server.kill();
    BOOST_REQUIRE(eventually([&] { return is(source.read(), SnapshotError::unavailable); }));
    BOOST_TEST(source->counters().connections == 0u);
    const auto began = Clock::now();
    BOOST_TEST(is(source.read(), SnapshotError::unavailable));
    BOOST_TEST((Clock::now() - began < Millis(1000)));  // nobody waits for a connect timeout
    own.server.start();
    BOOST_REQUIRE(source.wait_for_connections(4));  // by itself
    BOOST_TEST(source.snapshot().metrics.size() == 1u);
    BOOST_TEST(source->counters().reconnects == 4u * static_cast<unsigned>(round));
    BOOST_TEST(source.logged("the database can be reached again") == static_cast<unsigned>(round));
    BOOST_TEST(source.logged("the database cannot be reached") == static_cast<unsigned>(round));
  }
}

BOOST_AUTO_TEST_CASE(a_restart_between_two_reads_is_not_noticed_by_the_second) {
  OwnServer own;
  TestedSource source(own.server.connection_string());
  source.snapshot();
  own.server.restart();
  // Every connection is dead or in back-off now; the read must neither fail on one nor wear out its retry on four.
  BOOST_REQUIRE(eventually([&] { return !is(source.read(), SnapshotError::unavailable); }));
  BOOST_TEST(source.snapshot().metrics.size() == 1u);
}

BOOST_AUTO_TEST_CASE(a_session_that_is_ended_in_the_middle_of_a_read_costs_one_retry) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  source.snapshot();
  Answers answers;
  {
    const TableLock lock(db);
    answers.ask(*source, {kDevice, 30, storage::ReadReason::first});
    BOOST_REQUIRE(waits_for_lock(db, 1));
    PostgresClient(db.connection)
        .exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    BOOST_REQUIRE(eventually([&] { return source.logged("connection was lost") == 1; }));
    BOOST_REQUIRE(waits_for_lock(db, 1));  // again, on another connection
    BOOST_TEST(answers.settle() == 0u);
  }
  BOOST_REQUIRE(answers.wait(1));
  BOOST_TEST(is(answers[0], SnapshotError::none), answers[0].detail);
}

BOOST_AUTO_TEST_CASE(a_read_is_retried_only_once) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  source.snapshot();
  Answers answers;
  const TableLock lock(db);
  answers.ask(*source, {kDevice, 30, storage::ReadReason::first});
  PostgresClient admin(db.connection);
  for (int i = 0; i < 2; ++i) {
    BOOST_REQUIRE(waits_for_lock(db, 1));
    admin.exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'");
    BOOST_REQUIRE(waits_for_lock(db, i == 0 ? 1 : 0));
  }
  BOOST_REQUIRE(answers.wait(1));
  BOOST_TEST(is(answers[0], SnapshotError::unavailable));
  BOOST_TEST(contains(answers[0].detail, "connection"), answers[0].detail);
}

BOOST_AUTO_TEST_CASE(a_database_that_is_away_at_start_is_awaited) {
  OwnServer own;
  own.server.stop();
  TestedSource source(own.server.connection_string());
  BOOST_REQUIRE(eventually([&] { return source.logged("the database cannot be reached") == 1; }));
  const storage::SnapshotResult result = source.read();
  BOOST_TEST(is(result, SnapshotError::unavailable));
  BOOST_TEST(contains(result.detail, "Connection refused"), result.detail);
  BOOST_TEST(!contains(result.detail, "\n"));
  own.server.start();
  BOOST_REQUIRE(source.wait_for_connections(4));
  source.snapshot();
  BOOST_TEST(source.logged("connected to the database") == 1u);
}

BOOST_AUTO_TEST_CASE(a_server_that_falls_silent_is_cut_off) {
  OwnServer own;
  storage::PostgresConfig config = config_for(own.server.connection_string());
  config.threads = 1;
  config.statement_timeout = Millis(100);
  TestedSource source(std::move(config));
  source.snapshot();
  own.server.pause();
  const auto began = Clock::now();
  const storage::SnapshotResult result = source.read();
  BOOST_TEST(is(result, SnapshotError::timed_out), storage::name(result.error));
  BOOST_TEST((Clock::now() - began < Millis(5000)));
  own.server.resume();
  BOOST_REQUIRE(eventually([&] { return is(source.read(), SnapshotError::none); }));
}

BOOST_AUTO_TEST_CASE(too_few_connections_serve_nevertheless) {
  PostgresOptions options;
  options.max_connections = 7;  // three are reserved for superusers
  OwnServer own(options);
  own.server.exec("CREATE ROLE reader LOGIN; GRANT SELECT ON device_metrics, device_state_records TO reader");
  std::string connection = own.server.connection_string();
  connection.replace(connection.find("user=postgres"), 13, "user=reader");
  storage::PostgresConfig config = config_for(connection);
  config.threads = 6;
  TestedSource source(std::move(config));
  BOOST_REQUIRE(eventually([&] { return source.logged("database connections can be made") == 1; }));
  for (int i = 0; i < 20; ++i) source.snapshot();
  BOOST_TEST(source->counters().connections < 6u);
  BOOST_TEST(source->counters().connections > 0u);
  BOOST_TEST(source.logged("cannot be reached") == 0u);
  BOOST_TEST(source.logged("database connections can be made") == 1u);
}

BOOST_AUTO_TEST_CASE(statements_that_the_server_forgot_are_prepared_anew) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.threads = 1;
  TestedSource source(std::move(config));
  source.snapshot();
  // What a pooler does between two clients, done to the session from within: by a trigger of the statement itself.
  db.client.exec(
      "CREATE FUNCTION forget() RETURNS text LANGUAGE plpgsql AS $$ BEGIN EXECUTE 'DEALLOCATE ALL'; RETURN 'x'; END $$;"
      "ALTER TABLE device_state_records RENAME TO kept;"
      "CREATE VIEW device_state_records AS SELECT device_uuid, recorded_at, forget() AS os_version, architecture, "
      "uptime,"
      " hostname, ip_address, mac_address, top_processes, network_interfaces FROM kept");
  db.client.exec("INSERT INTO kept (device_uuid) VALUES ('" + kDeviceText + "')");
  for (int i = 0; i < 3; ++i) BOOST_TEST(source.snapshot().state.has_value());
  BOOST_TEST(source->counters().reconnects == 0u);
}

BOOST_AUTO_TEST_CASE(stopping_does_not_wait_for_a_slow_statement) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  BOOST_REQUIRE(source.wait_for_connections(4));
  Answers answers;
  const TableLock lock(db);
  for (int i = 0; i < 10; ++i) answers.ask(*source, {kDevice, 30, storage::ReadReason::first});
  BOOST_REQUIRE(waits_for_lock(db, 4));
  const auto began = Clock::now();
  source->stop();
  BOOST_TEST((Clock::now() - began < Millis(1000)));  // the statement timeout is 5 s
  BOOST_REQUIRE_EQUAL(answers.settle(), 10u);
  for (std::size_t i = 0; i < 10; ++i) BOOST_TEST(is(answers[i], SnapshotError::unavailable), answers[i].detail);
  BOOST_TEST(errors(source, SnapshotError::unavailable) == 10u);
}

BOOST_AUTO_TEST_CASE(ending_does_not_wait_for_a_server_that_has_fallen_silent) {
  OwnServer own;
  std::optional<TestedSource> source(std::in_place, own.server.connection_string());
  BOOST_REQUIRE(source->wait_for_connections(4));
  source->snapshot();  // prepares statements
  own.server.pause();
  std::atomic<bool> ended{false};
  std::thread ending([&] {
    source.reset();
    ended = true;
  });
  const bool in_time = eventually([&] { return ended.load(); }, Millis(5'000));
  own.server.resume();
  ending.join();
  BOOST_TEST(in_time);
}

BOOST_AUTO_TEST_CASE(durations_are_counted) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  for (int i = 0; i < 5; ++i) source.snapshot();
  const storage::SourceCounters counters = source->counters();
  BOOST_TEST(counters.read_seconds_count == 5u);
  BOOST_TEST(counters.read_seconds_sum > 0.0);
  BOOST_REQUIRE_EQUAL(counters.read_seconds_buckets.size(), std::size(storage::kReadSecondsBuckets));
  BOOST_TEST(counters.read_seconds_buckets.back() == 5u);
  BOOST_TEST(counters.read_seconds_buckets.front() <= counters.read_seconds_buckets.back());
}

BOOST_AUTO_TEST_SUITE_END()
