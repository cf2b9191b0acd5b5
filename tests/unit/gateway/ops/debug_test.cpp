// Why a panel is silent: each cause has its sentence, and the answers are JSON.
#include "gateway/ops/debug.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <utility>
#include <vector>

#include "gateway/log.hpp"
#include "gateway/ops/routes.hpp"
#include "tests/support/json.hpp"
#include "tests/unit/gateway/ops/fake_control.hpp"

using namespace pulsegate;
using namespace pulsegate::ops;

namespace {

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";

bool has(const std::string& sentence, const std::string& part) {
  return sentence.find(part) != std::string::npos;
}

struct Fixture {
  proto::ChannelTable channels;
  devices::DeviceReport device;
  ws::SessionReport session;

  // Both in the best of health.
  Fixture() {
    device.phase = "live";
    device.members = 1;
    device.confirmed = device.bus_up = device.has_database = device.database_up = true;
    device.last_event_age = 0.4;
    device.channels.push_back({"metrics", 1, proto::Timestamp{}, 0.4});
    session.id = "c-1";
    session.sent_age = 0.4;
    ws::SessionReport::Feed feed;
    feed.device = *proto::DeviceId::parse(kDevice);
    feed.joined = true;
    feed.subscribed.add(proto::Channel::metrics);
    feed.report = device;
    session.feeds.push_back(feed);
  }
  std::string of_device() const { return diagnose(std::vector<devices::DeviceReport>{device}); }
  std::string of_session() {
    for (auto& feed : session.feeds) feed.report = device;
    return diagnose(session);
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(Debug, Fixture)

BOOST_AUTO_TEST_CASE(health_is_told_as_such) {
  BOOST_TEST(has(of_device(), "Nothing is wrong with the device here"));
  BOOST_TEST(has(of_session(), "Nothing is wrong here"));
}

BOOST_AUTO_TEST_CASE(a_device_that_is_not_in_memory_has_no_client) {
  BOOST_TEST(has(diagnose(std::vector<devices::DeviceReport>{}), "Nobody watches this device here"));
}

BOOST_AUTO_TEST_CASE(what_is_wrong_with_the_device_is_told_of_its_sessions_too) {
  const auto says = [this](const std::string& part) {
    BOOST_TEST(has(of_device(), part), of_device());
    BOOST_TEST(has(of_session(), part), of_session());
  };
  device.database_up = false;
  says("database is down");
  device.last_event_age.reset();
  says("No `metrics` event has come");
  device.freshness = proto::DeviceState::stale;
  device.stale_since = proto::Timestamp{};
  says("No events on the bus since 1970-01-01T00:00:00.000Z");
  device.freshness = proto::DeviceState::unknown;
  says("unknown");
  device.confirmed = false;
  says("not confirmed");
  device.bus_up = false;
  says("The bus is down");
}

BOOST_AUTO_TEST_CASE(without_a_database_none_can_be_down) {
  device.has_database = device.database_up = false;
  BOOST_TEST(has(of_device(), "Nothing is wrong"));
}

BOOST_AUTO_TEST_CASE(clients_that_are_not_there_or_want_nothing_are_told) {
  device.channels[0].subscribers = 0;
  BOOST_TEST(has(of_device(), "none has subscribed"));
  device.members = 0;
  BOOST_TEST(has(of_device(), "no client is connected"));
}

BOOST_AUTO_TEST_CASE(the_shard_with_most_clients_is_the_one_that_counts) {
  devices::DeviceReport idle = device;
  idle.members = 0;
  idle.bus_up = false;
  BOOST_TEST(has(diagnose({idle, device}), "Nothing is wrong"));
}

BOOST_AUTO_TEST_CASE(what_is_the_clients_own_comes_first) {
  device.bus_up = false;
  session.feeds[0].subscribed.clear();
  session.errors = 2;
  BOOST_TEST(has(of_session(), "not subscribed to any channel, and was sent 2 errors"));
  session.feeds[0].joined = false;
  BOOST_TEST(has(of_session(), "--max-devices"));
  session.backlog = 100'000;
  BOOST_TEST(has(of_session(), "The client is slow: 100000 bytes"));
  session.stalled = true;
  BOOST_TEST(has(of_session(), "stalled"));
  session.closing = true;
  BOOST_TEST(has(of_session(), "being closed"));
}

BOOST_AUTO_TEST_CASE(a_subscription_that_waits_for_the_bus_is_one) {
  session.feeds[0].subscribed.clear();
  session.feeds[0].unacked.add(proto::Channel::metrics);
  device.confirmed = false;
  BOOST_TEST(has(of_session(), "not confirmed"));
}

BOOST_AUTO_TEST_CASE(answers_are_json) {
  session.auth =
      ws::SessionReport::Auth{"o\"brien", "t-1", proto::Timestamp{}, true, 3, std::vector<std::string>{"metrics"}};
  const test::Json one = test::Json::parse(debug_session(session, channels));
  BOOST_TEST(one.at("connectionId").string() == "c-1");
  BOOST_TEST(one.at("auth").at("subject").string() == "o\"brien");
  BOOST_TEST(one.at("devices").at(0).at("subscribed").at(0).string() == "metrics");
  BOOST_TEST(one.at("devices").at(0).at("device").at("state").string() == "live");
  const test::Json whole = test::Json::parse(debug_device(*proto::DeviceId::parse(kDevice), {device}));
  BOOST_TEST(whole.at("deviceUuid").string() == kDevice);
  BOOST_TEST(whole.at("shards").at(0).at("bus").string() == "up");
  BOOST_TEST(has(whole.at("diagnosis").string(), "Nothing is wrong"));
}

BOOST_AUTO_TEST_CASE(the_list_is_bounded_and_begins_with_the_slowest) {
  std::vector<ws::SessionReport> many(kMaxListedSessions + 5, session);
  many.back().id = "slow";
  many.back().backlog = 9;
  const test::Json list = test::Json::parse(debug_sessions(many, channels));
  BOOST_TEST(list.at("sessions").size() == kMaxListedSessions);
  BOOST_TEST(list.at("sessions").at(0).at("connectionId").string() == "slow");
}

BOOST_AUTO_TEST_CASE(the_admin_port_alone_answers) {
  FakeControl control;
  control.device_reports = {device};
  control.session_reports = {session};
  const auto ask = [](const HttpHandler& handler, const std::string& method, const std::string& path,
                      const std::string& body = {}, std::vector<std::pair<std::string, std::string>> headers = {}) {
    HttpRequest request;
    request.method = method;
    request.path = path;
    request.body = body;
    request.headers = std::move(headers);
    HttpResponse answer;
    handler(request, [&answer](HttpResponse response) { answer = std::move(response); });
    return answer;
  };
  const HttpHandler health = health_routes(control), admin = admin_routes(control);
  for (const std::string& path : {"/debug/devices/" + kDevice, std::string("/debug/sessions"),
                                  std::string("/debug/sessions/c-1"), std::string("/debug/log-level")}) {
    BOOST_TEST(ask(health, "GET", path).status == 404, path);
    BOOST_TEST(ask(admin, "GET", path).status == 200, path);
    BOOST_TEST(ask(admin, "DELETE", path).status == 405, path);
  }
  BOOST_TEST(ask(admin, "GET", "/debug/sessions/c-2").status == 404);
  BOOST_TEST(ask(admin, "GET", "/debug/devices/nothing").status == 400);
  BOOST_TEST(ask(admin, "GET", "/debug/").status == 404);

  const log::Level before = log::level();
  log::set_level(log::Level::error);
  BOOST_TEST(ask(admin, "PUT", "/debug/log-level", "loud").status == 400);
  BOOST_TEST(ask(admin, "PUT", "/debug/log-level", "debug", {{"origin", "http://evil"}}).status == 403);
  BOOST_TEST((log::level() == log::Level::error));
  BOOST_TEST(ask(admin, "PUT", "/debug/log-level", "warn\n").body == "{\"level\":\"warn\"}\n");
  BOOST_TEST((log::level() == log::Level::warn));
  log::set_level(before);
}

BOOST_AUTO_TEST_SUITE_END()
