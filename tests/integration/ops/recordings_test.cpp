// record, inspect and replay with the real binary and a real Redis.
#include <boost/test/unit_test.hpp>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/json.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wall_clock.hpp"
#include "tests/support/ws_client.hpp"

using namespace pulsegate::test;

namespace {

using Texts = std::vector<std::string>;

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";
const std::string kTopic = "device:" + kDevice + ":metrics";

// `more`: members of the envelope.
std::string event(int cpu, const std::string& more = {}) {
  return R"({"deviceUuid":")" + kDevice + R"(","metrics":{"cpu_usage":)" + std::to_string(cpu) +
         R"(,"memory_usage":1048576,"memory_total":2097152},"timestamp":"2026-11-22T14:05:00.123Z")" + more + "}";
}

const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

RedisServer& shared_redis() {
  static RedisServer server;
  if (!server.running()) server.start();
  return server;
}

std::unique_ptr<ChildProcess> start(Texts args) {
  ChildOptions child;
  child.program = pulsegate_binary();
  child.args = std::move(args);
  child.environment = clean_environment();
  return std::make_unique<ChildProcess>(std::move(child));
}

// Of everything that `redis` gets on `pattern`, into `file`; returns when it is subscribed.
std::unique_ptr<ChildProcess> record(RedisServer& redis, const std::string& file, const std::string& pattern) {
  auto child = start({"record", "--redis", redis.url(), "--pattern", pattern, "-o", file});
  const auto patterns = [&redis] { return redis.client().command("PUBSUB", "NUMPAT").integer; };
  BOOST_REQUIRE(eventually([&] { return patterns() == 1; }));
  return child;
}

Texts lines_of(const std::string& file) {
  std::ifstream in(file);
  Texts lines;
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

// What stands behind the time, of the lines of events.
Texts events_of(const std::string& file, const std::string& prefix = {}) {
  Texts events;
  for (const std::string& line : lines_of(file)) {
    const auto channel = line.find(R"("channel":")" + prefix);
    if (channel != std::string::npos) events.push_back(line.substr(channel + 11 + prefix.size()));
  }
  return events;
}

// Where a replay with --listen 127.0.0.1:0 serves.
std::uint16_t port_of(ChildProcess& replay) {
  const auto line = replay.wait_for_output("serving", kServerDeadline);
  BOOST_REQUIRE_MESSAGE(line.has_value(), replay.output());
  const std::string before = "listen=127.0.0.1:";
  return static_cast<std::uint16_t>(std::atoi(line->c_str() + line->find(before) + before.size()));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Recordings)

BOOST_AUTO_TEST_CASE(recorded_replayed_and_recorded_again_it_is_the_same_bytes_in_the_same_order) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  const std::string first = dir.file("first.ndjson"), second = dir.file("second.ndjson");
  auto recording = record(redis, first, "device:*");
  for (int i = 0; i < 300; ++i) {
    redis.publish(kTopic, event(i));
    redis.publish("device:" + std::to_string(i) + ":blob", std::string("\0\xff\n", 3) + std::to_string(i));
  }
  BOOST_REQUIRE(eventually([&] { return events_of(first).size() == 600; }));
  BOOST_TEST(recording->signal(SIGINT));
  BOOST_TEST(recording->wait().value_or(-1) == 0);
  BOOST_TEST(recording->output() == "");  // quiet without a terminal

  recording = record(redis, second, "replay:*");
  const RunResult replayed =
      run_pulsegate({"replay", first, "--to", "redis", "--redis", redis.url(), "--speed", "max"});
  BOOST_TEST(replayed.exit_code == 0, replayed.errors);
  BOOST_TEST(replayed.errors.find("600 events published") != std::string::npos, replayed.errors);
  BOOST_REQUIRE(eventually([&] { return events_of(second).size() == 600; }));
  BOOST_TEST(recording->terminate() == 0);
  BOOST_TEST((events_of(first) == events_of(second, "replay:")));
  const RunResult inspected = run_pulsegate({"inspect", first});
  BOOST_TEST(inspected.exit_code == 0);
  BOOST_TEST(inspected.output.find("600 events") != std::string::npos, inspected.output);
}

BOOST_AUTO_TEST_CASE(trace_contexts_are_recorded_and_shown_as_they_were_published) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  const std::string file = dir.file("traced.ndjson");
  auto recording = record(redis, file, "device:*");
  const std::string members = R"(,"traceparent":")" + kParent + R"(","tracestate":"a=\"1\"")";
  redis.publish(kTopic, event(1, members));
  BOOST_REQUIRE(eventually([&] { return events_of(file).size() == 1; }));
  BOOST_TEST(recording->terminate() == 0);
  BOOST_TEST(events_of(file).at(0).find(event(1, members)) != std::string::npos);

  auto replay = start({"replay", file, "--listen", "127.0.0.1:0", "--shift-time", "--trace-context", "on"});
  WsClient client = WsClient::open(port_of(*replay), "/api/v1/devices/" + kDevice + "/ws");
  client.subscribe({"metrics"});
  const Json message = client.expect("metrics");
  BOOST_TEST(message.at("traceparent").string() == kParent);
  BOOST_TEST(message.at("tracestate").string() == R"(a="1")");
  BOOST_TEST(replay->terminate() == 0);
}

