// Devices that fall silent, and who is told of it. A manual clock; the limit is 15 s unless a device reports rarely.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

std::string iso(proto::Timestamp time) {
  std::string text;
  proto::append_iso8601(text, time);
  return text;
}

// What `status` messages say of the device, with the seconds between `since` and `origin`: "stale@-20 live@3".
std::string told(const std::vector<Json>& messages, proto::Timestamp origin) {
  std::string text;
  for (const Json& message : messages) {
    if (message.type() != "status" || !message.at("data").has("device")) continue;
    if (!text.empty()) text += ' ';
    text += message.at("data").at("device").string();
    if (!message.at("data").has("since")) continue;
    const auto since = proto::parse_iso8601(message.at("data").at("since").string());
    text += '@' + std::to_string(std::chrono::duration_cast<seconds>(since.value() - origin).count());
  }
  return text;
}

// A device of an own database, with a client that has seen its first snapshot. Times are seconds since then.
struct Case {
  explicit Case(const storage::Snapshot& snapshot = {}, const devices::DeviceConfig& config = {})
      : f(config), client(f, 1, {Channel::metrics, Channel::history}) {
    f.answer(snapshot);
    begin = f.clock.now().wall;
    client.take();
  }

  // `count` reports, the first one at once and the others `interval` apart, each with the publisher's own time.
  void report(int count, std::chrono::microseconds interval, std::chrono::microseconds skew = {}) {
    for (int i = 0; i < count; ++i) {
      if (i > 0) pass(interval);
      publish(skew);
    }
  }
  void publish(std::chrono::microseconds skew = {}) {
    f.publish("device:" + f.text(1) + ":metrics", R"({"metrics":{"cpu_usage":)" + std::to_string(++value) +
                                                      R"(},"timestamp":")" + iso(f.clock.now().wall + skew) + R"("})");
  }
  void pass(std::chrono::microseconds time) {
    f.advance(time);
    f.answer_all(table);
  }
  std::string heard() { return told(client.take(), begin); }

  HubFixture f;
  TestClient client;
  proto::Timestamp begin;
  storage::Snapshot table;  // what later reads find
  int value = 0;
};

// Rows `ages` seconds old, oldest first.
storage::Snapshot rows_of_ages(const HubFixture& f, std::initializer_list<double> ages) {
  storage::Snapshot snapshot;
  double cpu = 100;
  for (const double age : ages) snapshot.metrics.push_back(f.row(++cpu, -age));
  snapshot.newest_metrics_json = R"({"cpu_usage":1})";
  return snapshot;
}

// Opens a device whose table is like that, and returns what is said of it at once.
std::string opened(HubFixture& f, const storage::Snapshot& snapshot,
                   const std::vector<Channel>& channels = {Channel::metrics}) {
  TestClient client(f, 1, channels);
  f.answer(snapshot);
  return told(client.take(), f.clock.now().wall);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubFreshness)

