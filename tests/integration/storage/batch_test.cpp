// Batches of rows with one stamp, and what is read where the number of rows that are wanted ends amid one: of a window
// the rows that were inserted last, of the rows after a time those that were inserted first.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <initializer_list>
#include <string>
#include <utility>
#include <vector>

#include "proto/metric_values.hpp"
#include "proto/system_info.hpp"
#include "tests/integration/storage/source_fixture.hpp"
#include "tests/support/history_source_contract.hpp"
#include "tests/support/numbers.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Metric;

namespace {

// A window as an operator may have it: for a server before 13, and without columns that not every table has.
constexpr char kWithLimit[] =
    "-- name: metrics_window\n"
    "SELECT CAST(extract(epoch FROM recorded_at) * 1000000 AS bigint), CAST(cpu_usage AS text), NULL, NULL, NULL, NULL,"
    " NULL, NULL, NULL, CASE WHEN recorded_at = first_value(recorded_at) OVER () THEN CAST(row_to_json(w) AS text) END"
    " FROM (SELECT * FROM device_metrics WHERE device_uuid = :device ORDER BY recorded_at DESC LIMIT :points) w";

// `from` … `to` as cpu_usage, by one statement. `time`: of 2026-11-22.
void insert_batch(Database& db, int from, int to, const std::string& time) {
  db.client.exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT '" + kDeviceText +
                 "', '2026-11-22 " + time + "', i FROM generate_series(" + std::to_string(from) + ", " +
                 std::to_string(to) + ") i");
}

std::vector<int> cpu_of(const std::vector<storage::MetricsRow>& rows) {
  std::vector<int> out;
  for (const storage::MetricsRow& row : rows) out.push_back(static_cast<int>(row.values[Metric::cpu_usage].value));
  return out;
}

// A database with batches that are written 10 s apart.
struct Batches : Database {
  explicit Batches(std::initializer_list<std::pair<int, int>> batches) {
    create_guide_schema(client);
    client.exec("ALTER TABLE device_metrics ALTER cpu_usage TYPE integer");
    int tens = 0;
    for (const auto& [from, to] : batches) insert_batch(*this, from, to, "14:05:" + std::to_string(tens++) + '0');
  }
};

// Windows of so many points of the rows 1 … `last`.
void check_windows(TestedSource& source, std::initializer_list<int> sizes, int last) {
  for (const int points : sizes) {
    BOOST_TEST_CONTEXT(points << " points") {
      const storage::Snapshot snapshot = source.snapshot(static_cast<std::size_t>(points));
      BOOST_TEST(cpu_of(snapshot.metrics) == numbers(std::max(1, last + 1 - points), last),
                 boost::test_tools::per_element());
      BOOST_TEST(contains(snapshot.newest_metrics_json, "\"cpu_usage\":" + std::to_string(last)),
                 snapshot.newest_metrics_json);
    }
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(PostgresBatches)

BOOST_AUTO_TEST_CASE(a_window_that_ends_amid_a_batch_has_the_rows_inserted_last) {
  Batches db({{1, 10}, {11, 35}, {36, 37}});
  TestedSource source(db.connection);
  check_windows(source, {1, 2, 3, 26, 27, 28, 30, 31, 36, 37, 38}, 37);
}

BOOST_AUTO_TEST_CASE(a_batch_larger_than_any_window_costs_no_more_than_a_bound) {
  Batches db({{1, 3000}});
  TestedSource source(db.connection);
  BOOST_TEST(cpu_of(source.snapshot(30).metrics) == numbers(2971, 3000), boost::test_tools::per_element());
  BOOST_TEST(cpu_of(source.snapshot(2000).metrics) == numbers(1001, 3000), boost::test_tools::per_element());
  // Beyond the bound those that were inserted first are read, and the last of these counts as the newest.
  insert_batch(db, 3001, 5000, "14:05:00");
  const storage::Snapshot snapshot = source.snapshot(30);
  BOOST_TEST(cpu_of(snapshot.metrics) == numbers(3971, 4000), boost::test_tools::per_element());
  BOOST_TEST(contains(snapshot.newest_metrics_json, "\"cpu_usage\":4000"), snapshot.newest_metrics_json);
}

BOOST_AUTO_TEST_CASE(an_operators_statement_with_a_limit_is_asked_for_more_rows_until_the_batch_is_whole) {
  Batches db({{1, 10}, {11, 35}});
  TestedSource source(with_override(db, kWithLimit));
  check_windows(source, {1, 24, 25, 26, 30, 35, 36}, 35);
  insert_batch(db, 36, 1500, "14:05:20");
  BOOST_TEST(cpu_of(source.snapshot().metrics) == numbers(1471, 1500), boost::test_tools::per_element());
  // As many rows as it is ever asked for: then what can be had.
  insert_batch(db, 1501, 4000, "14:05:30");
  BOOST_TEST(cpu_of(source.snapshot().metrics) == numbers(3472, 3501), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_rows_after_a_time_begin_with_those_inserted_first_though_all_are_one_batch) {
  Batches db({{1, 40}, {41, 42}});
  TestedSource source(db.connection);
  const auto before = *proto::parse_iso8601("2026-11-22T14:00:00Z");
  const auto after = [&](std::size_t points) {
    return history_of(*source, storage::AfterRequest{kDevice, before, points});
  };
  BOOST_TEST(cpu_of(after(30).rows) == numbers(1, 30), boost::test_tools::per_element());
  BOOST_TEST(after(30).more);
  BOOST_TEST(cpu_of(after(41).rows) == numbers(1, 40), boost::test_tools::per_element());
  BOOST_TEST(after(41).more);
  BOOST_TEST(cpu_of(after(42).rows) == numbers(1, 42), boost::test_tools::per_element());
  BOOST_TEST(!after(42).more);
}

BOOST_AUTO_TEST_CASE(a_range_has_batches_whole) {
  Batches db({{1, 1500}, {1501, 1502}});
  TestedSource source(db.connection);
  const auto at = [](const char* iso) { return *proto::parse_iso8601(iso); };
  const auto range =
      history_of(*source, storage::RangeRequest{kDevice, at("2026-11-22T14:05:00Z"), at("2026-11-22T14:06:00Z"), 30});
  BOOST_TEST(cpu_of(range.rows) == numbers(1, 1502), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_latest_state_is_the_last_of_its_batch) {
  Batches db({});
  db.client.exec("INSERT INTO device_state_records (device_uuid, recorded_at, os_version) VALUES ('" + kDeviceText +
                 "', '2026-11-22 14:05:00', 'old'), ('" + kDeviceText + "', '2026-11-22 14:05:10', 'newer'), ('" +
                 kDeviceText + "', '2026-11-22 14:05:10', 'newest')");
  TestedSource source(db.connection);
  const storage::Snapshot snapshot = source.snapshot();
  BOOST_REQUIRE(snapshot.state);
  BOOST_TEST(snapshot.state->system.json[static_cast<std::size_t>(proto::SystemField::os)] == "\"newest\"");
}

BOOST_AUTO_TEST_SUITE_END()
