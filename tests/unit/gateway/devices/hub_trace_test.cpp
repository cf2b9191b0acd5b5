// Trace contexts: which messages carry the one of the event that they were made of.
#include <boost/test/unit_test.hpp>

#include "hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;

namespace {

const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

devices::DeviceConfig traced(bool on = true) {
  devices::DeviceConfig config;
  config.trace_context = on;
  return config;
}

std::string report(double cpu, const std::string& members) {
  return R"({"metrics":{"cpu_usage":)" + std::to_string(cpu) + R"(,"top_processes":[{"pid":)" + std::to_string(cpu) +
         "}]}" + members + "}";
}

const std::string kMembers = R"(,"traceparent":")" + kParent + R"(","tracestate":"a=1")";

// Those of channels.
std::vector<Json> values(TestClient& client) {
  std::vector<Json> found;
  for (Json& message : client.take())
    if (message.type() != "status") found.push_back(std::move(message));
  return found;
}

bool has_trace(const Json& message) {
  if (!message.has("traceparent")) return false;
  BOOST_TEST(message.at("traceparent").string() == kParent);
  return true;
}

std::uint64_t counted(const HubFixture& f, proto::TraceFinding finding) {
  return f.hub->counters().traces[static_cast<std::size_t>(finding) - 1];
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubTrace)

BOOST_AUTO_TEST_CASE(all_that_is_spliced_of_one_event_carries_its_context) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics, Channel::processes});
  f.publish("device:" + f.text(1) + ":metrics", report(1, kMembers));
  const auto messages = values(client);
  BOOST_TEST_REQUIRE(messages.size() == 2u);
  for (const Json& message : messages) {
    BOOST_TEST(has_trace(message));
    BOOST_TEST(message.at("tracestate").string() == "a=1");
  }
  BOOST_TEST(f.hub->event_trace().parent == kParent);
  BOOST_TEST(counted(f, proto::TraceFinding::taken) == 1u);
}

BOOST_AUTO_TEST_CASE(a_state_report_carries_it_too) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::system_info});
  f.publish("device:" + f.text(1) + ":state", R"({"state":{"hostname":"h"})" + kMembers + "}");
  BOOST_TEST(has_trace(last_of_type(client.take(), "system-info")));
}

BOOST_AUTO_TEST_CASE(a_pass_through_message_carries_it_beside_its_data) {
  HubFixture f(traced(), HubFixture::Database::none, {"logs"});
  TestClient client(f, 1, {*f.channels.find("logs")});
  f.publish("device:" + f.text(1) + ":logs", R"({"logs":[])" + kMembers + "}");
  const Json message = last_of_type(client.take(), "logs");
  BOOST_TEST(has_trace(message));
  BOOST_TEST(has_trace(message.at("data")));  // verbatim
}

BOOST_AUTO_TEST_CASE(the_next_event_does_not_inherit_it) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics, Channel::processes});
  f.publish("device:" + f.text(1) + ":metrics", report(1, kMembers));
  client.take();
  f.publish("device:" + f.text(1) + ":metrics", report(2, ""));
  for (const Json& message : values(client)) {
    BOOST_TEST(!message.has("traceparent"));
    BOOST_TEST(!message.has("tracestate"));
  }
  BOOST_TEST(f.hub->event_trace().empty());
}

BOOST_AUTO_TEST_CASE(a_message_from_memory_is_the_one_that_was_sent) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient first(f, 1, {Channel::metrics});
  f.publish("device:" + f.text(1) + ":metrics", report(1, kMembers));
  TestClient late(f, f.device(1));
  late.subscribe({Channel::metrics});
  BOOST_TEST(has_trace(last_of_type(late.take(), "metrics")));
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_left_out_and_counted) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics});
  const std::string topic = "device:" + f.text(1) + ":metrics";
  f.publish(topic, report(1, R"(,"traceparent":"00-nonsense","tracestate":"a=1")"));
  f.publish(topic, report(2, R"(,"traceparent":")" + kParent + R"(","tracestate":"nonsense")"));
  f.publish(topic, report(3, R"(,"tracestate":"a=1")"));
  const auto messages = values(client);
  BOOST_TEST_REQUIRE(messages.size() == 3u);
  BOOST_TEST(!has_trace(messages[0]));
  BOOST_TEST(has_trace(messages[1]));
  BOOST_TEST(!has_trace(messages[2]));
  for (const Json& message : messages) BOOST_TEST(!message.has("tracestate"));
  BOOST_TEST(counted(f, proto::TraceFinding::taken) == 0u);
  BOOST_TEST(counted(f, proto::TraceFinding::bad_parent) == 1u);
  BOOST_TEST(counted(f, proto::TraceFinding::bad_state) == 2u);
}

BOOST_AUTO_TEST_CASE(an_event_that_is_dropped_leaves_none_behind) {
  HubFixture f(traced(), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics});
  f.publish("device:" + f.text(1) + ":metrics", report(1, kMembers));
  BOOST_TEST(!f.hub->event_trace().empty());
  f.publish("device:" + f.text(1) + ":metrics", "{" + kMembers.substr(1));
  BOOST_TEST(f.hub->event_trace().empty());
}

BOOST_AUTO_TEST_CASE(switched_off_nobody_gets_any) {
  HubFixture f(traced(false), HubFixture::Database::none);
  TestClient client(f, 1, {Channel::metrics, Channel::processes});
  f.publish("device:" + f.text(1) + ":metrics", report(1, kMembers));
  for (const Json& message : values(client)) BOOST_TEST(!has_trace(message));
  BOOST_TEST(f.hub->event_trace().empty());
  BOOST_TEST(counted(f, proto::TraceFinding::taken) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
