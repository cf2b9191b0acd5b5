// The life of devices: acknowledgements, snapshots, outages, timers, limits. No network, a manual clock.
#include <boost/test/unit_test.hpp>

#include <map>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;

BOOST_AUTO_TEST_SUITE(Hub)

BOOST_AUTO_TEST_CASE(acknowledges_only_after_every_topic_is_confirmed) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  f.confirm("device:" + f.text(1) + ":metrics");
  f.confirm("device:" + f.text(1) + ":state");
  BOOST_TEST(client.take().empty());
  f.confirm("device:" + f.text(1) + ":broadcast");
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_event_between_two_confirmations_comes_once_with_the_first_value) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  f.confirm("device:" + f.text(1) + ":metrics");
  f.publish_metrics(1, 51);
  BOOST_TEST(client.take().empty());
  f.confirm_device(1);
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed", "metrics"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_row_that_may_belong_to_an_event_on_its_way_is_not_sent_as_metrics) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  storage::Snapshot snapshot = f.rows({1, 2});
  snapshot.metrics.push_back(f.row(3, 0.5));
  snapshot.newest_metrics_json = R"({"cpu_usage":3})";
  f.answer(snapshot);
  // The one before it is certainly older than everything that is still to come.
  BOOST_TEST(last_of_type(client.take(), "metrics").at("data").at("cpu_usage").number() == 2);
  // Had there been an event, it would have come by now.
  f.advance(std::chrono::seconds(1));
  BOOST_TEST(last_of_type(client.take(), "metrics").at("data").at("cpu_usage").number() == 3);
}

BOOST_AUTO_TEST_CASE(a_held_row_is_dropped_when_an_event_comes) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  storage::Snapshot snapshot;
  snapshot.metrics.push_back(f.row(3, 0.5));
  snapshot.newest_metrics_json = R"({"cpu_usage":3})";
  f.answer(snapshot);
  client.take();
  f.publish_metrics(1, 3);
  f.advance(std::chrono::seconds(2));
  BOOST_TEST(count_type(client.take(), "metrics") == 1);
}

BOOST_AUTO_TEST_CASE(asks_for_the_snapshot_at_the_first_subscribe_and_only_once) {
  HubFixture f;
  TestClient a(f, f.device(1)), b(f, f.device(1));
  f.confirm_device(1);
  BOOST_TEST(f.source.requests().empty());
  a.subscribe({Channel::history});
  b.subscribe({Channel::history, Channel::system_info});
  BOOST_REQUIRE_EQUAL(f.source.requests().size(), 1u);
  f.answer(f.rows({1, 2}));
  BOOST_TEST(a.take_types() == (std::vector<std::string>{"subscribed", "history"}), boost::test_tools::per_element());
  BOOST_TEST(b.take_types() == (std::vector<std::string>{"subscribed", "subscribed", "history"}),
             boost::test_tools::per_element());
  TestClient late(f, f.device(1));
  late.subscribe({Channel::history});
  BOOST_TEST(late.take_types() == (std::vector<std::string>{"subscribed", "history"}),
             boost::test_tools::per_element());
  BOOST_TEST(f.source.requests().size() == 1u);
}

BOOST_AUTO_TEST_CASE(live_values_do_not_wait_for_the_database) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  f.publish_metrics(1, 7);
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"metrics"}), boost::test_tools::per_element());
  f.answer(f.rows({1, 2}));
  // The window holds rows and event; the row-based sample is not sent, since a newer one has been.
  const auto messages = client.take();
  BOOST_REQUIRE_EQUAL(messages.size(), 1u);
  BOOST_TEST(cpu_of_history(messages[0]) == (std::vector<int>{1, 2, 7}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_newest_row_is_the_first_sample_of_metrics_where_no_event_has_come) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer(f.rows({1, 2}));
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"metrics"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(nothing_known_is_said_as_unknown_and_taken_back_by_the_first_event) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"status"}), boost::test_tools::per_element());
  f.publish_metrics(1, 1);
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"metrics", "status"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(subscribing_again_acknowledges_and_delivers_again) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  f.publish_metrics(1, 1);
  client.take();
  client.subscribe({Channel::metrics});
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed", "metrics"}),
             boost::test_tools::per_element());
  f.publish_metrics(1, 2);
  BOOST_TEST(client.take().size() == 1u);  // not twice
}