BOOST_AUTO_TEST_CASE(three_usual_intervals_of_silence_are_told_once_and_taken_back_by_the_next_report) {
  Case c;
  BOOST_TEST(c.heard() == "");
  c.report(5, seconds(10));           // the last one at 40
  BOOST_TEST(c.heard() == "live@0");  // it was unknown
  c.pass(milliseconds(29'999));
  BOOST_TEST(c.heard() == "");
  c.pass(milliseconds(1));
  BOOST_TEST(c.heard() == "stale@40");
  c.pass(hours(1));
  BOOST_TEST(c.heard() == "");
  c.publish();
  const auto messages = c.client.take();
  BOOST_TEST(told(messages, c.begin) == "live@3670");
  BOOST_TEST(last_of_type(messages, "status").at("data").at("since").string() ==
             last_of_type(messages, "metrics").at("timestamp").string());
  c.pass(seconds(15));
  BOOST_TEST(c.heard() == "");
  c.pass(seconds(15));
  BOOST_TEST(c.heard() == "stale@3670");
}

BOOST_AUTO_TEST_CASE(a_fast_device_is_stale_after_the_shortest_limit) {
  devices::DeviceConfig config;
  config.stale_after = seconds(60);
  for (const bool configured : {false, true}) {
    Case c({}, configured ? config : devices::DeviceConfig{});
    c.report(20, milliseconds(100));
    c.client.take();
    c.pass((configured ? seconds(60) : seconds(15)) - milliseconds(1));
    BOOST_TEST(c.heard() == "");
    c.pass(milliseconds(1));
    BOOST_TEST(c.heard() == "stale@1");
  }
}

BOOST_AUTO_TEST_CASE(zero_turns_it_off) {
  devices::DeviceConfig config;
  config.stale_after = seconds(0);
  Case c({}, config);
  c.report(5, seconds(1));
  BOOST_TEST(c.heard() == "live@0");
  c.pass(hours(48));
  BOOST_TEST(c.heard() == "");
}

BOOST_AUTO_TEST_CASE(with_fewer_than_two_intervals_nobody_can_tell) {
  Case c;
  c.report(2, seconds(5));
  c.client.take();
  c.pass(hours(1));
  BOOST_TEST(c.heard() == "");
  c.report(2, seconds(5));  // 5 s, an hour, 5 s
  c.pass(seconds(15));
  BOOST_TEST(c.heard() == "stale@3610");
}

BOOST_AUTO_TEST_CASE(doubled_reports_count_once) {
  Case c;
  for (int i = 0; i < 6; ++i) {
    if (i > 0) c.pass(seconds(20));
    c.publish();
    --c.value;
    c.pass(milliseconds(300));
    c.publish();
  }
  c.client.take();
  c.pass(seconds(59));
  BOOST_TEST(c.heard() == "");
  c.pass(seconds(2));
  BOOST_TEST(c.heard() == "stale@101");
}

BOOST_AUTO_TEST_CASE(irregular_reports_are_judged_by_their_median) {
  Case c;
  for (const int pause : {1, 30, 2, 45, 3, 30, 2, 40}) {
    c.publish();
    c.pass(seconds(pause));
    c.client.take();
  }
  c.publish();  // sorted: 1 2 2 3 30 30 40 45, so 16.5 s
  c.client.take();
  c.pass(seconds(49));
  BOOST_TEST(c.heard() == "");
  c.pass(seconds(1));
  BOOST_TEST(c.heard() == "stale@153");
}

BOOST_AUTO_TEST_CASE(a_device_that_reports_faster_is_judged_by_its_new_pace_soon) {
  Case c;
  c.report(4, seconds(600));
  c.report(9, seconds(5));
  c.client.take();
  c.pass(seconds(15 + 15));
  BOOST_TEST(c.heard() == "stale@1840");
}

BOOST_AUTO_TEST_CASE(state_reports_are_signs_of_life_and_others_are_not) {
  Case c;
  c.report(4, seconds(5));
  c.client.take();
  for (int i = 0; i < 10; ++i) {
    c.pass(seconds(10));
    c.f.publish_state(1, "host", "[]");
  }
  BOOST_TEST(c.heard() == "");
  c.pass(seconds(10));
  c.f.publish("device:" + c.f.text(1) + ":broadcast", R"({"type":"alert"})");
  c.pass(seconds(5));
  BOOST_TEST(c.heard() == "stale@115");
  c.f.publish("device:" + c.f.text(1) + ":broadcast", R"({"type":"alert"})");
  BOOST_TEST(c.heard() == "");
  c.f.publish_state(1, "host", "[]");
  BOOST_TEST(c.heard() == "live@130");
}

BOOST_AUTO_TEST_CASE(a_machine_that_died_two_days_ago_is_stale_with_the_first_snapshot) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics, Channel::history});
  f.confirm_device(1);
  f.answer(rows_of_ages(f, {172'815, 172'810, 172'805, 172'800}));
  const auto messages = client.take();
  BOOST_TEST(told(messages, f.clock.now().wall) == "stale@-172800");
  // After the values that it is about.
  BOOST_TEST(messages.back().type() == "status");
  BOOST_TEST(count_type(messages, "history") == 1);
}

BOOST_AUTO_TEST_CASE(rows_are_stamped_by_the_clock_of_the_database) {
  for (const seconds offset : {seconds(0), seconds(3600), seconds(-3600)}) {
    HubFixture f;
    storage::Snapshot snapshot = rows_of_ages(f, {140, 120, 100});
    for (storage::MetricsRow& row : snapshot.metrics) row.recorded_at += offset;
    snapshot.clock_offset = offset;
    BOOST_TEST(opened(f, snapshot) == "stale@-100");
  }
}

