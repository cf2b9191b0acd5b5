// Replays of what is stored: Redis Streams and the rows of PostgreSQL become events again.
#include <boost/test/unit_test.hpp>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "stack.hpp"
#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

using namespace pulsegate::test;

namespace {

// What is published below `replay:`, to a file.
class Recorded {
 public:
  Recorded() {
    ChildOptions child;
    child.program = pulsegate_binary();
    child.args = {"record", "--redis", shared_redis().url(), "--pattern", "replay:*", "-o", dir_.file("rec.ndjson")};
    child.environment = clean_environment();
    child_ = std::make_unique<ChildProcess>(std::move(child));
    BOOST_REQUIRE(eventually([] { return shared_redis().client().command("PUBSUB", "NUMPAT").integer == 1; }));
  }
  // Device and CPU of each event, once there are `count`.
  std::vector<std::string> events(std::size_t count) {
    std::vector<std::string> found;
    BOOST_TEST(eventually([&] {
      found.clear();
      std::ifstream file(dir_.file("rec.ndjson"));
      for (std::string line; std::getline(file, line);) {
        if (line.find("\"channel\"") == std::string::npos) continue;
        const Json event = Json::parse(line);
        const Json payload = event.at("payload");
        const std::string device = payload.at("deviceUuid").string();
        BOOST_TEST(event.at("channel").string() == "replay:device:" + device + ":metrics");
        char cpu[32];
        std::snprintf(cpu, sizeof cpu, " %g", payload.at("metrics").at("cpu_usage").number());
        found.push_back(device.substr(32) + cpu);
      }
      return found.size() >= count;
    }));
    return found;
  }

 private:
  TempDir dir_;
  std::unique_ptr<ChildProcess> child_;
};

RunResult replay(std::vector<std::string> args) {
  args.insert(args.begin(), "replay");
  args.insert(args.end(), {"--to", "redis", "--redis", shared_redis().url(), "--speed", "max"});
  return run_pulsegate(std::move(args));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReplayOfStored)

BOOST_AUTO_TEST_CASE(entries_of_streams_come_in_order_of_time_however_many_share_a_millisecond) {
  const std::string one = new_device(), two = new_device();
  RedisClient redis = shared_redis().client();
  const auto add = [&redis](const std::string& device, int ms, int number, int cpu) {
    redis.command("XADD", "metrics:" + device, std::to_string(1'795'356'300'000 + ms) + "-" + std::to_string(number),
                  "timestamp", iso_time(1'795'356'300'000 + ms), "data", "{\"cpu_usage\":" + std::to_string(cpu) + "}");
  };
  std::vector<std::string> wanted;
  // A page has a thousand: some end within a millisecond.
  for (int i = 0; i < 2'500; ++i) {
    add(one, i / 400 * 10, i % 400 + 1, i);
    wanted.push_back(one.substr(32) + " " + std::to_string(i));
  }
  add(two, 5, 1, 7);
  wanted.insert(wanted.begin() + 400, two.substr(32) + " 7");
  Recorded recorded;
  const RunResult result = replay({"--stream", "--device", one, "--device", two});
  BOOST_TEST(result.exit_code == 0, result.errors);
  const auto events = recorded.events(wanted.size());
  BOOST_TEST((events == wanted));
  const RunResult part =
      replay({"--stream", "--device", one, "--from", iso_time(1'795'356'300'060), "--to-time", "65ms"});
  BOOST_TEST(part.errors.find("100 events published") != std::string::npos, part.errors);
}

BOOST_AUTO_TEST_CASE(rows_become_reports_in_order_of_time) {
  Stack stack;
  const std::string one = new_device(), two = new_device();
  insert_metrics_series(stack.sql(), one, 1'500, 2);
  insert_metrics_series(stack.sql(), two, 3, 2);
  Recorded recorded;
  const RunResult result = replay({"--database", stack.connection(), "--device", one, "--device", two});
  BOOST_TEST(result.exit_code == 0, result.errors);
  std::vector<std::string> of_one, of_two;
  for (const std::string& event : recorded.events(1'503))
    (event.substr(0, 4) == one.substr(32) ? of_one : of_two).push_back(event);
  BOOST_TEST(of_one.size() == 1'500u);
  BOOST_TEST(of_one.front() == one.substr(32) + " 1");
  BOOST_TEST(of_two.size() == 3u);
}

BOOST_AUTO_TEST_CASE(what_is_not_there_or_not_said_is_told) {
  BOOST_TEST(replay({"--stream", "--device", new_device()}).errors.find("0 events published") != std::string::npos);
  const RunResult none = replay({"--stream"});
  BOOST_TEST(none.exit_code == 2);
  BOOST_TEST(none.errors.find("say which devices") != std::string::npos, none.errors);
  const RunResult both = replay({"--stream", "--database", "host=127.0.0.1", "--device", new_device()});
  BOOST_TEST(both.exit_code == 2);
  const RunResult away = replay({"--database", "host=127.0.0.1 port=1 dbname=x user=y", "--device", new_device()});
  BOOST_TEST(away.exit_code == 1, away.errors);
  BOOST_TEST(!away.errors.empty());
}

BOOST_AUTO_TEST_SUITE_END()
