// When the table is read again, and what an answer may do: page reloads, outages and failures that overtake each other.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::Notice;
using proto::Channel;
using std::chrono::seconds;
using storage::ReadReason;
using storage::SnapshotError;

namespace {

bool says(const std::vector<Json>& messages, const std::string& member, const std::string& value) {
  for (const Json& message : messages) {
    if (message.type() != "status") continue;
    const Json data = message.at("data");
    if (data.has(member) && data.at(member).string() == value) return true;
  }
  return false;
}

void publish_state(HubFixture& f, const std::string& hostname, const std::string& processes) {
  std::string time;
  proto::append_iso8601(time, f.clock.now().wall);
  f.publish("device:" + f.text(1) + ":state", R"({"state":{"hostname":")" + hostname + R"(","top_processes":)" +
                                                  processes + R"(},"timestamp":")" + time + R"("})");
}

storage::Snapshot state_row(const HubFixture& f, const std::string& value, const std::string& processes) {
  storage::Snapshot snapshot;
  snapshot.state.emplace();
  snapshot.state->recorded_at = f.clock.now().wall;
  for (std::string& json : snapshot.state->system.json) json = '"' + value + '"';
  snapshot.state->top_processes = processes;
  return snapshot;
}

}  // namespace

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

BOOST_AUTO_TEST_CASE(a_failed_repair_is_made_up_for_when_somebody_comes_back) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history});
  f.answer(f.rows({1}));
  f.advance(seconds(17));
  f.answer_all(f.rows({1}, 117));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  f.fail();
  client.reset();
  f.advance(seconds(3));
  TestClient again(f, 1, {Channel::history});
  BOOST_TEST(f.source.outstanding() == 1u);
}

BOOST_AUTO_TEST_CASE(an_answer_from_before_a_gap_does_not_count_as_a_look_after_it) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history, Channel::metrics});
  f.answer(f.rows({1}));
  f.advance(seconds(17));  // the second look is in flight
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  const storage::Snapshot seen_before = f.rows({1}, 117);
  client.reset();
  f.bus_down();
  f.advance(seconds(1));
  f.bus_up();
  f.confirm_device(1);
  TestClient again(f, 1, {Channel::history, Channel::metrics});
  f.answer(seen_before);
  BOOST_TEST(again.take().empty());
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  f.answer(f.rows({1, 5}, 3));
  const auto messages = again.take();
  BOOST_TEST(count_type(messages, "metrics") == 1);
  BOOST_TEST(cpu_of_history(last_of_type(messages, "history")).back() == 5);
}

BOOST_AUTO_TEST_CASE(a_read_in_the_bus_s_stead_that_outlives_the_outage_and_its_clients_is_not_trusted) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history});
  f.answer(f.rows({1}));
  f.advance(seconds(17));
  f.answer_all(f.rows({1}, 117));
  f.bus_down();
  f.advance(seconds(31));
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  const storage::Snapshot seen_before = f.rows({1}, 148);
  client.reset();
  f.bus_up();
  f.confirm_device(1);
  f.answer(seen_before);
  TestClient again(f, 1, {Channel::history});
  BOOST_TEST(again.take().empty());
  BOOST_TEST(f.source.outstanding() == 1u);
}

BOOST_AUTO_TEST_CASE(a_wanted_repair_is_not_replaced_by_a_lesser_read) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer(f.rows({1}));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);  // the first repair is in flight
  f.bus_down();
  f.advance(seconds(10));
  f.bus_up();
  f.confirm_device(1);     // the second one is wanted
  f.advance(seconds(10));  // so is the second look of the first read
  f.answer(f.rows({1}));
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  BOOST_TEST((f.source.outstanding_request().reason == ReadReason::repair));
}

BOOST_AUTO_TEST_CASE(a_read_that_a_client_waits_for_goes_before_paced_ones) {
  devices::DeviceConfig config;
  config.repair_rate = 10;
  HubFixture f(config);
  std::vector<std::unique_ptr<TestClient>> clients;
  for (int i = 1; i <= 100; ++i) {
    clients.push_back(std::make_unique<TestClient>(f, i, std::vector<Channel>{Channel::history}));
    f.answer(f.rows({1}));
  }
  clients.push_back(std::make_unique<TestClient>(f, 101, std::vector<Channel>{Channel::history}));
  f.fail();
  f.bus_down();
  f.bus_up();
  for (int i = 1; i <= 101; ++i) f.confirm_device(i);
  clients.back()->take();
  f.answer_all(f.rows({1}));
  BOOST_TEST(count_type(clients.back()->take(), "history") == 1);
}