BOOST_AUTO_TEST_CASE(a_device_whose_next_row_may_not_be_written_yet_gets_its_chance) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  const storage::Snapshot snapshot = rows_of_ages(f, {35, 30, 25, 20});  // 5 s more than the limit, less than the lag
  f.answer(snapshot);
  const auto begin = f.clock.now().wall;
  BOOST_TEST(told(client.take(), begin) == "");
  f.advance(milliseconds(14'999));
  BOOST_TEST(told(client.take(), begin) == "");
  f.advance(milliseconds(1));
  BOOST_TEST(told(client.take(), begin) == "stale@-20");
}

BOOST_AUTO_TEST_CASE(two_rows_two_days_old_say_too_little) {
  HubFixture f;
  BOOST_TEST(opened(f, rows_of_ages(f, {172'810, 172'800})) == "");
}

BOOST_AUTO_TEST_CASE(no_rows_and_no_events_are_unknown) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  BOOST_TEST(told(client.take(), {}) == "unknown");
  client.subscribe({Channel::history});
  f.advance(hours(1));
  BOOST_TEST(told(client.take(), {}) == "");  // told already
}

BOOST_AUTO_TEST_CASE(unknown_turns_stale_where_old_rows_appear) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer({});
  client.take();
  f.advance(seconds(17));
  f.answer_all(rows_of_ages(f, {900, 890, 880}));
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "stale@-880");
}

BOOST_AUTO_TEST_CASE(a_newcomer_to_a_stale_device_is_told_with_its_first_value_and_nobody_twice) {
  Case c;
  TestClient silent_one(c.f, c.f.device(1));
  c.report(4, seconds(5));
  c.pass(seconds(20));
  BOOST_TEST(c.heard() == "live@0 stale@15");
  TestClient newcomer(c.f, c.f.device(1));
  newcomer.subscribe({Channel::metrics});
  const auto first = newcomer.take();
  BOOST_TEST(told(first, c.begin) == "stale@15");
  BOOST_TEST(first.back().type() == "status");
  newcomer.subscribe({Channel::history});
  newcomer.subscribe({Channel::metrics});
  BOOST_TEST(told(newcomer.take(), c.begin) == "");
  BOOST_TEST(silent_one.take().empty());  // it has subscribed to nothing
  c.publish();
  BOOST_TEST(told(newcomer.take(), c.begin) == "live@35");
  BOOST_TEST(c.heard() == "live@35");
  BOOST_TEST(silent_one.take().empty());
  silent_one.subscribe({Channel::metrics});
  BOOST_TEST(told(silent_one.take(), c.begin) == "");
}

BOOST_AUTO_TEST_CASE(whoever_unsubscribed_is_told_that_it_is_live_again) {
  Case c;
  c.report(4, seconds(5));
  c.pass(seconds(20));
  c.client.take();
  c.client.unsubscribe({Channel::metrics, Channel::history});
  c.publish();
  BOOST_TEST(c.heard() == "live@35");
}

BOOST_AUTO_TEST_CASE(a_member_that_comes_back_knows_nothing) {
  Case c;
  c.report(4, seconds(5));
  c.pass(seconds(20));
  c.client.take();
  for (int i = 0; i < 2; ++i) {
    c.client.move(c.f.device(1));
    c.client.subscribe({Channel::metrics});
    BOOST_TEST(c.heard() == "stale@15");
  }
}

BOOST_AUTO_TEST_CASE(a_device_falls_silent_while_it_lingers) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics});
  f.answer({});
  for (int i = 1; i <= 4; ++i) {
    f.publish_metrics(1, i);
    f.advance(seconds(2));
  }
  client.reset();
  f.advance(seconds(20));
  BOOST_TEST(f.hub->counters().freshness[static_cast<std::size_t>(proto::DeviceState::stale)] == 1u);
  TestClient newcomer(f, f.device(1));
  newcomer.subscribe({Channel::metrics});
  f.answer_all({});
  BOOST_TEST(told(newcomer.take(), f.clock.now().wall) == "stale@-22");
}