BOOST_AUTO_TEST_CASE(history_is_sent_at_most_once_per_interval_and_never_loses_the_last_point) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer({});
  client.take();
  f.advance(std::chrono::seconds(2));
  for (int i = 1; i <= 5; ++i) f.publish_metrics(1, i);
  BOOST_TEST(count_type(client.take(), "history") == 1);
  f.advance(std::chrono::milliseconds(1'000));
  const auto messages = client.take();
  BOOST_REQUIRE_EQUAL(messages.size(), 1u);
  BOOST_TEST(cpu_of_history(messages[0]).back() == 5);
}

BOOST_AUTO_TEST_CASE(a_report_published_twice_is_one_point_of_history_and_two_messages_of_metrics) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history, Channel::metrics});
  f.answer({});
  client.take();
  f.advance(std::chrono::seconds(2));
  f.publish_metrics(1, 5);
  f.publish_metrics(1, 5);
  f.advance(std::chrono::seconds(2));
  const auto messages = client.take();
  BOOST_TEST(count_type(messages, "metrics") == 2);
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).size() == 1u);
  BOOST_TEST(f.hub->counters().doubled == 1u);
}

BOOST_AUTO_TEST_CASE(the_latest_value_is_sent_again_after_the_refresh_interval_by_one_timer_for_all) {
  HubFixture f;
  TestClient a(f, 1, {Channel::system_info});
  storage::Snapshot snapshot;
  snapshot.state.emplace();
  snapshot.state->system.json[0] = "\"linux\"";
  f.answer(snapshot);
  a.take();
  f.advance(std::chrono::seconds(20));
  TestClient b(f, f.device(1));
  b.subscribe({Channel::system_info});
  BOOST_TEST(b.take_types() == (std::vector<std::string>{"subscribed", "system-info"}),
             boost::test_tools::per_element());
  BOOST_TEST(a.take().empty());
  f.advance(std::chrono::seconds(10));  // thirty since the last fan-out; the newcomer has not reset that
  BOOST_TEST(a.take_types() == (std::vector<std::string>{"system-info"}), boost::test_tools::per_element());
  BOOST_TEST(b.take_types() == (std::vector<std::string>{"system-info"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(unchanged_processes_are_not_sent_again_before_their_refresh) {
  HubFixture f;
  TestClient client(f, 1, {Channel::processes});
  f.answer({});
  client.take();
  f.publish_metrics(1, 1, R"(,"top_processes":[{"pid":1}])");
  f.publish_metrics(1, 2, R"(,"top_processes":[{"pid":1}])");
  f.publish_metrics(1, 3, R"(,"top_processes":[{"pid":2}])");
  BOOST_TEST(count_type(client.take(), "processes") == 2);
}

BOOST_AUTO_TEST_CASE(bus_loss_is_told_and_its_return_brings_status_history_and_gap) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  storage::Snapshot repaired = f.rows({1});
  f.answer(repaired);
  f.publish_metrics(1, 2);
  f.advance(std::chrono::seconds(2));
  client.take();
  f.bus_down();
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"status"}), boost::test_tools::per_element());
  f.advance(std::chrono::seconds(5));
  f.bus_up();
  f.confirm_device(1);
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"status"}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  BOOST_TEST((f.source.outstanding_request().reason == storage::ReadReason::repair));
  repaired.metrics.push_back(f.row(2, -6));
  repaired.metrics.push_back(f.row(3, -3));
  f.answer(repaired);
  auto messages = client.take();
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")) == (std::vector<int>{1, 2, 3}),
             boost::test_tools::per_element());
  f.advance(std::chrono::seconds(20));  // no row is found of what came before: nothing says that all are stored
  messages = client.take();
  BOOST_TEST(count_type(messages, "metrics") == 0);
  BOOST_TEST(last_of_type(messages, "gap").at("data").at("channels").text() == R"(["metrics"])");
}

BOOST_AUTO_TEST_CASE(a_subscription_while_the_bus_is_away_is_acknowledged_at_once_and_told_so) {
  HubFixture f;
  f.bus_down();
  TestClient client(f, f.device(1));
  client.subscribe({Channel::history});
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"subscribed", "status"}),
             boost::test_tools::per_element());
  f.answer(f.rows({1, 2}));
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"history"}), boost::test_tools::per_element());
  f.advance(std::chrono::seconds(17));
  f.answer_all({});  // the second look
  f.advance(std::chrono::seconds(14));
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);  // the database in the bus's stead
  BOOST_TEST((f.source.outstanding_request().reason == storage::ReadReason::refresh));
}

