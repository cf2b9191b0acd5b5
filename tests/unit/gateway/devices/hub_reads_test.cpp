// When the table is read again, and what an answer may do: page reloads, failures, late rows.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::Notice;
using proto::Channel;
using std::chrono::seconds;
using storage::ReadReason;
using storage::SnapshotError;

BOOST_AUTO_TEST_SUITE(HubReads)

BOOST_AUTO_TEST_CASE(the_newest_row_reaches_those_who_came_while_the_database_was_away) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  f.fail();
  f.advance(seconds(2));
  f.answer(f.rows({1, 2}));
  const auto messages = client.take();
  BOOST_TEST(count_type(messages, "history") == 1);
  BOOST_TEST(count_type(messages, "metrics") == 1);
}

BOOST_AUTO_TEST_CASE(unknown_is_said_by_the_first_read_that_succeeds) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.fail();
  BOOST_TEST(!says(client.take(), "device", "unknown"));
  f.advance(seconds(2));
  f.answer({});
  BOOST_TEST(says(client.take(), "device", "unknown"));
}

BOOST_AUTO_TEST_CASE(what_was_delivered_after_a_failure_is_not_delivered_again) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  f.publish_metrics(1, 4);
  client.take();
  f.fail();
  BOOST_TEST(count_type(client.take(), "history") == 1);
  f.advance(seconds(2));
  f.fail();
  BOOST_TEST(client.take().empty());
}

BOOST_AUTO_TEST_CASE(whoever_subscribes_while_the_database_is_away_is_told_once_and_served_when_it_is_back) {
  HubFixture f;
  TestClient first(f, 1, {Channel::history});
  f.fail();
  TestClient late(f, f.device(1));
  late.subscribe({Channel::history, Channel::metrics});
  for (int i = 0; i < 5; ++i) {
    f.advance(seconds(30));
    while (f.source.outstanding() > 0) f.fail();
  }
  auto messages = late.take();
  BOOST_TEST(count_type(messages, "status") == 1);
  BOOST_TEST(says(messages, "database", "down"));
  f.advance(seconds(30));
  f.answer_all(f.rows({1, 2}));
  messages = late.take();
  BOOST_TEST(says(messages, "database", "up"));
  BOOST_TEST(count_type(messages, "history") == 1);
  BOOST_TEST(count_type(messages, "metrics") == 1);
}

BOOST_AUTO_TEST_CASE(unknown_is_taken_back_by_rows) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer({});
  BOOST_TEST(says(client.take(), "device", "unknown"));
  f.advance(seconds(17));
  f.answer(f.rows({1, 2}, 1));
  BOOST_TEST(says(client.take(), "device", "live"));
}

BOOST_AUTO_TEST_CASE(a_second_look_that_nobody_waited_for_is_made_up_for) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history});
  storage::Snapshot stored = f.rows({1, 2});
  f.answer(stored);
  f.advance(seconds(14));
  client.reset();
  f.advance(seconds(3));
  BOOST_TEST(f.source.outstanding() == 0u);
  TestClient again(f, 1, {Channel::history});
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  stored.metrics.push_back(f.row(3, -5));
  f.answer(stored);
  BOOST_TEST(cpu_of_history(last_of_type(again.take(), "history")) == (std::vector<int>{1, 2, 3}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_answer_that_nobody_waits_for_any_more_is_looked_at_again_too) {
  HubFixture f;
  std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history}).reset();
  f.answer(f.rows({1, 2}));
  TestClient again(f, 1, {Channel::history});
  f.advance(seconds(17));
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  BOOST_TEST((f.source.outstanding_request().reason == ReadReason::second_look));
}

BOOST_AUTO_TEST_CASE(what_was_told_is_taken_back_from_everybody_who_was_told) {
  HubFixture f;
  TestClient stays(f, 1, {Channel::history});
  TestClient pauses(f, 1, {Channel::history});
  f.fail();
  pauses.unsubscribe({Channel::history});
  pauses.take();
  f.advance(seconds(2));
  f.answer({});
  BOOST_TEST(says(pauses.take(), "database", "up"));
  BOOST_TEST(says(stays.take(), "device", "unknown"));
  stays.unsubscribe({Channel::history});
  f.publish_metrics(1, 4);
  BOOST_TEST(says(stays.take(), "device", "live"));
}

