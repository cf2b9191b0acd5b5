// Rows of history as an index returns them, and times as statements take them.
#include "storage/history_rows.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <utility>
#include <vector>

using namespace pulsegate;
using namespace pulsegate::storage;

namespace {

// (second, cpu_usage as the row's name)
using Rows = std::vector<std::pair<int, int>>;

std::vector<MetricsRow> made(const Rows& rows) {
  std::vector<MetricsRow> out;
  for (const auto& [second, name] : rows) {
    MetricsRow& row = out.emplace_back();
    row.recorded_at = proto::Timestamp(std::chrono::seconds(second));
    row.values[proto::Metric::cpu_usage].value = name;
  }
  return out;
}

std::vector<int> names(const std::vector<MetricsRow>& rows) {
  std::vector<int> out;
  for (const MetricsRow& row : rows) out.push_back(static_cast<int>(row.values[proto::Metric::cpu_usage].value));
  return out;
}

std::vector<int> ordered(const Rows& rows, IndexOrder read) {
  std::vector<MetricsRow> all = made(rows);
  order_oldest_first(all, read);
  return names(all);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryRows)

BOOST_AUTO_TEST_CASE(rows_of_one_stamp_keep_the_order_of_their_insertion) {
  const std::vector<int> expected{1, 2, 3, 4, 5};  // 2, 3 and 4 are a batch
  BOOST_TEST(ordered({{30, 5}, {20, 2}, {20, 3}, {20, 4}, {10, 1}}, IndexOrder::newest_first) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(ordered({{10, 1}, {20, 4}, {20, 3}, {20, 2}, {30, 5}}, IndexOrder::oldest_first) == expected,
             boost::test_tools::per_element());
  BOOST_TEST(ordered({}, IndexOrder::newest_first).empty());
}

BOOST_AUTO_TEST_CASE(rows_in_no_order_are_sorted) {
  BOOST_TEST(ordered({{20, 2}, {30, 3}, {10, 1}}, IndexOrder::newest_first) == (std::vector<int>{1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_newest_are_the_last) {
  std::vector<MetricsRow> rows = made({{10, 1}, {20, 2}, {20, 3}, {20, 4}});
  keep_newest(rows, 4);
  BOOST_TEST(rows.size() == 4u);
  keep_newest(rows, 2);
  BOOST_TEST(names(rows) == (std::vector<int>{3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_batch_may_go_on_where_nothing_older_was_read) {
  const std::vector<MetricsRow> rows = made({{30, 1}, {20, 2}, {20, 3}, {20, 4}});
  BOOST_TEST(!ends_amid_stamp(rows, 1));
  BOOST_TEST(ends_amid_stamp(rows, 2));
  BOOST_TEST(ends_amid_stamp(rows, 3));
  BOOST_TEST(!ends_amid_stamp(rows, 4));  // not so many: there are no others
  BOOST_TEST(!ends_amid_stamp(made({{30, 1}, {20, 2}, {20, 3}, {10, 4}}), 2));
  BOOST_TEST(!ends_amid_stamp({}, 1));
}

BOOST_AUTO_TEST_CASE(a_cut_is_made_between_two_stamps) {
  std::vector<MetricsRow> rows = made({{10, 1}, {20, 2}, {20, 3}, {30, 4}});
  BOOST_TEST(!cut_between_stamps(rows, 4));
  BOOST_TEST(rows.size() == 4u);
  BOOST_TEST(cut_between_stamps(rows, 3));
  BOOST_TEST(names(rows) == (std::vector<int>{1, 2, 3}), boost::test_tools::per_element());
  BOOST_TEST(cut_between_stamps(rows, 2));
  BOOST_TEST(names(rows) == (std::vector<int>{1}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_stamp_that_is_too_many_is_cut_within) {
  std::vector<MetricsRow> rows = made({{20, 1}, {20, 2}, {20, 3}});
  BOOST_TEST(cut_between_stamps(rows, 2));
  BOOST_TEST(names(rows) == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(times_have_microseconds_and_bounds) {
  const auto at = [](long long us) { return sql_time(proto::Timestamp(std::chrono::microseconds(us))); };
  BOOST_TEST(at(1'795'356'300'123'456) == "2026-11-22T14:05:00.123456Z");
  BOOST_TEST(at(1'795'356'300'000'009) == "2026-11-22T14:05:00.000009Z");
  BOOST_TEST(at(-1) == "1970-01-01T00:00:00.000000Z");
  BOOST_TEST(sql_time(proto::Timestamp::max()) == "9999-12-31T23:59:59.999999Z");
}

BOOST_AUTO_TEST_SUITE_END()
