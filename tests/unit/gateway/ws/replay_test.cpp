// A device's past on a live socket: what is shown and when, what becomes of live messages, who may, and how it ends.
#include "gateway/ws/replay.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <utility>
#include <vector>

#include "gateway/ws/session.hpp"
#include "tests/support/numbers.hpp"
#include "tests/unit/gateway/devices/hub_fixture.hpp"
#include "tests/unit/gateway/ws/fake_link.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

using Types = std::vector<std::string>;

constexpr const char* kEverything = R"("speed":"max")";

struct ReplayFixture {
  explicit ReplayFixture(HubFixture::Database database = HubFixture::Database::present,
                         HubFixture::Stream stream = HubFixture::Stream::present, access::GrantPtr grant = nullptr,
                         ws::ReplayRight right = ws::ReplayRight::all)
      : hub({}, database, {}, stream) {
    rules.right = right;
    rules.max_held = 2'000;
    admission.route = access::Route::device;
    admission.grant = std::move(grant);
    admission.device = HubFixture::device(1);
    session = std::make_unique<ws::Session>(
        link, admission, ws::SessionConfig{},
        ws::SessionParts{gate, *hub.hub, hub.channels, counters, queue, rules, hub.zone}, hub.clock.now());
    link.messages.clear();
  }

  proto::Timestamp ago(double past) const {
    return hub.clock.now().wall - std::chrono::microseconds(static_cast<long long>(past * 1e6));
  }
  // An event of the stream, published so many seconds ago.
  void entry(double cpu, double past) {
    bus::StreamEntry entry;
    entry.time = entry.added = ago(past);
    entry.data = R"({"cpu_usage":)" + std::to_string(static_cast<int>(cpu)) + R"(,"note":"verbatim"})";
    hub.stream.append(HubFixture::device(1), entry);
  }
  void row(double cpu, double past) { hub.history.rows(HubFixture::device(1)).push_back(hub.row(cpu, -past)); }

  void text(const std::string& message) { session->on_text(message, hub.clock.now()); }
  void replay(double from, double to, const std::string& more = kEverything) {
    const auto millis = [this](double past) { return std::to_string(ago(past).time_since_epoch().count() / 1000); };
    text(R"({"type":"replay","id":7,"from":)" + millis(from) + ",\"to\":" + millis(to) + "," + more + "}");
  }
  // Time passes, and whoever waits for it is woken; the client reads all that it is sent, unless it is slow.
  void pass(std::chrono::microseconds time) {
    hub.run();
    const SteadyTime end = hub.clock.now().steady + time;
    while (due <= end) {
      if (due > hub.clock.now().steady)
        hub.clock.advance(std::chrono::ceil<std::chrono::microseconds>(due - hub.clock.now().steady));
      due = devices::kNever;
      queue.advance();
      hub.run();
      if (!slow) link.outbox.consume(link.outbox.backlog(), hub.clock.now().steady);
    }
    if (end > hub.clock.now().steady)
      hub.clock.advance(std::chrono::duration_cast<std::chrono::microseconds>(end - hub.clock.now().steady));
  }
  std::vector<Json> take() { return std::exchange(link.messages, {}); }
  // The values of `metrics` that were replayed since the last call.
  std::vector<int> take_replayed() {
    std::vector<int> values;
    for (const Json& message : take())
      if (message.type() == "metrics" && message.has("replay"))
        values.push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
    return values;
  }
  // Of the only message, an error.
  std::string error() {
    const std::vector<Json> all = take();
    return all.size() == 1 && all[0].type() == "error" ? all[0].at("data").at("code").string() : "none";
  }
  void watch(const std::string& channels = R"(["metrics"])") {
    text(R"({"type":"subscribe","channels":)" + channels + "}");
    hub.confirm_device(1);
    hub.answer_all(hub.rows({0}));
    take();
  }

  HubFixture hub;
  FakeLink link;
  access::Admission admission;
  access::Gate gate;
  SessionCounters counters;
  SteadyTime due = devices::kNever;
  bool slow = false;
  ws::ThrottleQueue queue{hub.clock, 1'000'000, [this](SteadyTime at) { due = at; }};
  ws::ReplayRules rules;
  std::unique_ptr<ws::Session> session;
};

