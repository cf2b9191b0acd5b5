// The bus goes and comes back: what is told, what is read again, and who misses what.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::seconds;
using storage::ReadReason;

BOOST_AUTO_TEST_SUITE(HubOutage)

BOOST_AUTO_TEST_CASE(a_failed_repair_is_made_up_for_when_somebody_comes_back) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::history});
  f.answer(f.rows({1}));
  f.advance(seconds(17));
  f.answer_all(f.rows({1}, 117));
  f.interrupt_bus(1);
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
  f.interrupt_bus(1);  // the first repair is in flight
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
  f.interrupt_bus(1);
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
  f.interrupt_bus(1);
  f.advance(seconds(2));  // the repair is in flight, a second look is wanted
  client.reset();
  f.interrupt_bus(1);
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
    f.advance(seconds(20));
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
  f.advance(seconds(20));
  BOOST_TEST(count_type(client->take(), "gap") == 1);
  BOOST_TEST(count_type(meanwhile.take(), "gap") == 1);
  BOOST_TEST(count_type(newcomer.take(), "gap") == 0);
}

BOOST_AUTO_TEST_CASE(a_gap_that_nobody_stayed_for_is_told_to_no_later_visitor) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics, Channel::history});
  f.answer(f.rows({1}, 1));
  f.advance(seconds(14));
  f.interrupt_bus(1);  // the repair is in flight
  client.reset();
  f.advance(seconds(3));  // the second look falls due
  f.answer_all(f.rows({1}, 18));
  TestClient other(f, 1, {Channel::metrics, Channel::history});
  f.answer_all(f.rows({1}, 18));
  BOOST_TEST(count_type(other.take(), "gap") == 0);
}

BOOST_AUTO_TEST_CASE(an_answer_that_was_long_on_its_way_does_not_set_a_value_back) {
  HubFixture f;
  TestClient client(f, 1, {Channel::processes});
  f.answer({});
  f.publish_state(1, "a", "[1]");
  f.advance(seconds(1));
  f.publish_state(1, "a", "[2]");
  f.advance(seconds(9));
  const storage::Snapshot late_row_of_the_first = f.state_row("a", "[1]");
  f.advance(std::chrono::milliseconds(5'800));
  f.interrupt_bus(1);  // the table is looked at before the row of the second must be there
  f.advance(seconds(1));
  f.answer(late_row_of_the_first);
  BOOST_TEST(last_of_type(client.take(), "processes").text().find("[2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_client_that_waits_for_metrics_gets_a_fresh_row_by_whatever_read) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.fail();
  f.interrupt_bus(1);
  storage::Snapshot stored;
  stored.metrics.push_back(f.row(9, -0.2));
  stored.newest_metrics_json = R"({"cpu_usage":9})";
  f.answer_all(stored);
  f.advance(seconds(20));
  f.answer_all(stored);
  BOOST_TEST(count_type(client.take(), "metrics") == 1);
}

BOOST_AUTO_TEST_CASE(state_that_was_missed_on_the_bus_comes_from_the_table) {
  HubFixture f;
  TestClient client(f, 1, {Channel::system_info, Channel::processes});
  f.answer({});
  f.publish_state(1, "a", "[1]");
  f.advance(seconds(1));
  f.bus_down();
  f.advance(seconds(2));
  const storage::Snapshot missed = f.state_row("new", "[2]");
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
  f.publish_state(1, "a", "[1]");
  f.advance(seconds(5));
  f.publish_state(1, "a", "[2]");
  f.advance(seconds(3));
  const storage::Snapshot late_row_of_the_first = f.state_row("a", "[1]");
  f.interrupt_bus(1);
  f.answer_all(late_row_of_the_first);
  BOOST_TEST(last_of_type(client.take(), "processes").text().find("[2]") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_event_from_the_far_future_disturbs_no_later_decision) {
  devices::DeviceConfig config;
  config.history_points = 2;  // the table has more rows than are read
  HubFixture f(config);
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
  newer.state = f.state_row("new", "[2]").state;
  f.answer(newer);
  auto messages = client.take();
  BOOST_TEST(count_type(messages, "metrics") == 1);
  BOOST_TEST(last_of_type(messages, "system-info").text().find("new") != std::string::npos);
  f.bus_up();
  f.confirm_device(1);
  f.answer_all(newer);
  const Json gap = last_of_type(messages, "gap").at("data");
  BOOST_TEST(gap.at("from").string() <= gap.at("to").string());
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

BOOST_AUTO_TEST_SUITE_END()
