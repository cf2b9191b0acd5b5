// A session of many devices over a link that remembers: what it subscribes where, its limits, its token, and what
// conflation costs which device.
#include "gateway/ws/fleet_session.hpp"

#include <boost/test/unit_test.hpp>

#include <map>
#include <string>
#include <vector>

#include "gateway/ws/session.hpp"
#include "tests/support/jwt.hpp"
#include "tests/unit/gateway/devices/hub_fixture.hpp"
#include "tests/unit/gateway/ws/fake_link.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

using Types = std::vector<std::string>;

std::string list(int from, int to) {
  std::string text = "[";
  for (int i = from; i <= to; ++i) text += (i > from ? ",\"" : "\"") + HubFixture::text(i) + "\"";
  return text + "]";
}

struct FleetFixture {
  explicit FleetFixture(const ws::SessionConfig& session_config = {}, access::GrantPtr grant = nullptr,
                        const devices::DeviceConfig& devices = {})
      : hub(devices), config(session_config) {
    admission.route = access::Route::fleet;
    admission.grant = std::move(grant);
    session = std::make_unique<ws::FleetSession>(link, admission, config, parts(), hub.clock.now());
  }
  ws::SessionParts parts() { return {gate, *hub.hub, hub.channels, counters, throttles, replays, hub.zone}; }
  void text(const std::string& message) { session->on_text(message, hub.clock.now()); }
  void subscribe(int from, int to, const std::string& channels = R"(["metrics"])", const std::string& more = {}) {
    text(R"({"type":"subscribe","channels":)" + channels + ",\"deviceUuids\":" + list(from, to) + more + "}");
  }
  void unsubscribe(int from, int to, const std::string& channels = R"(["metrics"])") {
    text(R"({"type":"unsubscribe","channels":)" + channels + ",\"deviceUuids\":" + list(from, to) + "}");
  }
  // Subscribed, confirmed and read; what came until then is forgotten.
  void watch(int from, int to, const std::string& channels = R"(["metrics"])", const std::string& more = {}) {
    subscribe(from, to, channels, more);
    for (int i = from; i <= to; ++i) hub.confirm_device(i);
    hub.answer_all(hub.rows({0}));
    drain();
    link.messages.clear();
  }
  std::vector<Json> drain() {
    const Now now = hub.clock.now();
    link.messages.clear();
    link.outbox.consume(link.outbox.backlog(), now.steady);
    if (link.outbox.conflated() > 0) session->on_drained(link.outbox.take_conflated(now.steady), now);
    return link.messages;
  }
  std::vector<Json> take() { return std::exchange(link.messages, {}); }
  // Codes of the errors since the last call, with the devices that they are about.
  std::vector<std::string> errors() {
    std::vector<std::string> told;
    for (const Json& message : take())
      if (message.type() == "error")
        told.push_back(message.at("data").at("code").string() +
                       (message.has("deviceUuid") ? " " + message.at("deviceUuid").string().substr(34) : ""));
    return told;
  }

  HubFixture hub;
  FakeLink link;
  access::Admission admission;
  access::Gate gate;
  SessionCounters counters;
  SteadyTime due = devices::kNever;
  ws::ReplayRules replays;
  ws::ThrottleQueue throttles{hub.clock, 1'000'000, [this](SteadyTime at) { due = at; }};
  const ws::SessionConfig config;
  std::unique_ptr<ws::FleetSession> session;
};

