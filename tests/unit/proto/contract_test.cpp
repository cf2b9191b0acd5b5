// The serializers and readers of proto/ beside the contract, proto/schemas: both say the same.
#include <boost/test/unit_test.hpp>

#include <array>
#include <string>
#include <variant>
#include <vector>

#include "proto/bus_event.hpp"
#include "proto/close_code.hpp"
#include "proto/command.hpp"
#include "proto/error_code.hpp"
#include "proto/limits.hpp"
#include "proto/message.hpp"
#include "proto/replay_request.hpp"
#include "tests/support/contract.hpp"
#include "tests/support/json.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using pulsegate::test::contract_error;
using pulsegate::test::contract_examples;
using pulsegate::test::contract_names;
using pulsegate::test::contract_part;
using pulsegate::test::Json;
using pulsegate::test::Side;
using test::at;
using test::device;

namespace {

const Timestamp kTime = at("2026-11-22T14:05:00.123Z");
const std::string kCursor = "AQAGYN32g5t4ASNFZ4mrze8AAtVh";
const ChannelTable kChannels({"logs"});

template <typename Append>
std::string built(Append&& append) {
  std::string out;
  append(out);
  return out;
}

// `message` is one of the contract's; `name` is its schema where that is not its type.
void check(const std::string& message, std::string name = {}) {
  if (name.empty()) name = Json::parse(message).type();
  BOOST_TEST(contract_error(Side::server, name, message) == "", message);
}

std::string history(std::string_view mode, std::string_view cursor, int points) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  HistoryPoint point{};
  point.time = kTime;
  for (int i = 0; i < points; ++i) message.add(point);
  return built([&](std::string& out) { message.append_to(out, mode, cursor); });
}

// Whether the gateway takes a command, whatever it then does about it.
bool accepted(const std::string& text, bool fleet) {
  if (fleet) {
    const FleetCommand command = parse_fleet_command(text, kChannels, kTime);
    return !std::holds_alternative<CommandError>(command.command) && command.bad_devices.empty();
  }
  return !std::holds_alternative<CommandError>(parse_command(text, kChannels, kTime));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Contract)

BOOST_AUTO_TEST_CASE(every_serializer_keeps_to_its_schema) {
  ConnectedInfo info{"9f86d081-1", 16384, 0.5};
  check(built([&](std::string& out) { append_connected(out, device(), kTime, info); }));
  info.device_as_sent = "0F3C9A52-7d1e-4b86-9c2f-1a2b3c4d5e6f";
  check(built([&](std::string& out) { append_connected(out, device(), kTime, info); }));
  info.max_devices = 256;
  check(built([&](std::string& out) { append_connected(out, kTime, info); }));
  check(built([](std::string& out) { append_subscribed(out, device(), "history"); }));
  check(built([](std::string& out) { append_subscribed(out, device(), "logs", false); }));
  check(built([](std::string& out) { append_unsubscribed(out, device(), "metrics"); }));
  check(built([](std::string& out) { append_pong(out, device(), kTime); }));
  check(built([](std::string& out) { append_pong(out, kTime); }));
  check(built([](std::string& out) { append_authenticated(out, kTime, "7"); }));
  check(built([](std::string& out) { append_authenticated(out, std::nullopt); }));
  check(built([](std::string& out) { append_reconnect(out, 15000); }));
  const auto verbatim = [](std::string_view type, std::string_view json, std::string_view cursor = {}) {
    return built([&](std::string& out) { append_verbatim(out, type, device(), kTime, json, cursor); });
  };
  check(verbatim("metrics", R"({"cpu_usage":"45.2","network_rx":{},"more":[1]})", kCursor));
  check(verbatim("logs", "[1,null]"), "pass-through");
  std::string replayed = verbatim("metrics", "{}");
  mark_replayed(replayed);
  check(replayed);
  check(verbatim("metrics", built([](std::string& out) { append_metric_values(out, MetricValues(), 0xFF); })));
  check(built([](std::string& out) { append_processes(out, device(), kTime, "[]"); }));
  check(built([](std::string& out) { append_network_interfaces(out, device(), kTime, "[]"); }));
  SystemInfo system;
  check(built([&](std::string& out) { append_system_info(out, device(), kTime, system); }));
  for (std::string& field : system.json) field = "\"x\"";
  check(built([&](std::string& out) { append_system_info(out, device(), kTime, system); }));
}

BOOST_AUTO_TEST_CASE(histories_keep_to_their_schemas) {
  check(history("replace", {}, 1));
  check(history("append", kCursor, 3));
  std::string merged;
  BOOST_TEST(merge_history(merged, history("replace", kCursor, 2), history("append", kCursor, 1)));
  check(merged);
  std::string replayed = history("append", {}, 1);
  mark_replayed(replayed);
  check(replayed);
  for (const ClockFormat::Style style : {ClockFormat::Style::clock12, ClockFormat::Style::iso}) {
    const ClockFormat clock("Europe/Berlin", style);
    HistoryMessage message(device(), clock);
    message.add(Chart::network, ChartPoint{kTime, 1, 2});
    check(built([&](std::string& out) { message.append_result_to(out, "\"q1\""); }));
    message.add(Chart::memory, ChartPoint{kTime, 1, 2});
    const std::string range = built([&](std::string& out) { message.append_range_to(out, kTime, kTime); });
    BOOST_TEST(contract_error(Side::http, "history", range) == "", range);
  }
}

