// The forms in which a client may have `history`: shared, moved, bounded, appended, grown and shrunk.
#include <boost/test/unit_test.hpp>

#include "history_client.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::milliseconds;
using std::chrono::seconds;

BOOST_AUTO_TEST_SUITE(HistoryViews)

BOOST_AUTO_TEST_CASE(every_message_says_its_mode_and_where_the_client_stands) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer(f.rows({1, 2}));
  const Json message = client.take().at(0);
  BOOST_TEST(message.at("mode").string() == "replace");
  const auto cursor = proto::parse_cursor(message.at("cursor").string());
  BOOST_REQUIRE(cursor.has_value());
  BOOST_TEST((cursor->time == f.clock.now().wall - seconds(100)));
  BOOST_TEST(cursor->digest == proto::sample_digest(f.row(2, 0).values));
  BOOST_TEST(cursor->ordinal() == 0u);
}

BOOST_AUTO_TEST_CASE(equal_wishes_share_one_view_and_one_frame) {
  HubFixture f;
  TestClient first(f, 1, {});
  TestClient second(f, f.device(1)), other(f, f.device(1));
  first.subscribe({Channel::history}, points(5));
  second.subscribe({Channel::history}, points(5));
  other.subscribe({Channel::history}, points(6));
  f.answer_all(f.rows({1, 2, 3, 4, 5, 6, 7}));
  f.publish_metrics(1, 8);
  f.advance(seconds(1));
  BOOST_TEST(cpu_of_last(first) == (std::vector<int>{4, 5, 6, 7, 8}), boost::test_tools::per_element());
  BOOST_TEST(cpu_of_last(other) == (std::vector<int>{3, 4, 5, 6, 7, 8}), boost::test_tools::per_element());
  BOOST_TEST(&*first.last_frame() == &*second.last_frame());
  BOOST_TEST(&*first.last_frame() != &*other.last_frame());
}