access::GrantPtr token(bool debug) {
  auto grant = std::make_shared<access::Grant>();
  grant->ends = proto::Timestamp::max();
  grant->permissions.debug = debug;
  return grant;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReplayTest)

BOOST_AUTO_TEST_CASE(shows_rows_and_then_the_stream_each_sample_once_and_in_order) {
  ReplayFixture f;
  // Rows are written 2 s after their event; the stream begins with 6.
  for (int i = 1; i <= 9; ++i) f.row(i, 100 - i * 10 - 2);
  for (int i = 6; i <= 9; ++i) f.entry(i, 100 - i * 10);
  f.replay(95, 5);
  f.pass(seconds(1));
  const std::vector<Json> all = f.take();
  BOOST_REQUIRE(all.size() == 20u);  // begin, 9 × metrics and history, end
  const Json& begin = all.front();
  BOOST_TEST(begin.type() == "replay-begin");
  BOOST_TEST(begin.at("id").text() == "7");
  BOOST_TEST(begin.at("deviceUuid").string() == HubFixture::text(1));
  BOOST_TEST(begin.at("data").at("speed").string() == "max");
  BOOST_TEST(begin.at("data").at("live").string() == "hold");
  BOOST_TEST(begin.at("data").at("channels").text() == R"(["metrics","history"])");
  for (std::size_t i = 0; i < 9; ++i) {
    const Json& metrics = all[1 + 2 * i];
    const Json& history = all[2 + 2 * i];
    BOOST_TEST(metrics.type() == "metrics");
    BOOST_TEST(metrics.at("replay").boolean());
    BOOST_TEST(!metrics.has("cursor"));
    BOOST_TEST(metrics.at("data").at("cpu_usage").integer() == static_cast<int>(i) + 1);
    BOOST_TEST(metrics.at("data").has("note") == (i >= 5));
    BOOST_TEST(history.type() == "history");
    BOOST_TEST(history.at("replay").boolean());
    BOOST_TEST(history.at("mode").string() == "append");
    BOOST_TEST(cpu_of_history(history) == std::vector<int>{static_cast<int>(i) + 1}, boost::test_tools::per_element());
  }
  const Json& end = all.back();
  BOOST_TEST(end.type() == "replay-end");
  BOOST_TEST(end.at("id").text() == "7");
  BOOST_TEST(end.at("data").at("reason").string() == "done");
  BOOST_TEST(end.at("data").at("events").integer() == 9);
  BOOST_TEST(end.at("data").at("until").string() == begin.at("data").at("to").string());
  BOOST_TEST(f.counters.replays[static_cast<std::size_t>(ReplayEnd::done)] == 1u);
  BOOST_TEST(f.counters.replayed_messages == 18u);
  BOOST_TEST(f.counters.replays_open == 0u);
}

