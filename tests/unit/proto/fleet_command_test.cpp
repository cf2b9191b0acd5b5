// parse_fleet_command and `maxRate`: which devices a command is about, and everything that may be wrong with that.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "proto/command.hpp"
#include "proto/limits.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

const ChannelTable kTable;
const Timestamp kNow = at("2026-11-22T14:05:00.123Z");

const std::string kA = "00000000-0000-4000-8000-00000000000a";
const std::string kB = "00000000-0000-4000-8000-00000000000b";

FleetCommand parse(std::string_view text) {
  return parse_fleet_command(text, kTable, kNow);
}

// A subscribe to `metrics` with more members.
std::string subscribe(const std::string& more) {
  return R"({"type":"subscribe","channels":["metrics"])" + (more.empty() ? more : "," + more) + "}";
}

FleetCommand good(const std::string& text) {
  FleetCommand result = parse(text);
  BOOST_TEST_REQUIRE(!std::holds_alternative<CommandError>(result.command), text);
  return result;
}

CommandError error(const std::string& text) {
  FleetCommand result = parse(text);
  BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(result.command), text);
  auto e = std::get<CommandError>(std::move(result.command));
  BOOST_TEST(e.message.size() < 300u);
  BOOST_TEST(e.message.back() == '.');
  return e;
}

std::vector<std::string> names(const FleetCommand& command) {
  std::vector<std::string> texts;
  for (const DeviceId& device : command.devices) texts.push_back(device.text());
  return texts;
}

using Names = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(FleetCommandTest)

