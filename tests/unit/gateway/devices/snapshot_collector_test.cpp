// Everything that is known of a device, once: when the collector is done, and what it tells then.
#include "gateway/devices/snapshot_collector.hpp"

#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::SnapshotCollector;
using proto::Channel;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

const std::vector<Channel> kAll = {Channel::metrics, Channel::system_info, Channel::processes, Channel::history,
                                   Channel::network_interfaces};

// One question. Ends, and so leaves the device, when it is answered, as that of a connection does.
class Question {
 public:
  Question(HubFixture& f, int number) {
    collector_ = std::make_unique<SnapshotCollector>(*f.hub, f.channels, f.device(number), f.tasks.executor(),
                                                     [this](std::optional<std::string> json) {
                                                       ++answers_;
                                                       text_ = std::move(json);
                                                       collector_.reset();
                                                     });
    started_ = collector_->start();
    if (!started_) collector_.reset();
  }

  bool started() const { return started_; }
  int answers() const { return answers_; }
  bool busy() const { return answers_ > 0 && !text_; }
  Json json() const { return Json::parse(text_.value()); }
  std::string status(const std::string& member) const { return json().at("status").at(member).string(); }
  void cancel() { collector_.reset(); }

 private:
  std::unique_ptr<SnapshotCollector> collector_;
  std::optional<std::string> text_;
  int answers_ = 0;
  bool started_ = false;
};

storage::Snapshot full_snapshot(const HubFixture& f) {
  storage::Snapshot snapshot = f.rows({1, 2, 3});
  snapshot.state = f.state_row("pi", R"([{"pid":1}])").state;
  snapshot.state->network_interfaces = R"([{"name":"eth0"}])";
  return snapshot;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SnapshotCollecting)

BOOST_AUTO_TEST_CASE(tells_what_a_client_is_told) {
  HubFixture f;
  TestClient client(f, f.device(1));
  Question question(f, 1);
  client.subscribe(kAll);
  f.confirm_device(1);
  BOOST_TEST(question.answers() == 0);
  f.answer(full_snapshot(f));
  BOOST_REQUIRE(question.answers() == 1);
  const std::vector<Json> messages = client.take();
  const Json told = question.json();
  BOOST_TEST(told.at("deviceUuid").string() == f.text(1));
  BOOST_TEST(told.has("timestamp"));
  for (const Channel channel : kAll) {
    const std::string name(f.channels.name(channel));
    BOOST_TEST(told.at(name).text() == last_of_type(messages, name).text(), name);
  }
  BOOST_TEST(question.status("bus") == "up");
  BOOST_TEST(question.status("database") == "up");
  BOOST_TEST(question.status("device") == "live");
}

BOOST_AUTO_TEST_CASE(leaves_no_member_behind_and_the_next_is_served_from_memory) {
  HubFixture f;
  Question first(f, 1);
  f.confirm_device(1);
  f.answer(full_snapshot(f));
  BOOST_TEST(first.answers() == 1);
  BOOST_TEST(f.hub->counters().subscriptions[0] == 0u);
  f.advance(seconds(10));  // within the linger time
  f.publish_metrics(1, 4);
  Question second(f, 1);
  BOOST_TEST(second.answers() == 0);  // never from inside
  f.run();
  BOOST_REQUIRE(second.answers() == 1);
  BOOST_TEST(second.json().at("metrics").at("data").at("cpu_usage").number() == 4);
  BOOST_TEST(cpu_of_history(second.json().at("history")) == (std::vector<int>{1, 2, 3, 4}),
             boost::test_tools::per_element());
  BOOST_TEST(f.source.requests().size() == 1u);
  f.advance(seconds(31));
  BOOST_TEST(f.subscribed_topics() == 0u);
}

BOOST_AUTO_TEST_CASE(a_crowd_shares_one_read) {
  HubFixture f;
  std::vector<std::unique_ptr<Question>> crowd;
  for (int i = 0; i < 200; ++i) crowd.push_back(std::make_unique<Question>(f, 1));
  f.confirm_device(1);
  f.answer(full_snapshot(f));
  for (const auto& question : crowd) BOOST_TEST(question->answers() == 1);
  BOOST_TEST(f.source.requests().size() == 1u);
}