BOOST_AUTO_TEST_CASE(a_second_look_follows_whatever_read_succeeds_after_a_failed_repair) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  storage::Snapshot stored = f.rows({1}, 1);
  f.answer(stored);
  f.advance(seconds(14));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  f.advance(seconds(2));  // the repair is in flight, and the second look of the first read falls due
  f.fail();
  f.answer(stored);
  stored.metrics.push_back(f.row(2, 8));  // published in the gap, written late
  f.advance(seconds(17));
  f.answer_all(stored);
  BOOST_TEST(cpu_of_history(last_of_type(client.take(), "history")) == (std::vector<int>{1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_newcomer_who_is_served_by_a_lesser_read_gets_its_second_look) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history});
  storage::Snapshot stored = f.rows({1}, 1);
  f.answer(stored);
  f.advance(seconds(14));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  f.advance(seconds(2));  // the repair is in flight, a second look is wanted
  client.reset();
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  f.answer(stored);
  TestClient again(f, 1, {Channel::history});
  f.answer_all(stored);
  stored.metrics.push_back(f.row(2, 8));
  f.advance(seconds(17));
  f.answer_all(stored);
  BOOST_TEST(cpu_of_history(last_of_type(again.take(), "history")) == (std::vector<int>{1, 2}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_bus_that_comes_and_goes_lets_the_table_stand_in_and_is_told_once) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer(f.rows({1}));
  f.advance(seconds(17));
  f.answer_all(f.rows({1}, 117));
  f.bus_down();
  int reads = 0;
  for (int i = 0; i < 30; ++i) {
    f.advance(seconds(20));
    reads += static_cast<int>(f.source.outstanding());
    f.answer_all(f.rows({1}));
    f.bus_up();
    f.bus_down();  // cut before the topics were confirmed
  }
  BOOST_TEST(reads >= 15);
  BOOST_TEST(count_type(client.take(), "status") == 1);
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

BOOST_AUTO_TEST_CASE(one_status_answers_the_five_commands_of_an_older_dashboard) {
  HubFixture f;
  TestClient first(f, 1, {Channel::history});
  f.fail();
  f.bus_down();
  TestClient older(f, f.device(1));
  for (const Channel channel : {Channel::metrics, Channel::history, Channel::processes, Channel::system_info})
    older.subscribe({channel});
  BOOST_TEST(count_type(older.take(), "status") == 2);  // the bus, the database
}

BOOST_AUTO_TEST_CASE(everybody_is_told_the_same_time_of_loss) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer(f.rows({1}));
  f.publish_metrics(1, 2);
  f.advance(seconds(60));
  f.answer_all(f.rows({1, 2}, 60));
  client.take();
  f.bus_down();
  f.advance(seconds(5));
  TestClient late(f, f.device(1));
  late.subscribe({Channel::metrics});
  BOOST_TEST(last_of_type(client.take(), "status").at("data").at("since").string() ==
             last_of_type(late.take(), "status").at("data").at("since").string());
}

BOOST_AUTO_TEST_CASE(gaps_do_not_overlap) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer(f.rows({1}));
  f.publish_metrics(1, 2);
  std::vector<Json> gaps;
  for (int i = 0; i < 2; ++i) {
    f.advance(seconds(10));
    f.bus_down();
    f.advance(seconds(10));
    f.bus_up();
    f.confirm_device(1);
    f.answer_all(f.rows({1}));
    gaps.push_back(last_of_type(client.take(), "gap").at("data"));
    f.advance(seconds(100));
    f.answer_all(f.rows({1}));
  }
  BOOST_TEST(gaps[1].at("from").string() >= gaps[0].at("to").string());
}

BOOST_AUTO_TEST_CASE(a_gap_is_told_to_those_who_were_there_and_to_nobody_else) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics});
  f.answer(f.rows({1}));
  f.bus_down();
  TestClient meanwhile(f, f.device(1));
  meanwhile.subscribe({Channel::metrics});
  f.advance(seconds(5));
  f.bus_up();
  f.confirm_device(1);
  TestClient newcomer(f, 1, {Channel::metrics});
  f.answer_all(f.rows({1}));
  BOOST_TEST(count_type(client->take(), "gap") == 1);
  BOOST_TEST(count_type(meanwhile.take(), "gap") == 1);
  BOOST_TEST(count_type(newcomer.take(), "gap") == 0);
}