BOOST_AUTO_TEST_CASE(packed_recordings_and_live_channels) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  for (const char* ending : {".gz", ".zst"}) {
    const std::string file = dir.file(std::string("rec.ndjson") + ending);
    auto recording = record(redis, file, "device:*");
    for (int i = 0; i < 50; ++i) redis.publish(kTopic, event(i));
    BOOST_REQUIRE(eventually([&] {
      return run_pulsegate({"inspect", "--json", file}).output.find("\"events\":50,") == 1;
    }));
    BOOST_TEST(recording->terminate() == 0);
    const std::string copy = dir.file(std::string("copy") + ending + ".ndjson");
    recording = record(redis, copy, "device:*");
    BOOST_TEST(run_pulsegate({"replay", file, "--to", "redis", "--yes-live", "--redis", redis.url(), "--speed", "max",
                              "--device", kDevice})
                   .exit_code == 0);
    BOOST_TEST(eventually([&] { return events_of(copy).size() == 50; }));
    BOOST_TEST(recording->terminate() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_device_is_recorded_with_no_more_rights_than_a_gateway_has) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  redis.client().command({"ACL", "SETUSER", "least", "on", ">secret", "resetchannels", "&device:*", "-@all", "+ping",
                          "+subscribe", "+unsubscribe"});
  const std::string url = "redis://least:secret@127.0.0.1:" + std::to_string(redis.port());
  const std::string file = dir.file("rec.ndjson");
  auto recording = start({"record", "--redis", url, "--device", kDevice, "-o", file});
  BOOST_REQUIRE(redis.wait_for_subscribers(kTopic, 1));
  redis.publish(kTopic, event(1));
  redis.publish("device:another:metrics", event(2));
  redis.publish("device:" + kDevice + ":state", "{}");
  BOOST_TEST(eventually([&] { return events_of(file).size() == 2; }));
  BOOST_TEST(recording->terminate() == 0);
  BOOST_TEST(lines_of(file).at(0).find("secret") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_redis_that_goes_away_is_a_loss_in_the_recording) {
  const TempDir dir;
  RedisServer redis;
  redis.start();
  const std::string file = dir.file("rec.ndjson");
  auto recording = record(redis, file, "device:*");
  redis.publish(kTopic, event(1));
  BOOST_REQUIRE(eventually([&] { return events_of(file).size() == 1; }));
  redis.kill();
  redis.start();
  BOOST_REQUIRE(eventually([&] { return redis.client().command("PUBSUB", "NUMPAT").integer == 1; }, kServerDeadline));
  redis.publish(kTopic, event(2));
  BOOST_REQUIRE(eventually([&] { return events_of(file).size() == 2; }));
  BOOST_TEST(recording->terminate() == 0);
  const Texts lines = lines_of(file);
  BOOST_REQUIRE(lines.size() == 4u);
  BOOST_TEST(lines[2].find(R"("reason":"bus")") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(whenever_it_is_stopped_or_killed_the_file_can_be_read) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  for (int round = 0; round < 12; ++round) {
    const int signal = round % 3 == 0 ? SIGINT : round % 3 == 1 ? SIGTERM : SIGKILL;
    const std::string file = dir.file(std::to_string(round) + (round % 2 == 0 ? ".ndjson" : ".ndjson.zst"));
    auto recording = record(redis, file, "device:*");
    RedisClient publisher = redis.client();
    for (int i = 0; i < 40 * (round + 1); ++i) publisher.publish(kTopic, event(i));
    recording->signal(signal);
    BOOST_TEST(recording->wait().value_or(-1) == (signal == SIGKILL ? 128 + SIGKILL : 0));
    const RunResult inspected = run_pulsegate({"inspect", file});
    if (signal != SIGKILL) BOOST_TEST(inspected.exit_code == 0, inspected.output);
    BOOST_TEST(inspected.output.find("is not valid JSON") == std::string::npos, inspected.output);
  }
}

BOOST_AUTO_TEST_CASE(a_gateway_of_its_own_shows_a_recording_without_any_redis) {
  const TempDir dir;
  // It begins when a client has connected; what it subscribes comes a moment later.
  std::string text = "{\"pulsegate-recording\":1}\n";
  const auto line = [](int ms, const std::string& rest) {
    return R"({"t":)" + std::to_string(1'795'356'300'000'000 + ms * 1'000LL) + "," + rest + "}\n";
  };
  for (const int cpu : {0, 1, 2, 3, 5}) {
    if (cpu == 5) text += line(903, R"("lost":{"from":1795356300902000,"reason":"bus"})");
    text += line(cpu == 0 ? 0 : 900 + cpu, R"("channel":")" + kTopic + R"(","payload":)" + event(cpu));
  }
  const std::string file = dir.write("rec.ndjson", text);
  auto replay = start({"replay", file, "--listen", "127.0.0.1:0", "--shift-time"});
  WsClient client = WsClient::open(port_of(*replay), "/api/v1/devices/" + kDevice + "/ws");
  client.subscribe({"metrics"});
  std::vector<int> seen;
  bool down = false;
  client.expect_until([&](const Json& message) {
    if (message.type() == "metrics") {
      seen.push_back(static_cast<int>(message.at("data").at("cpu_usage").integer()));
      // Shifted to now, by a recorder's clock that was right.
      BOOST_TEST(message.at("timestamp").string() > "2026-11-22T14:06");
    }
    if (message.type() == "status" && message.at("data").has("bus"))
      down = down || message.at("data").at("bus").string() == "down";
    return !seen.empty() && seen.back() == 5;
  });
  std::string listed;
  for (const int cpu : seen)
    if (cpu > 0) listed += " " + std::to_string(cpu);
  BOOST_TEST(listed == " 1 2 3 5");
  BOOST_TEST(down);
  BOOST_TEST(replay->wait_for_output("5 events played").has_value());
  client.drop();
  BOOST_TEST(replay->signal(SIGINT));
  BOOST_TEST(replay->wait(kServerDeadline).value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(the_sample_of_the_readme_is_whole_and_plays_in_a_loop) {
  const std::string sample = PULSEGATE_SOURCE_DIR "/tests/recordings/sample.ndjson.gz";
  const Json report = Json::parse(run_pulsegate({"inspect", "--json", sample}).output);
  BOOST_TEST(report.at("events").integer() == 134);
  BOOST_TEST(report.at("faultCount").integer() == 0);
  BOOST_TEST(report.at("lossCount").integer() == 0);
  const auto replay = start({"replay", sample, "--listen", "127.0.0.1:0", "--loop", "--shift-time", "--speed", "1000"});
  WsClient client = WsClient::open(port_of(*replay), "/api/v1/devices/beb88ee7-0c1e-5a03-8964-568e2cfe3268/ws");
  client.subscribe({"metrics", "system-info", "history"});
  client.expect("system-info");
  for (int i = 0; i < 150; ++i) client.expect("metrics");
}

BOOST_AUTO_TEST_CASE(what_cannot_be_done_is_said_with_the_right_exit_code) {
  const TempDir dir;
  const std::string url = shared_redis().url();
  const std::string file = dir.write("rec.ndjson", R"({"t":5,"channel":"c","payload":1})"
                                                   "\n");
  const auto says = [](const Texts& args, int code, const std::string& part) {
    const RunResult result = run_pulsegate(args);
    BOOST_TEST(result.exit_code == code, result.errors << result.output);
    BOOST_TEST((result.errors + result.output).find(part) != std::string::npos, result.errors << result.output);
  };
  says({"record", "-o", dir.file("x")}, 2, "needs either --all, or --device, or --pattern");
  says({"record", "--all", "--device", kDevice, "-o", dir.file("x")}, 2, "needs either");
  says({"record", "--device", "kitchen", "-o", dir.file("x")}, 2, "must be a UUID");
  says({"record", "--all", "--redis", "redis-cluster://127.0.0.1:1", "--redis-sharded", "on", "-o", dir.file("x")}, 2,
       "has no patterns");
  says({"record", "--all", "--redis", "http://x", "-o", dir.file("x")}, 2, "must start with redis://");
  says({"record", "--all", "-o", file}, 1, "cannot be written: File exists");
  says({"record", "--all", "--rotate-size", "big", "-o", dir.file("x")}, 2, "must be a size");
  says({"record", "--all"}, 2, "--output");
  says({"replay", file}, 2, "needs either --to redis or --listen");
  says({"replay", file, "--to", "redis", "--speed", "5000"}, 2, "from 0.1 to 1000");
  says({"replay", file, "--to", "redis", "--from", "tomorrow"}, 2, "must be a time");
  says({"replay", dir.file("none"), "--to", "redis"}, 1, "No such file");
  says({"replay", file, "--to", "redis", "--yes-live", "--to-prefix", "x:"}, 2, "not together");
  says({"replay", file, "--to", "redis", "--redis", "redis://127.0.0.1:1/0"}, 1, "cannot connect to Redis");
  says({"inspect", dir.file("none")}, 1, "No such file");
  says({"inspect", dir.write("bad", "no recording\n")}, 1, "bad:1 is not valid JSON");
  says({"inspect", dir.write("future", "{\"pulsegate-recording\":9}\n{\"what\":1}\n")}, 1, "made by a later version");
  BOOST_TEST(!std::filesystem::exists(dir.file("x")));
}

BOOST_AUTO_TEST_CASE(standard_output_takes_events_until_nobody_reads_them) {
  const TempDir dir;
  RedisServer& redis = shared_redis();
  ChildOptions child;
  child.program = "/bin/sh";
  child.args = {"-c", pulsegate_binary() + " record --redis " + redis.url() +
                          " --pattern 'pipe:*' -o - | head -n 3 > " + dir.file("out") + "; echo ended"};
  child.environment = clean_environment();
  ChildProcess pipe(std::move(child));
  BOOST_REQUIRE(eventually([&] { return redis.client().command("PUBSUB", "NUMPAT").integer == 1; }));
  for (int i = 0; !pipe.wait_for_output("ended", Millis(20)).has_value() && i < 500; ++i)
    redis.publish("pipe:" + std::to_string(i), "{}");
  BOOST_TEST(pipe.wait(kServerDeadline).value_or(-1) == 0);
  BOOST_TEST(lines_of(dir.file("out")).size() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