BOOST_AUTO_TEST_CASE(what_tells_how_things_stand_keeps_to_its_schema) {
  const auto status = [](const Status& state) {
    return built([&](std::string& out) { append_status(out, device(), state); });
  };
  for (const LinkState link : {LinkState::down, LinkState::up}) {
    check(status({link, {}, {}, {}}));
    check(status({{}, link, {}, {}}));
  }
  for (const DeviceState state : {DeviceState::live, DeviceState::stale, DeviceState::unknown})
    check(status({LinkState::up, LinkState::up, state, kTime}));
  ChannelSet channels;
  for (std::size_t i = 0; i < kChannels.size(); ++i) channels.add(static_cast<Channel>(i));
  for (const char* reason : {"bus", "conflated", "resume"})
    check(built([&](std::string& out) { append_gap(out, device(), kTime, kTime, channels, kChannels, reason); }));
  ReplayRequest replay;
  replay.channels = {Channel::metrics, Channel::history};
  for (const double speed : {0.0, 0.1, 1000.0}) {
    replay.speed = speed;
    replay.live = speed > 1 ? LiveMessages::mix : LiveMessages::hold;
    check(built([&](std::string& out) { append_replay_begin(out, device(), replay, kChannels); }));
    replay.id = "\"r1\"";
  }
  for (const char* reason : {"done", "stopped", "unavailable", "forbidden"})
    check(built([&](std::string& out) { append_replay_end(out, device(), "1", reason, 150, kTime); }));
}

BOOST_AUTO_TEST_CASE(error_codes_and_close_codes_are_those_of_the_tables) {
  const Json errors = Json::parse(contract_part("common.json", "/definitions/errorCode/oneOf"));
  BOOST_TEST(errors.size() == static_cast<std::size_t>(ErrorCode::internal) + 1);
  const DeviceId uuid = device();
  for (std::size_t i = 0; i < errors.size(); ++i) {
    const auto code = static_cast<ErrorCode>(i);
    BOOST_TEST(errors.at(i).at("enum").at(0).string() == name(code));
    BOOST_TEST(errors.at(i).at("description").string().size() > 10u);
    check(built([&](std::string& out) { append_error(out, code, "Why.", {}, i % 2 == 0 ? nullptr : &uuid); }));
    const std::string body = R"({"error":{"code":")" + std::string(name(code)) + R"(","message":"Why."}})";
    BOOST_TEST(contract_error(Side::http, "error", body) == "", body);
  }
  const Json closes = Json::parse(contract_part("common.json", "/definitions/closeCode/oneOf"));
  std::size_t count = 0;
  const CloseInfo* const table = close_table(count);
  BOOST_TEST_REQUIRE(closes.size() == count);
  for (std::size_t i = 0; i < count; ++i) {
    const Json entry = closes.at(i);
    BOOST_TEST(entry.at("enum").at(0).integer() == static_cast<int>(table[i].code));
    BOOST_TEST(entry.at("title").string() == table[i].name);
    BOOST_TEST(entry.at("description").string() == table[i].meaning);
    BOOST_TEST(entry.at("x-reconnect").boolean() == table[i].reconnect);
    BOOST_TEST(entry.at("x-after-ms").integer() == table[i].after.count());
  }
}

BOOST_AUTO_TEST_CASE(every_example_is_what_its_schema_describes_and_what_the_readers_take) {
  for (const Side side : {Side::client, Side::server, Side::http, Side::bus})
    for (const std::string& name : contract_names(side)) {
      BOOST_TEST(!contract_examples(side, name).empty(), name);
      for (const std::string& example : contract_examples(side, name))
        BOOST_TEST(contract_error(side, name, example) == "", example);
    }
  for (const std::string& name : contract_names(Side::client))
    for (const std::string& example : contract_examples(Side::client, name)) {
      BOOST_TEST(accepted(example, Json::parse(example).has("deviceUuids") || Json::parse(example).has("deviceUuid")),
                 example);
    }
  BusEventParser parser(limits::kMaxBusPayload);
  const std::pair<const char*, TopicKind> kinds[] = {
      {"metrics", TopicKind::metrics}, {"state", TopicKind::state}, {"broadcast", TopicKind::broadcast}};
  for (const auto& [name, kind] : kinds)
    for (const std::string& example : contract_examples(Side::bus, name)) {
      BusEvent event;
      BOOST_TEST((parser.parse(kind, example, event) == BusEventError::none), example);
    }
}