BOOST_AUTO_TEST_CASE(a_gap_that_nobody_stayed_for_is_told_to_no_later_visitor) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics, Channel::history});
  f.answer(f.rows({1}, 1));
  f.advance(seconds(14));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);  // the repair is in flight
  client.reset();
  f.advance(seconds(3));  // the second look falls due
  f.answer_all(f.rows({1}, 18));
  TestClient other(f, 1, {Channel::metrics, Channel::history});
  f.answer_all(f.rows({1}, 18));
  BOOST_TEST(count_type(other.take(), "gap") == 0);
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

BOOST_AUTO_TEST_CASE(an_answer_that_was_long_on_its_way_does_not_set_a_value_back) {
  HubFixture f;
  TestClient client(f, 1, {Channel::processes});
  f.answer({});
  publish_state(f, "a", "[1]");
  f.advance(seconds(1));
  publish_state(f, "a", "[2]");
  f.advance(seconds(9));
  const storage::Snapshot late_row_of_the_first = state_row(f, "a", "[1]");
  f.advance(std::chrono::milliseconds(5'800));
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);  // the table is looked at before the row of the second must be there
  f.advance(seconds(1));
  f.answer(late_row_of_the_first);
  BOOST_TEST(last_of_type(client.take(), "processes").text().find("[2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_metrics_gets_a_fresh_row_by_whatever_read) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.fail();
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  storage::Snapshot stored;
  stored.metrics.push_back(f.row(9, -0.2));
  stored.newest_metrics_json = R"({"cpu_usage":9})";
  f.answer_all(stored);
  f.advance(seconds(20));
  f.answer_all(stored);
  BOOST_TEST(count_type(client.take(), "metrics") == 1);
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

BOOST_AUTO_TEST_CASE(state_that_was_missed_on_the_bus_comes_from_the_table) {
  HubFixture f;
  TestClient client(f, 1, {Channel::system_info, Channel::processes});
  f.answer({});
  publish_state(f, "a", "[1]");
  f.advance(seconds(1));
  f.bus_down();
  f.advance(seconds(2));
  const storage::Snapshot missed = state_row(f, "new", "[2]");
  f.advance(seconds(2));
  f.bus_up();
  f.confirm_device(1);
  f.answer_all(missed);
  f.advance(seconds(17));
  f.answer_all(missed);
  const auto messages = client.take();
  BOOST_TEST(last_of_type(messages, "system-info").text().find("new") != std::string::npos);
  BOOST_TEST(last_of_type(messages, "processes").text().find("[2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_state_row_of_an_earlier_event_does_not_replace_a_later_event) {
  HubFixture f;
  TestClient client(f, 1, {Channel::processes});
  f.answer({});
  publish_state(f, "a", "[1]");
  f.advance(seconds(5));
  publish_state(f, "a", "[2]");
  f.advance(seconds(3));
  const storage::Snapshot late_row_of_the_first = state_row(f, "a", "[1]");
  f.bus_down();
  f.bus_up();
  f.confirm_device(1);
  f.answer_all(late_row_of_the_first);
  BOOST_TEST(last_of_type(client.take(), "processes").text().find("[2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_event_from_the_far_future_disturbs_no_later_decision) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::system_info});
  f.answer({});
  f.publish("device:" + f.text(1) + ":metrics",
            R"({"metrics":{"cpu_usage":1},"timestamp":"2099-01-01T00:00:00.000Z"})");
  f.publish("device:" + f.text(1) + ":state", R"({"state":{"hostname":"a"},"timestamp":"2099-01-01T00:00:00.000Z"})");
  BOOST_TEST(last_of_type(client.take(), "metrics").at("timestamp").string() == "2099-01-01T00:00:00.000Z");
  f.advance(seconds(60));
  f.answer_all({});
  f.bus_down();
  f.advance(seconds(31));
  storage::Snapshot newer = f.rows({2, 3}, 1);
  newer.state = state_row(f, "new", "[2]").state;
  f.answer(newer);
  auto messages = client.take();
  BOOST_TEST(count_type(messages, "metrics") == 1);
  BOOST_TEST(last_of_type(messages, "system-info").text().find("new") != std::string::npos);
  f.bus_up();
  f.confirm_device(1);
  f.answer_all(newer);
  const Json gap = last_of_type(client.take(), "gap").at("data");
  BOOST_TEST(gap.at("from").string() <= gap.at("to").string());
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

BOOST_AUTO_TEST_CASE(after_a_gap_a_newcomer_gets_the_newest_row_and_not_an_event_from_before) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer(f.rows({1}));
  f.publish_metrics(1, 2);
  f.bus_down();
  f.advance(seconds(10));
  f.bus_up();
  f.confirm_device(1);
  client.take();
  f.answer_all(f.rows({1, 2, 3}, 2));
  BOOST_TEST(count_type(client.take(), "metrics") == 0);
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
