// What the log says of clients: always with the id that the client was told, and never more than the disk can take.
#include <boost/test/unit_test.hpp>
#include <map>
#include <memory>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/json.hpp"
#include "tests/support/jwt.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/tcp_socket.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wall_clock.hpp"

using namespace pulsegate::test;

namespace {

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001", kOther = "3f1e6b7a-0000-4000-8000-000000000002";
const std::string kKey = "the secret of these tests, 32 bytes and more";

struct World {
  TempDir dir;
  RedisServer redis;
  std::unique_ptr<GatewayProcess> gateway;

  explicit World(const std::vector<std::string>& more = {}) {
    redis.start();
    std::vector<std::string> args{"--redis", redis.url(), "--database", "none", "--jwt-key", dir.write("key", kKey)};
    args.insert(args.end(), more.begin(), more.end());
    gateway = std::make_unique<GatewayProcess>(args);
  }
  std::string token(const std::string& id, long long seconds = 60) const {
    return hmac_token(kKey, R"({"sub":"ann","scope":"debug","jti":")" + id + R"(","exp":)" +
                                std::to_string(now_ms() / 1000 + seconds) + "}");
  }
  WsClient open(const std::string& target, const std::string& id) const {
    WsOptions options;
    options.headers = {{"Authorization", "Bearer " + token(id)}};
    return gateway->open(target, options);
  }
  std::vector<Json> lines() const {
    std::vector<Json> all;
    std::istringstream in(gateway->logs());
    for (std::string line; std::getline(in, line);) all.push_back(Json::parse(line));
    return all;
  }
  std::size_t count(const std::string& event) const {
    std::size_t found = 0;
    for (const Json& line : lines()) found += line.at("event").string() == event ? 1 : 0;
    return found;
  }
};

std::string target_of(const std::string& device) {
  return "/api/v1/devices/" + device + "/ws";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(LogLines)

BOOST_AUTO_TEST_CASE(of_a_connection_carry_the_id_that_its_client_was_told) {
  World world({"--log-level", "trace"});
  std::map<std::string, std::string> ids;  // by token
  {
    WsClient one = world.open(target_of(kDevice), "one");
    ids["one"] = one.expect("connected").at("data").at("connectionId").string();
    one.subscribe({"metrics"});
    one.expect("subscribed");
    one.send_text(R"({"type":"auth","token":")" + world.token("one") + R"("})");
    one.expect("authenticated");
    one.send_text(R"({"type":"replay","from":")" + iso_time(now_ms() - 60'000) + R"("})");
    one.expect("replay-end");
    one.close();
    WsClient fleet = world.open("/api/v1/ws", "fleet");
    ids["fleet"] = fleet.expect("connected").at("data").at("connectionId").string();
    fleet.send_text(R"({"type":"subscribe","deviceUuids":[")" + kDevice + R"(",")" + kOther +
                    R"("],"channels":["metrics"]})");
    fleet.expect("subscribed");
    fleet.drop();
  }
  BOOST_TEST(eventually([&] { return world.count("client.close") == 2; }));
  std::map<std::string, std::set<std::string>> events;  // by connection
  for (const Json& line : world.lines()) {
    const std::string event = line.at("event").string();
    if (line.has("token_id") && line.has("connection"))
      BOOST_TEST(line.at("connection").string() == ids.at(line.at("token_id").string()), event);
    // Whatever names a device or somebody here is about a connection.
    if (line.has("device") || line.has("subject") || event.compare(0, 7, "client.") == 0)
      BOOST_TEST(line.has("connection"), event);
    if (line.has("connection")) events[line.at("connection").string()].insert(event);
  }
  BOOST_TEST(events.size() == 2u);
  for (const char* event :
       {"client.open", "client.renewed", "replay.begin", "replay.end", "audit.watched", "client.close"})
    BOOST_TEST(events[ids["one"]].count(event) == 1u, event);
  for (const char* event : {"client.open", "audit.watched", "client.close"})
    BOOST_TEST(events[ids["fleet"]].count(event) == 1u, event);
}

BOOST_AUTO_TEST_CASE(of_clients_that_come_and_go_are_bounded_but_not_those_of_the_audit) {
  World world({"--log-client-lines", "2"});
  for (int i = 0; i < 60; ++i) {
    WsClient client = world.open(target_of(kDevice), std::to_string(i));
    client.expect("connected");
    client.close();
  }
  BOOST_TEST(eventually([&] { return world.count("audit.watched") == 60; }));
  const std::size_t opened = world.count("client.open");
  BOOST_TEST(opened >= 20u);
  BOOST_TEST(opened < 60u);
  BOOST_TEST(world.count("client.close") < 60u);
  // The next one that passes says what is missing.
  BOOST_TEST(eventually([&] {
    world.open(target_of(kDevice), "late").close();
    double told = 0;
    for (const Json& line : world.lines())
      if (line.at("event").string() == "client.open" && line.has("suppressed")) told += line.at("suppressed").number();
    return told >= static_cast<double>(60 - opened);
  }));
}

BOOST_AUTO_TEST_CASE(those_who_are_not_let_in_and_commands_that_are_refused_cost_none) {
  World world({"--log-level", "trace"});
  const auto wait_for = [&](const std::string& metric, double least) {
    BOOST_TEST(eventually([&] { return world.gateway->metric_sum(metric) >= least; }), metric);
  };
  BOOST_TEST(world.gateway->wait_for_log("canary.first").has_value());
  const std::size_t before = world.lines().size();
  for (int i = 0; i < 40; ++i) {
    const std::string name = std::to_string(i);
    WsOptions with_origin;
    with_origin.headers = {{"Origin", "https://a.example"}};
    WsClient::attempt(world.gateway->port(), target_of(kDevice) + "?token=" + name);
    WsClient::attempt(world.gateway->port(), target_of(kDevice) + "?token=" + world.token(name, -3'600), with_origin);
    world.gateway->get("/nowhere/" + name);
    world.gateway->get("/api/v1/devices/" + kDevice + "/snapshot?token=" + name);
    world.gateway->health("/nowhere/" + name);
    TcpSocket raw("127.0.0.1", world.gateway->port());
    raw.write("no HTTP " + name + "\r\n\r\n");
  }
  wait_for("pulsegate_auth_failures_total", 120);
  wait_for("pulsegate_handshake_failures_total", 1);
  // And what a client may do once it is in costs no line either.
  WsClient client = world.open(target_of(kDevice), "in");
  client.expect("connected");
  for (int i = 0; i < 50; ++i) {
    client.send_unchecked("no JSON " + std::to_string(i));
    client.subscribe({"metrics", "nothing-" + std::to_string(i)});
    client.unsubscribe({"metrics"});
  }
  client.expect_pong();
  BOOST_TEST(world.count("client.open") == 1u);
  BOOST_TEST(world.lines().size() == before + 1);
}

BOOST_AUTO_TEST_SUITE_END()
