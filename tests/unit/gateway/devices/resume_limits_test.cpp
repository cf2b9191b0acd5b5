// What the settings of resume mean: how much a device remembers, and how long live samples wait.
#include <algorithm>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "gateway/devices/device_config.hpp"
#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

devices::SubscribeOptions after(const Json& message) {
  devices::SubscribeOptions options;
  options.since = proto::parse_since(message.at("cursor").string());
  return options;
}

// Publishes `count` reports of a device that somebody watches, and returns them as they were sent.
std::vector<Json> reports(HubFixture& f, TestClient& watcher, int device, int count) {
  watcher.take();
  for (int i = 1; i <= count; ++i) {
    f.advance(seconds(2));
    f.publish_metrics(device, i);
  }
  return only(watcher.take(), "metrics");
}

bool says_resumed(const std::vector<Json>& messages) {
  return last_of_type(messages, "subscribed").at("resumed").boolean();
}

// Whether whoever comes back is served without anybody being asked.
bool from_memory(HubFixture& f, const devices::SubscribeOptions& options) {
  const std::size_t asked = f.history.afters().size();
  TestClient client(f, HubFixture::device(1));
  client.subscribe({Channel::metrics}, options);
  return f.history.afters().size() == asked && says_resumed(client.take());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ResumeLimits)

BOOST_AUTO_TEST_CASE(a_device_remembers_as_many_events_as_it_is_told) {
  devices::DeviceConfig config;
  config.resume_events = 3;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  const std::vector<Json> sent = reports(f, watcher, 1, 5);
  BOOST_REQUIRE(sent.size() == 5u);
  BOOST_TEST(from_memory(f, after(sent[2])));
  BOOST_TEST(!from_memory(f, after(sent[1])));
}

