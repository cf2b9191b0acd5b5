// PostgresSource against a real server: what rows become, whatever the tables look like.
#include "storage/postgres_source.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "proto/metric_values.hpp"
#include "proto/time.hpp"
#include "tests/integration/storage/source_fixture.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Metric;
using proto::SystemField;
using storage::SnapshotError;

namespace {

proto::Timestamp at(const char* iso) {
  return *proto::parse_iso8601(iso);
}

std::string field(const storage::Snapshot& snapshot, SystemField f) {
  return snapshot.state->system.json[static_cast<std::size_t>(f)];
}

storage::PostgresConfig with_profile(const Database& db, const char* profile) {
  storage::PostgresConfig config = config_for(db.connection);
  config.sql = storage::load_sql(profile);
  return config;
}

const std::string kPrepared = "prepared";

// Prepares the statement, and says what EXPLAIN does when its plan is reused for every device, as it is in the long
// run.
std::string plan_of(Database& db, const std::string& statement, const std::string& table) {
  std::string sql = storage::with_points(statement, 30);
  sql.replace(sql.find(":device"), 7, "$1");
  db.client.exec("ANALYZE " + table + "; SET plan_cache_mode = force_generic_plan; PREPARE " + kPrepared + " AS " +
                 sql);
  std::string plan;
  for (const auto& row : db.client.exec("EXPLAIN (COSTS OFF) EXECUTE " + kPrepared + " ('" + kDeviceText + "')"))
    plan += *row[0] + "\n";
  return plan;
}
std::string plan_of_window(Database& db) {
  return plan_of(db, storage::load_sql("guide").metrics_window().text, "device_metrics");
}

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto i = text.find(part); i != std::string::npos; i = text.find(part, i + 1)) ++found;
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PostgresSource)

