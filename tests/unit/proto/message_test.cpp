// Every message of the server, character by character.
#include "proto/message.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;
using test::device;

namespace {

const Timestamp kTime = at("2026-11-22T14:05:00.123Z");
const std::string kUuidMember = R"("deviceUuid":"0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f")";
const std::string kTimeMember = R"("timestamp":"2026-11-22T14:05:00.123Z")";
const std::string kTail = "," + kUuidMember + "," + kTimeMember + "}";

// Calls `append` on a text that holds something already: messages are appended, never assigned.
template <typename Append>
std::string built(Append&& append) {
  std::string out = "before";
  append(out);
  BOOST_TEST_REQUIRE(out.substr(0, 6) == "before");
  return out.substr(6);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Message)

BOOST_AUTO_TEST_CASE(connected_carries_the_guides_members_and_the_limits) {
  const ConnectedInfo info{"c-1", 16384, 20};
  BOOST_TEST(built([&](std::string& out) { append_connected(out, device(), kTime, info); }) ==
             R"({"type":"connected","data":{)" + kUuidMember + "," + kTimeMember +
                 R"(,"protocol":1,"connectionId":"c-1","limits":{"maxMessageBytes":16384,"commandsPerSecond":20}})" +
                 kTail);
}

BOOST_AUTO_TEST_CASE(the_fleet_endpoint_is_greeted_without_a_device) {
  ConnectedInfo info{"c-1", 16384, 20};
  info.max_devices = 256;
  BOOST_TEST(built([&](std::string& out) { append_connected(out, kTime, info); }) ==
             R"({"type":"connected","data":{)" + kTimeMember +
                 R"(,"protocol":1,"connectionId":"c-1","limits":{"maxMessageBytes":16384,"commandsPerSecond":20,)"
                 R"("maxDevices":256}},)" +
                 kTimeMember + "}");
  BOOST_TEST(built([](std::string& out) { append_pong(out, kTime); }) ==
             R"({"type":"pong","data":{)" + kTimeMember + "}," + kTimeMember + "}");
}

BOOST_AUTO_TEST_CASE(acks_name_their_channel) {
  BOOST_TEST(built([](std::string& out) { append_subscribed(out, device(), "history"); }) ==
             R"({"type":"subscribed","channel":"history",)" + kUuidMember + "}");
  BOOST_TEST(built([](std::string& out) { append_unsubscribed(out, device(), "logs"); }) ==
             R"({"type":"unsubscribed","channel":"logs",)" + kUuidMember + "}");
}

BOOST_AUTO_TEST_CASE(an_ack_of_a_resume_tells_whether_it_was_one) {
  for (const bool resumed : {true, false})
    BOOST_TEST(built([&](std::string& out) { append_subscribed(out, device(), "metrics", resumed); }) ==
               R"({"type":"subscribed","channel":"metrics",)" + kUuidMember + R"(,"resumed":)" +
                   (resumed ? "true" : "false") + "}");
}

BOOST_AUTO_TEST_CASE(pong_carries_the_time_where_the_guide_has_it) {
  BOOST_TEST(built([](std::string& out) { append_pong(out, device(), kTime); }) ==
             R"({"type":"pong","data":{)" + kTimeMember + "}" + kTail);
}

BOOST_AUTO_TEST_CASE(error_escapes_its_message_and_echoes_the_id_verbatim) {
  BOOST_TEST(built([](std::string& out) { append_error(out, ErrorCode::unknown_type, "Unknown type \"x\"."); }) ==
             R"({"type":"error","data":{"code":"unknown-type","message":"Unknown type \"x\"."}})");
  BOOST_TEST(built([](std::string& out) { append_error(out, ErrorCode::too_deep, "m", "\"a\\\"b\""); }) ==
             R"({"type":"error","data":{"code":"too-deep","message":"m"},"id":"a\"b"})");
  const DeviceId about = device();
  BOOST_TEST(built([&](std::string& out) { append_error(out, ErrorCode::too_deep, "m", "1", &about); }) ==
             R"({"type":"error","data":{"code":"too-deep","message":"m"},)" + kUuidMember + R"(,"id":1})");
}

BOOST_AUTO_TEST_CASE(reconnect_tells_the_wait) {
  BOOST_TEST(built([](std::string& out) { append_reconnect(out, 1500); }) ==
             R"({"type":"reconnect","data":{"after_ms":1500}})");
}

BOOST_AUTO_TEST_CASE(values_are_spliced_verbatim) {
  const std::string json = R"({ "cpu_usage" : 45.20 })";
  BOOST_TEST(built([&](std::string& out) { append_verbatim(out, "metrics", device(), kTime, json); }) ==
             R"({"type":"metrics","data":)" + json + kTail);
  BOOST_TEST(built([&](std::string& out) { append_processes(out, device(), kTime, "[{\"pid\": 1}]"); }) ==
             R"({"type":"processes","data":{"top_processes":[{"pid": 1}]})" + kTail);
  BOOST_TEST(built([&](std::string& out) { append_network_interfaces(out, device(), kTime, "[]"); }) ==
             R"({"type":"network-interfaces","data":{"interfaces":[]})" + kTail);
}