BOOST_AUTO_TEST_CASE(a_lingering_device_that_reports_is_live_for_its_newcomers) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics});
  f.answer(rows_of_ages(f, {900, 890, 880}));
  client.reset();
  f.advance(seconds(5));
  f.publish_metrics(1, 1);
  TestClient newcomer(f, f.device(1));
  newcomer.subscribe({Channel::metrics});
  BOOST_TEST(told(newcomer.take(), f.clock.now().wall) == "");
}

BOOST_AUTO_TEST_CASE(a_publisher_s_wrong_clock_changes_nothing) {
  for (const seconds skew : {seconds(5), seconds(-5), seconds(3600), seconds(-3600)}) {
    BOOST_TEST_CONTEXT(skew.count() << " s") {
      HubFixture before;
      Case c(rows_of_ages(before, {15, 10, 5}));
      c.report(7, seconds(5), skew);
      BOOST_TEST(c.heard() == "");
      c.pass(milliseconds(14'999));
      BOOST_TEST(c.heard() == "");
      c.pass(milliseconds(1));
      BOOST_TEST(c.heard() == "stale@30");  // by our clock
      c.pass(seconds(10));
      c.publish(skew);
      // The event's own time where it can be true: not in our future, and not before the silence.
      BOOST_TEST(c.heard() == (skew.count() >= 0 ? "live@55" : skew.count() == -5 ? "live@50" : "live@30"));
    }
  }
}

BOOST_AUTO_TEST_CASE(an_outage_of_the_bus_is_not_the_device_s_silence) {
  Case c;
  c.report(5, seconds(5));
  c.client.take();
  c.f.bus_down();
  c.pass(seconds(600));
  BOOST_TEST(c.heard() == "");
  c.f.bus_up();
  c.pass(seconds(5));
  c.f.confirm_device(1);  // at 625
  c.pass(milliseconds(14'999));
  BOOST_TEST(c.heard() == "");
  c.pass(milliseconds(1));
  BOOST_TEST(c.heard() == "stale@20");
}

BOOST_AUTO_TEST_CASE(nor_is_one_that_was_under_way_when_its_first_client_came) {
  HubFixture f;
  f.bus_down();
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  const storage::Snapshot snapshot = rows_of_ages(f, {20, 15, 10});
  const auto begin = f.clock.now().wall;
  for (int i = 0; i < 10; ++i) {
    f.answer_all(snapshot);
    f.advance(seconds(31));
  }
  f.answer_all(snapshot);
  BOOST_TEST(told(client.take(), begin) == "");
  f.bus_up();
  f.confirm_device(1);
  f.advance(seconds(15));
  f.answer_all(snapshot);
  BOOST_TEST(told(client.take(), begin) == "stale@-10");
}

BOOST_AUTO_TEST_CASE(without_a_database_the_silence_after_an_outage_is_told_too) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics});
  for (int i = 1; i <= 3; ++i) {
    f.publish_metrics(1, i);
    if (i < 3) f.advance(seconds(5));
  }
  client.take();
  f.bus_down();
  f.advance(seconds(60));
  f.bus_up();
  f.confirm_device(1);
  f.hub->on_batch_end(false);
  f.advance(milliseconds(14'999));
  BOOST_TEST(told(client.take(), {}) == "");
  f.advance(milliseconds(1));
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "stale@-75");
}

BOOST_AUTO_TEST_CASE(an_outage_does_not_make_the_usual_interval_longer) {
  Case c;
  c.report(3, seconds(6));
  c.f.bus_down();
  c.pass(seconds(300));
  c.f.bus_up();
  c.f.confirm_device(1);
  c.report(1, seconds(6));  // at 312; 6 s, 6 s, and what spans the gap is left out
  c.client.take();
  c.pass(seconds(17));
  BOOST_TEST(c.heard() == "");
  c.pass(seconds(1));
  BOOST_TEST(c.heard() == "stale@312");
}

BOOST_AUTO_TEST_CASE(a_stale_device_stays_stale_through_an_outage) {
  Case c;
  c.report(4, seconds(5));
  c.pass(seconds(20));
  c.client.take();
  c.f.bus_down();
  TestClient newcomer(c.f, c.f.device(1));
  newcomer.subscribe({Channel::metrics});
  BOOST_TEST(told(newcomer.take(), c.begin) == "stale@15");
  c.f.bus_up();
  c.f.confirm_device(1);
  c.pass(seconds(60));
  BOOST_TEST(c.heard() == "");
  c.publish();
  BOOST_TEST(c.heard() == "live@95");
}

BOOST_AUTO_TEST_CASE(rows_that_are_read_in_the_bus_s_stead_bring_a_stale_device_back) {
  Case c;
  c.report(4, seconds(5));
  c.pass(seconds(20));
  c.client.take();
  c.f.bus_down();
  c.f.advance(seconds(30));
  c.table = rows_of_ages(c.f, {15, 10, 5});
  c.f.answer_all(c.table);
  BOOST_TEST(c.heard() == "live@60");
  c.pass(seconds(600));  // rows end, but so may whoever writes them
  BOOST_TEST(c.heard() == "");
}

BOOST_AUTO_TEST_CASE(a_dead_device_is_stale_for_who_comes_during_an_outage) {
  HubFixture f;
  f.bus_down();
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  f.answer_all(rows_of_ages(f, {900, 890, 880}));
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "stale@-880");
}

BOOST_AUTO_TEST_CASE(rows_that_nobody_published_bring_a_stale_device_back) {
  HubFixture f;
  TestClient client(f, 1, {Channel::history});
  f.answer(rows_of_ages(f, {900, 890, 880}));
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "stale@-880");
  f.advance(seconds(17));
  storage::Snapshot later = rows_of_ages(f, {917, 907, 897, 3});
  f.answer_all(later);
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "live@-3");
}

