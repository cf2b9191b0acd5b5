// What operators ask of a gateway that runs: why a panel is silent, and a log that says more from now on.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/json.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temp_dir.hpp"

using namespace pulsegate::test;
using namespace std::chrono_literals;

namespace {

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";
const std::string kTopic = "device:" + kDevice + ":metrics";
const std::string kEvent = R"({"deviceUuid":")" + kDevice +
                           R"(","metrics":{"cpu_usage":45.2,"memory_usage":1048576,"memory_total":2097152},)"
                           R"("timestamp":"2026-11-22T14:05:00.123Z"})";

struct World {
  RedisServer redis;
  std::unique_ptr<GatewayProcess> gateway;

  explicit World(const std::vector<std::string>& more = {}) {
    redis.start();
    std::vector<std::string> args{"--redis", redis.url(), "--auth", "none"};
    args.insert(args.end(), more.begin(), more.end());
    gateway = std::make_unique<GatewayProcess>(args);
  }
  Json device() const { return Json::parse(gateway->admin("/debug/devices/" + kDevice).body); }
  Json session(const std::string& id) const { return Json::parse(gateway->admin("/debug/sessions/" + id).body); }
  HttpResponse put_level(const std::string& level) const {
    return http_request("PUT", "127.0.0.1", gateway->admin_port(), "/debug/log-level", level);
  }
};

bool says(const Json& answer, const std::string& part) {
  return answer.at("diagnosis").string().find(part) != std::string::npos;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(DebugAnswers)

BOOST_AUTO_TEST_CASE(a_panel_is_followed_from_nobody_to_events_to_a_lost_bus) {
  World world;
  BOOST_TEST(says(world.device(), "Nobody watches this device here"));

  WsClient client = world.gateway->open_device(kDevice);
  const std::string id = client.expect("connected").at("data").at("connectionId").string();
  BOOST_TEST(says(world.session(id), "has not subscribed to any channel"));
  BOOST_TEST(world.gateway->logs().find(id) != std::string::npos);

  BOOST_TEST(client.subscribe({"metrics"}));
  BOOST_REQUIRE(world.redis.wait_for_subscribers(kTopic, 1));
  // Without a database nothing is known of it before its first event.
  BOOST_TEST(eventually([&] { return says(world.session(id), "The device is unknown"); }));
  BOOST_TEST(says(world.device(), "The device is unknown"));

  world.redis.publish(kTopic, kEvent);
  BOOST_TEST(eventually([&] { return says(world.session(id), "Nothing is wrong here"); }));
  const Json session = world.session(id);
  BOOST_TEST(session.at("devices").at(0).at("subscribed").at(0).string() == "metrics");
  BOOST_TEST(session.at("devices").at(0).at("device").at("lastEvent").string() == "2026-11-22T14:05:00.123Z");
  BOOST_TEST(session.at("sentAge").number() < 60);
  BOOST_TEST(session.at("auth").is_null());
  BOOST_TEST(says(world.device(), "Nothing is wrong with the device here"));
  const Json list = Json::parse(world.gateway->admin("/debug/sessions").body);
  BOOST_TEST(list.at("sessions").size() == 1u);
  BOOST_TEST(list.at("sessions").at(0).at("connectionId").string() == id);

  world.redis.stop();
  BOOST_TEST(eventually([&] { return says(world.session(id), "The bus is down"); }));
  BOOST_TEST(says(world.device(), "The bus is down"));

  client.drop();
  BOOST_TEST(eventually([&] { return world.gateway->admin("/debug/sessions/" + id).status == 404; }));
}

BOOST_AUTO_TEST_CASE(the_log_can_be_told_to_say_less_and_more) {
  World world;
  BOOST_TEST(world.gateway->admin("/debug/log-level").body == "{\"level\":\"info\"}\n");
  BOOST_TEST(world.put_level("error").body == "{\"level\":\"error\"}\n");
  BOOST_TEST(world.gateway->wait_for_log("log.level").has_value());
  const std::string before = world.gateway->logs();
  WsClient quiet = world.gateway->open_device(kDevice);
  quiet.expect("connected");  // which leaves after the line would have been written
  BOOST_TEST(world.put_level("info").status == 200);
  BOOST_TEST(world.gateway->logs().substr(before.size()).find("client.open") == std::string::npos);
  WsClient heard = world.gateway->open_device(kDevice);
  BOOST_TEST(world.gateway->wait_for_log("client.open", kDeadline, before.size()).has_value());
}

BOOST_AUTO_TEST_CASE(sighup_reads_the_level_again_and_names_what_needs_a_restart) {
  const TempDir directory;
  const std::string path = directory.file("pulsegate.conf");
  const auto write = [&path](const std::string& text) { std::ofstream(path) << text; };
  write("log-level = info\n");
  World world({"--config", path});

  write("log-level = warn\nlinger = 7s\n");
  BOOST_REQUIRE(world.gateway->signal(SIGHUP));
  const auto told = world.gateway->wait_for_log("config.needs-restart");
  BOOST_REQUIRE(told.has_value());
  BOOST_TEST(world.gateway->logs().find("\"keys\":\"linger\"") != std::string::npos, world.gateway->logs());
  BOOST_TEST(world.gateway->admin("/debug/log-level").body == "{\"level\":\"warn\"}\n");

  write("log-level = shout\n");
  BOOST_REQUIRE(world.gateway->signal(SIGHUP));
  BOOST_TEST(world.gateway->wait_for_log("config.reload-failed").has_value());
  BOOST_TEST(world.gateway->admin("/debug/log-level").body == "{\"level\":\"warn\"}\n");
  BOOST_TEST(world.gateway->running());
}

BOOST_AUTO_TEST_SUITE_END()