BOOST_AUTO_TEST_CASE(a_pending_acknowledgement_is_given_when_the_bus_is_lost) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  BOOST_TEST(client.take().empty());
  f.bus_down();
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"status", "subscribed"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_failed_read_is_told_serves_memory_and_is_repeated_with_backoff) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.publish_metrics(1, 4);
  f.fail();
  auto messages = client.take();
  BOOST_TEST(count_type(messages, "status") == 1);
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")) == (std::vector<int>{4}),
             boost::test_tools::per_element());
  f.advance(std::chrono::seconds(2));
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  f.answer(f.rows({1, 2}));
  messages = client.take();
  BOOST_TEST(last_of_type(messages, "status").at("data").at("database").string() == "up");
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")) == (std::vector<int>{1, 2, 4}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_device_lingers_and_is_then_unsubscribed) {
  HubFixture f;
  {
    TestClient client(f, f.device(1));
    f.confirm_device(1);
  }
  f.advance(std::chrono::seconds(29));
  BOOST_TEST(f.subscribed_topics() == 3u);
  f.advance(std::chrono::seconds(2));
  BOOST_TEST(f.subscribed_topics() == 0u);
  f.hub->on_event("device:" + f.text(1) + ":metrics", "{}");
  BOOST_TEST(f.hub->counters().dropped[static_cast<std::size_t>(EventDrop::no_device)] == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_for_a_device_that_is_gone_or_born_again_is_ignored) {
  HubFixture f;
  {
    TestClient client(f, f.device(1));
    f.confirm_device(1);
    client.subscribe({Channel::history});
  }
  f.advance(std::chrono::seconds(31));
  TestClient again(f, f.device(1));
  again.subscribe({Channel::history});
  f.confirm_device(1);
  again.take();
  f.answer(f.rows({9}));  // of the first life
  BOOST_TEST(again.take().empty());
  f.answer(f.rows({1}));
  BOOST_TEST(cpu_of_history(last_of_type(again.take(), "history")) == (std::vector<int>{1}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(more_devices_than_allowed_are_refused) {
  devices::DeviceConfig config;
  config.max_devices = 1;
  HubFixture f(config);
  TestClient one(f, f.device(1));
  TestClient two(f, f.device(2));
  BOOST_TEST(one.joined());
  BOOST_TEST(!two.joined());
}

BOOST_AUTO_TEST_CASE(repairs_are_spread_over_the_repair_rate) {
  devices::DeviceConfig config;
  config.repair_rate = 10;
  HubFixture f(config);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 1; i <= 30; ++i) {
    clients.push_back(std::make_unique<TestClient>(f, f.device(i)));
    f.confirm_device(i);
    clients.back()->subscribe({Channel::history});
    f.source.answer({});
  }
  f.run();
  f.bus_down();
  f.bus_up();
  for (int i = 1; i <= 30; ++i) f.confirm_device(i);
  std::size_t done = f.source.outstanding();
  BOOST_TEST(done <= 2u);
  for (int step = 0; step < 20; ++step) {
    f.answer_all({});
    f.advance(std::chrono::milliseconds(100));
    done += f.source.outstanding();
  }
  BOOST_TEST(done >= 19u);
  BOOST_TEST(done <= 23u);
}

BOOST_AUTO_TEST_CASE(a_broadcast_goes_to_members_without_any_subscription) {
  HubFixture f;
  TestClient client(f, f.device(1));
  f.confirm_device(1);
  f.publish("device:" + f.text(1) + ":broadcast", R"({"type":"hello"})");
  BOOST_TEST(client.take_types() == (std::vector<std::string>{"hello"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(without_a_database_subscribers_are_served_from_memory) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient first(f, f.device(1));
  f.confirm_device(1);
  first.subscribe({Channel::metrics, Channel::history});
  BOOST_TEST(first.take_types() == (std::vector<std::string>{"subscribed", "subscribed", "status"}),
             boost::test_tools::per_element());
  f.publish_metrics(1, 3);
  TestClient second(f, f.device(1));
  second.subscribe({Channel::metrics, Channel::history});
  BOOST_TEST(second.take_types() == (std::vector<std::string>{"subscribed", "subscribed", "metrics", "history"}),
             boost::test_tools::per_element());
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  BOOST_TEST(last_of_type(second.take(), "gap").at("data").at("channels").text() == R"(["metrics","history"])");
}

BOOST_AUTO_TEST_CASE(what_was_seen_last_belongs_to_the_channels_of_its_command) {
  HubFixture f;
  TestClient client(f, f.device(1));
  const proto::Since since = f.clock.now().wall - std::chrono::hours(1);
  client.subscribe({Channel::metrics}, {since, {}});
  client.subscribe({Channel::history, Channel::processes});
  f.confirm_device(1);
  f.answer({});
  f.advance(std::chrono::seconds(20));
  std::map<std::string, bool> asked;
  for (const Json& ack : only(client.take(), "subscribed")) asked[ack.at("channel").string()] = ack.has("resumed");
  BOOST_TEST(asked["metrics"]);
  BOOST_TEST((asked.count("history") == 1 && !asked["history"]));
  BOOST_TEST((asked.count("processes") == 1 && !asked["processes"]));
}

BOOST_AUTO_TEST_SUITE_END()
