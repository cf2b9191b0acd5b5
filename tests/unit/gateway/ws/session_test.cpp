// A session over a link that remembers what it was given: commands, answers, and what conflation costs.
#include "gateway/ws/session.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

#include "tests/unit/gateway/devices/hub_fixture.hpp"
#include "tests/unit/gateway/ws/fake_link.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

struct SessionFixture {
  explicit SessionFixture(const ws::SessionConfig& config = {}, const devices::DeviceConfig& devices = {},
                          access::Route route = access::Route::device, access::GrantPtr grant = nullptr)
      : hub(devices) {
    admission.route = route;
    admission.grant = std::move(grant);
    admission.device = HubFixture::device(1);
    session = std::make_unique<ws::Session>(
        link, admission, config, ws::SessionParts{gate, *hub.hub, hub.channels, counters, throttles, replays, hub.zone},
        hub.clock.now());
  }
  void text(const std::string& message) { session->on_text(message, hub.clock.now()); }
  // The client reads everything, and the session is told what it has missed. Returns what it says to that.
  std::vector<Json> drain() {
    const Now now = hub.clock.now();
    link.messages.clear();
    link.outbox.consume(link.outbox.backlog(), now.steady);
    if (link.outbox.conflated() > 0) session->on_drained(link.outbox.take_conflated(now.steady), now);
    return link.messages;
  }

  HubFixture hub;
  FakeLink link;
  access::Admission admission;
  access::Gate gate;
  SessionCounters counters;
  ws::ThrottleQueue throttles{hub.clock, 1'000'000, [](SteadyTime) {}};
  ws::ReplayRules replays;
  std::unique_ptr<ws::Session> session;
};

using Types = std::vector<std::string>;

std::string time_text(const Now& now) {
  std::string text;
  proto::append_iso8601(text, now.wall);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Session)

BOOST_AUTO_TEST_CASE(greets_with_connected_and_its_limits) {
  SessionFixture f;
  const Json connected = f.link.messages.at(0);
  BOOST_TEST(connected.type() == "connected");
  BOOST_TEST(connected.at("data").at("connectionId").string() == "test-1");
  BOOST_TEST(connected.at("data").at("limits").at("maxMessageBytes").integer() == 16 * 1024);
}

BOOST_AUTO_TEST_CASE(is_refused_with_1013_where_the_hub_is_full) {
  devices::DeviceConfig none;
  none.max_devices = 0;
  SessionFixture f({}, none);
  BOOST_TEST((f.link.closed == proto::CloseCode::try_again_later));
  BOOST_TEST(f.link.take_types() == (Types{"connected", "error"}), boost::test_tools::per_element());
  f.text(R"({"type":"subscribe","channels":["metrics"]})");  // on its way when the refusal came
  BOOST_TEST(f.link.take_types().empty());
}

BOOST_AUTO_TEST_CASE(says_which_samples_conflation_cost_once_the_client_has_caught_up) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.text(R"({"type":"subscribe","channels":["metrics","history"]})");
  f.hub.source.answer({});
  f.hub.run();
  for (int i = 0; i < 40; ++i) {
    f.hub.publish_metrics(1, i);
    f.hub.advance(std::chrono::seconds(1));
  }
  const std::vector<Json> said = f.drain();
  // Of `history` nothing is missing: its newest message holds the whole window.
  BOOST_REQUIRE(said.size() == 1u);
  BOOST_TEST(said[0].type() == "gap");
  BOOST_TEST(said[0].at("data").at("reason").string() == "conflated");
  BOOST_TEST(said[0].at("data").at("channels").text() == R"(["metrics"])");
  BOOST_TEST(f.drain().empty());
}

