// The command `replay`: its members, their defaults, and everything that may be wrong with them.
#include "proto/replay_request.hpp"

#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "proto/command.hpp"
#include "proto/message.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

const ChannelTable kTable({"logs"});
const Timestamp kNow = at("2026-11-22T14:05:00.123Z");

// A replay with these members beside its `from`.
ParsedCommand parse(const std::string& more, const std::string& from = R"("2026-11-22T14:00:00Z")") {
  return parse_command(R"({"type":"replay","from":)" + from + (more.empty() ? more : "," + more) + "}", kTable, kNow);
}

ReplayRequest good(const std::string& more) {
  auto parsed = parse(more);
  BOOST_TEST_REQUIRE(std::holds_alternative<ReplayRequest>(parsed), more);
  return std::get<ReplayRequest>(std::move(parsed));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReplayCommand)

BOOST_AUTO_TEST_CASE(has_defaults_for_all_but_its_beginning) {
  const ReplayRequest request = good("");
  BOOST_TEST((request.from == at("2026-11-22T14:00:00Z")));
  BOOST_TEST((request.to == kNow));
  BOOST_TEST(request.speed == 1);
  BOOST_TEST((request.live == LiveMessages::hold));
  BOOST_TEST((request.channels == std::vector<Channel>{Channel::metrics, Channel::history}));
  BOOST_TEST(request.id.empty());
}

BOOST_AUTO_TEST_CASE(reads_every_member) {
  const ReplayRequest request =
      good(R"("to":1795356290000,"speed":0.5,"live":"mix","channels":["history","history"],"id":"a")");
  BOOST_TEST((request.to == at("2026-11-22T14:04:50Z")));
  BOOST_TEST(request.speed == 0.5);
  BOOST_TEST((request.live == LiveMessages::mix));
  BOOST_TEST((request.channels == std::vector<Channel>{Channel::history}));
  BOOST_TEST(request.id == "\"a\"");
  BOOST_TEST(good(R"("speed":"max")").speed == 0);
  BOOST_TEST(good(R"("speed":1000)").speed == 1000);
  BOOST_TEST(good(R"("speed":null,"live":null,"to":null)").speed == 1);
}

BOOST_AUTO_TEST_CASE(wrong_values_are_an_error_with_the_id) {
  for (const char* more :
       {R"("to":"2026-11-22T14:00:00Z")", R"("to":"2026-11-22T13:00:00Z")", R"("to":"soon")", R"("to":true)",
        R"("speed":0)", R"("speed":0.09)", R"("speed":1000.5)", R"("speed":-1)", R"("speed":"fast")", R"("speed":[1])",
        R"("live":"wait")", R"("live":1)", R"("channels":[])", R"("channels":"metrics")", R"("channels":["processes"])",
        R"("channels":["metrics","logs"])", R"("channels":["metrics","nonsense"])", R"("channels":["metrics",7])"}) {
    const auto parsed = parse(std::string(R"("id":5,)") + more);
    BOOST_TEST_REQUIRE(std::holds_alternative<CommandError>(parsed), more);
    const CommandError& error = std::get<CommandError>(parsed);
    BOOST_TEST((error.code == ErrorCode::bad_replay), more);
    BOOST_TEST(error.id == "5");
    BOOST_TEST(error.message.back() == '.');
  }
  for (const char* from : {"null", R"("yesterday")", "-1", "{}", "1e300"})
    BOOST_TEST((std::get<CommandError>(parse("", from)).code == ErrorCode::bad_replay), from);
}

BOOST_AUTO_TEST_CASE(replay_stop_needs_nothing) {
  const auto parsed = parse_command(R"({"type":"replay-stop","id":3})", kTable, kNow);
  BOOST_TEST_REQUIRE(std::holds_alternative<ReplayStop>(parsed));
  BOOST_TEST(std::get<ReplayStop>(parsed).id == "3");
}

BOOST_AUTO_TEST_CASE(of_many_devices_it_names_one) {
  const std::string device = "00000000-0000-4000-8000-00000000000a";
  const auto of = [&](const std::string& more) {
    return parse_fleet_command(R"({"type":"replay","from":0)" + more + "}", kTable, kNow);
  };
  const FleetCommand one = of(R"(,"deviceUuid":")" + device + "\"");
  BOOST_TEST_REQUIRE(std::holds_alternative<ReplayRequest>(one.command));
  BOOST_TEST(one.devices.at(0).text() == device);
  BOOST_TEST((std::get<CommandError>(of("").command).code == ErrorCode::missing_device));
  BOOST_TEST(
      (std::get<CommandError>(of(R"(,"deviceUuids":[")" + device + "\"]").command).code == ErrorCode::missing_device));
  BOOST_TEST(of(R"(,"deviceUuid":"kitchen")").bad_devices.size() == 1u);
  BOOST_TEST(
      std::holds_alternative<ReplayStop>(parse_fleet_command(R"({"type":"replay-stop"})", kTable, kNow).command));
}

BOOST_AUTO_TEST_CASE(its_messages_say_what_is_shown_and_how_it_ended) {
  const DeviceId device = *DeviceId::parse("00000000-0000-4000-8000-00000000000a");
  std::string text;
  append_replay_begin(text, device, good(R"("speed":2.5,"id":9)"), kTable);
  BOOST_TEST(text == R"({"type":"replay-begin","id":9,"deviceUuid":"00000000-0000-4000-8000-00000000000a","data":)"
                     R"({"from":"2026-11-22T14:00:00.000Z","to":"2026-11-22T14:05:00.123Z","speed":2.5,"live":"hold",)"
                     R"("channels":["metrics","history"]}})");
  text.clear();
  append_replay_end(text, device, {}, "stopped", 12, kNow);
  BOOST_TEST(text == R"({"type":"replay-end","deviceUuid":"00000000-0000-4000-8000-00000000000a","data":)"
                     R"({"reason":"stopped","events":12,"until":"2026-11-22T14:05:00.123Z"}})");
  text = R"({"type":"metrics"})";
  mark_replayed(text);
  BOOST_TEST(text == R"({"type":"metrics","replay":true})");
}

BOOST_AUTO_TEST_SUITE_END()