BOOST_AUTO_TEST_CASE(a_cursor_is_the_last_member) {
  BOOST_TEST(built([](std::string& out) { append_verbatim(out, "metrics", device(), kTime, "{}", "AQ-_"); }) ==
             R"({"type":"metrics","data":{},)" + kUuidMember + "," + kTimeMember + R"(,"cursor":"AQ-_"})");
}

BOOST_AUTO_TEST_CASE(a_trace_context_comes_last_and_only_where_there_is_one) {
  const std::string parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
  const std::string head = "," + kUuidMember + "," + kTimeMember;
  const std::string tail = R"(,"traceparent":")" + parent + '"';
  const TraceContext alone{parent, {}}, both{parent, R"(a="1",b=2)"};
  BOOST_TEST(built([&](std::string& out) { append_verbatim(out, "metrics", device(), kTime, "{}", "AQ-_", alone); }) ==
             R"({"type":"metrics","data":{})" + head + R"(,"cursor":"AQ-_")" + tail + "}");
  BOOST_TEST(built([&](std::string& out) { append_verbatim(out, "logs", device(), kTime, "{}", {}, both); }) ==
             R"({"type":"logs","data":{})" + head + tail + R"(,"tracestate":"a=\"1\",b=2"})");
  BOOST_TEST(built([&](std::string& out) { append_processes(out, device(), kTime, "[]", alone); }) ==
             R"({"type":"processes","data":{"top_processes":[]})" + head + tail + "}");
  BOOST_TEST(built([&](std::string& out) { append_network_interfaces(out, device(), kTime, "[]", alone); }) ==
             R"({"type":"network-interfaces","data":{"interfaces":[]})" + head + tail + "}");
  std::string info;
  append_system_info(info, device(), kTime, {}, alone);
  BOOST_TEST(info.substr(info.size() - tail.size() - 1) == tail + "}");
  // Without a parent a state says nothing.
  BOOST_TEST(built([&](std::string& out) {
               append_processes(out, device(), kTime, "[]", {{}, "a=1"});
             }) == R"({"type":"processes","data":{"top_processes":[]})" + kTail);
}

BOOST_AUTO_TEST_CASE(system_info_has_all_six_keys_always) {
  BOOST_TEST(built([&](std::string& out) { append_system_info(out, device(), kTime, {}); }) ==
             R"({"type":"system-info","data":{"os":null,"architecture":null,"uptime":null,"hostname":null,)"
             R"("ipAddress":null,"macAddress":null})" +
                 kTail);
  SystemInfo info;
  info.json = {"\"Debian \\\"12\\\"\"", "\"arm64\"", "3600", "\"pump-7\"", "\"10.0.0.7\"", "\"02:00:00:00:00:01\""};
  BOOST_TEST(built([&](std::string& out) { append_system_info(out, device(), kTime, info); }) ==
             R"({"type":"system-info","data":{"os":"Debian \"12\"","architecture":"arm64","uptime":3600,)"
             R"("hostname":"pump-7","ipAddress":"10.0.0.7","macAddress":"02:00:00:00:00:01"})" +
                 kTail);
}

BOOST_AUTO_TEST_CASE(status_writes_only_the_keys_that_are_set) {
  const auto status = [](const Status& s) { return built([&](std::string& out) { append_status(out, device(), s); }); };
  const std::string head = R"({"type":"status",)" + kUuidMember + R"(,"data":{)";
  BOOST_TEST(status({}) == head + "}}");
  BOOST_TEST(status({LinkState::down, {}, {}, kTime}) == head + R"("bus":"down","since":"2026-11-22T14:05:00.123Z"}})");
  BOOST_TEST(status({{}, LinkState::up, {}, {}}) == head + R"("database":"up"}})");
  BOOST_TEST(status({{}, {}, DeviceState::unknown, {}}) == head + R"("device":"unknown"}})");
  BOOST_TEST(status({LinkState::up, LinkState::down, DeviceState::stale, {}}) ==
             head + R"("bus":"up","database":"down","device":"stale"}})");
  BOOST_TEST(status({{}, {}, DeviceState::live, {}}) == head + R"("device":"live"}})");
}

BOOST_AUTO_TEST_CASE(gap_names_its_channels_in_the_order_of_the_table) {
  const ChannelTable table({"logs"});
  ChannelSet channels;
  channels.add(*table.find("logs"));
  channels.add(Channel::history);
  channels.add(Channel::metrics);
  BOOST_TEST(built([&](std::string& out) {
               append_gap(out, device(), kTime, kTime + std::chrono::seconds(5), channels, table, "bus");
             }) == R"({"type":"gap",)" + kUuidMember +
                       R"(,"data":{"from":"2026-11-22T14:05:00.123Z","to":"2026-11-22T14:05:05.123Z",)"
                       R"("channels":["metrics","history","logs"],"reason":"bus"}})");
}

BOOST_AUTO_TEST_CASE(authenticated_says_until_when) {
  std::string text;
  append_authenticated(text, Timestamp(std::chrono::milliseconds(1'700'000'000'123)), "\"r1\"");
  BOOST_TEST(text == R"({"type":"authenticated","data":{"expires":"2023-11-14T22:13:20.123Z"},"id":"r1"})");
  text.clear();
  append_authenticated(text, std::nullopt);
  BOOST_TEST(text == R"({"type":"authenticated","data":{"expires":null}})");
}

BOOST_AUTO_TEST_SUITE_END()
