// The history of PostgresSource against a real server: what comes of a million rows, of all kinds of tables, and by
// which plans.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <sstream>
#include <string>
#include <vector>

#include "tests/integration/storage/source_fixture.hpp"
#include "tests/support/history_source_contract.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Metric;
using storage::AfterRequest;
using storage::RangeRequest;
using storage::Reduction;
using storage::SnapshotError;

namespace {

const std::string kLargeText = "66666666-2222-3333-4444-555555555555";
const proto::DeviceId kLarge = *proto::DeviceId::parse(kLargeText);
const proto::DeviceId kUnknown = *proto::DeviceId::parse("99999999-2222-3333-4444-555555555555");

proto::Timestamp at(const char* iso) {
  return *proto::parse_iso8601(iso);
}

std::vector<double> cpu_of(const std::vector<storage::MetricsRow>& rows) {
  std::vector<double> out;
  for (const storage::MetricsRow& row : rows) out.push_back(row.values[Metric::cpu_usage].value);
  return out;
}

constexpr char kColumns[] =
    " (device_uuid, recorded_at, cpu_usage, memory_usage, memory_total, network_rx, network_tx)";

// A million rows in 90 daily partitions: the two devices of the contract, and 88 others over all of the days.
void create_large_tables(PostgresClient& client) {
  client.exec(
      "CREATE TABLE device_metrics (device_uuid uuid NOT NULL, recorded_at timestamp NOT NULL, cpu_usage numeric(6,2),"
      " memory_usage bigint, memory_total bigint, network_rx bigint, network_tx bigint) PARTITION BY RANGE "
      "(recorded_at);"
      "DO $$ BEGIN FOR i IN 0..89 LOOP"
      "  EXECUTE format('CREATE TABLE day_%s PARTITION OF device_metrics FOR VALUES FROM (%L) TO (%L)',"
      "                 i, date '2026-09-01' + i, date '2026-09-01' + i + 1);"
      " END LOOP; END $$");
  const auto series = [&](const std::string& device, std::size_t rows, const std::string& cpu, const std::string& rx,
                          const std::string& tx) {
    client.exec("INSERT INTO device_metrics" + std::string(kColumns) + " SELECT '" + device +
                "', timestamp '2026-11-20 12:00' + i * interval '1 s', " + cpu + ", 1000 + i, 8589934592, " + rx +
                ", " + tx + " FROM generate_series(0, " + std::to_string(rows - 1) + ") i");
  };
  series(kDeviceText, kSmallRows, "i % 100", "i % 7", "5");
  series(kLargeText, kLargeRows, "CASE WHEN i = " + std::to_string(kSpikeRow) + " THEN 9999 ELSE i % 100 END",
         "CASE WHEN i >= " + std::to_string(kRowsWithoutNetwork) + " THEN i % 7 END",
         "CASE WHEN i = " + std::to_string(kDipRow) + " THEN -3 ELSE 5 END");
  client.exec("INSERT INTO device_metrics" + std::string(kColumns) +
              " SELECT CAST(md5(CAST(d AS text)) AS uuid), timestamp '2026-09-01' + i * interval '777 s', 1, 2, 3, 4, 5"
              " FROM generate_series(0, 9999) i CROSS JOIN LATERAL generate_series(0 * i, 87) d");
  client.exec("CREATE INDEX ON device_metrics (device_uuid, recorded_at DESC)");
  client.exec("VACUUM ANALYZE device_metrics");
}

// One for all cases that only read: it takes seconds to make.
Database& large_database() {
  static Database db("history_large");
  static const bool made = (create_large_tables(db.client), true);
  BOOST_REQUIRE(made);
  return db;
}

// The nodes of the plans that the server has executed since `logged` bytes of its log, one a line; without those that
// were not executed.
std::string executed_plans(std::size_t logged) {
  std::istringstream lines(shared_server().log().substr(logged));
  std::string out;
  for (std::string line; std::getline(lines, line);)
    if (contains(line, "(actual time") || contains(line, "Query Text") || contains(line, "Subplans Removed"))
      out += line + "\n";
  return out;
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++found;
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PostgresHistory)

BOOST_AUTO_TEST_CASE(it_keeps_the_contract_of_every_history_source) {
  Database& db = large_database();
  TestedSource source(db.connection);
  const auto hold = [&] { db.client.exec("BEGIN; LOCK TABLE device_metrics"); };
  check_history_source_contract({*source, kDevice, kLarge, kUnknown, hold, [&] { source->stop(); }});
  db.client.exec("ROLLBACK");
  const storage::SourceCounters counters = source->counters();
  BOOST_TEST(counters.history_ranges > 10u);
  BOOST_TEST(counters.history_afters > 10u);
  BOOST_TEST(counters.history_reduced == 5u);
  BOOST_TEST(counters.history_rows > 50'000u);
  BOOST_TEST(counters.history_seconds_count > 10u);
  BOOST_TEST(counters.read_seconds_count == 0u);
}

BOOST_AUTO_TEST_CASE(every_statement_walks_the_index_of_the_partitions_that_it_needs) {
  for (const char* mode : {"force_generic_plan", "force_custom_plan"}) {
    BOOST_TEST_CONTEXT(mode) {
      Database& db = large_database();
      // The plans of the sessions that the source itself has made.
      db.client.exec("ALTER DATABASE history_large SET plan_cache_mode = " + std::string(mode) +
                     "; ALTER DATABASE history_large SET session_preload_libraries = 'auto_explain';"
                     " ALTER DATABASE history_large SET auto_explain.log_min_duration = 0;"
                     " ALTER DATABASE history_large SET auto_explain.log_analyze = on");
      storage::PostgresConfig config = config_for(db.connection);
      config.threads = 1;
      TestedSource source(std::move(config));
      BOOST_REQUIRE(source.wait_for_connections(1));
      const auto plans_of = [&](const auto& request) {
        const std::size_t before = shared_server().log().size();
        history_of(*source, request);
        const std::string plans = executed_plans(before);
        BOOST_TEST(!contains(plans, "Seq Scan"), plans);
        BOOST_TEST(!contains(plans, "Bitmap"), plans);
        BOOST_TEST(!contains(plans, "Sort"), plans);
        BOOST_TEST(!contains(plans, "Merge Append"), plans);
        return plans;
      };
      const proto::Timestamp noon = kHistoryBegin, evening = history_time(6 * 3600), end = history_time(kLargeRows);
      // A quarter of a day, one partition: the count by the index alone, the rows in its order.
      const std::string day = plans_of(RangeRequest{kLarge, noon, evening, 30});
      BOOST_TEST(count(day, "Index Only Scan using day_80_") == 1u, day);
      BOOST_TEST(count(day, "Index Scan using day_80_") == 1u, day);
      BOOST_TEST(count(day, "Scan using") == 2u, day);
      // Two partitions in a thousand pieces.
      for (const Reduction reduction : {Reduction::extremes, Reduction::mean}) {
        const std::string large = plans_of(RangeRequest{kLarge, noon, end, 1000, reduction});
        BOOST_TEST(count(large, "Index Scan using day_80_") == 1u, large);
        BOOST_TEST(count(large, "Index Scan using day_81_") == 1u, large);
        BOOST_TEST(count(large, "Index Scan using") == 2u, large);
      }
      // All partitions from then on could have rows, but the first ones are enough: by the index alone it is found how
      // far they reach, then they are read.
      const std::string after = plans_of(AfterRequest{kLarge, noon, 100});
      BOOST_TEST(count(after, "Index Only Scan Backward using day_80_") == 1u, after);
      BOOST_TEST(count(after, "Index Scan using day_80_") == 1u, after);
      BOOST_TEST(count(after, "Scan using") + count(after, "Scan Backward using") == 2u, after);
    }
  }
  large_database().client.exec(
      "ALTER DATABASE history_large RESET plan_cache_mode; ALTER DATABASE history_large RESET "
      "session_preload_libraries");
}

BOOST_AUTO_TEST_CASE(ranges_and_rows_after_are_the_same_whatever_the_types_of_key_and_time) {
  for (const char* key : {"uuid", "text"}) {
    for (const bool timestamptz : {false, true}) {
      BOOST_TEST_CONTEXT(key << (timestamptz ? ", timestamptz" : ", timestamp")) {
        Database db("typed_case");
        db.client.exec("ALTER DATABASE typed_case SET timezone = 'America/New_York'");
        GuideSchema schema;
        schema.device_uuid_type = key;
        schema.timestamptz = timestamptz;
        create_guide_schema(db.client, schema);
        for (const char* stamp : {"14:04:59.999999", "14:05:00.000000", "14:05:00.000001"})
          insert_metrics(db.client, {kDeviceText, "2026-11-22 " + std::string(stamp)});
        for (const char* never : {"infinity", "-infinity"}) insert_metrics(db.client, {kDeviceText, never});
        db.client.exec(
            "INSERT INTO device_metrics" + std::string(kColumns) + " SELECT '" + kLargeText +
            "', timestamp '2026-11-20' + i * interval '1 s', 1, i, 3, 4, 5 FROM generate_series(0, 50000) i");
        TestedSource source(db.connection);
        const auto five = at("2026-11-22T14:05:00Z"), later = five + std::chrono::microseconds(1);
        const auto rows = history_of(*source, RangeRequest{kDevice, five, later, 30}).rows;
        BOOST_REQUIRE_EQUAL(rows.size(), 1u);
        BOOST_TEST((rows[0].recorded_at == five));
        const auto all = RangeRequest{kDevice, proto::Timestamp::min(), proto::Timestamp::max(), 30};
        BOOST_TEST(history_of(*source, all).rows.size() == 3u);
        const auto after = history_of(*source, AfterRequest{kDevice, five, 30});
        BOOST_REQUIRE_EQUAL(after.rows.size(), 1u);
        BOOST_TEST((after.rows[0].recorded_at == later));
        BOOST_TEST(after.rows[0].values[Metric::cpu_temp].value == 48.0);
        BOOST_TEST(after.rows[0].values[Metric::storage_total].value == 64'424'509'440.0);
        BOOST_TEST(after.metric_mask == 0xff);
        const auto large =
            history_of(*source, RangeRequest{kLarge, at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"), 10});
        BOOST_TEST(large.reduced);
        BOOST_TEST((large.rows.front().recorded_at == at("2026-11-20T00:00:00Z")));
        BOOST_TEST((large.rows.back().recorded_at == at("2026-11-20T13:53:20Z")));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(text_columns_null_and_nan_are_reduced_by_the_number_that_they_hold) {
  Database db;
  db.client.exec(
      "CREATE TABLE device_metrics (device_uuid text, recorded_at timestamp, cpu_usage text, memory_usage varchar(20),"
      " memory_total double precision, network_rx numeric, network_tx bigint);"
      "INSERT INTO device_metrics SELECT '" +
      kDeviceText +
      "', timestamp '2026-11-20' + i * interval '1 s',"
      // As texts '9' is greater than '100.5%'.
      " CASE i % 5 WHEN 0 THEN '9' WHEN 1 THEN ' 100.5% ' WHEN 2 THEN '?' WHEN 3 THEN '' END,"
      " '1e' || i % 3, 'Infinity', CASE WHEN i % 2 = 0 THEN CAST('NaN' AS numeric) ELSE i % 10 END, NULL"
      " FROM generate_series(0, 59999) i;"
      "CREATE INDEX ON device_metrics (device_uuid, recorded_at DESC)");
  TestedSource source(db.connection);
  const RangeRequest request{kDevice, at("2026-11-20T00:00:00Z"), at("2026-11-20T16:40:00Z"), 10};
  const auto history = history_of(*source, request);
  BOOST_TEST(history.reduced);
  BOOST_TEST(history.rows.size() <= 80u);
  BOOST_TEST(history.rows.size() >= 40u);  // two for each of three series, some of them the same rows
  double least = 1e9, greatest = -1, memory = 0, rx = 0;
  for (const storage::MetricsRow& row : history.rows) {
    if (row.values[Metric::cpu_usage].present) {
      least = std::min(least, row.values[Metric::cpu_usage].value);
      greatest = std::max(greatest, row.values[Metric::cpu_usage].value);
    }
    memory = std::max(memory, row.values[Metric::memory_usage].value);
    rx = std::max(rx, row.values[Metric::network_rx].value);
    BOOST_TEST(!row.values[Metric::network_tx].present);
  }
  BOOST_TEST(least == 9.0);
  BOOST_TEST(greatest == 100.5);
  BOOST_TEST(memory == 100.0);
  BOOST_TEST(rx == 9.0);
  RangeRequest means = request;
  means.reduction = Reduction::mean;
  const auto mean = history_of(*source, means);
  BOOST_REQUIRE_EQUAL(mean.rows.size(), 10u);
  BOOST_TEST(mean.rows[0].values[Metric::cpu_usage].value == 54.75);
  BOOST_TEST(mean.rows[0].values[Metric::memory_usage].value == 37.0);
  BOOST_TEST(!mean.rows[0].values[Metric::memory_total].present);
  BOOST_TEST(mean.rows[0].values[Metric::network_rx].value == 5.0);
  BOOST_TEST(!mean.rows[0].values[Metric::network_tx].present);
}

BOOST_AUTO_TEST_CASE(values_keep_their_decimals_and_nulls) {
  Database db;
  create_guide_schema(db.client);
  db.client.exec("ALTER TABLE device_metrics ALTER cpu_usage TYPE numeric(5,2)");
  MetricsSample sample{kDeviceText, "2026-11-22 14:05:00", 45.2};
  sample.memory_usage = std::nullopt;
  insert_metrics(db.client, sample);
  TestedSource source(db.connection);
  const auto rows =
      history_of(*source, RangeRequest{kDevice, at("2026-11-22T00:00:00Z"), at("2026-11-23T00:00:00Z"), 30}).rows;
  BOOST_REQUIRE_EQUAL(rows.size(), 1u);
  BOOST_TEST(rows[0].values[Metric::cpu_usage].value == 45.2);
  BOOST_TEST(rows[0].values[Metric::cpu_usage].decimals == 2);
  BOOST_TEST(!rows[0].values[Metric::memory_usage].present);
}

BOOST_AUTO_TEST_CASE(rows_of_one_batch_keep_the_order_of_their_insertion_and_are_not_torn) {
  Database db;
  create_guide_schema(db.client);
  for (const double cpu : {1.0, 2.0}) insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00", cpu});
  for (const double cpu : {3.0, 4.0, 5.0}) insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:10", cpu});
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:20", 6.0});
  TestedSource source(db.connection);
  const auto from = at("2026-11-22T14:00:00Z"), to = at("2026-11-22T15:00:00Z");
  const std::vector<double> expected{1, 2, 3, 4, 5, 6};
  BOOST_TEST(cpu_of(history_of(*source, RangeRequest{kDevice, from, to, 30}).rows) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(cpu_of(history_of(*source, AfterRequest{kDevice, from, 30}).rows) == expected,
             boost::test_tools::per_element());
  const auto four = history_of(*source, AfterRequest{kDevice, from, 4});
  BOOST_TEST(cpu_of(four.rows) == (std::vector<double>{1, 2}), boost::test_tools::per_element());
  BOOST_TEST(four.more);
  const auto rest = history_of(*source, AfterRequest{kDevice, four.rows.back().recorded_at, 4});
  BOOST_TEST(cpu_of(rest.rows) == (std::vector<double>{3, 4, 5, 6}), boost::test_tools::per_element());
  BOOST_TEST(!rest.more);
}

BOOST_AUTO_TEST_CASE(columns_that_a_table_lacks_are_not_among_those_that_were_read) {
  Database db;
  create_guide_schema(db.client);
  db.client.exec("ALTER TABLE device_metrics DROP cpu_temp, DROP storage_total");
  db.client.exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) VALUES ('" + kDeviceText +
                 "', '2026-11-22 14:05:00', 1)");
  TestedSource source(db.connection);
  const auto bit = [](Metric m) { return 1u << static_cast<unsigned>(m); };
  const auto after = [&] { return history_of(*source, AfterRequest{kDevice, at("2026-11-22T14:00:00Z"), 30}); };
  BOOST_TEST(after().metric_mask == (0xffu & ~bit(Metric::cpu_temp) & ~bit(Metric::storage_total)));
  BOOST_TEST(!after().rows.at(0).values[Metric::cpu_temp].present);
  db.client.exec("ALTER TABLE device_metrics ADD cpu_temp numeric");
  BOOST_TEST(after().metric_mask == (0xffu & ~bit(Metric::storage_total)));
}

BOOST_AUTO_TEST_CASE(both_profiles_have_history_and_a_file_replaces_its_statements) {
  Database db;
  GuideSchema schema;
  schema.state_table = false;
  schema.devices_table = true;
  create_guide_schema(db.client, schema);
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00", 7.0});
  storage::PostgresConfig config = config_for(db.connection);
  config.sql = storage::load_sql("devices-table");
  TestedSource source(std::move(config));
  const AfterRequest request{kDevice, at("2026-11-22T14:00:00Z"), 30};
  BOOST_TEST(history_of(*source, request).rows.size() == 1u);
  TestedSource own(with_override(
      db,
      "-- name: rows_after\nSELECT CAST(extract(epoch FROM CAST(:after AS timestamp)) * 1000000 + :points AS bigint),"
      " '1', NULL, NULL, NULL, NULL, NULL, NULL, :device"));
  const auto mine = history_of(*own, request);
  BOOST_REQUIRE_EQUAL(mine.rows.size(), 1u);
  BOOST_TEST((mine.rows[0].recorded_at == at("2026-11-22T14:00:00.000031Z")));
  TestedSource wrong(with_override(db, "-- name: rows_after\nSELECT 1, :device, :after, :points"));
  HistoryAnswers answers;
  answers.ask(*wrong, request);
  BOOST_REQUIRE(answers.wait(1));
  BOOST_TEST((answers[0].error == SnapshotError::failed));
  BOOST_TEST(contains(answers[0].detail, "statement 'rows_after' ("), answers[0].detail);
  BOOST_TEST(contains(answers[0].detail, "returns 4 columns where 9 are needed"), answers[0].detail);
}

BOOST_AUTO_TEST_CASE(a_range_that_takes_too_long_times_out_and_the_connection_is_as_good_as_before) {
  Database db;
  create_guide_schema(db.client);
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00"});
  storage::PostgresConfig config = config_for(db.connection);
  config.statement_timeout = Millis(100);
  TestedSource source(std::move(config));
  const RangeRequest request{kDevice, at("2026-11-22T14:00:00Z"), at("2026-11-22T15:00:00Z"), 30};
  BOOST_TEST(history_of(*source, request).rows.size() == 1u);
  db.client.exec("BEGIN; LOCK TABLE device_metrics");
  HistoryAnswers answers;
  answers.ask(*source, request);
  BOOST_REQUIRE(answers.wait(1));
  db.client.exec("ROLLBACK");
  BOOST_TEST((answers[0].error == SnapshotError::timed_out));
  BOOST_TEST(contains(answers[0].detail, "range_count"), answers[0].detail);
  BOOST_TEST(history_of(*source, request).rows.size() == 1u);
  BOOST_TEST(source->counters().reconnects == 0u);
}

// SOCI frees what it has bound only after a success, or with the statement: the leak checker sees it at the end.
BOOST_AUTO_TEST_CASE(a_thread_that_reads_again_after_a_failure_leaks_nothing) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.statement_timeout = Millis(100);
  config.threads = 1;
  TestedSource source(std::move(config));
  const RangeRequest request{kDevice, at("2026-11-22T14:00:00Z"), at("2026-11-22T15:00:00Z"), 30};
  for (int round = 0; round < 2; ++round) {
    BOOST_TEST(is(source.read(), SnapshotError::none));
    history_of(*source, request);
    db.client.exec("BEGIN; LOCK TABLE device_metrics");
    BOOST_TEST(is(source.read(), SnapshotError::timed_out));
    HistoryAnswers answers;
    answers.ask(*source, request);
    BOOST_REQUIRE(answers.wait(1));
    BOOST_TEST((answers[0].error == SnapshotError::timed_out));
    db.client.exec("ROLLBACK");
  }
  BOOST_TEST(is(source.read(), SnapshotError::none));
}

BOOST_AUTO_TEST_CASE(a_restart_and_forgotten_statements_between_two_reads_are_not_noticed) {
  PostgresServer server;
  server.start();
  server.create_guide_schema();
  server.insert_metrics({kDeviceText, "2026-11-22 14:05:00"});
  storage::PostgresConfig config = config_for(server.connection_string());
  config.threads = 1;
  TestedSource source(std::move(config));
  const RangeRequest range{kDevice, at("2026-11-22T14:00:00Z"), at("2026-11-22T15:00:00Z"), 30};
  const AfterRequest after{kDevice, at("2026-11-22T14:00:00Z"), 30};
  BOOST_TEST(history_of(*source, range).rows.size() == 1u);
  BOOST_TEST(history_of(*source, after).rows.size() == 1u);
  server.restart();
  BOOST_REQUIRE(source.wait_for_connections(1));
  BOOST_TEST(history_of(*source, range).rows.size() == 1u);
  BOOST_TEST(history_of(*source, after).rows.size() == 1u);
  server.exec("ALTER TABLE device_metrics ALTER cpu_usage TYPE double precision");
  BOOST_TEST(history_of(*source, range).rows.size() == 1u);
  BOOST_TEST(history_of(*source, after).rows.size() == 1u);
  server.stop();
  HistoryAnswers answers;
  answers.ask(*source, range);
  answers.ask(*source, after);
  BOOST_REQUIRE(answers.wait(2));
  BOOST_TEST((answers[0].error == SnapshotError::unavailable));
  BOOST_TEST((answers[1].error == SnapshotError::unavailable));
}

BOOST_AUTO_TEST_CASE(ranges_leave_threads_to_snapshots) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = with_override(
      db, "-- name: range_count\nSELECT count(*) FROM pg_sleep(30) WHERE :device <> :from || :to || :points");
  config.threads = 4;
  config.statement_timeout = Millis(30'000);
  TestedSource source(std::move(config));
  BOOST_REQUIRE(source.wait_for_connections(4));
  HistoryAnswers slow;
  for (int i = 0; i < 10; ++i) slow.ask(*source, RangeRequest{kDevice, kHistoryBegin, history_time(10), 30});
  BOOST_TEST(eventually([&] { return source->counters().queue_depth == 8u; }));
  for (int i = 0; i < 20; ++i) source.snapshot();  // each waits for its answer
  BOOST_TEST(source->counters().queue_depth == 8u);
  BOOST_TEST(slow.settle() == 0u);
  source->stop();
  BOOST_TEST(slow.settle() == 10u);
}

BOOST_AUTO_TEST_CASE(the_rate_holds_reads_back_within_their_lease) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.rate = 20;
  config.burst = 2;
  TestedSource source(std::move(config));
  BOOST_REQUIRE(source.wait_for_connections(4));
  const auto began = std::chrono::steady_clock::now();
  Answers answers;
  for (int i = 0; i < 6; ++i) answers.ask(*source, {kDevice, 30, storage::ReadReason::first});
  BOOST_REQUIRE(answers.wait(6));
  BOOST_TEST((std::chrono::steady_clock::now() - began >= Millis(200)));  // four tokens came, one every 50 ms
  for (int i = 0; i < 6; ++i) BOOST_TEST(is(answers[i], SnapshotError::none), answers[i].detail);
  BOOST_TEST(source->counters().rate_waits == 4u);
  BOOST_TEST(source->counters().rate_sheds == 0u);
}

BOOST_AUTO_TEST_CASE(a_read_for_which_no_token_comes_is_shed_when_its_lease_ends) {
  Database db;
  create_guide_schema(db.client);
  storage::PostgresConfig config = config_for(db.connection);
  config.rate = 0.01;
  config.burst = 1;
  config.lease = Millis(100);
  TestedSource source(std::move(config));
  BOOST_REQUIRE(source.wait_for_connections(4));
  source.snapshot();
  const storage::SnapshotResult shed = source.read();
  BOOST_TEST(is(shed, SnapshotError::overloaded));
  BOOST_TEST(contains(shed.detail, "rate of reads"), shed.detail);
  HistoryAnswers history;
  history.ask(*source, AfterRequest{kDevice, kHistoryBegin, 30});
  BOOST_REQUIRE(history.wait(1));
  BOOST_TEST((history[0].error == SnapshotError::overloaded));
  BOOST_TEST(source->counters().rate_sheds == 2u);
}

BOOST_AUTO_TEST_SUITE_END()