BOOST_AUTO_TEST_CASE(is_no_client) {
  HubFixture f;
  TestClient client(f, f.device(1));
  Question question(f, 1);
  BOOST_TEST(f.hub->client_count(f.device(1)) == 1u);
  question.cancel();
  BOOST_TEST(f.hub->client_count(f.device(1)) == 1u);
}

// What a client that has just subscribed is told of the device must be told here.
BOOST_AUTO_TEST_CASE(a_device_that_has_fallen_silent_is_stale_since_then_and_live_when_it_is_back) {
  HubFixture f;
  TestClient client(f, 1, kAll);
  f.answer({});
  for (int i = 0; i < 5; ++i) {
    if (i > 0) f.advance(seconds(1));
    f.publish_metrics(1, i);
  }
  Question before(f, 1);
  f.run();
  BOOST_TEST(before.status("device") == "live");
  BOOST_TEST(!before.json().at("status").has("since"));
  f.advance(seconds(15));
  f.answer_all({});
  const Json told = last_of_type(client.take(), "status").at("data");
  BOOST_REQUIRE(told.at("device").string() == "stale");
  Question silent(f, 1);
  f.run();
  f.answer_all({});
  BOOST_TEST(silent.status("device") == "stale");
  BOOST_TEST(silent.status("since") == told.at("since").string());
  BOOST_TEST(silent.json().at("metrics").at("data").at("cpu_usage").number() == 4);
  f.publish_metrics(1, 5);
  Question back(f, 1);
  f.run();
  BOOST_TEST(back.status("device") == "live");
  BOOST_TEST(!back.json().at("status").has("since"));
}

