// Connections that are sent away by the endpoint, over real sockets: by age, within a rate, and in a drain.
#include <boost/test/unit_test.hpp>

#include <chrono>
#include <set>
#include <string>
#include <vector>

#include "endpoint_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using namespace std::chrono_literals;

namespace {

ws::EndpointConfig aging(std::chrono::milliseconds age, std::size_t per_second) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.max_age = age;
  config.departures_per_second = per_second;
  return config;
}

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(departures)

BOOST_AUTO_TEST_CASE(by_age_a_client_is_told_to_reconnect_and_closed_with_1012_a_tenth_earlier_or_later) {
  EndpointFixture fixture(aging(1500ms, 100));
  const auto start = std::chrono::steady_clock::now();
  WsClient client = fixture.open();
  BOOST_TEST(client.expect("reconnect").at("data").at("after_ms").number() < 1000);
  BOOST_TEST(seconds_since(start) >= 1.35);
  BOOST_TEST(seconds_since(start) < 3.0);  // 1.65 s, and time for a busy machine
  BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(fixture.counters().sent_away_age == 1u);
  BOOST_TEST(fixture.counters().sent_away_drain == 0u);
}

BOOST_AUTO_TEST_CASE(without_an_age_nobody_is_sent_away) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(!client.receive(Millis(1'500)).has_value());
  BOOST_TEST(client.is_open());
  BOOST_TEST(fixture.counters().sent_away_age == 0u);
}

BOOST_AUTO_TEST_CASE(no_more_than_the_rate_are_sent_away_by_age_and_who_waits_is_counted) {
  EndpointFixture fixture(aging(100ms, 4));
  const auto start = std::chrono::steady_clock::now();
  std::vector<WsClient> clients;
  for (int i = 0; i < 14; ++i) clients.push_back(fixture.open());
  std::uint64_t most_overdue = 0, gone = 0;
  bool within = true;
  BOOST_TEST(eventually([&] {
    const ws::EndpointCounters counters = fixture.counters();
    most_overdue = std::max(most_overdue, counters.overdue);
    gone = counters.sent_away_age;
    // Four in each second that has begun.
    within = within && static_cast<double>(gone) <= 4 * (seconds_since(start) + 1);
    return gone == 14;
  }));
  BOOST_TEST(within);
  BOOST_TEST(most_overdue > 0u);
  for (WsClient& client : clients) BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(eventually([&] { return fixture.counters().overdue == 0; }));
}

BOOST_AUTO_TEST_CASE(a_drain_sends_away_everybody_within_its_time_and_nobody_comes_in) {
  EndpointFixture fixture(aging(1h, 1));
  std::vector<WsClient> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(fixture.open());
  const auto start = std::chrono::steady_clock::now();
  fixture.run([&] { fixture.endpoint().drain(1s); });
  // Half of the time, half of the clients: each slot sends one away.
  BOOST_TEST(eventually([&] { return fixture.counters().sent_away_drain >= 18; }));
  BOOST_TEST(seconds_since(start) > 0.4);
  BOOST_TEST(WsClient::attempt(fixture.port(), kTarget).response().status == 503);
  for (WsClient& client : clients) BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(seconds_since(start) > 0.95);
  BOOST_TEST(fixture.counters().sent_away_drain == 40u);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_browser_is_refused_by_503_in_a_drain_so_that_a_proxy_tries_elsewhere) {
  EndpointFixture fixture;
  fixture.run([&] { fixture.endpoint().drain(0ms); });
  WsOptions browser;
  browser.headers = {{"Origin", "https://dashboard.example"}};
  const HttpResponse refused = WsClient::attempt(fixture.port(), kTarget, browser).response();
  BOOST_TEST(refused.status == 503);
  const int after = std::stoi(refused.header("retry-after"));
  BOOST_TEST(after >= 5);
  BOOST_TEST(after <= 15);
}

BOOST_AUTO_TEST_CASE(those_who_are_refused_together_are_not_told_to_return_together) {
  EndpointFixture fixture;
  fixture.run([&] { fixture.endpoint().set_accepting(false); });
  std::set<std::string> told;
  for (int i = 0; i < 40; ++i) told.insert(WsClient::attempt(fixture.port(), kTarget).response().header("retry-after"));
  BOOST_TEST(told.size() >= 5u);
}

BOOST_AUTO_TEST_SUITE_END()
