// `replay` on the live socket of the real gateway, over a real stream and a real table.
#include <boost/test/unit_test.hpp>

#include "auth_world.hpp"
#include "stack.hpp"
#include "tests/support/numbers.hpp"

using namespace pulsegate::test;

namespace {

const char* const kAnybody = "all";

// Samples 1 … `last`, a second apart, the newest `age` seconds ago: all as rows, the newer half in the stream too.
struct Past {
  Past(Stack& stack, const std::string& device, int last, int age = 5) : end_ms(now_ms() - 1000LL * age) {
    for (int i = 1; i <= last; ++i) {
      const long long time = end_ms - 1000LL * (last - i);
      stack.sql().exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) VALUES ('" + device +
                       "', to_timestamp(" + std::to_string(time + 40) + " / 1000.0) AT TIME ZONE 'utc', " +
                       std::to_string(i) + ")");
      if (i > last / 2)
        stack.redis().client().command({"XADD", "metrics:" + device, std::to_string(time + 1) + "-0", "data",
                                        R"({"cpu_usage":)" + std::to_string(i) + R"(,"note":"as it was"})", "timestamp",
                                        iso_time(time)});
    }
    first_ms = end_ms - 1000LL * (last - 1);
  }
  std::string command(const std::string& more) const {
    return R"({"type":"replay","id":"r","from":)" + std::to_string(first_ms - 500) +
           ",\"to\":" + std::to_string(end_ms + 500) + "," + more + "}";
  }

  long long end_ms;
  long long first_ms = 0;
};

std::vector<Json> until_end(WsClient& client) {
  return client.expect_until([](const Json& message) { return message.type() == "replay-end"; });
}

// The values of `metrics`, of the replay or live.
std::vector<int> values(const std::vector<Json>& messages, bool replayed) {
  std::vector<int> all;
  for (const Json& message : messages)
    if (message.type() == "metrics" && message.has("replay") == replayed)
      all.push_back(static_cast<int>(message.at("data").at("cpu_usage").number()));
  return all;
}