BOOST_AUTO_TEST_CASE(the_late_row_of_the_last_event_is_no_sign_of_life) {
  Case c;
  c.report(4, seconds(5));  // the last one at 15, as 4
  c.client.take();
  c.table.metrics = {c.f.row(1, -5), c.f.row(2, 0), c.f.row(3, 5), c.f.row(4, 10)};
  c.table.newest_metrics_json = "{}";
  c.pass(seconds(15));
  BOOST_TEST(c.heard() == "stale@15");
  c.pass(seconds(400));
  BOOST_TEST(c.heard() == "");
}

BOOST_AUTO_TEST_CASE(a_newcomer_is_told_when_the_database_fails) {
  HubFixture f;
  auto client = std::make_unique<TestClient>(f, 1, std::vector<Channel>{Channel::metrics});
  f.answer(rows_of_ages(f, {900, 890, 880}));
  f.advance(seconds(17));
  f.answer_all({});
  client.reset();
  f.interrupt_bus(1);
  TestClient newcomer(f, f.device(1));
  newcomer.subscribe({Channel::metrics, Channel::history});
  BOOST_TEST(told(newcomer.take(), {}) == "");
  f.fail();
  BOOST_TEST(told(newcomer.take(), f.clock.now().wall) == "stale@-897");
}

BOOST_AUTO_TEST_CASE(without_a_database_events_alone_decide) {
  HubFixture f({}, HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics});
  for (int i = 1; i <= 3; ++i) {
    f.publish_metrics(1, i);
    client.take();
    f.advance(seconds(i < 3 ? 10 : 29));
  }
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "");
  f.advance(seconds(1));
  BOOST_TEST(told(client.take(), f.clock.now().wall) == "stale@-30");
}

// Timers run before Redis is read again: the process was stopped for a while.
BOOST_AUTO_TEST_CASE(whoever_slept_does_not_call_others_silent) {
  Case c;
  c.report(4, seconds(5));
  c.client.take();
  c.f.clock.advance(seconds(60));
  c.f.hub->advance();
  BOOST_TEST(c.heard() == "");
  c.publish();
  BOOST_TEST(c.heard() == "");
  c.f.clock.advance(seconds(60));
  c.f.hub->advance();
  c.pass(seconds(2));
  BOOST_TEST(c.heard() == "stale@75");
}

BOOST_AUTO_TEST_CASE(operators_see_how_devices_stand) {
  HubFixture f;
  TestClient unknown(f, 1, {Channel::metrics}), stale(f, 2, {Channel::metrics}), live(f, 3, {Channel::metrics});
  f.answer({});
  f.answer(rows_of_ages(f, {900, 890, 880}));
  f.answer(rows_of_ages(f, {20, 10, 1}));
  const auto counters = f.hub->counters();
  BOOST_TEST(counters.freshness == (std::array<std::uint64_t, 3>{1, 1, 1}), boost::test_tools::per_element());
  BOOST_TEST(counters.silences == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
