// Questions about a device's past: rows of the table joined with what is in memory.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::seconds;

namespace {

// The last ten minutes until now.
proto::HistoryQuery recent(const HubFixture& f, std::size_t points = 300) {
  proto::HistoryQuery query;
  query.id = "\"q\"";
  query.from = f.clock.now().wall - seconds(600);
  query.to = f.clock.now().wall + seconds(1);
  query.points = points;
  return query;
}

std::vector<int> cpu_of_result(TestClient& client) {
  return cpu_of_history(last_of_type(client.take(), "history-result"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryQuery)

BOOST_AUTO_TEST_CASE(is_answered_from_the_table) {
  HubFixture f;
  TestClient client(f, f.device(1));
  for (int i = 1; i <= 5; ++i) f.history.rows(f.device(1)).push_back(f.row(i, -100 + i));
  BOOST_TEST(client.query(recent(f)));
  f.run();
  const Json result = last_of_type(client.take(), "history-result");
  BOOST_TEST(result.at("id").string() == "q");
  BOOST_TEST(cpu_of_history(result) == (std::vector<int>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(result.at("data").at("memory").size() == 5u);
  BOOST_TEST(result.at("data").at("network").size() == 5u);
}

BOOST_AUTO_TEST_CASE(goes_on_into_what_the_bus_has_shown_without_a_seam) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  std::vector<storage::MetricsRow>& table = f.history.rows(f.device(1));
  for (int i = 1; i <= 40; ++i) table.push_back(f.row(i, -300 + i));
  storage::Snapshot window = f.rows({1});
  window.metrics.assign(table.end() - 30, table.end());
  f.answer(window);
  // Five more are published; the rows of three are written so far.
  for (int i = 41; i <= 45; ++i) {
    f.advance(seconds(2));
    f.publish_metrics(1, i);
    if (i <= 43) table.push_back(f.row(i, 0.5));
  }
  BOOST_TEST(client.query(recent(f)));
  f.run();
  std::vector<int> all(45);
  for (int i = 0; i < 45; ++i) all[static_cast<std::size_t>(i)] = i + 1;
  BOOST_TEST(cpu_of_result(client) == all, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(has_as_many_points_as_were_asked_for_and_keeps_the_spike) {
  HubFixture f;
  TestClient client(f, f.device(1));
  for (int i = 0; i < 500; ++i) f.history.rows(f.device(1)).push_back(f.row(i == 250 ? 99 : 10 + i % 3, -550 + i));
  BOOST_TEST(client.query(recent(f, 20)));
  f.run();
  const auto cpu = cpu_of_result(client);
  BOOST_TEST(cpu.size() == 20u);
  BOOST_TEST(*std::max_element(cpu.begin(), cpu.end()) == 99);
}

BOOST_AUTO_TEST_CASE(keeps_to_its_range) {
  HubFixture f;
  TestClient client(f, f.device(1));
  for (int i = 1; i <= 5; ++i) f.history.rows(f.device(1)).push_back(f.row(i, -100 + 10 * i));
  proto::HistoryQuery query = recent(f);
  query.from = f.clock.now().wall - seconds(80);  // inclusive
  query.to = f.clock.now().wall - seconds(60);    // exclusive
  BOOST_TEST(client.query(query));
  f.run();
  BOOST_TEST(cpu_of_result(client) == (std::vector<int>{2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_database_is_answered_from_memory) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient client(f, 1, {Channel::history});
  f.publish_metrics(1, 3);
  BOOST_TEST(client.query(recent(f)));
  BOOST_TEST(count_type(client.take(), "history-result") == 0);  // never before it was asked
  f.run();
  BOOST_TEST(cpu_of_result(client) == (std::vector<int>{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_known_is_an_answer_too) {
  HubFixture f;
  TestClient client(f, f.device(1));
  BOOST_TEST(client.query(recent(f)));
  f.run();
  BOOST_TEST(cpu_of_result(client).empty());
}

BOOST_AUTO_TEST_CASE(a_failed_read_is_told_with_the_id_and_the_next_query_works) {
  HubFixture f;
  TestClient client(f, f.device(1));
  f.history.fail_with(storage::SnapshotError::timed_out);
  BOOST_TEST(client.query(recent(f)));
  f.run();
  const Json error = last_of_type(client.take(), "error");
  BOOST_TEST(error.at("data").at("code").string() == "unavailable");
  BOOST_TEST(error.at("id").string() == "q");
  f.history.fail_with(storage::SnapshotError::none);
  BOOST_TEST(client.query(recent(f)));
  f.run();
  BOOST_TEST(count_type(client.take(), "history-result") == 1);
  BOOST_TEST(f.hub->counters().history_queries == 2u);
  BOOST_TEST(f.hub->counters().history_failures == 1u);
}

BOOST_AUTO_TEST_CASE(who_has_left_is_not_answered_and_nobody_in_its_stead) {
  HubFixture f;
  f.history.hold();
  auto client = std::make_unique<TestClient>(f, f.device(1));
  TestClient other(f, f.device(1));
  BOOST_TEST(client->query(recent(f)));
  BOOST_TEST(!client->query(recent(f)));  // one at a time
  client.reset();
  f.history.release();
  f.run();
  BOOST_TEST(other.take().empty());
}

BOOST_AUTO_TEST_SUITE_END()