BOOST_AUTO_TEST_CASE(a_sample_dropped_by_another_channels_message_is_in_the_gap_too) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.text(R"({"type":"subscribe","channels":["metrics","system-info"]})");
  f.hub.source.answer({});
  f.hub.run();
  f.drain();
  f.hub.advance(std::chrono::seconds(60));
  f.link.outbox.note_idle(f.hub.clock.now().steady);
  const std::string from = time_text(f.hub.clock.now());
  for (int i = 0; f.link.backlog() < 1'600; ++i) {
    f.hub.publish_metrics(1, i);
    f.hub.advance(std::chrono::seconds(1));
  }
  BOOST_TEST(f.link.outbox.conflated() == 0u);
  f.hub.publish("device:" + HubFixture::text(1) + ":state", R"({"hostname":")" + std::string(500, 'h') + R"("})");
  BOOST_TEST(f.link.messages.back().type() == "system-info");
  BOOST_TEST(f.link.outbox.conflated() > 0u);
  f.hub.advance(std::chrono::seconds(5));
  const std::vector<Json> said = f.drain();
  BOOST_REQUIRE(said.size() == 1u);
  BOOST_TEST(said[0].at("data").at("channels").text() == R"(["metrics"])");
  BOOST_TEST(said[0].at("data").at("from").string() == from);
  BOOST_TEST(said[0].at("data").at("to").string() == time_text(f.hub.clock.now()));
}

BOOST_AUTO_TEST_CASE(tells_of_a_flood_once_a_second_not_once_a_command) {
  ws::SessionConfig config;
  config.command_rate = 1;
  config.command_burst = 1;
  SessionFixture f(config);
  f.link.take_types();
  for (int i = 0; i < 100; ++i) f.text(R"({"type":"ping"})");
  BOOST_TEST(f.link.take_types() == (Types{"pong", "error"}), boost::test_tools::per_element());
  BOOST_TEST(f.counters.rate_limited == 99u);
  f.hub.advance(std::chrono::seconds(1));
  f.text(R"({"type":"ping"})");
  f.text(R"({"type":"ping"})");
  BOOST_TEST(f.link.take_types() == (Types{"pong", "error"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_error_echoes_the_id_of_the_command) {
  SessionFixture f;
  f.link.messages.clear();
  f.text(R"({"type":"dance","id":7})");
  BOOST_TEST(f.link.messages.at(0).at("id").integer() == 7);
}

BOOST_AUTO_TEST_CASE(leaves_its_device_when_it_ends) {
  SessionFixture f;
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 1u);
  f.session->on_closed(1000, "", f.hub.clock.now());
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 0u);
  f.session.reset();
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 0u);
}

BOOST_AUTO_TEST_CASE(a_history_query_is_answered_once_and_one_is_open_at_a_time) {
  SessionFixture f;
  f.hub.history.hold();
  f.link.messages.clear();
  const std::string query =
      R"({"type":"history-query","id":"a","from":"2026-11-22T14:00:00Z","to":"2026-11-22T15:00:00Z"})";
  f.text(query);
  BOOST_TEST(f.link.messages.empty());
  f.text(query);
  BOOST_TEST(f.link.messages.at(0).at("data").at("code").string() == "query-open");
  BOOST_TEST(f.link.messages.at(0).at("id").string() == "a");
  f.hub.history.release();
  f.hub.run();
  BOOST_TEST(f.link.messages.at(1).type() == "history-result");
  // As long as the client has not read the answer the next one would come on top of it.
  f.text(query);
  BOOST_TEST(f.link.messages.at(2).at("data").at("code").string() == "query-open");
  f.drain();
  f.link.messages.clear();
  f.session->on_binary(query, f.hub.clock.now());
  f.hub.run();
  BOOST_TEST(f.link.messages.at(0).type() == "history-result");
}

BOOST_AUTO_TEST_CASE(a_wrong_history_query_is_answered_by_a_sentence_with_its_id) {
  SessionFixture f;
  f.link.messages.clear();
  f.text(R"({"type":"history-query","id":7,"from":"2026-11-22T14:00:00Z","points":0})");
  BOOST_TEST(f.link.messages.at(0).at("data").at("code").string() == "bad-query");
  BOOST_TEST(f.link.messages.at(0).at("id").integer() == 7);
  BOOST_TEST(f.hub.history.ranges().empty());
}