BOOST_AUTO_TEST_CASE(a_device_remembers_as_many_bytes_as_it_is_told) {
  devices::DeviceConfig config;
  config.resume_bytes = 1'000;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  reports(f, watcher, 1, 20);
  BOOST_TEST(f.hub->counters().remembered_bytes <= 1'000u);
  BOOST_TEST(f.hub->counters().remembered_bytes > 500u);
}

BOOST_AUTO_TEST_CASE(all_devices_share_one_memory) {
  devices::DeviceConfig config;
  config.resume_memory = 2'000;
  HubFixture f(config);
  TestClient one(f, 1, {Channel::metrics});
  TestClient two(f, 2, {Channel::metrics});
  reports(f, one, 1, 20);
  reports(f, two, 2, 20);
  BOOST_TEST(f.hub->counters().remembered_bytes <= 2'000u);
  BOOST_TEST(f.hub->counters().remembered_bytes > 1'000u);
}

// The last one is kept however little there is, since the next cursor is made from it.
BOOST_AUTO_TEST_CASE(the_last_message_is_remembered_in_any_case) {
  devices::DeviceConfig config;
  config.resume_memory = 1;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  const std::vector<Json> sent = reports(f, watcher, 1, 3);
  BOOST_TEST(from_memory(f, after(sent.back())));
}

BOOST_AUTO_TEST_CASE(without_a_hold_live_samples_never_wait) {
  devices::DeviceConfig config;
  config.resume_hold = milliseconds(0);
  config.resume_events = 1;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  const std::vector<Json> sent = reports(f, watcher, 1, 3);
  f.history.hold();
  TestClient client(f, HubFixture::device(1));
  client.subscribe({Channel::metrics}, after(sent[0]));
  BOOST_TEST(client.take().empty());  // stream and table are being asked
  f.publish_metrics(1, 4);
  f.advance(milliseconds(0));
  const std::vector<Json> got = client.take();
  BOOST_REQUIRE(got.size() >= 3u);
  BOOST_TEST(got[0].at("resumed").text() == "false");
  BOOST_TEST(got[1].type() == "gap");
  BOOST_TEST(got[1].at("data").at("reason").string() == "resume");
  BOOST_TEST(last_of_type(got, "metrics").at("data").at("cpu_usage").number() == 4);
  f.history.release();
}

BOOST_AUTO_TEST_CASE(live_samples_wait_as_long_as_they_are_told) {
  devices::DeviceConfig config;
  config.resume_hold = seconds(2);
  config.resume_events = 1;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  const std::vector<Json> sent = reports(f, watcher, 1, 3);
  f.history.hold();
  TestClient client(f, HubFixture::device(1));
  client.subscribe({Channel::metrics}, after(sent[0]));
  f.publish_metrics(1, 4);
  f.advance(milliseconds(1'999));
  BOOST_TEST(only(client.take(), "metrics").empty());
  f.advance(milliseconds(1));
  BOOST_TEST(last_of_type(client.take(), "metrics").at("data").at("cpu_usage").number() == 4);
  f.history.release();
}

BOOST_AUTO_TEST_CASE(of_what_was_found_a_client_gets_the_newest_that_its_backlog_has_room_for) {
  devices::DeviceConfig config;
  config.resume_events = 1;
  config.replay_bytes = 1'000;
  HubFixture f(config, HubFixture::Database::none, {}, HubFixture::Stream::present);
  TestClient watcher(f, 1, {Channel::metrics});
  watcher.take();
  for (int i = 1; i <= 20; ++i) {
    f.advance(seconds(2));
    const proto::Timestamp time = f.clock.now().wall;
    f.stream.append(HubFixture::device(1), {time, time, R"({"cpu_usage":)" + std::to_string(i) + "}"});
    f.publish_metrics(1, i);
  }
  const std::vector<Json> sent = only(watcher.take(), "metrics");
  BOOST_REQUIRE(sent.size() == 20u);
  f.advance(seconds(30));
  TestClient client(f, HubFixture::device(1));
  client.subscribe({Channel::metrics}, after(sent[0]));
  f.advance(seconds(1));
  const std::vector<Json> got = client.take();
  BOOST_TEST(!says_resumed(got));
  const std::vector<Json> samples = only(got, "metrics");
  BOOST_REQUIRE(samples.size() >= 2u);
  BOOST_TEST(samples.size() < 10u);
  const Json& oldest = samples.front();
  const std::size_t first = sent.size() - samples.size();
  for (std::size_t i = 0; i < samples.size(); ++i)
    BOOST_TEST(samples[i].at("cursor").string() == sent[first + i].at("cursor").string());
  BOOST_TEST(last_of_type(got, "gap").at("data").at("to").string() == oldest.at("timestamp").string());
}

// So what a client gets at once, when it has waited, fits its backlog.
BOOST_AUTO_TEST_CASE(live_samples_that_wait_take_no_more_than_twice_what_a_device_remembers) {
  devices::DeviceConfig config;
  config.resume_hold = seconds(60);
  config.resume_events = 1'000;
  config.resume_bytes = 4'000;
  HubFixture f(config);
  TestClient watcher(f, 1, {Channel::metrics});
  const std::vector<Json> sent = reports(f, watcher, 1, 30);
  BOOST_TEST(f.hub->counters().remembered_bytes <= 4'000u);
  f.history.hold();
  TestClient client(f, HubFixture::device(1));
  client.subscribe({Channel::metrics}, after(sent[0]));
  std::size_t most = 0;
  std::size_t seen = 0;
  for (int i = 31; i < 91; ++i) {
    f.publish_metrics(1, i);
    most = std::max<std::size_t>(most, f.hub->counters().remembered_bytes);
    seen += only(client.take(), "metrics").size();
  }
  BOOST_TEST(most > 7'000u);
  BOOST_TEST(most <= 8'000u);
  // Whatever had to go is named.
  f.advance(seconds(60));
  const std::vector<Json> got = client.take();
  BOOST_TEST(seen + only(got, "metrics").size() < 60u);
  BOOST_TEST(count_type(got, "gap") == 1);
  f.history.release();
}

BOOST_AUTO_TEST_CASE(a_silent_device_is_compared_as_often_as_told_or_never) {
  for (const bool off : {false, true}) {
    devices::DeviceConfig config;
    config.tail_check = off ? seconds(0) : seconds(7);
    config.stale_after = seconds(0);
    HubFixture f(config);
    TestClient watcher(f, 1, {Channel::metrics});
    reports(f, watcher, 1, 2);
    f.advance(seconds(20));
    BOOST_TEST(f.hub->counters().tail_checks == (off ? 0u : 2u));
  }
}

BOOST_AUTO_TEST_SUITE_END()
