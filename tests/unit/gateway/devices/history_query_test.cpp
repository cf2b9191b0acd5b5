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

// Somebody without a WebSocket, who asks about device 1.
struct Outsider {
  Outsider(HubFixture& f, proto::HistoryQuery query) {
    f.hub->query_history(f.device(1), std::move(query), [this](storage::SnapshotError e, std::string text) {
      ++answers;
      error = e;
      json = std::move(text);
    });
  }

  int answers = 0;
  storage::SnapshotError error = storage::SnapshotError::none;
  std::string json;
};

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

BOOST_AUTO_TEST_CASE(somebody_who_is_no_member_is_answered_without_a_device_in_memory) {
  HubFixture f;
  for (int i = 1; i <= 5; ++i) f.history.rows(f.device(1)).push_back(f.row(i, -100 + i));
  Outsider outsider(f, recent(f));
  BOOST_TEST(outsider.answers == 0);
  f.run();
  BOOST_REQUIRE(outsider.answers == 1);
  const Json told = Json::parse(outsider.json);
  BOOST_TEST(told.at("deviceUuid").string() == f.text(1));
  BOOST_TEST(cpu_of_history(told) == (std::vector<int>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(told.at("from").string() < told.at("to").string());
  BOOST_TEST(f.subscribed_topics() == 0u);
  BOOST_TEST(f.hub->counters().history_queries == 1u);
}

BOOST_AUTO_TEST_CASE(somebody_who_is_no_member_gets_the_points_of_a_member_live_tail_included) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  std::vector<storage::MetricsRow>& table = f.history.rows(f.device(1));
  for (int i = 1; i <= 3; ++i) table.push_back(f.row(i, -300 + i));
  storage::Snapshot window = f.rows({1});
  window.metrics = table;
  f.answer(window);
  for (int i = 4; i <= 6; ++i) {
    f.advance(seconds(2));
    f.publish_metrics(1, i);
  }
  BOOST_TEST(client.query(recent(f)));
  Outsider outsider(f, recent(f));
  f.run();
  BOOST_TEST(Json::parse(outsider.json).at("data").text() ==
             last_of_type(client.take(), "history-result").at("data").text());
  BOOST_TEST(cpu_of_history(Json::parse(outsider.json)).back() == 6);
}

BOOST_AUTO_TEST_CASE(somebody_who_is_no_member_is_told_of_a_failure_and_of_a_missing_database) {
  HubFixture f;
  f.history.fail_with(storage::SnapshotError::overloaded);
  Outsider failed(f, recent(f));
  f.run();
  BOOST_TEST(failed.answers == 1);
  BOOST_TEST((failed.error == storage::SnapshotError::overloaded));
  BOOST_TEST(f.hub->counters().history_failures == 1u);

  HubFixture none({}, HubFixture::Database::none);
  Outsider empty(none, recent(none));
  none.run();
  BOOST_TEST(empty.answers == 1);
  BOOST_TEST(Json::parse(empty.json).at("data").text() == R"({"cpu":[],"memory":[],"network":[]})");
}

BOOST_AUTO_TEST_SUITE_END()