BOOST_AUTO_TEST_CASE(a_device_that_died_long_ago_is_stale_by_its_rows) {
  HubFixture f;
  Question question(f, 1);
  f.confirm_device(1);
  f.answer(f.rows({1, 2, 3, 4, 5}, 3'600));
  BOOST_REQUIRE(question.answers() == 1);
  BOOST_TEST(question.status("device") == "stale");
  std::string since;
  proto::append_iso8601(since, f.clock.now().wall - seconds(3'600));
  BOOST_TEST(question.status("since") == since);
}

BOOST_AUTO_TEST_CASE(nothing_known_is_an_answer) {
  HubFixture f;
  Question question(f, 1);
  f.confirm_device(1);
  f.answer({});
  BOOST_REQUIRE(question.answers() == 1);
  for (const Channel channel : kAll)
    BOOST_TEST(question.json().at(std::string(f.channels.name(channel))).text() == "null");
  BOOST_TEST(question.status("device") == "unknown");
  BOOST_TEST(question.status("database") == "up");
}

BOOST_AUTO_TEST_CASE(a_read_after_which_nothing_is_sent_ends_it_too) {
  HubFixture f({}, HubFixture::Database::present, {"logs"});
  TestClient client(f, 1, {});
  f.publish("device:" + f.text(1) + ":logs", R"({"line":"x"})");
  Question question(f, 1);
  f.run();
  BOOST_TEST(question.answers() == 0);
  f.answer({});
  BOOST_REQUIRE(question.answers() == 1);
  BOOST_TEST(question.json().at("logs").at("data").at("line").string() == "x");
  BOOST_TEST(question.status("device") == "live");
}

BOOST_AUTO_TEST_CASE(without_a_database_ends_at_the_confirmation) {
  HubFixture f({}, HubFixture::Database::none);
  Question question(f, 1);
  f.run();
  BOOST_TEST(question.answers() == 0);
  f.confirm_device(1);
  BOOST_REQUIRE(question.answers() == 1);
  BOOST_TEST(question.status("database") == "none");
  BOOST_TEST(question.status("device") == "unknown");
}

BOOST_AUTO_TEST_CASE(a_database_that_is_down_is_told_with_what_is_known) {
  HubFixture f;
  TestClient client(f, 1, {});
  f.publish_metrics(1, 7);
  Question question(f, 1);
  f.fail();
  BOOST_REQUIRE(question.answers() == 1);
  BOOST_TEST(question.status("database") == "down");
  BOOST_TEST(question.status("bus") == "up");
  BOOST_TEST(question.json().at("metrics").at("data").at("cpu_usage").number() == 7);
  BOOST_TEST(question.json().at("system-info").text() == "null");
  // The next one does not wait for the retry.
  Question next(f, 1);
  f.run();
  BOOST_TEST(next.answers() == 1);
  BOOST_TEST(next.status("database") == "down");
}

BOOST_AUTO_TEST_CASE(a_full_queue_is_busy_unless_memory_has_it_all) {
  HubFixture f;
  Question question(f, 1);
  f.confirm_device(1);
  f.fail(storage::SnapshotError::overloaded);
  BOOST_TEST(question.busy());
  Question retried(f, 1);
  f.run();
  BOOST_TEST(retried.answers() == 0);
  f.advance(seconds(2));  // the device asks again by itself
  f.answer(full_snapshot(f));
  BOOST_TEST(retried.status("device") == "live");
}

BOOST_AUTO_TEST_CASE(ends_while_the_bus_is_down_with_a_fresh_read_each_time) {
  HubFixture f;
  f.bus_down();
  Question first(f, 1);
  f.answer(full_snapshot(f));
  BOOST_REQUIRE(first.answers() == 1);
  BOOST_TEST(first.status("bus") == "down");
  // Nobody keeps the memory fresh: no event comes, and nobody is there for whom the database would be read.
  f.advance(seconds(5));
  Question second(f, 1);
  f.run();
  BOOST_TEST(second.answers() == 0);
  f.answer(f.rows({1, 2, 3, 4}, 2));
  BOOST_REQUIRE(second.answers() == 1);
  BOOST_TEST(cpu_of_history(second.json().at("history")).back() == 4);
  BOOST_TEST(second.json().at("metrics").at("data").at("cpu_usage").number() == 4);
}

BOOST_AUTO_TEST_CASE(a_bus_lost_while_nobody_watches_makes_the_memory_old) {
  HubFixture f;
  Question first(f, 1);
  f.confirm_device(1);
  f.answer(full_snapshot(f));
  f.publish_metrics(1, 4);
  f.bus_down();
  f.advance(seconds(5));
  Question second(f, 1);
  f.run();
  BOOST_TEST(second.answers() == 0);
  f.answer(f.rows({4, 5}, 2));
  BOOST_REQUIRE(second.answers() == 1);
  BOOST_TEST(second.json().at("metrics").at("data").at("cpu_usage").number() == 5);
}

BOOST_AUTO_TEST_CASE(a_bus_that_goes_away_before_it_confirms_does_not_hold_it_up) {
  HubFixture f;
  Question question(f, 1);
  f.run();
  f.bus_down();
  f.answer(full_snapshot(f));
  BOOST_REQUIRE(question.answers() == 1);
  BOOST_TEST(question.status("bus") == "down");
}

BOOST_AUTO_TEST_CASE(who_goes_away_is_not_answered) {
  HubFixture f;
  Question question(f, 1);
  f.confirm_device(1);
  f.source.answer(full_snapshot(f));
  question.cancel();
  f.run();
  BOOST_TEST(question.answers() == 0);
  BOOST_TEST(f.hub->counters().subscriptions[0] == 0u);
}

BOOST_AUTO_TEST_CASE(too_many_devices_are_refused) {
  devices::DeviceConfig config;
  config.max_devices = 1;
  HubFixture f(config);
  TestClient client(f, f.device(1));
  BOOST_TEST(!Question(f, 2).started());
  BOOST_TEST(Question(f, 1).started());
}

BOOST_AUTO_TEST_CASE(a_channel_with_the_name_of_another_member_is_left_out) {
  HubFixture f({}, HubFixture::Database::none, {"logs", "status"});
  TestClient client(f, 1, {});
  f.publish("device:" + f.text(1) + ":status", R"({"line":"x"})");
  Question question(f, 1);
  f.run();
  BOOST_TEST(question.json().at("logs").text() == "null");
  BOOST_TEST(question.status("device") == "live");  // something of it is known
}

BOOST_AUTO_TEST_SUITE_END()