BOOST_AUTO_TEST_CASE(rows_are_the_same_whatever_the_types_of_key_and_time) {
  for (const char* key : {"uuid", "text"}) {
    for (const bool timestamptz : {false, true}) {
      BOOST_TEST_CONTEXT(key << (timestamptz ? ", timestamptz" : ", timestamp")) {
        Database db;
        GuideSchema schema;
        schema.device_uuid_type = key;
        schema.timestamptz = timestamptz;
        create_guide_schema(db.client, schema);
        insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00.123456", 12.5});
        insert_metrics(db.client, {kDeviceText, "2026-11-22 14:04:50", 11.0});
        insert_metrics(db.client, {"99999999-2222-3333-4444-555555555555", "2026-11-22 14:06:00", 99.0});
        insert_state(db.client, {kDeviceText, "2026-11-22 14:00:00"});
        TestedSource source(db.connection);
        const storage::Snapshot snapshot = source.snapshot();
        BOOST_REQUIRE_EQUAL(snapshot.metrics.size(), 2u);
        BOOST_TEST((snapshot.metrics[0].recorded_at == at("2026-11-22T14:04:50Z")));
        BOOST_TEST((snapshot.metrics[1].recorded_at == at("2026-11-22T14:05:00.123456Z")));
        BOOST_TEST(snapshot.metrics[1].values[Metric::cpu_usage].value == 12.5);
        BOOST_TEST(snapshot.metrics[1].values[Metric::memory_total].value == 8'589'934'592.0);
        BOOST_TEST(snapshot.metrics[1].values[Metric::network_tx].value == 500.0);
        BOOST_TEST(snapshot.metric_mask == 0xff);
        BOOST_TEST(contains(snapshot.newest_metrics_json, "\"cpu_usage\":12.5"));
        BOOST_TEST(contains(snapshot.newest_metrics_json, "2026-11-22T14:05:00.123456"));
        BOOST_REQUIRE(snapshot.state);
        BOOST_TEST((snapshot.state->recorded_at == at("2026-11-22T14:00:00Z")));
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(a_time_zone_of_the_role_changes_nothing) {
  Database db("zoned_case");
  GuideSchema schema;
  schema.timestamptz = true;
  create_guide_schema(db.client, schema);
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00"});
  db.client.exec("ALTER DATABASE zoned_case SET timezone = 'America/New_York'");
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST((snapshot.metrics.at(0).recorded_at == at("2026-11-22T14:05:00Z")));
  BOOST_TEST(contains(snapshot.newest_metrics_json, "\"2026-11-22T14:05:00+00:00\""));
}

BOOST_AUTO_TEST_CASE(nulls_and_what_is_no_number_are_not_present) {
  Database db;
  create_guide_schema(db.client);
  MetricsSample sample{kDeviceText, "2026-11-22 14:05:00"};
  sample.cpu_usage = sample.cpu_temp = std::nullopt;
  sample.memory_usage = sample.network_rx = std::nullopt;
  insert_metrics(db.client, sample);
  db.client.exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) VALUES ('" + kDeviceText +
                 "', '2026-11-22 14:04:00', 'NaN')");
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_REQUIRE_EQUAL(snapshot.metrics.size(), 2u);
  BOOST_TEST(!snapshot.metrics[0].values[Metric::cpu_usage].present);
  BOOST_TEST(!snapshot.metrics[1].values[Metric::cpu_usage].present);
  BOOST_TEST(!snapshot.metrics[1].values[Metric::network_rx].present);
  BOOST_TEST(snapshot.metrics[1].values[Metric::network_tx].present);
  BOOST_TEST(snapshot.metric_mask == 0xff);  // the columns are there
}

BOOST_AUTO_TEST_CASE(numbers_keep_their_decimals_and_may_be_text) {
  Database db;
  db.client.exec(
      "CREATE TABLE device_metrics (device_uuid varchar(64), recorded_at timestamp, cpu_usage numeric(5,2), "
      "memory_usage text, memory_total double precision, network_rx text, network_tx integer);"
      "CREATE TABLE device_state_records (device_uuid text, recorded_at timestamp, os_version text, architecture text, "
      "uptime text, hostname text, ip_address text, mac_address text, top_processes text, network_interfaces text);"
      "INSERT INTO device_metrics VALUES ('" +
      kDeviceText + "', '2026-11-22 14:05:00', 45.2, '1024', 2.5, '?', 7)");
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  const proto::MetricValues& values = snapshot.metrics.at(0).values;
  BOOST_TEST(values[Metric::cpu_usage].value == 45.2);
  BOOST_TEST(values[Metric::cpu_usage].decimals == 2);
  BOOST_TEST(values[Metric::memory_usage].value == 1024.0);
  BOOST_TEST(values[Metric::memory_total].value == 2.5);
  BOOST_TEST(!values[Metric::network_rx].present);
  BOOST_TEST(values[Metric::network_tx].value == 7.0);
}

BOOST_AUTO_TEST_CASE(columns_that_a_table_lacks_are_told_from_null_and_may_come_later) {
  Database db;
  create_guide_schema(db.client);
  db.client.exec("ALTER TABLE device_metrics DROP cpu_temp, DROP storage_usage, DROP storage_total");
  db.client.exec("INSERT INTO device_metrics (device_uuid, cpu_usage) VALUES ('" + kDeviceText + "', 1)");
  storage::PostgresConfig config = config_for(db.connection);
  config.threads = 1;  // the statement that was prepared before must serve after
  TestedSource source(std::move(config));
  const auto bit = [](Metric m) { return 1u << static_cast<unsigned>(m); };
  const unsigned lacking = bit(Metric::cpu_temp) | bit(Metric::storage_usage) | bit(Metric::storage_total);
  BOOST_TEST(source.snapshot().metric_mask == (0xffu & ~lacking));
  db.client.exec("ALTER TABLE device_metrics ADD cpu_temp numeric(5,2); UPDATE device_metrics SET cpu_temp = 50");
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST(snapshot.metric_mask == ((0xffu & ~lacking) | bit(Metric::cpu_temp)));
  BOOST_TEST(snapshot.metrics.at(0).values[Metric::cpu_temp].value == 50.0);
}

BOOST_AUTO_TEST_CASE(a_device_without_rows_gives_an_empty_snapshot) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST(snapshot.metrics.empty());
  BOOST_TEST(snapshot.newest_metrics_json.empty());
  BOOST_TEST(!snapshot.state);
}

BOOST_AUTO_TEST_CASE(only_the_newest_points_come_whatever_their_number) {
  Database db;
  create_guide_schema(db.client);
  insert_metrics_series(db.client, kDeviceText, 2100);
  TestedSource source(db.connection);
  for (const std::size_t points : {1u, 30u, 31u, 500u, 2000u}) {
    const storage::Snapshot snapshot = source.snapshot(points);
    BOOST_REQUIRE_EQUAL(snapshot.metrics.size(), points);
    BOOST_TEST((snapshot.metrics.front().recorded_at <= snapshot.metrics.back().recorded_at));
    const auto newest = source.snapshot(1).metrics.at(0).recorded_at;
    BOOST_TEST((snapshot.metrics.back().recorded_at == newest));
  }
  BOOST_TEST(source.snapshot(9999).metrics.size() == 2000u);
  BOOST_TEST(source.snapshot(0).metrics.size() == 1u);
}

BOOST_AUTO_TEST_CASE(rows_of_one_batch_keep_the_order_of_their_insertion) {
  Database db("batch_case");
  create_guide_schema(db.client);
  // As with the tables of real installations, the index is worth its while.
  db.client.exec("ALTER DATABASE batch_case SET enable_seqscan = off");
  for (const double cpu : {1.0, 2.0}) insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00", cpu});
  for (const double cpu : {3.0, 4.0, 5.0}) insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:10", cpu});
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  std::vector<double> cpu;
  for (const storage::MetricsRow& row : snapshot.metrics) cpu.push_back(row.values[Metric::cpu_usage].value);
  BOOST_TEST(cpu == (std::vector<double>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(contains(snapshot.newest_metrics_json, "\"cpu_usage\":5"));
}

BOOST_AUTO_TEST_CASE(infinite_times_are_passed_over) {
  Database db;
  create_guide_schema(db.client);
  insert_metrics(db.client, {kDeviceText, "infinity"});
  insert_metrics(db.client, {kDeviceText, "-infinity"});
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00", 3.0});
  insert_state(db.client, {kDeviceText, "infinity"});
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST(snapshot.metrics.size() == 1u);
  BOOST_TEST(contains(snapshot.newest_metrics_json, "\"cpu_usage\":3"));
  BOOST_TEST(!snapshot.state);
}

BOOST_AUTO_TEST_CASE(the_latest_state_as_json_of_the_columns_types) {
  Database db;
  db.client.exec(
      "CREATE TABLE device_metrics (device_uuid uuid, recorded_at timestamp, cpu_usage numeric, memory_usage bigint, "
      "memory_total bigint, network_rx bigint, network_tx bigint);"
      "CREATE TABLE device_state_records (device_uuid uuid, recorded_at timestamptz, os_version text, architecture "
      "varchar(20), uptime bigint, hostname text, ip_address inet, mac_address macaddr, top_processes jsonb, "
      "network_interfaces json);"
      "INSERT INTO device_state_records VALUES ('" +
      kDeviceText +
      "', '2026-11-22 14:00:00+00', 'old', 'old', 1, 'old', "
      "NULL, NULL, '[1]', '[2]'), ('" +
      kDeviceText +
      "', '2026-11-22 15:00:00+01', 'older', NULL, 0, NULL, NULL, NULL, "
      "NULL, NULL), ('" +
      kDeviceText +
      "', '2026-11-22 14:05:00+00', E'Debian \"12\"\\n', NULL, 86400, '12', "
      "'192.0.2.7', '02:00:00:00:00:01', '[{\"pid\": 1, \"cpu\": 0.10}]', 'null')");
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_REQUIRE(snapshot.state);
  BOOST_TEST((snapshot.state->recorded_at == at("2026-11-22T14:05:00Z")));
  BOOST_TEST(field(snapshot, SystemField::os) == R"("Debian \"12\"\n")");
  BOOST_TEST(field(snapshot, SystemField::architecture) == "");
  BOOST_TEST(field(snapshot, SystemField::uptime) == "86400");
  BOOST_TEST(field(snapshot, SystemField::hostname) == "\"12\"");
  BOOST_TEST(field(snapshot, SystemField::ip_address) == "\"192.0.2.7\"");
  BOOST_TEST(field(snapshot, SystemField::mac_address) == "\"02:00:00:00:00:01\"");
  BOOST_TEST(snapshot.state->top_processes == R"([{"cpu": 0.10, "pid": 1}])");
  BOOST_TEST(snapshot.state->network_interfaces == "");
  BOOST_TEST(source.logged("left out") == 0u);
}

BOOST_AUTO_TEST_CASE(the_devices_profile_reads_columns_of_the_devices_table) {
  Database db;
  GuideSchema schema;
  schema.state_table = false;
  create_guide_schema(db.client, schema);
  db.client.exec(
      "CREATE TABLE devices (uuid uuid PRIMARY KEY, os_version text, ip_address text, mac_address text, device_name "
      "text, top_processes jsonb, network_interfaces jsonb); INSERT INTO devices VALUES ('" +
      kDeviceText + "', 'Debian', '192.0.2.7', NULL, 'pump-3', '[1]', '[2]')");
  insert_metrics(db.client, {kDeviceText, "2026-11-22 14:05:00"});
  TestedSource source(with_profile(db, "devices-table"));
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST(snapshot.metrics.size() == 1u);
  BOOST_REQUIRE(snapshot.state);
  BOOST_TEST(!snapshot.state->recorded_at);
  BOOST_TEST(field(snapshot, SystemField::os) == "\"Debian\"");
  BOOST_TEST(field(snapshot, SystemField::hostname) == "\"pump-3\"");
  BOOST_TEST(field(snapshot, SystemField::uptime) == "");
  BOOST_TEST(snapshot.state->top_processes == "[1]");
  BOOST_TEST(snapshot.state->network_interfaces == "[2]");
}

BOOST_AUTO_TEST_CASE(an_operators_own_statement_may_return_plain_text) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(
      with_override(db,
                    "-- name: latest_state\n"
                    "SELECT NULL, 'Debian \"12\"', '', '3600', :device, 'it''s: 5::6', NULL, 'no json', "
                    "'[]'"));
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_REQUIRE(snapshot.state);
  BOOST_TEST(field(snapshot, SystemField::os) == R"("Debian \"12\"")");
  BOOST_TEST(field(snapshot, SystemField::architecture) == "\"\"");
  BOOST_TEST(field(snapshot, SystemField::uptime) == "3600");
  BOOST_TEST(field(snapshot, SystemField::hostname) == "\"" + kDeviceText + "\"");
  BOOST_TEST(field(snapshot, SystemField::ip_address) == "\"it's: 5::6\"");
  BOOST_TEST(snapshot.state->top_processes == "");
  BOOST_TEST(snapshot.state->network_interfaces == "[]");
  source.snapshot();
  BOOST_TEST(source.logged("column 'top_processes' holds a value that is not JSON") == 1u);
}

BOOST_AUTO_TEST_CASE(a_statement_with_other_columns_fails_with_a_sentence) {
  Database db;
  create_guide_schema(db.client);
  TestedSource few(with_override(db, "-- name: latest_state\nSELECT NULL, :device"));
  const storage::SnapshotResult result = few.read();
  BOOST_TEST(is(result, SnapshotError::failed));
  BOOST_TEST(contains(result.detail, "statement 'latest_state' (/tmp/pulsegate-sql-"));
  BOOST_TEST(contains(result.detail, "it returns 2 columns where 9 are needed"));
  TestedSource wrong(with_override(db, "-- name: clock\nSELECT 'noon'"));
  BOOST_TEST(is(wrong.read(), SnapshotError::failed));
}

BOOST_AUTO_TEST_CASE(text_that_is_not_utf8_is_left_out) {
  shared_server().exec("DROP DATABASE IF EXISTS ascii_case");
  shared_server().exec(
      "CREATE DATABASE ascii_case ENCODING 'SQL_ASCII' TEMPLATE template0 LC_COLLATE 'C' LC_CTYPE 'C'");
  const std::string connection = shared_server().connection_string("ascii_case");
  PostgresClient client(connection);
  create_guide_schema(client);
  insert_metrics(client, {kDeviceText, "2026-11-22 14:05:00", 3.0});
  insert_state(client, {kDeviceText, "2026-11-22 14:05:00"});
  client.exec("ALTER TABLE device_metrics ADD note text; UPDATE device_metrics SET note = E'\\xff'");
  client.exec("UPDATE device_state_records SET hostname = E'caf\\xe9', os_version = E'\\xff\"'");
  TestedSource source(connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_TEST(snapshot.metrics.at(0).values[Metric::cpu_usage].value == 3.0);
  BOOST_TEST(snapshot.newest_metrics_json == "");
  BOOST_REQUIRE(snapshot.state);
  BOOST_TEST(field(snapshot, SystemField::hostname) == "");
  BOOST_TEST(field(snapshot, SystemField::os) == "");
  BOOST_TEST(field(snapshot, SystemField::architecture) == "\"arm64\"");
  BOOST_TEST(source.logged("column 'hostname'") == 1u);
}

BOOST_AUTO_TEST_CASE(the_clocks_of_one_machine_agree) {
  Database db;
  create_guide_schema(db.client);
  TestedSource source(db.connection);
  BOOST_TEST((source.snapshot().clock_offset < std::chrono::milliseconds(500)));
  BOOST_TEST((source.snapshot().clock_offset > std::chrono::milliseconds(-500)));
  TestedSource ahead(with_override(
      db,
      "-- name: clock\nSELECT CAST(extract(epoch FROM clock_timestamp() + interval '1 hour') * 1000000 AS bigint)"));
  const auto offset = ahead.snapshot().clock_offset;
  BOOST_TEST((offset > std::chrono::minutes(59)));
  BOOST_TEST((offset < std::chrono::minutes(61)));
}

BOOST_AUTO_TEST_CASE(the_window_is_read_in_index_order_without_a_sort) {
  Database db;
  create_guide_schema(db.client);
  // Enough rows that an index is worth it: 50 devices over the days of the partitions.
  db.client.exec(
      "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT CAST(md5(CAST(i % 50 AS text)) AS "
      "uuid), "
      "now() AT TIME ZONE 'UTC' + interval '2 days' - i * interval '20 s', 1 FROM generate_series(0, 20000) i");
  // With a default partition PostgreSQL cannot know that partitions follow each other in time, and merges them.
  const std::string merged = plan_of_window(db);
  BOOST_TEST(contains(merged, "Limit"), merged);
  BOOST_TEST(contains(merged, "Merge Append"), merged);
  BOOST_TEST(contains(merged, "Index Scan"), merged);
  BOOST_TEST(!contains(merged, "->  Sort\n"), merged);
  BOOST_TEST(!contains(merged, "Seq Scan"), merged);
  BOOST_TEST(!contains(merged, "Nested Loop"), merged);
}

BOOST_AUTO_TEST_CASE(partitions_by_day_are_read_newest_first) {
  Database db;
  db.client.exec(
      "CREATE TABLE device_metrics (device_uuid uuid, recorded_at timestamp, cpu_usage numeric(5,2), memory_usage "
      "bigint,"
      "memory_total bigint, network_rx bigint, network_tx bigint) PARTITION BY RANGE (recorded_at);"
      "CREATE TABLE m20 PARTITION OF device_metrics FOR VALUES FROM ('2026-11-20') TO ('2026-11-21');"
      "CREATE TABLE m21 PARTITION OF device_metrics FOR VALUES FROM ('2026-11-21') TO ('2026-11-22');"
      "CREATE TABLE m22 PARTITION OF device_metrics FOR VALUES FROM ('2026-11-22') TO ('2026-11-23');"
      "CREATE INDEX ON device_metrics (device_uuid, recorded_at DESC);"
      "INSERT INTO device_metrics SELECT '" +
      kDeviceText +
      "', timestamp '2026-11-20' + i * interval '10 min', 1, 1, 1, 1, "
      "1 FROM generate_series(0, 431) i");
  const std::string plan = plan_of_window(db);
  BOOST_TEST(contains(plan, "Limit"), plan);
  BOOST_TEST(contains(plan, "->  Append"), plan);
  BOOST_TEST(!contains(plan, "Sort"), plan);
  BOOST_TEST(!contains(plan, "Seq Scan"), plan);
  BOOST_TEST(plan.find(" on m22 ") < plan.find(" on m21 "), plan);
  BOOST_TEST(plan.find(" on m21 ") < plan.find(" on m20 "), plan);
  // One bounds the rows, WITH TIES; the other what a batch may cost.
  BOOST_TEST(count(plan, "Limit\n") == 2u, plan);
  BOOST_TEST(count(plan, "Index Scan using") == 3u, plan);
  BOOST_TEST(count(plan, "WindowAgg") == 1u, plan);
  // Of a batch at the edge whatever is needed, and nothing beyond it: older partitions are not touched.
  db.client.exec("INSERT INTO device_metrics SELECT '" + kDeviceText +
                 "', '2026-11-22 23:55', 1, 1, 1, 1, 1 FROM generate_series(1, 50)");
  std::string executed;
  for (const auto& row : db.client.exec("EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE " + kPrepared +
                                        " ('" + kDeviceText + "')"))
    executed += *row[0] + "\n";
  BOOST_TEST(count(executed, "(never executed)") == 2u, executed);
}

BOOST_AUTO_TEST_CASE(the_latest_state_is_read_in_index_order_without_a_sort) {
  Database db;
  create_guide_schema(db.client);
  db.client.exec(
      "INSERT INTO device_state_records (device_uuid, recorded_at) SELECT CAST(md5(CAST(i % 50 AS text)) AS uuid),"
      " timestamp '2026-11-22' - i * interval '20 s' FROM generate_series(0, 20000) i");
  const std::string plan = plan_of(db, storage::load_sql("guide").latest_state().text, "device_state_records");
  BOOST_TEST(count(plan, "Limit\n") == 2u, plan);
  BOOST_TEST(count(plan, "Index Scan using") == 1u, plan);
  BOOST_TEST(!contains(plan, "Sort"), plan);
  BOOST_TEST(!contains(plan, "Seq Scan"), plan);
}

BOOST_AUTO_TEST_CASE(it_keeps_the_contract_of_every_source) {
  Database db;
  create_guide_schema(db.client);
  insert_metrics_series(db.client, kDeviceText, 5);
  check_snapshot_source_contract([&](auto&& body) {
    TestedSource source(db.connection);
    const auto hold = [&] { db.client.exec("BEGIN; LOCK TABLE device_metrics"); };
    body(ContractSubject{*source, kDevice, hold, [&] { db.client.exec("ROLLBACK"); }});
  });
}

BOOST_AUTO_TEST_SUITE_END()