BOOST_AUTO_TEST_CASE(names_one_device_or_many_in_order_and_once) {
  BOOST_TEST(names(good(subscribe("\"deviceUuid\":\"" + kA + "\""))) == Names{kA}, boost::test_tools::per_element());
  const FleetCommand many =
      good(subscribe("\"deviceUuids\":[\"" + kB + "\",\"" + kA + "\",\"00000000-0000-4000-8000-00000000000B\"]"));
  BOOST_TEST(names(many) == (Names{kB, kA}), boost::test_tools::per_element());
  BOOST_TEST((std::get<Command>(many.command).channels == std::vector<Channel>{Channel::metrics}));
  // The list goes first, as `channels` does before `channel`.
  BOOST_TEST(names(good(subscribe("\"deviceUuid\":\"" + kA + "\",\"deviceUuids\":[\"" + kB + "\"]"))) == Names{kB},
             boost::test_tools::per_element());
  BOOST_TEST(names(good(R"({"deviceUuid":")" + kA + R"(","type":"unsubscribe","channel":"history"})")) == Names{kA},
             boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(what_is_no_uuid_spoils_nothing) {
  const FleetCommand command =
      good(subscribe("\"deviceUuids\":[\"kitchen\",\"" + kA + "\",null,false,7,[\"" + kB + "\"],{},\"kitchen\"]"));
  BOOST_TEST(names(command) == Names{kA}, boost::test_tools::per_element());
  BOOST_TEST(command.bad_devices == (Names{"kitchen", "null", "a boolean", "7", "an array", "an object"}),
             boost::test_tools::per_element());
  BOOST_TEST(good(subscribe("\"deviceUuid\":{\"deviceUuid\":\"" + kA + "\"}")).bad_devices == Names{"an object"},
             boost::test_tools::per_element());
  const std::string longest(1'000, 'x');
  BOOST_TEST(good(subscribe("\"deviceUuid\":\"" + longest + "\"")).bad_devices.at(0).size() == 64u);
}

BOOST_AUTO_TEST_CASE(a_command_about_no_device_is_an_error_with_its_id) {
  for (const char* const more : {R"("id":7)", R"("id":7,"deviceUuid":null)", R"("id":7,"deviceUuids":[])",
                                 R"("id":7,"deviceUuids":"all")", R"("id":7,"deviceUuids":{"a":1})"}) {
    const CommandError e = error(subscribe(more));
    BOOST_TEST((e.code == ErrorCode::missing_device), more);
    BOOST_TEST(e.id == "7");
  }
  BOOST_TEST((error(R"({"type":"unsubscribe","channels":["metrics"]})").code == ErrorCode::missing_device));
  BOOST_TEST((error(R"({"type":"history-query","id":1,"from":0})").code == ErrorCode::missing_device));
  BOOST_TEST((error(R"({"type":"history-query","id":1,"from":0,"deviceUuids":[")" + kA + "\"]}").code ==
              ErrorCode::missing_device));
}

BOOST_AUTO_TEST_CASE(ping_auth_and_what_is_no_command_need_no_device) {
  BOOST_TEST((std::get<Command>(good(R"({"type":"ping"})").command).type == Command::Type::ping));
  BOOST_TEST(std::get<AuthRequest>(good(R"({"type":"auth","token":"t"})").command).token == "t");
  BOOST_TEST((error(R"({"type":"rewind"})").code == ErrorCode::unknown_type));
  BOOST_TEST((error("[").code == ErrorCode::malformed_json));
  BOOST_TEST((error("{}").code == ErrorCode::missing_type));
}

BOOST_AUTO_TEST_CASE(a_query_is_about_one_device) {
  const FleetCommand query = good(R"({"type":"history-query","id":"q","from":0,"to":1,"deviceUuid":")" + kA + "\"}");
  BOOST_TEST(std::get<HistoryQuery>(query.command).id == "\"q\"");
  BOOST_TEST(names(query) == Names{kA}, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(since_is_one_for_all_or_one_for_each) {
  const std::string devices = "\"deviceUuids\":[\"" + kA + "\",\"" + kB + "\"],";
  const FleetCommand one = good(subscribe(devices + R"("since":"2026-11-22T14:00:00Z")"));
  BOOST_TEST(one.since.empty());
  BOOST_TEST((time_of(*std::get<Command>(one.command).since) == at("2026-11-22T14:00:00Z")));
  const FleetCommand each = good(subscribe(devices + "\"since\":{\"" + kB + R"(":"2026-11-22T14:00:00Z",")" + kA +
                                           R"(":null,")" + kB + R"(":"2026-11-22T14:01:00Z"})"));
  BOOST_TEST(!std::get<Command>(each.command).since.has_value());
  BOOST_REQUIRE(each.since.size() == 1u);
  BOOST_TEST(each.since[0].first.text() == kB);
  BOOST_TEST((time_of(each.since[0].second) == at("2026-11-22T14:01:00Z")));
  // The last of repeated members counts.
  const FleetCommand last =
      good(subscribe(devices + "\"since\":{\"" + kB + R"(":"nonsense"},"since":"2026-11-22T14:00:00Z")"));
  BOOST_TEST(last.since.empty());
}

BOOST_AUTO_TEST_CASE(a_since_that_is_wrong_for_one_device_spoils_the_command) {
  const std::string device = "\"deviceUuid\":\"" + kA + "\",";
  for (const std::string& since :
       {R"({")" + kA + R"(":"yesterday"})", R"({")" + kA + R"(":7})", R"({")" + kA + R"(":{}})",
        std::string(R"({"kitchen":"2026-11-22T14:00:00Z"})"), std::string("7"), std::string("[]")})
    BOOST_TEST((error(subscribe(device + "\"since\":" + since)).code == ErrorCode::bad_since), since);
}

BOOST_AUTO_TEST_CASE(names_no_more_devices_than_one_command_may) {
  const auto list = [](std::size_t count) {
    std::string text = "\"deviceUuids\":[";
    for (std::size_t i = 0; i < count; ++i) text += (i > 0 ? ",\"" : "\"") + kA + "\"";
    return subscribe(text + "]");
  };
  BOOST_TEST(names(good(list(limits::kMaxDevicesPerCommand))).size() == 1u);
  BOOST_TEST((error(list(limits::kMaxDevicesPerCommand + 1)).code == ErrorCode::too_many_devices));
}

BOOST_AUTO_TEST_CASE(endpoints_of_one_device_know_nothing_of_it) {
  const auto parsed = parse_command(subscribe(R"("deviceUuid":"kitchen","deviceUuids":7)"), kTable);
  BOOST_TEST(std::holds_alternative<Command>(parsed));
  const auto since = parse_command(subscribe("\"since\":{\"" + kA + R"(":"2026-11-22T14:00:00Z"})"), kTable);
  BOOST_TEST((std::get<CommandError>(since).code == ErrorCode::bad_since));
}

BOOST_AUTO_TEST_CASE(max_rate_is_a_number_within_bounds_on_every_endpoint) {
  const auto rate = [](const std::string& text) {
    const auto parsed = parse_command(subscribe("\"maxRate\":" + text), kTable);
    BOOST_TEST_REQUIRE(std::holds_alternative<Command>(parsed), text);
    return std::get<Command>(parsed).max_rate;
  };
  BOOST_TEST(rate("2").value() == 2.0);
  BOOST_TEST(rate("0.01").value() == 0.01);
  BOOST_TEST(rate("1e3").value() == 1000.0);
  BOOST_TEST(!rate("null").has_value());
  for (const char* const bad : {"0", "-1", "0.009", "1000.5", "\"2\"", "true", "[2]", "{}"}) {
    const auto parsed = parse_command(subscribe("\"maxRate\":" + std::string(bad)), kTable);
    BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(parsed), bad);
    BOOST_TEST((std::get<CommandError>(parsed).code == ErrorCode::bad_max_rate), bad);
  }
  BOOST_TEST(
      std::get<Command>(good(subscribe("\"maxRate\":5,\"deviceUuid\":\"" + kA + "\"")).command).max_rate.value() ==
      5.0);
}

BOOST_AUTO_TEST_SUITE_END()