// At each edge of each bound the reader and the schema say the same. What only the reader refuses is not here: ranges
// of two members, dates that the calendar does not have. Nor what only the schema refuses: members that are passed
// over.
BOOST_AUTO_TEST_CASE(the_bounds_of_commands_are_those_of_the_readers) {
  const std::string subscribe = R"({"type":"subscribe","channels":["metrics"],)";
  const std::string query = R"({"type":"history-query","id":"q","from":0,"to":1000,)";
  const std::string replay = R"({"type":"replay","to":1000,"from":)";
  const auto names = [](std::size_t count, const std::string& item) {
    std::string list;
    for (std::size_t i = 0; i < count; ++i) list += (i == 0 ? "[" : ",") + item;
    return list + "]";
  };
  const std::string uuid = '"' + std::string(test::kUuid) + '"';
  std::vector<std::string> texts;
  for (const char* rate : {"0.009", "0.01", "1000", "1000.1", "\"1\"", "[]"})
    texts.push_back(subscribe + "\"maxRate\":" + rate + "}");
  for (const char* points : {"0", "1", "2000", "2001", "1.5", "\"1\""}) {
    texts.push_back(subscribe + "\"history\":{\"points\":" + points + "}}");
    texts.push_back(query + "\"points\":" + points + "}");
  }
  for (const char* window : {"0.5", "1", "315619200", "315619201", "\"90s\"", "\"1d\"", "\"2 h\"", "\"15min\"", "\"\""})
    texts.push_back(subscribe + "\"history\":{\"window\":" + window + "}}");
  for (const char* word : {"lttb", "minmax", "mean", "LTTB", ""})
    texts.push_back(query + "\"downsample\":\"" + word + "\"}");
  for (const char* mode : {"replace", "append", "prepend"})
    texts.push_back(subscribe + "\"history\":{\"mode\":\"" + mode + "\"}}");
  for (const std::string& since : {'"' + kCursor + '"', std::string("\"2026-11-22T14:05:00Z\""),
                                   std::string("\"2026-11-22 14:05:00.123456+01:00\""), std::string("\"yesterday\""),
                                   std::string("7"), '"' + kCursor.substr(1) + '"'})
    texts.push_back(subscribe + "\"since\":" + since + "}");
  for (const char* speed : {"0.09", "0.1", "1000", "1001", "\"max\"", "\"fast\""})
    texts.push_back(replay + std::string("0,\"speed\":") + speed + "}");
  for (const char* live : {"hold", "mix", "drop"}) texts.push_back(replay + "0,\"live\":\"" + live + "\"}");
  for (const char* from : {"-1", "0", "\"1970-01-01T00:00:00Z\"", "\"then\"", "true"})
    texts.push_back(replay + from + "}");
  for (const std::size_t count : {std::size_t{1}, limits::kMaxChannelsPerCommand, limits::kMaxChannelsPerCommand + 1})
    texts.push_back(R"({"type":"subscribe","channels":)" + names(count, "\"metrics\"") + "}");
  texts.insert(texts.end(), {R"({"type":"subscribe"})", R"({"type":"subscribe","channels":[]})",
                             R"({"type":"subscribe","channel":"metrics"})", R"({"type":"unsubscribe"})",
                             R"({"type":"auth"})", R"({"type":"auth","token":""})", R"({"type":"auth","token":"t"})",
                             R"({"type":"history-query","from":0})", R"({"type":"history-query","id":"q"})",
                             R"({"type":"replay"})", R"({"type":"ping"})"});
  for (const std::string& text : texts) {
    const std::string error = contract_error(Side::client, Json::parse(text).type(), text);
    BOOST_TEST(error.empty() == accepted(text, false), text << ": " << error);
  }
  for (const std::size_t count : {std::size_t{1}, limits::kMaxDevicesPerCommand, limits::kMaxDevicesPerCommand + 1}) {
    const std::string text = subscribe + "\"deviceUuids\":" + names(count, uuid) + "}";
    BOOST_TEST(contract_error(Side::client, "subscribe", text).empty() == accepted(text, true), count);
  }
}

BOOST_AUTO_TEST_CASE(a_member_too_many_too_few_or_of_another_type_is_found) {
  const auto wrong = [](const std::string& text) {
    return !contract_error(Side::server, Json::parse(text).type(), text).empty();
  };
  const std::string good =
      R"({"type":"subscribed","channel":"metrics","deviceUuid":")" + std::string(test::kUuid) + '"';
  BOOST_TEST(!wrong(good + "}"));
  BOOST_TEST(wrong(good + R"(,"resume":true})"));
  BOOST_TEST(wrong(good + R"(,"resumed":"true"})"));
  BOOST_TEST(wrong(R"({"type":"subscribed","channel":"metrics"})"));
  BOOST_TEST(wrong(R"({"type":"reconnect","data":{"afterMs":1}})"));
  BOOST_TEST(wrong(R"({"type":"reconnect","data":{"after_ms":1.5}})"));
  BOOST_CHECK_THROW(contract_error(Side::server, "dance", "{}"), std::invalid_argument);
  BOOST_CHECK_THROW(pulsegate::test::check_server_message(R"({"type":"dance"})"), std::runtime_error);
  BOOST_CHECK_THROW(pulsegate::test::check_server_message("[]"), std::runtime_error);
  BOOST_CHECK_THROW(pulsegate::test::check_command(R"({"type":"ping","ids":1})"), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()