BOOST_AUTO_TEST_CASE(what_is_said_of_other_channels_changes_nothing) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(3));
  f.answer(f.rows({1, 2, 3, 4}));
  client.take();
  client.subscribe({Channel::metrics}, points(7));
  f.advance(seconds(1));
  f.publish_metrics(1, 5);
  BOOST_TEST(cpu_of_last(client) == (std::vector<int>{5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(subscribing_again_in_another_form_moves_the_client) {
  HubFixture f;
  TestClient client(f, 1, {});
  TestClient plain(f, f.device(1));
  client.subscribe({Channel::history}, append(2));
  plain.subscribe({Channel::history});
  f.answer_all(f.rows({1, 2, 3}));
  client.take();
  client.subscribe({Channel::history}, points(2));
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed", "history"}),
             boost::test_tools::per_element());
  f.advance(seconds(1));
  f.publish_metrics(1, 4);
  BOOST_TEST(cpu_of_last(client) == (std::vector<int>{3, 4}), boost::test_tools::per_element());
  client.subscribe({Channel::history});
  f.advance(seconds(1));
  f.publish_metrics(1, 5);
  BOOST_TEST(&*client.last_frame() == &*plain.last_frame());
  BOOST_TEST(f.hub->counters().subscriptions[index(Channel::history)] == 2u);
  client.unsubscribe({Channel::history});
  client.take();
  f.advance(seconds(1));
  f.publish_metrics(1, 6);
  BOOST_TEST(client.take().empty());
  BOOST_TEST(f.hub->counters().subscriptions[index(Channel::history)] == 1u);
}

BOOST_AUTO_TEST_CASE(who_leaves_a_view_gets_nothing_more_of_it_and_the_others_do) {
  HubFixture f;
  auto leaving = std::make_unique<TestClient>(f, 1, std::vector<Channel>{});
  TestClient staying(f, f.device(1)), unsubscribed(f, f.device(1));
  for (TestClient* client : {leaving.get(), &staying, &unsubscribed}) client->subscribe({Channel::history}, append(4));
  f.answer_all(f.rows({1, 2}));
  leaving.reset();
  unsubscribed.unsubscribe({Channel::history});
  unsubscribed.take();
  f.advance(seconds(1));
  f.publish_metrics(1, 3);
  BOOST_TEST(cpu_of_last(staying) == (std::vector<int>{3}), boost::test_tools::per_element());
  BOOST_TEST(unsubscribed.take().empty());
}

BOOST_AUTO_TEST_CASE(a_device_has_as_many_other_forms_as_it_may_and_who_wants_one_more_is_told) {
  HubFixture f;
  TestClient first(f, 1, {});
  first.subscribe({Channel::history}, points(1));
  f.answer_all(f.rows({1, 2, 3}));
  std::vector<std::unique_ptr<TestClient>> others;
  for (std::size_t i = 2; i <= devices::HistoryViews::kMaxViews; ++i) {
    others.push_back(std::make_unique<TestClient>(f, f.device(1)));
    others.back()->subscribe({Channel::history}, points(i));
    BOOST_TEST(count_type(others.back()->take(), "error") == 0);
  }
  TestClient late(f, f.device(1));
  late.subscribe({Channel::history}, append(20));
  const auto told = late.take();
  BOOST_TEST(last_of_type(told, "error").at("data").at("code").string() == "bad-history");
  // It gets the default form, or stays where it was.
  BOOST_TEST(cpu_of_history(last_of_type(told, "history")) == (std::vector<int>{1, 2, 3}),
             boost::test_tools::per_element());
  others[0]->subscribe({Channel::history}, append(20));
  others[0]->subscribe({Channel::history}, points(1));  // one has become free, and is there
  first.subscribe({Channel::history}, append(21));
  first.subscribe({Channel::history}, append(22));
  BOOST_TEST(count_type(first.take(), "error") == 0);
  late.subscribe({Channel::history}, points(5));  // one of the others'
  f.advance(seconds(1));
  f.publish_metrics(1, 4);
  BOOST_TEST(cpu_of_last(late) == (std::vector<int>{1, 2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(appending_sends_the_window_once_and_then_what_is_new_batched) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(3));
  f.answer(f.rows({1, 2, 3, 4}));
  Json message = last_of_type(client.take(), "history");
  BOOST_TEST(message.at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(message) == (std::vector<int>{2, 3, 4}), boost::test_tools::per_element());
  f.advance(seconds(1));
  f.publish_metrics(1, 5);
  f.advance(milliseconds(300));
  f.publish_metrics(1, 6);
  f.advance(milliseconds(300));
  f.publish_metrics(1, 7);
  f.advance(milliseconds(400));
  const auto messages = only(client.take(), "history");
  BOOST_REQUIRE(messages.size() == 2u);
  BOOST_TEST(messages[0].at("mode").string() == "append");
  BOOST_TEST(cpu_of_history(messages[0]) == (std::vector<int>{5}), boost::test_tools::per_element());
  BOOST_TEST(cpu_of_history(messages[1]) == (std::vector<int>{6, 7}), boost::test_tools::per_element());
  BOOST_TEST(
      (proto::parse_cursor(messages[1].at("cursor").string())->digest == proto::sample_digest(f.row(7, 0).values)));
  // Never by a timer.
  f.advance(seconds(200));
  BOOST_TEST(only(client.take(), "history").empty());
}

BOOST_AUTO_TEST_CASE(the_whole_window_in_another_length_is_sent_again_after_silence) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, points(3));
  f.answer(f.rows({1, 2, 3, 4}));
  f.advance(seconds(20));
  f.answer_all(f.rows({1, 2, 3, 4}, 120));  // the second look
  client.take();
  f.advance(seconds(11));
  BOOST_TEST(cpu_of_last(client) == (std::vector<int>{2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_window_of_many_points_is_sent_less_often_than_a_small_one) {
  HubFixture f;
  TestClient large(f, 1, {});
  TestClient small(f, f.device(1));
  large.subscribe({Channel::history}, points(2'000));
  small.subscribe({Channel::history}, points(10));
  storage::Snapshot table;
  for (int i = 1; i <= 2'000; ++i) table.metrics.push_back(f.row(i % 100, -2'100 + i));
  f.answer_all(table);
  large.take();
  small.take();
  for (int i = 0; i < 40; ++i) {
    f.advance(milliseconds(500));
    f.publish_metrics(1, i);
  }
  BOOST_TEST(count_type(small.take(), "history") >= 19);
  const auto messages = large.take();
  BOOST_TEST(messages.size() >= 4u);
  BOOST_TEST(messages.size() <= 8u);
  BOOST_TEST(cpu_of_history(messages.back()).size() == 2'000u);
}

BOOST_AUTO_TEST_CASE(a_newcomer_gets_the_window_and_the_others_what_they_lack_of_it) {
  HubFixture f;
  TestClient first(f, 1, {});
  first.subscribe({Channel::history}, append(3));
  f.answer(f.rows({1, 2}));
  f.publish_metrics(1, 3);
  first.take();
  f.publish_metrics(1, 4);
  TestClient second(f, f.device(1));
  second.subscribe({Channel::history}, append(3));
  BOOST_TEST(cpu_of_last(second) == (std::vector<int>{2, 3, 4}), boost::test_tools::per_element());
  f.advance(seconds(1));
  f.publish_metrics(1, 5);
  const auto messages = first.take();
  BOOST_REQUIRE(messages.size() >= 2u);
  BOOST_TEST(cpu_of_history(messages.back()) == (std::vector<int>{5}), boost::test_tools::per_element());
  BOOST_TEST(cpu_of_last(second) == (std::vector<int>{5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_late_row_among_points_that_were_sent_sends_the_window_again) {
  HubFixture f;
  TestClient client(f, 1, {});
  TestClient two(f, f.device(1));
  client.subscribe({Channel::history}, append(30));
  two.subscribe({Channel::history}, append(2));
  f.answer(f.rows({1, 2}, 30));
  f.advance(seconds(2));
  f.publish_metrics(1, 4);
  f.advance(seconds(2));
  f.publish_metrics(1, 5);
  client.take();
  two.take();
  // 3 was published before we subscribed, and written 10 s later.
  storage::Snapshot look = f.rows({1, 2}, 34);
  look.metrics.push_back(f.row(3, -4.5));
  f.advance(seconds(20));
  look.metrics.push_back(f.row(4, -20));
  look.metrics.push_back(f.row(5, -19));
  f.answer(look);
  const auto messages = only(client.take(), "history");
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(messages[0]) == (std::vector<int>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
  // Of what this one shows nothing has changed.
  BOOST_TEST(only(two.take(), "history").empty());
}

BOOST_AUTO_TEST_CASE(rows_that_come_at_the_end_are_appended) {
  devices::DeviceConfig config;
  config.reread = milliseconds(0);
  HubFixture f(config);
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(5));
  f.answer(f.rows({1, 2}, 10));
  client.take();
  f.bus_down();
  f.advance(seconds(31));
  storage::Snapshot rows = f.rows({1, 2}, 41);
  rows.metrics.push_back(f.row(3, -5));
  f.answer_all(rows);
  const Json message = last_of_type(client.take(), "history");
  BOOST_TEST(message.at("mode").string() == "append");
  BOOST_TEST(cpu_of_history(message) == (std::vector<int>{3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(more_points_than_were_read_are_read_once_and_kept_by_events) {
  HubFixture f;
  TestClient plain(f, 1, {Channel::history});
  storage::Snapshot table;
  for (int i = 1; i <= 50; ++i) table.metrics.push_back(f.row(i, -200 + i));
  f.answer(table);
  plain.take();
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history}, points(40));
  BOOST_TEST(count_type(client.take(), "history") == 0);  // a chart that is cut off would only flash
  BOOST_TEST(f.source.outstanding_request().points == 40u);
  f.answer(table);
  const auto messages = client.take();
  BOOST_TEST(count_type(messages, "history") == 1);
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).front() == 11);
  BOOST_TEST(plain.take().empty());  // nothing has changed for those
  const std::size_t reads = f.source.requests().size();
  for (int i = 51; i <= 60; ++i) {
    f.advance(seconds(1));
    f.publish_metrics(1, i);
  }
  const auto cpu = cpu_of_last(client);
  BOOST_TEST(cpu.size() == 40u);
  BOOST_TEST(cpu.back() == 60);
  BOOST_TEST(cpu_of_last(plain).size() == 30u);
  BOOST_TEST(f.source.requests().size() == reads);
  BOOST_TEST(f.history.ranges().empty());
}

BOOST_AUTO_TEST_CASE(the_first_read_is_large_enough_for_those_who_wait_for_it) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, points(100));
  BOOST_TEST(f.source.requests().size() == 1u);
  BOOST_TEST(f.source.outstanding_request().points == 100u);
  f.answer(f.rows({1, 2, 3}));
  BOOST_TEST(cpu_of_last(client).size() == 3u);
  // The table has no more, so nobody waits for it again.
  TestClient second(f, f.device(1));
  second.subscribe({Channel::history}, points(200));
  BOOST_TEST(cpu_of_last(second).size() == 3u);
  BOOST_TEST(f.source.outstanding() == 0u);
}

BOOST_AUTO_TEST_CASE(a_read_on_its_way_that_is_too_small_is_followed_by_one_that_is_not) {
  HubFixture f;
  TestClient plain(f, 1, {Channel::history});
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history}, points(40));
  storage::Snapshot table;
  for (int i = 1; i <= 50; ++i) table.metrics.push_back(f.row(i, -200 + i));
  f.answer(table);
  BOOST_TEST(cpu_of_last(plain).size() == 30u);
  BOOST_TEST(count_type(client.take(), "history") == 0);
  f.answer(table);
  BOOST_TEST(cpu_of_last(client).size() == 40u);
}

BOOST_AUTO_TEST_CASE(a_read_that_fails_leaves_what_is_there_and_the_next_one_completes_it) {
  HubFixture f;
  TestClient plain(f, 1, {Channel::history});
  storage::Snapshot table;
  for (int i = 1; i <= 50; ++i) table.metrics.push_back(f.row(i, -200 + i));
  f.answer(table);
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history}, append(40));
  f.fail();
  const auto messages = client.take();
  BOOST_TEST(says(messages, "database", "down"));
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).size() == 30u);
  f.advance(seconds(2));
  f.answer_all(table);
  const auto after = client.take();
  BOOST_TEST(says(after, "database", "up"));
  BOOST_TEST(last_of_type(after, "history").at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(last_of_type(after, "history")).size() == 40u);
}

BOOST_AUTO_TEST_CASE(the_window_shrinks_some_time_after_those_who_wanted_more_have_left) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient plain(f, 1, {Channel::history});
  auto client = std::make_unique<TestClient>(f, f.device(1));
  client->subscribe({Channel::history}, points(40));
  for (int i = 1; i <= 50; ++i) {
    f.advance(seconds(1));
    f.publish_metrics(1, i);
  }
  BOOST_TEST(cpu_of_last(*client).size() == 40u);
  client.reset();
  f.advance(seconds(20));
  // A reload.
  client = std::make_unique<TestClient>(f, f.device(1));
  client->subscribe({Channel::history}, points(40));
  BOOST_TEST(cpu_of_last(*client).size() == 40u);
  client.reset();
  f.advance(seconds(31));
  client = std::make_unique<TestClient>(f, f.device(1));
  client->subscribe({Channel::history}, points(40));
  BOOST_TEST(cpu_of_last(*client).size() == 30u);
}

BOOST_AUTO_TEST_CASE(without_a_database_memory_is_all_there_is) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(40));
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed", "status"}),
             boost::test_tools::per_element());
  f.publish_metrics(1, 1);
  const Json message = last_of_type(client.take(), "history");
  BOOST_TEST(message.at("mode").string() == "replace");
  f.advance(seconds(1));
  f.publish_metrics(1, 2);
  BOOST_TEST(last_of_type(client.take(), "history").at("mode").string() == "append");
}