access::GrantPtr grant_for(std::initializer_list<int> devices) {
  auto grant = std::make_shared<access::Grant>();
  grant->ends = proto::Timestamp::max();
  grant->permissions.devices.emplace();
  for (const int device : devices) grant->permissions.devices->push_back(HubFixture::device(device));
  return grant;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(FleetSession)

BOOST_AUTO_TEST_CASE(greets_without_a_device_and_says_how_many_it_takes) {
  ws::SessionConfig config;
  config.max_fleet_devices = 3;
  FleetFixture f(config);
  const Json connected = f.take().at(0);
  BOOST_TEST(connected.type() == "connected");
  BOOST_TEST(!connected.has("deviceUuid"));
  BOOST_TEST(connected.at("data").at("limits").at("maxDevices").integer() == 3);
  BOOST_TEST(f.hub.subscribed_topics() == 0u);
  BOOST_TEST(f.counters.fleet_connections == 1u);
}

BOOST_AUTO_TEST_CASE(watches_each_device_for_itself) {
  FleetFixture f;
  f.take();
  f.subscribe(1, 3, R"(["metrics","history"])");
  BOOST_TEST(f.take().empty());  // the bus is still to confirm
  f.hub.confirm_device(2);
  std::vector<Json> acks = f.take();
  BOOST_REQUIRE(acks.size() == 2u);
  for (const Json& ack : acks) {
    BOOST_TEST(ack.type() == "subscribed");
    BOOST_TEST(ack.at("deviceUuid").string() == HubFixture::text(2));
  }
  f.hub.confirm_device(1);
  f.hub.confirm_device(3);
  f.take();
  f.hub.publish_metrics(3, 33);
  const Json sample = f.take().at(0);
  BOOST_TEST(sample.at("deviceUuid").string() == HubFixture::text(3));
  BOOST_TEST(sample.at("data").at("cpu_usage").integer() == 33);
  BOOST_TEST(f.counters.fleet_devices == 3u);
  f.unsubscribe(3, 3, R"(["metrics","history"])");
  BOOST_TEST(f.link.take_types() == (Types{"unsubscribed", "unsubscribed"}), boost::test_tools::per_element());
  f.hub.publish_metrics(3, 34);
  f.hub.publish("device:" + HubFixture::text(3) + ":broadcast", R"({"type":"notice"})");
  BOOST_TEST(f.take().empty());  // nothing subscribed: it is no client of the device any more
  BOOST_TEST(f.counters.fleet_devices == 2u);
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(3)) == 0u);
}

BOOST_AUTO_TEST_CASE(shares_each_frame_with_the_clients_of_one_device) {
  FleetFixture f;
  f.watch(1, 1);
  FakeLink other;
  access::Admission admission;
  admission.device = HubFixture::device(1);
  ws::Session single(other, admission, {}, f.parts(), f.hub.clock.now());
  single.on_text(R"({"type":"subscribe","channels":["metrics"]})", f.hub.clock.now());
  f.hub.publish_metrics(1, 7);
  BOOST_REQUIRE(f.link.last != nullptr);
  BOOST_TEST(f.link.last == other.last);
}

BOOST_AUTO_TEST_CASE(a_command_that_names_no_device_is_told_so) {
  FleetFixture f;
  f.take();
  f.text(R"({"type":"subscribe","channels":["metrics"]})");
  f.text(R"({"type":"unsubscribe","channels":["metrics"]})");
  f.text(R"({"type":"history-query","id":1,"from":0})");
  BOOST_TEST(f.errors() == (Types{"missing-device", "missing-device", "missing-device"}),
             boost::test_tools::per_element());
  f.text(R"({"type":"subscribe","channels":["metrics","nonsense"],"deviceUuids":["kitchen",")" + HubFixture::text(1) +
         R"("],"id":5})");
  const std::vector<Json> told = f.take();
  BOOST_REQUIRE(told.size() == 2u);
  BOOST_TEST(told[0].at("data").at("code").string() == "invalid-device");
  BOOST_TEST(told[1].at("data").at("code").string() == "unknown-channel");
  for (const Json& message : told) BOOST_TEST(message.at("id").text() == "5");
  BOOST_TEST(f.counters.fleet_devices == 1u);
}

BOOST_AUTO_TEST_CASE(ping_needs_no_device) {
  FleetFixture f;
  f.take();
  f.text(R"({"type":"ping"})");
  const Json pong = f.take().at(0);
  BOOST_TEST(pong.type() == "pong");
  BOOST_TEST(!pong.has("deviceUuid"));
}

BOOST_AUTO_TEST_CASE(takes_so_many_devices_and_tells_which_were_too_many) {
  ws::SessionConfig config;
  config.max_fleet_devices = 3;
  FleetFixture f(config);
  f.take();
  f.subscribe(1, 5);
  BOOST_TEST(f.errors() == (Types{"too-many-devices 04", "too-many-devices 05"}), boost::test_tools::per_element());
  f.subscribe(2, 2, R"(["history"])");  // one that it has
  BOOST_TEST(f.errors().empty());
  f.unsubscribe(1, 1);
  f.subscribe(5, 5);
  BOOST_TEST(f.errors().empty());
  BOOST_TEST(f.counters.fleet_devices == 3u);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_is_full_says_so_for_each_device) {
  devices::DeviceConfig few;
  few.max_devices = 2;
  FleetFixture f({}, nullptr, few);
  f.take();
  f.subscribe(1, 3);
  BOOST_TEST(f.errors() == Types{"device-limit 03"}, boost::test_tools::per_element());
  BOOST_TEST(!f.link.closed.has_value());
}