BOOST_AUTO_TEST_CASE(shows_only_what_lies_within_and_only_the_channels_asked_for) {
  ReplayFixture f;
  for (int i = 0; i < 10; ++i) f.entry(i, 100 - i * 10);
  f.replay(80, 50, R"("speed":"max","channels":["metrics"])");
  f.pass(seconds(1));
  Types types;
  std::vector<int> values;
  for (const Json& message : f.take()) {
    types.push_back(message.type());
    if (message.type() == "metrics") values.push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
  }
  BOOST_TEST(types == (Types{"replay-begin", "metrics", "metrics", "metrics", "replay-end"}),
             boost::test_tools::per_element());
  BOOST_TEST(values == (std::vector<int>{2, 3, 4}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(reads_page_by_page_however_dense_the_past_is) {
  for (const bool from_stream : {true, false}) {
    ReplayFixture f;
    constexpr int kSamples = 3'000;  // in 150 s
    for (int i = 0; i < kSamples; ++i) {
      const double past = 200 - i * 0.05;
      if (from_stream) f.entry(i, past);
      f.row(i, past - 0.02);
    }
    f.replay(300, 0, R"("speed":"max","channels":["metrics"])");
    f.pass(seconds(60));
    BOOST_TEST(f.take_replayed() == numbers(0, kSamples - 1), boost::test_tools::per_element());
    BOOST_TEST(f.hub.history.afters().size() > 1u);
    BOOST_TEST(f.counters.replays_open == 0u);
  }
}

// Of the time before a page, in which rows find their events, a read returns nothing but that.
BOOST_AUTO_TEST_CASE(shows_all_of_a_device_that_reports_a_hundred_times_a_second) {
  ReplayFixture f;
  for (int i = 0; i < 7'000; ++i) {
    f.entry(i, 100 - 0.01 * i);
    f.row(i, 100 - 0.01 * i - 0.5);
  }
  f.replay(50, 45, R"("speed":"max","channels":["metrics"])");
  f.pass(seconds(20));
  BOOST_TEST(f.take_replayed() == numbers(5'000, 5'499), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(keeps_the_distances_at_the_speed_asked_for) {
  ReplayFixture f;
  for (int i = 0; i < 5; ++i) f.entry(i, 100 - i * 10);
  f.replay(110, 1, R"("speed":10,"channels":["metrics"])");
  f.pass(milliseconds(1));
  BOOST_TEST(f.take_replayed() == std::vector<int>{0}, boost::test_tools::per_element());
  for (int i = 1; i < 5; ++i) {
    f.pass(milliseconds(990));
    BOOST_TEST(f.take_replayed().empty());
    f.pass(milliseconds(10));
    BOOST_TEST(f.take_replayed() == std::vector<int>{i}, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(live_messages_wait_for_the_end_or_come_as_ever) {
  for (const bool hold : {true, false}) {
    ReplayFixture f;
    f.watch();
    for (int i = 0; i < 3; ++i) f.entry(i, 100 - i * 10);
    f.replay(110, 70, std::string(R"("channels":["metrics"],"live":)") + (hold ? R"("hold")" : R"("mix")"));
    f.pass(milliseconds(1));
    for (int i = 0; i < 2; ++i) {
      f.hub.publish_metrics(1, 50 + i);
      f.pass(seconds(1));
    }
    BOOST_TEST((f.counters.replay_held_bytes > 0) == hold);
    f.pass(seconds(30));
    std::vector<int> values;
    for (const Json& message : f.take()) {
      if (message.type() == "replay-end") values.push_back(-1);
      if (message.type() == "metrics") values.push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
    }
    const std::vector<int> expected =
        hold ? std::vector<int>{0, 1, 2, -1, 50, 51} : std::vector<int>{0, 50, 51, 1, 2, -1};
    BOOST_TEST(values == expected, boost::test_tools::per_element());
    BOOST_TEST(f.counters.replay_held_bytes == 0u);
  }
}

BOOST_AUTO_TEST_CASE(of_live_messages_that_wait_the_newest_are_kept_and_the_rest_is_a_gap) {
  ReplayFixture f;
  f.watch();
  f.entry(1, 100);
  f.entry(2, 10);
  f.replay(110, 1, R"("channels":["metrics"])");
  f.pass(milliseconds(1));
  f.take();
  for (int i = 0; i < 100; ++i) {
    f.hub.publish_metrics(1, i);
    f.pass(milliseconds(1));
    BOOST_TEST(f.counters.replay_held_bytes <= f.rules.max_held);
  }
  f.text(R"({"type":"replay-stop"})");
  const std::vector<Json> all = f.take();
  BOOST_REQUIRE(all.size() > 3u);
  BOOST_TEST(all.front().type() == "replay-end");
  BOOST_TEST(all[all.size() - 2].at("data").at("cpu_usage").integer() == 99);
  BOOST_TEST(all.back().type() == "gap");
  BOOST_TEST(all.back().at("data").at("channels").text() == R"(["metrics"])");
}

BOOST_AUTO_TEST_CASE(what_waited_follows_as_fast_as_the_client_takes_it_and_is_not_conflated) {
  ReplayFixture f;
  f.rules.max_held = 100'000;
  f.rules.much_to_take = 1'000;  // the link conflates above 2 000
  f.watch();
  f.entry(1, 100);
  f.entry(2, 10);
  f.replay(110, 1, R"("channels":["metrics"])");
  f.pass(milliseconds(1));
  for (int i = 0; i < 50; ++i) f.hub.publish_metrics(1, i);
  f.take();
  f.slow = true;
  f.text(R"({"type":"replay-stop"})");
  f.pass(seconds(1));
  BOOST_TEST(f.link.outbox.backlog() < 2'000u);
  BOOST_TEST(f.counters.replay_held_bytes > 0u);
  f.hub.publish_metrics(1, 50);  // stands behind those that wait
  f.text(R"({"type":"replay-stop"})");
  f.slow = false;
  f.pass(seconds(1));
  std::vector<int> live;
  int errors = 0;
  for (const Json& message : f.take()) {
    if (message.type() == "metrics") live.push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
    errors += message.type() == "error";
  }
  BOOST_TEST(live == numbers(0, 50), boost::test_tools::per_element());
  BOOST_TEST(f.link.outbox.conflated() == 0u);
  BOOST_TEST(errors == 1);  // there was nothing to stop any more
  BOOST_TEST(f.counters.replay_held_bytes == 0u);
  f.hub.publish_metrics(1, 51);
  BOOST_TEST(f.take().size() == 1u);
}

BOOST_AUTO_TEST_CASE(nothing_of_a_channel_follows_its_unsubscribed) {
  ReplayFixture f;
  f.watch(R"(["metrics","processes"])");
  f.entry(1, 100);
  f.entry(2, 10);
  f.replay(110, 1, R"("channels":["history"])");
  f.pass(milliseconds(1));
  f.hub.publish_metrics(1, 5, R"(,"top_processes":[{"pid":1}])");
  f.take();
  f.text(R"({"type":"unsubscribe","channels":["metrics"]})");
  f.text(R"({"type":"replay-stop"})");
  BOOST_TEST(f.link.take_types() == (Types{"unsubscribed", "replay-end", "processes"}),
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(stops_when_asked_and_says_where_it_was) {
  ReplayFixture f;
  for (int i = 0; i < 5; ++i) f.entry(i, 100 - i * 10);
  f.replay(110, 1, R"("speed":10,"channels":["metrics"])");
  f.pass(milliseconds(1'500));
  f.take();
  f.text(R"({"type":"replay-stop","id":8})");
  const std::vector<Json> all = f.take();
  BOOST_REQUIRE(all.size() == 1u);
  BOOST_TEST(all[0].at("id").text() == "7");
  BOOST_TEST(all[0].at("data").at("reason").string() == "stopped");
  BOOST_TEST(all[0].at("data").at("events").integer() == 2);
  std::string third;
  proto::append_iso8601(third, f.hub.stream.entries(HubFixture::device(1))[2].time);
  BOOST_TEST(all[0].at("data").at("until").string() == third);
  f.pass(seconds(60));
  BOOST_TEST(f.take().empty());
  f.text(R"({"type":"replay-stop"})");
  BOOST_TEST(f.error() == "bad-replay");
  f.replay(200, 1);  // and another one may begin
  f.pass(seconds(1));
  BOOST_TEST(f.take_replayed() == numbers(0, 4), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_slow_client_makes_the_replay_wait_and_grows_nothing) {
  ReplayFixture f;
  f.slow = true;
  for (int i = 0; i < 2'000; ++i) f.row(i, 2'100 - i);
  f.replay(2'200, 1);
  f.pass(seconds(20));
  const std::size_t backlog = f.link.outbox.backlog();
  BOOST_TEST(backlog < 64u * 1024);
  const std::size_t reads = f.hub.history.afters().size();
  BOOST_TEST(reads < 4u);
  f.pass(seconds(20));
  BOOST_TEST(f.link.outbox.backlog() == backlog);
  BOOST_TEST(f.hub.history.afters().size() == reads);
  f.slow = false;
  f.pass(seconds(20));
  BOOST_TEST(f.take_replayed() == numbers(0, 1'999), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_cannot_be_read_ends_it) {
  ReplayFixture f;
  f.entry(1, 50);
  f.hub.history.fail_with(storage::SnapshotError::unavailable);
  f.replay(100, 1);
  f.pass(seconds(1));
  const std::vector<Json> all = f.take();
  BOOST_REQUIRE(all.size() == 2u);
  BOOST_TEST(all[1].at("data").at("reason").string() == "unavailable");
  BOOST_TEST(all[1].at("data").at("until").string() == all[0].at("data").at("from").string());
}

BOOST_AUTO_TEST_CASE(needs_somewhere_to_read_from) {
  ReplayFixture nothing(HubFixture::Database::none, HubFixture::Stream::none);
  nothing.replay(100, 1);
  BOOST_TEST(nothing.error() == "unavailable");
  for (const bool stream : {true, false}) {
    ReplayFixture f(stream ? HubFixture::Database::none : HubFixture::Database::present,
                    stream ? HubFixture::Stream::present : HubFixture::Stream::none);
    for (int i = 0; i < 5; ++i) {
      if (stream) f.entry(i, 100 - i * 10);
      if (!stream) f.row(i, 100 - i * 10);
    }
    f.replay(110, 1);
    f.pass(seconds(1));
    BOOST_TEST(f.take_replayed() == numbers(0, 4), boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_CASE(is_for_those_who_may) {
  using Database = HubFixture::Database;
  using Stream = HubFixture::Stream;
  using Right = ws::ReplayRight;
  const auto answer = [](access::GrantPtr grant, Right right) {
    ReplayFixture f(Database::present, Stream::present, std::move(grant), right);
    f.replay(100, 1);
    f.pass(seconds(1));
    const Json first = f.take().at(0);
    return first.type() == "error" ? first.at("data").at("code").string() : first.type();
  };
  BOOST_TEST(answer(token(true), Right::debug) == "replay-begin");
  BOOST_TEST(answer(token(false), Right::debug) == "forbidden");
  BOOST_TEST(answer(nullptr, Right::debug) == "forbidden");
  BOOST_TEST(answer(nullptr, Right::all) == "replay-begin");
  BOOST_TEST(answer(token(false), Right::all) == "replay-begin");
  BOOST_TEST(answer(token(true), Right::nobody) == "forbidden");
  auto charts = std::make_shared<access::Grant>(*token(true));
  charts->permissions.channels = Types{"history"};
  BOOST_TEST(answer(charts, Right::debug) == "forbidden");  // of `metrics`
}

BOOST_AUTO_TEST_CASE(is_bounded_in_span_and_number) {
  ReplayFixture f;
  f.rules.max_open = 1;
  f.replay(3'700, 1);
  BOOST_TEST(f.error() == "bad-replay");
  f.entry(1, 50);
  f.entry(2, 10);
  f.replay(100, 1, R"("speed":1)");
  f.pass(milliseconds(1));
  f.take();
  f.replay(100, 1);
  BOOST_TEST(f.error() == "replay-open");
  f.counters.replays_open = 1;
  f.text(R"({"type":"replay-stop"})");
  f.take();
  f.counters.replays_open = 1;  // another client's
  f.replay(100, 1);
  BOOST_TEST(f.error() == "too-many-replays");
  f.counters.replays_open = 0;
}

BOOST_AUTO_TEST_CASE(goes_with_its_connection) {
  ReplayFixture f;
  f.watch();
  f.entry(1, 50);
  f.entry(2, 10);
  f.hub.stream.hold();
  f.replay(100, 1, R"("speed":1)");
  f.hub.publish_metrics(1, 5);
  f.session->on_closed(1006, "", f.hub.clock.now());
  f.session.reset();
  BOOST_TEST(f.counters.replays_open == 0u);
  BOOST_TEST(f.counters.replay_held_bytes == 0u);
  BOOST_TEST(f.counters.replays[static_cast<std::size_t>(ReplayEnd::disconnected)] == 1u);
  f.hub.stream.release();
  f.pass(seconds(60));
  BOOST_TEST(f.queue.waiting() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