BOOST_AUTO_TEST_CASE(a_wish_waits_for_the_bus_with_its_subscription) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history}, append(2));
  f.confirm_device(1);
  f.answer(f.rows({1, 2, 3}));
  BOOST_TEST(cpu_of_last(client) == (std::vector<int>{2, 3}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(after_an_outage_of_the_bus_an_appending_client_gets_what_was_missed) {
  HubFixture f;
  TestClient client(f, 1, {});
  client.subscribe({Channel::history}, append(5));
  f.answer(f.rows({1, 2}, 10));
  f.publish_metrics(1, 3);
  client.take();
  f.advance(seconds(2));
  storage::Snapshot rows = f.rows({1, 2, 3}, 2);
  f.interrupt_bus(1);
  rows.metrics.push_back(f.row(4, -1));
  f.advance(seconds(1));
  f.publish_metrics(1, 5);
  client.take();
  f.answer_all(rows);
  const Json message = last_of_type(client.take(), "history");
  BOOST_TEST(message.at("mode").string() == "replace");  // 4 stands before 5, which was sent
  BOOST_TEST(cpu_of_history(message) == (std::vector<int>{1, 2, 3, 4, 5}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_slow_client_that_appends_gets_its_window_again) {
  HubFixture f;
  TestClient slow(f, 1, {});
  TestClient other(f, f.device(1)), plain(f, f.device(1));
  for (TestClient* client : {&slow, &other}) client->subscribe({Channel::history}, append(4));
  plain.subscribe({Channel::history});
  f.answer_all(f.rows({1, 2, 3}));
  f.advance(seconds(1));
  f.publish_metrics(1, 4);
  for (TestClient* client : {&slow, &other, &plain}) client->take();
  f.publish_metrics(1, 5);  // not due yet
  BOOST_TEST(slow.restore_history());
  const auto messages = slow.take();
  BOOST_REQUIRE(messages.size() == 1u);
  BOOST_TEST(messages[0].at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(messages[0]) == (std::vector<int>{2, 3, 4, 5}), boost::test_tools::per_element());
  BOOST_TEST(cpu_of_last(other) == (std::vector<int>{5}), boost::test_tools::per_element());
  BOOST_TEST(plain.restore_history());
  BOOST_TEST(plain.take().empty());
}

BOOST_AUTO_TEST_SUITE_END()