std::string code(WsClient& client) {
  const Json error = client.expect_until([](const Json& message) { return message.type() == "error"; }).back();
  return error.at("data").at("code").string();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(LiveReplay)

BOOST_AUTO_TEST_CASE(shows_table_and_stream_as_one_past_and_disturbs_no_other_client) {
  Stack stack({"--replay", kAnybody});
  const std::string device = new_device();
  const Past past(stack, device, 40);
  WsClient client = stack.open(device);
  WsClient other = stack.watch(device, {"metrics"});
  other.expect_until([](const Json& message) { return message.type() == "metrics"; });  // the newest row
  client.send_text(past.command(R"("speed":"max")"));
  const std::vector<Json> all = until_end(client);
  BOOST_TEST(values(all, true) == numbers(1, 40), boost::test_tools::per_element());
  int verbatim = 0;
  for (const Json& message : all)
    if (message.type() == "metrics" && message.at("data").has("note")) ++verbatim;
  BOOST_TEST(verbatim == 20);
  BOOST_TEST(all.back().at("data").at("reason").string() == "done");
  BOOST_TEST(all.back().at("data").at("events").integer() == 40);
  stack.publish(device, 77, now_ms());
  const Json next = other.expect_until([](const Json& message) { return message.type() == "metrics"; }).back();
  BOOST_TEST(!next.has("replay"));
  BOOST_TEST(next.at("data").at("cpu_usage").number() == 77);
  BOOST_TEST(stack.gateway().metric("pulsegate_replays_total{reason=\"done\"}").value_or(0) == 1);
  BOOST_TEST(stack.gateway().metric("pulsegate_replayed_messages_total").value_or(0) == 80);
}

BOOST_AUTO_TEST_CASE(live_messages_wait_until_it_is_over) {
  Stack stack({"--replay", kAnybody});
  const std::string device = new_device();
  const Past past(stack, device, 20);
  WsClient client = stack.watch(device, {"metrics"});
  client.expect_until([](const Json& message) { return message.type() == "metrics"; });
  client.send_text(past.command(R"("speed":20,"channels":["metrics"])"));  // about a second
  client.expect_until([](const Json& message) { return message.type() == "metrics"; });
  for (int i = 101; i <= 105; ++i) stack.publish(device, i, now_ms());
  const std::vector<Json> during = until_end(client);
  BOOST_TEST(values(during, false).empty());
  BOOST_TEST(values(during, true).size() == 19u);
  for (int i = 101; i <= 105; ++i) {
    const Json live = client.expect_until([](const Json& message) { return message.type() == "metrics"; }).back();
    BOOST_TEST(live.at("data").at("cpu_usage").number() == i);
    BOOST_TEST(live.has("cursor"));
  }
}

BOOST_AUTO_TEST_CASE(keeps_the_pace_and_stops_when_told) {
  Stack stack({"--replay", kAnybody});
  const std::string device = new_device();
  const Past past(stack, device, 20);
  WsClient client = stack.open(device);
  client.send_text(past.command(R"("speed":4,"channels":["metrics"])"));  // 250 ms between two
  const long long began = now_ms();
  for (int i = 0; i < 5; ++i) client.expect_until([](const Json& message) { return message.type() == "metrics"; });
  const long long took = now_ms() - began;
  BOOST_TEST(took >= 990);
  client.send_text(R"({"type":"replay-stop"})");
  const Json end = until_end(client).back();
  BOOST_TEST(end.at("id").string() == "r");
  BOOST_TEST(end.at("data").at("reason").string() == "stopped");
  BOOST_TEST(end.at("data").at("events").integer() < 20);
}

BOOST_AUTO_TEST_CASE(one_of_many_devices_can_be_shown) {
  Stack stack({"--replay", kAnybody});
  const std::string device = new_device();
  const Past past(stack, device, 10);
  WsClient client = stack.gateway().open("/api/v1/ws");
  std::string command = past.command(R"("speed":"max")");
  client.send_text(command);
  BOOST_TEST(code(client) == "missing-device");
  command.back() = ',';
  client.send_text(command + R"("deviceUuid":")" + device + "\"}");
  BOOST_TEST(values(until_end(client), true) == numbers(1, 10), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(needs_the_scope_and_ends_with_it) {
  AuthWorld world;
  const std::string device = new_device();
  const Past past(world.stack, device, 20);
  WsClient plain = WsClient::open(world.port(), device_target(device), bearer(world.token()));
  plain.send_text(past.command(R"("speed":"max")"));
  BOOST_TEST(code(plain) == "forbidden");
  WsClient client =
      WsClient::open(world.port(), device_target(device), bearer(world.token(60, R"(,"scope":"read debug")")));
  client.send_text(past.command(R"("speed":1,"channels":["metrics"])"));
  client.expect_until([](const Json& message) { return message.type() == "metrics"; });
  client.send_text(R"({"type":"auth","token":")" + world.token() + "\"}");
  BOOST_TEST(until_end(client).back().at("data").at("reason").string() == "forbidden");
  BOOST_TEST(world.stack.gateway().metric("pulsegate_auth_forbidden_total{what=\"replay\"}").value_or(0) == 1);
}

BOOST_AUTO_TEST_CASE(is_bounded_in_span_and_number_and_off_without_tokens) {
  Stack shut;
  const std::string device = new_device();
  WsClient refused = shut.open(device);
  refused.send_text(R"({"type":"replay","from":0})");
  BOOST_TEST(code(refused) == "forbidden");

  Stack stack({"--replay", kAnybody, "--replay-span", "1m", "--max-replays", "1", "--shards", "1"});
  const Past past(stack, device, 20);
  WsClient client = stack.open(device);
  WsClient other = stack.open(device);
  client.send_text(R"({"type":"replay","from":0})");
  BOOST_TEST(code(client) == "bad-replay");
  client.send_text(past.command(R"("speed":1)"));
  client.expect_until([](const Json& message) { return message.type() == "replay-begin"; });
  client.send_text(past.command(R"("speed":1)"));
  BOOST_TEST(code(client) == "replay-open");
  other.send_text(past.command(R"("speed":1)"));
  BOOST_TEST(code(other) == "too-many-replays");
  client.close();
  BOOST_TEST(eventually([&] { return stack.gateway().metric("pulsegate_replays_open").value_or(1) == 0; }));
  other.send_text(past.command(R"("speed":"max")"));
  BOOST_TEST(values(until_end(other), true).size() == 20u);
}

BOOST_AUTO_TEST_CASE(a_terminal_shows_it) {
  Stack stack({"--replay", kAnybody});
  const std::string device = new_device();
  const Past past(stack, device, 5);
  // Its window, and a point for each sample.
  const RunResult run = run_pulsegate(
      {"watch", "ws://127.0.0.1:" + std::to_string(stack.gateway().port()) + "/api/v1/devices/" + device + "/ws",
       "--channels", "history", "--replay-from", iso_time(past.first_ms - 500), "--speed", "max", "--count", "6"});
  BOOST_TEST(run.exit_code == 0);
  BOOST_TEST(run.output.find("history (replay)") != std::string::npos, run.output);
  BOOST_TEST(run.output.find("replay-begin") != std::string::npos, run.output);
  const RunResult bad = run_pulsegate({"watch", "ws://127.0.0.1:1/ws", "--replay-from", "yesterday"});
  BOOST_TEST(bad.exit_code == 2);
  BOOST_TEST(bad.errors.find("ISO 8601") != std::string::npos, bad.errors);
}

BOOST_AUTO_TEST_CASE(says_when_the_past_cannot_be_read) {
  Stack stack({"--replay", kAnybody}, Stack::Servers::own);
  const std::string device = new_device();
  WsClient client = stack.open(device);
  stack.postgres().kill();
  client.send_text(R"({"type":"replay","speed":"max","from":)" + std::to_string(now_ms() - 60'000) + "}");
  const std::vector<Json> all = until_end(client);
  BOOST_TEST(all.back().at("data").at("reason").string() == "unavailable");
}

BOOST_AUTO_TEST_SUITE_END()
