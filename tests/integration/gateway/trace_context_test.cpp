// A trace goes on from the envelope that the API server publishes to the browser and to the log.
#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

const std::string kTraceId = "0af7651916cd43dd8448eb211c80319c";
const std::string kParent = "00-" + kTraceId + "-b7ad6b7169203331-01";

// A report with these members beside its metrics.
void publish(Stack& stack, const std::string& device, double cpu, const std::string& members) {
  std::string event = metrics_event(device, cpu, now_ms(), R"(,"top_processes":[{"pid":)" + std::to_string(cpu) + "}]");
  event.insert(event.size() - 1, members);
  stack.redis().publish("device:" + device + ":metrics", event);
}

const std::string kMembers = R"(,"traceparent":")" + kParent + R"(","tracestate":"vendor=\"x\",other=1")";

}  // namespace

BOOST_AUTO_TEST_SUITE(TraceContexts)

BOOST_AUTO_TEST_CASE(they_reach_the_client_and_the_log) {
  Stack stack({"--trace-context", "on", "--log-level", "debug"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics", "processes"});
  publish(stack, device, 1, kMembers);
  for (const char* type : {"metrics", "processes"}) {
    const Json message = client.expect(type);
    BOOST_TEST(message.at("traceparent").string() == kParent);
    BOOST_TEST(message.at("tracestate").string() == R"(vendor="x",other=1)");
  }
  const auto line = stack.gateway().wait_for_log("event.traced");
  BOOST_TEST_REQUIRE(line.has_value());
  const Json logged = Json::parse(*line);
  BOOST_TEST(logged.at("level").string() == "debug");
  BOOST_TEST(logged.at("trace_id").string() == kTraceId);
  BOOST_TEST(logged.at("parent_id").string() == "b7ad6b7169203331");
  BOOST_TEST(logged.at("topic").string() == "device:" + device + ":metrics");
  BOOST_TEST(logged.at("messages").number() == 2);

  // Whoever comes later gets the message that was sent, over HTTP too.
  WsClient late = stack.watch(device, {"metrics"});
  BOOST_TEST(late.expect("metrics").at("traceparent").string() == kParent);
  const Json snapshot = Json::parse(stack.gateway().get("/api/v1/devices/" + device + "/snapshot").body);
  BOOST_TEST(snapshot.at("metrics").at("traceparent").string() == kParent);
}

BOOST_AUTO_TEST_CASE(malformed_ones_are_left_out_and_counted) {
  Stack stack({"--trace-context", "on"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  publish(stack, device, 1, R"(,"traceparent":"00-00000000000000000000000000000000-b7ad6b7169203331-01")");
  publish(stack, device, 2, R"(,"traceparent":")" + kParent + R"(","tracestate":"no list")");
  publish(stack, device, 3, "");
  const Json first = client.expect("metrics"), second = client.expect("metrics"), third = client.expect("metrics");
  BOOST_TEST(!first.has("traceparent"));
  BOOST_TEST(second.at("traceparent").string() == kParent);
  BOOST_TEST(!second.has("tracestate"));
  BOOST_TEST(!third.has("traceparent"));
  const auto counted = [&](const std::string& outcome) {
    return stack.gateway().metric("pulsegate_trace_contexts_total{outcome=\"" + outcome + "\"}").value_or(-1);
  };
  BOOST_TEST(counted("taken") == 0);
  BOOST_TEST(counted("bad-traceparent") == 1);
  BOOST_TEST(counted("bad-tracestate") == 1);
}

BOOST_AUTO_TEST_CASE(nobody_gets_any_unless_it_is_switched_on) {
  Stack stack({"--log-level", "debug"});
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  publish(stack, device, 1, kMembers);
  const Json message = client.expect("metrics");
  BOOST_TEST(!message.has("traceparent"));
  BOOST_TEST(!message.has("tracestate"));
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_trace_contexts_total") == 0);
  BOOST_TEST(stack.gateway().logs().find(kTraceId) == std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()