BOOST_AUTO_TEST_CASE(who_was_here_before_is_told_what_lies_between) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.link.messages.clear();
  f.text(R"({"type":"subscribe","channels":["metrics","processes"],"since":"2026-11-22T14:05:00.123Z"})");
  f.hub.run();
  std::map<std::string, std::string> resumed;
  for (const Json& ack : only(f.link.messages, "subscribed"))
    resumed[ack.at("channel").string()] = ack.at("resumed").text();
  // Nothing is stored of that time; of processes the latest is all there is to have.
  BOOST_TEST(resumed["metrics"] == "false");
  BOOST_TEST(resumed["processes"] == "true");
  const Json gap = last_of_type(f.link.messages, "gap");
  BOOST_TEST(gap.at("data").at("from").string() == "2026-11-22T14:05:00.123Z");
  BOOST_TEST(gap.at("data").at("to").string() == time_text(f.hub.clock.now()));
  BOOST_TEST(gap.at("data").at("channels").text() == R"(["metrics"])");
  BOOST_TEST(gap.at("data").at("reason").string() == "resume");
  // Once for each command that says so.
  f.link.messages.clear();
  f.text(R"({"type":"subscribe","channels":["metrics"]})");
  BOOST_TEST(!f.link.messages.at(0).has("resumed"));
  BOOST_TEST(f.link.take_types() == (Types{"subscribed"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(history_comes_in_the_form_that_was_asked_for) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.text(R"({"type":"subscribe","channels":["history"],"history":{"mode":"append","points":2}})");
  f.hub.answer(f.hub.rows({1, 2, 3}));
  BOOST_TEST(cpu_of_history(last_of_type(f.link.messages, "history")) == (std::vector<int>{2, 3}),
             boost::test_tools::per_element());
  f.hub.advance(std::chrono::seconds(1));
  f.hub.publish_metrics(1, 4);
  BOOST_TEST(last_of_type(f.link.messages, "history").at("mode").string() == "append");
}

BOOST_AUTO_TEST_CASE(a_form_that_cannot_be_is_said_and_nothing_is_subscribed) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.link.messages.clear();
  f.text(R"({"type":"subscribe","channels":["history"],"history":{"points":2001},"id":3})");
  BOOST_TEST(f.link.messages.at(0).at("data").at("code").string() == "bad-history");
  BOOST_TEST(f.link.take_types() == (Types{"error"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_form_too_many_is_said_with_the_id_of_the_command_whenever_it_is_found_out) {
  SessionFixture f;
  f.hub.confirm_device(1);
  std::vector<std::unique_ptr<TestClient>> others;
  for (std::size_t i = 1; i <= devices::HistoryViews::kMaxViews; ++i) {
    devices::SubscribeOptions points;
    points.history.emplace();
    points.history->points = i;
    others.push_back(std::make_unique<TestClient>(f.hub, f.hub.device(1)));
    others.back()->subscribe({proto::Channel::history}, points);
  }
  f.hub.answer_all(f.hub.rows({1, 2, 3}));
  const std::string subscribe = R"({"type":"subscribe","channels":["history"],"history":{"points":100})";
  f.text(subscribe + R"(,"id":"a\"1"})");
  const Json said = last_of_type(f.link.messages, "error");
  BOOST_TEST(said.at("data").at("code").string() == "bad-history");
  BOOST_TEST(said.at("id").text() == R"("a\"1")");
  f.link.messages.clear();
  f.text(subscribe + "}");
  BOOST_TEST(!last_of_type(f.link.messages, "error").has("id"));
  // While the bus is still to confirm, too.
  f.hub.bus_down();
  f.hub.bus_up();
  f.link.messages.clear();
  f.text(subscribe + R"(,"id":7})");
  BOOST_TEST(count_type(f.link.messages, "error") == 0);
  f.hub.confirm_device(1);
  BOOST_TEST(last_of_type(f.link.messages, "error").at("id").text() == "7");
}

BOOST_AUTO_TEST_CASE(a_slow_client_that_appends_gets_its_window_again_once_it_has_caught_up) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.text(R"({"type":"subscribe","channels":["history"],"history":{"mode":"append","points":5}})");
  f.hub.answer(f.hub.rows({1, 2}));
  f.drain();
  for (int i = 3; i < 40; ++i) {
    f.hub.advance(std::chrono::seconds(1));
    f.hub.publish_metrics(1, i);
  }
  const std::vector<Json> said = f.drain();
  BOOST_REQUIRE(said.size() == 1u);
  BOOST_TEST(said[0].type() == "history");
  BOOST_TEST(said[0].at("mode").string() == "replace");
  BOOST_TEST(cpu_of_history(said[0]) == (std::vector<int>{35, 36, 37, 38, 39}), boost::test_tools::per_element());
  BOOST_TEST(f.drain().empty());
}

BOOST_AUTO_TEST_CASE(older_dashboards_that_append_are_served_so_and_told_what_they_lost) {
  ws::SessionConfig config;
  config.legacy_append = true;
  for (const access::Route route : {access::Route::legacy_device, access::Route::device}) {
    SessionFixture f(config, {}, route);
    const bool legacy = route == access::Route::legacy_device;
    f.hub.confirm_device(1);
    f.text(R"({"type":"subscribe","channel":"history"})");
    f.hub.answer(f.hub.rows({1, 2}));
    f.hub.advance(std::chrono::seconds(1));
    f.hub.publish_metrics(1, 3);
    BOOST_TEST(cpu_of_history(f.link.messages.back()).size() == (legacy ? 1u : 3u));
    for (int i = 4; i < 40; ++i) {
      f.hub.advance(std::chrono::seconds(1));
      f.hub.publish_metrics(1, i);
    }
    const std::vector<Json> said = f.drain();
    BOOST_TEST(said.size() == (legacy ? 1u : 0u));
    if (!legacy) continue;
    BOOST_TEST(said.at(0).type() == "gap");
    BOOST_TEST(said.at(0).at("data").at("channels").text() == R"(["history"])");
  }
}

// A session with a token, and what its gate says of it.
BOOST_AUTO_TEST_CASE(ends_at_the_tick_after_its_token_and_not_before) {
  HubFixture clock;
  auto grant = std::make_shared<access::Grant>();
  grant->ends = clock.clock.now().wall + std::chrono::seconds(10);
  SessionFixture f({}, {}, access::Route::device, grant);
  Now now = f.hub.clock.now();
  now.wall = grant->ends - std::chrono::microseconds(1);
  f.session->on_tick(now);
  BOOST_TEST(!f.link.closed.has_value());
  f.link.take_types();
  now.wall = grant->ends;
  f.session->on_tick(now);
  BOOST_TEST((f.link.closed == proto::CloseCode::unauthorized));
  BOOST_TEST(f.link.messages.at(0).at("data").at("code").string() == "token-expired");
  f.session->on_tick(now);
  BOOST_TEST(f.link.take_types().size() == 1u);
  BOOST_TEST(f.gate.counters().ended[0] == 1u);
}

BOOST_AUTO_TEST_CASE(without_a_token_no_tick_ends_it) {
  SessionFixture f;
  Now now = f.hub.clock.now();
  now.wall += std::chrono::hours(100'000);
  f.gate.set_policy(std::make_shared<const access::Policy>());
  f.session->on_tick(now);
  BOOST_TEST(!f.link.closed.has_value());
}

BOOST_AUTO_TEST_CASE(subscribes_what_its_token_names_and_tells_the_rest) {
  auto grant = std::make_shared<access::Grant>();
  grant->ends = proto::Timestamp::max();
  grant->permissions.channels = {"metrics"};
  SessionFixture f({}, {}, access::Route::device, grant);
  f.hub.confirm_device(1);
  f.link.take_types();
  f.text(R"({"type":"subscribe","channels":["history","nonsense","metrics"]})");
  BOOST_TEST(f.link.take_types() == (Types{"error", "error", "subscribed"}), boost::test_tools::per_element());
  f.text(R"({"type":"subscribe","channels":["history"]})");
  BOOST_TEST(f.link.take_types() == (Types{"error"}), boost::test_tools::per_element());
  f.text(R"({"type":"history-query","id":1,"from":"2026-11-22T14:00:00Z"})");
  BOOST_TEST(f.link.messages.at(0).at("data").at("code").string() == "forbidden");
  BOOST_TEST(f.gate.counters().forbidden[static_cast<std::size_t>(access::Forbidden::channel)] == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