BOOST_AUTO_TEST_CASE(whoever_comes_back_to_a_device_whose_database_was_away_learns_that_it_is_back) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.publish_metrics(1, 1);
  f.fail();
  client.unsubscribe({Channel::metrics});
  f.advance(seconds(5));  // the retry falls due while nobody subscribes to anything
  client.subscribe({Channel::metrics});
  f.answer_all(f.rows({1}));
  BOOST_TEST(says(client.take(), "database", "up"));
}

BOOST_AUTO_TEST_CASE(an_event_before_the_last_topic_was_confirmed_is_one_point) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history});
  f.confirm("device:" + f.text(1) + ":metrics");
  f.publish_metrics(1, 7);
  storage::Snapshot stored = f.rows({5, 6});
  stored.metrics.push_back(f.row(7, 0.01));
  f.advance(seconds(3));
  f.confirm_device(1);
  f.answer(stored);
  BOOST_TEST(cpu_of_history(last_of_type(client.take(), "history")) == (std::vector<int>{5, 6, 7}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_first_sample_ever_known_reaches_those_who_were_told_unknown) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  f.advance(seconds(17));
  f.answer_all(f.rows({1}, 10));
  BOOST_TEST(count_type(client.take(), "metrics") == 1);
}

BOOST_AUTO_TEST_CASE(a_value_that_came_live_is_not_sent_again_by_the_snapshot) {
  HubFixture f;
  TestClient client(f, 1, {Channel::processes});
  f.publish_metrics(1, 2, R"(,"top_processes":[1])");
  f.answer(f.rows({1}));
  BOOST_TEST(count_type(client.take(), "processes") == 1);
}

BOOST_AUTO_TEST_CASE(half_a_character_in_an_escape_does_not_cost_the_report) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer({});
  f.advance(seconds(2));
  f.publish_metrics(1, 2, R"(,"top_processes":[{"name":"a\ud83d"}])");
  BOOST_TEST(count_type(client.take(), "history") == 1);
}

BOOST_AUTO_TEST_CASE(a_late_row_never_goes_out_as_metrics) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  f.answer(f.rows({1, 2}));
  f.advance(seconds(8));
  storage::Snapshot late = f.rows({1, 2}, 108);
  late.metrics.push_back(f.row(3, 0));  // its event came before we subscribed
  late.newest_metrics_json = R"({"cpu_usage":3})";
  client.take();
  f.advance(seconds(9));
  f.answer_all(late);
  f.advance(seconds(5));
  BOOST_TEST(count_type(client.take(), "metrics") == 0);
  // It is the latest sample all the same, for whoever comes now.
  TestClient newcomer(f, f.device(1));
  newcomer.subscribe({Channel::metrics});
  BOOST_TEST(last_of_type(newcomer.take(), "metrics").at("data").at("cpu_usage").number() == 3);
}

BOOST_AUTO_TEST_CASE(a_full_queue_is_not_told_as_a_database_that_is_away) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.fail(SnapshotError::overloaded);
  BOOST_TEST(client.take().empty());
  f.advance(seconds(2));
  f.answer(f.rows({1, 2}));
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"history"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_device_whose_read_fails_does_not_make_the_database_come_and_go) {
  HubFixture f;
  f.source.answer_all_with([&](const storage::SnapshotRequest& request) -> storage::SnapshotResult {
    if (request.device == f.device(1)) return {SnapshotError::failed, "one device", nullptr};
    return {SnapshotError::none, {}, std::make_shared<storage::Snapshot>()};
  });
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 1; i <= 20; ++i) {
    clients.push_back(std::make_unique<TestClient>(f, i, std::vector<Channel>{Channel::history}));
    f.run();
  }
  f.advance(seconds(120));
  const auto told = [&](Notice notice) { return std::count(f.notices.begin(), f.notices.end(), notice); };
  BOOST_TEST(told(Notice::database_down) == 0);
  BOOST_TEST(told(Notice::database_up) == 0);
  BOOST_TEST(told(Notice::read_failed) >= 3);
  BOOST_TEST(f.hub->database_up());
}

BOOST_AUTO_TEST_SUITE_END()