BOOST_AUTO_TEST_CASE(each_device_resumes_where_it_stood) {
  FleetFixture f;
  f.watch(1, 2);
  std::map<int, std::string> cursors;
  for (int device = 1; device <= 2; ++device) {
    f.hub.publish_metrics(device, 10 + device);
    cursors[device] = f.take().back().at("cursor").string();
  }
  f.unsubscribe(1, 2);
  for (int device = 1; device <= 2; ++device)
    for (int i = 0; i < 2; ++i) {
      f.hub.advance(std::chrono::seconds(1));
      f.hub.publish_metrics(device, 20 + device * 10 + i);
    }
  f.take();
  f.subscribe(1, 2, R"(["metrics"])",
              ",\"since\":{\"" + HubFixture::text(1) + "\":\"" + cursors[1] + "\",\"" + HubFixture::text(2) + "\":\"" +
                  cursors[2] + "\"}");
  std::map<std::string, std::vector<int>> got;
  int resumed = 0;
  for (const Json& message : f.take()) {
    if (message.type() == "subscribed") resumed += message.at("resumed").boolean() ? 1 : 0;
    if (message.type() == "metrics")
      got[message.at("deviceUuid").string()].push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
  }
  BOOST_TEST(resumed == 2);
  BOOST_TEST(got[HubFixture::text(1)] == (std::vector<int>{30, 31}), boost::test_tools::per_element());
  BOOST_TEST(got[HubFixture::text(2)] == (std::vector<int>{40, 41}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(one_history_query_at_a_time_of_any_device_and_its_device_is_left_afterwards) {
  FleetFixture f;
  f.hub.history.hold();
  f.take();
  const auto ask = [&f](int device, int id) {
    f.text(R"({"type":"history-query","from":0,"to":1,"id":)" + std::to_string(id) + ",\"deviceUuid\":\"" +
           HubFixture::text(device) + "\"}");
  };
  ask(1, 1);
  BOOST_TEST(f.counters.fleet_devices == 1u);
  f.session->on_tick(f.hub.clock.now());
  BOOST_TEST(f.counters.fleet_devices == 1u);
  ask(2, 2);
  BOOST_TEST(f.errors() == Types{"query-open"}, boost::test_tools::per_element());
  f.hub.history.release();
  f.hub.run();
  const Json answer = f.take().at(0);
  BOOST_TEST(answer.type() == "history-result");
  BOOST_TEST(answer.at("deviceUuid").string() == HubFixture::text(1));
  f.session->on_tick(f.hub.clock.now());
  BOOST_TEST(f.counters.fleet_devices == 0u);
  f.drain();
  ask(2, 3);
  BOOST_TEST(f.errors().empty());
}

BOOST_AUTO_TEST_CASE(subscribes_only_devices_that_its_token_names) {
  FleetFixture f({}, grant_for({1, 3}));
  f.take();
  f.subscribe(1, 3);
  BOOST_TEST(f.errors() == Types{"forbidden 02"}, boost::test_tools::per_element());
  f.text(R"({"type":"history-query","id":1,"from":0,"to":1,"deviceUuid":")" + HubFixture::text(2) + "\"}");
  BOOST_TEST(f.errors() == Types{"forbidden 02"}, boost::test_tools::per_element());
  BOOST_TEST(f.counters.fleet_devices == 2u);
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(2)) == 0u);
  BOOST_TEST(f.gate.counters().forbidden[static_cast<std::size_t>(access::Forbidden::device)] == 2u);
}

BOOST_AUTO_TEST_CASE(a_new_token_takes_away_the_devices_that_it_does_not_name) {
  constexpr const char* kSecret = "0123456789abcdef0123456789abcdef";
  std::string error;
  auto policy = std::make_shared<access::Policy>();
  policy->verifier = std::make_shared<const access::TokenVerifier>(
      std::vector<access::TokenKey>{*access::parse_token_key(kSecret, error)}, access::TokenRules{},
      std::make_shared<const access::Revocations>(*access::Revocations::parse("")));
  FleetFixture f({}, grant_for({1, 2, 3}));
  f.gate.set_policy(policy);
  f.watch(1, 3);
  f.text(R"({"type":"auth","token":")" +
         hmac_token(kSecret, R"({"exp":1900000000,"devices":[")" + HubFixture::text(1) + "\"]}") + "\"}");
  std::map<std::string, Types> told;
  for (const Json& message : f.take())
    told[message.has("deviceUuid") ? message.at("deviceUuid").string() : ""].push_back(message.type());
  BOOST_TEST(told[""] == Types{"authenticated"}, boost::test_tools::per_element());
  BOOST_TEST(told.count(HubFixture::text(1)) == 0u);
  for (const int device : {2, 3})
    BOOST_TEST(told[HubFixture::text(device)] == (Types{"unsubscribed", "error"}), boost::test_tools::per_element());
  BOOST_TEST(!f.link.closed.has_value());
  for (int device = 1; device <= 3; ++device) f.hub.publish_metrics(device, device);
  const std::vector<Json> samples = f.take();
  BOOST_REQUIRE(samples.size() == 1u);
  BOOST_TEST(samples[0].at("deviceUuid").string() == HubFixture::text(1));
  BOOST_TEST(f.counters.fleet_devices == 1u);
}

BOOST_AUTO_TEST_CASE(ends_with_its_token) {
  auto grant = std::make_shared<access::Grant>();
  FleetFixture clock;
  grant->ends = clock.hub.clock.now().wall + std::chrono::seconds(10);
  FleetFixture f({}, grant);
  f.hub.advance(std::chrono::seconds(10));
  f.session->on_tick(f.hub.clock.now());
  BOOST_TEST((f.link.closed == proto::CloseCode::unauthorized));
}

BOOST_AUTO_TEST_CASE(a_command_for_many_devices_costs_as_much_as_several) {
  ws::SessionConfig config;
  config.command_rate = 1;
  config.command_burst = 4;
  FleetFixture f(config);
  f.take();
  f.subscribe(1, 16);  // one
  f.subscribe(1, 48);  // three
  BOOST_TEST(f.errors().empty());
  f.subscribe(1, 1);
  BOOST_TEST(f.errors() == Types{"rate-limited"}, boost::test_tools::per_element());
  f.hub.advance(std::chrono::seconds(2));
  f.subscribe(49, 96);  // three, of which two are there
  BOOST_TEST(f.errors() == Types{"rate-limited"}, boost::test_tools::per_element());
  BOOST_TEST(f.counters.fleet_devices == 48u);
  BOOST_TEST(f.counters.rate_limited == 2u);
}

BOOST_AUTO_TEST_CASE(names_that_are_no_devices_cost_as_much_as_devices) {
  ws::SessionConfig config;
  config.command_rate = 1;
  config.command_burst = 4;
  FleetFixture f(config);
  f.take();
  std::string names;
  for (int i = 0; i < 33; ++i) names += (i > 0 ? ",\"x" : "\"x") + std::to_string(i) + "\"";
  const std::string message = R"({"type":"subscribe","channels":["metrics"],"deviceUuids":[)" + names + "]}";
  f.text(message);  // three
  BOOST_TEST(f.errors().size() == 33u);
  f.text(message);
  BOOST_TEST(f.errors() == Types{"rate-limited"}, boost::test_tools::per_element());
  f.text(message);  // that error is told once a second
  BOOST_TEST(f.errors().empty());
}

BOOST_AUTO_TEST_CASE(the_dearest_command_costs_no_more_than_a_burst) {
  ws::SessionConfig config;
  config.command_rate = 1;
  config.command_burst = 4;
  FleetFixture f(config);
  f.take();
  f.subscribe(1, 96);  // six
  BOOST_TEST(f.errors().empty());
  BOOST_TEST(f.counters.fleet_devices == 96u);
  f.hub.advance(std::chrono::seconds(3));
  f.unsubscribe(1, 96);
  BOOST_TEST(f.errors() == Types{"rate-limited"}, boost::test_tools::per_element());
  f.hub.advance(std::chrono::seconds(4));
  f.unsubscribe(1, 96);
  BOOST_TEST(f.errors().empty());
  BOOST_TEST(f.counters.fleet_devices == 0u);
}

BOOST_AUTO_TEST_CASE(what_subscribes_nothing_asks_nothing_of_the_bus) {
  FleetFixture unknown;
  unknown.take();
  unknown.subscribe(1, 3, R"(["nonsense"])");
  BOOST_TEST(unknown.errors() == Types{"unknown-channel"}, boost::test_tools::per_element());
  BOOST_TEST(unknown.hub.subscribed_topics() == 0u);
  BOOST_TEST(unknown.hub.hub->client_count(HubFixture::device(1)) == 0u);

  auto grant = std::make_shared<access::Grant>(*grant_for({1, 2}));
  grant->permissions.channels = Types{"history"};
  FleetFixture f({}, grant);
  f.take();
  f.subscribe(1, 3);
  BOOST_TEST(f.errors() == (Types{"forbidden 01", "forbidden 02", "forbidden 03"}), boost::test_tools::per_element());
  BOOST_TEST(f.hub.subscribed_topics() == 0u);
  BOOST_TEST(f.counters.fleet_devices == 0u);
  // Where the device is watched already, the same errors come and what it has stays.
  f.subscribe(1, 1, R"(["history"])");
  f.subscribe(1, 1);
  BOOST_TEST(f.errors() == Types{"forbidden 01"}, boost::test_tools::per_element());
  BOOST_TEST(f.counters.fleet_devices == 1u);
}

BOOST_AUTO_TEST_CASE(a_device_is_not_told_of_a_gap_of_another_that_had_its_place) {
  FleetFixture f;
  f.watch(1, 1);
  for (int round = 0; round < 100; ++round) f.hub.publish_metrics(1, round);
  BOOST_REQUIRE(f.link.outbox.conflated() > 0u);
  f.unsubscribe(1, 1);
  f.subscribe(2, 2);
  f.hub.confirm_device(2);
  f.hub.answer_all(f.hub.rows({0}));
  f.hub.publish_metrics(2, 7);
  f.take();
  for (const Json& message : f.drain()) BOOST_TEST(message.type() != "gap");
  // And its own ones it is told of.
  for (int round = 0; round < 100; ++round) f.hub.publish_metrics(2, round);
  const std::vector<Json> told = f.drain();
  BOOST_REQUIRE(told.size() == 1u);
  BOOST_TEST(told[0].type() == "gap");
  BOOST_TEST(told[0].at("deviceUuid").string() == HubFixture::text(2));
}

BOOST_AUTO_TEST_CASE(a_slow_client_keeps_the_latest_of_each_device_and_is_told_what_it_missed_of_which) {
  FleetFixture f;
  f.watch(1, 40);
  constexpr int kRounds = 30;
  for (int round = 0; round < kRounds; ++round) {
    for (int device = 1; device <= 40; ++device) f.hub.publish_metrics(device, round);
    f.hub.advance(std::chrono::seconds(1));
  }
  // Room for 40 devices: six times that of one.
  BOOST_TEST(f.link.outbox.backlog() > 40u * 100);
  std::map<std::string, int> gaps;
  for (const Json& message : f.drain()) {
    BOOST_TEST(message.type() == "gap");
    BOOST_TEST(message.at("data").at("reason").string() == "conflated");
    ++gaps[message.at("deviceUuid").string()];
  }
  BOOST_TEST(gaps.size() == 40u);
  for (const auto& [device, count] : gaps) BOOST_TEST(count == 1, device);
  BOOST_TEST(!f.link.closed.has_value());
}

BOOST_AUTO_TEST_CASE(max_rate_holds_for_each_device_and_channel) {
  FleetFixture f;
  f.watch(1, 2, R"(["metrics"])", R"(,"maxRate":1)");
  f.hub.advance(std::chrono::seconds(1));  // since the first, the newest row
  for (int i = 0; i < 5; ++i)
    for (int device = 1; device <= 2; ++device) f.hub.publish_metrics(device, i);
  BOOST_TEST(f.take().size() == 2u);  // the first of each
  f.hub.advance(std::chrono::seconds(1));
  f.throttles.advance();
  std::vector<Json> held = f.take();
  BOOST_REQUIRE(held.size() == 2u);
  for (const Json& message : held) BOOST_TEST(message.at("data").at("cpu_usage").integer() == 4);
  // A broadcast is not held back, and whoever sends many of them gets no more of the rest.
  f.hub.publish_metrics(1, 5);
  f.hub.publish("device:" + HubFixture::text(1) + ":broadcast", R"({"type":"notice"})");
  BOOST_TEST(f.link.take_types() == Types{"notice"}, boost::test_tools::per_element());
  f.hub.advance(std::chrono::seconds(1));
  f.throttles.advance();
  BOOST_TEST(f.link.take_types() == Types{"metrics"}, boost::test_tools::per_element());
  // And nothing of a channel after its `unsubscribed`.
  f.hub.publish_metrics(2, 6);
  f.take();
  f.hub.publish_metrics(2, 7);
  f.unsubscribe(2, 2);
  f.hub.advance(std::chrono::seconds(2));
  f.throttles.advance();
  BOOST_TEST(f.link.take_types() == Types{"unsubscribed"}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(leaves_every_device_when_it_ends) {
  FleetFixture f;
  f.watch(1, 10, R"(["metrics","history"])", R"(,"maxRate":1)");
  for (int i = 0; i < 2; ++i) f.hub.publish_metrics(4, i);
  f.session->on_closed(1000, "", f.hub.clock.now());
  for (int device = 1; device <= 10; ++device) BOOST_TEST(f.hub.hub->client_count(HubFixture::device(device)) == 0u);
  BOOST_TEST(f.counters.fleet_devices == 0u);
  BOOST_TEST(f.throttles.waiting() == 0u);
  f.session.reset();
  BOOST_TEST(f.counters.fleet_connections == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
