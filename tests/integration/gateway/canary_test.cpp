// The canary in the real gateway: readiness that means delivery, and what is left where it may not be published.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

double state(const GatewayProcess& gateway, const std::string& name) {
  return gateway.metric("pulsegate_canary_state{state=\"" + name + "\"}").value_or(-1);
}

bool ready(const GatewayProcess& gateway) {
  return gateway.health("/readyz").status == 200;
}

std::string why_not(const GatewayProcess& gateway) {
  return gateway.health("/readyz").json().at("reason").string();
}

std::string user(RedisServer& redis, const std::string& name, const std::vector<std::string>& rights) {
  std::vector<std::string> command = {"ACL",     "SETUSER",         name,         "on",           ">secret",
                                      "-@all",   "+ping",           "+subscribe", "+unsubscribe", "+xrange",
                                      "+exists", "+client|setname", "~metrics:*"};
  command.insert(command.end(), rights.begin(), rights.end());
  redis.client().command(command);
  return "redis://" + name + ":secret@127.0.0.1:" + std::to_string(redis.port());
}

GatewayProcess start(const std::string& redis, std::vector<std::string> more = {}) {
  std::vector<std::string> args = {"--redis", redis, "--database", "none", "--auth", "none"};
  args.insert(args.end(), more.begin(), more.end());
  return GatewayProcess(std::move(args));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(CanaryOfTheGateway)

BOOST_AUTO_TEST_CASE(comes_back_on_every_shard_and_makes_the_gateway_ready) {
  GatewayProcess gateway = start(shared_redis().url(), {"--shards", "3", "--canary", "300ms"});
  BOOST_TEST(eventually([&] { return ready(gateway); }));
  BOOST_TEST(state(gateway, "fresh") == 1);
  for (const char* shard : {"0", "1", "2"})
    BOOST_TEST(gateway.metric("pulsegate_canary_age_seconds{shard=\"" + std::string(shard) + "\"}").value_or(99) < 0.9);
  BOOST_TEST(eventually([&] { return gateway.metric_sum("pulsegate_canary_round_trip_seconds_count") >= 9; }));
  BOOST_TEST(gateway.metric("pulsegate_canaries_total{outcome=\"failed\"}").value_or(-1) == 0);
  // Nothing of it is anybody's event.
  BOOST_TEST(gateway.metric_sum("pulsegate_events_dropped_total") == 0);
}

BOOST_AUTO_TEST_CASE(that_does_not_come_back_although_redis_is_connected_takes_readiness_away) {
  RedisServer redis;
  redis.start();
  GatewayProcess gateway = start(redis.url(), {"--canary", "300ms"});
  BOOST_TEST(eventually([&] { return ready(gateway); }));
  redis.pause();
  BOOST_TEST(eventually([&] { return !ready(gateway); }, Millis(4'000)));
  BOOST_TEST(gateway.metric_sum("pulsegate_bus_up") == 1);  // the connection itself is given up after 10 s only
  BOOST_TEST(why_not(gateway).find("No canary has come back from Redis for") == 0, why_not(gateway));
  BOOST_TEST(state(gateway, "late") == 1);
  BOOST_TEST(gateway.wait_for_log("canary.late").has_value());
  redis.resume();
  BOOST_TEST(eventually([&] { return ready(gateway); }));
  BOOST_TEST(gateway.wait_for_log("canary.back").has_value());
}

BOOST_AUTO_TEST_CASE(with_readiness_basic_a_loss_of_redis_shows_in_metrics_only) {
  RedisServer redis;
  redis.start();
  GatewayProcess gateway = start(redis.url(), {"--canary", "300ms", "--readiness", "basic", "--drain-time", "0s"});
  BOOST_TEST(eventually([&] { return state(gateway, "fresh") == 1; }));
  redis.kill();
  BOOST_TEST(eventually([&] { return state(gateway, "late") == 1; }));
  BOOST_TEST(gateway.metric_sum("pulsegate_bus_up") == 0);
  BOOST_TEST(ready(gateway));
  BOOST_TEST(gateway.admin_post("/drain").status == 202);
  BOOST_TEST(!ready(gateway));
  BOOST_TEST(why_not(gateway).find("draining") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(without_the_right_to_publish_it_is_off_by_itself_and_events_arrive) {
  RedisServer redis;
  redis.start();
  const std::string device = new_device();
  for (const std::vector<std::string>& rights :
       {std::vector<std::string>{"&device:*"}, std::vector<std::string>{"&device:*", "+publish"}}) {
    const std::string name = "user" + std::to_string(rights.size());
    GatewayProcess gateway = start(user(redis, name, rights), {"--canary", "300ms"});
    const auto line = gateway.wait_for_log("canary.off");
    BOOST_REQUIRE(line.has_value());
    BOOST_TEST(line->find("+publish and &pulsegate:canary:*") != std::string::npos, *line);
    BOOST_TEST(eventually([&] { return ready(gateway); }));
    BOOST_TEST(state(gateway, "refused") == 1);
    WsClient client = gateway.open_device(device);
    client.subscribe({"metrics"});
    client.expect("subscribed");
    redis.publish("device:" + device + ":metrics", metrics_event(device, 5, now_ms()));
    client.expect("metrics");
    BOOST_TEST(gateway.metric_sum("pulsegate_bus_disconnects_total") == 0);
    client.drop();  // nobody answers the close
    BOOST_TEST(gateway.stop() == 0);
  }
}

BOOST_AUTO_TEST_CASE(a_right_that_is_taken_away_later_ends_the_canary_and_not_the_events) {
  RedisServer redis;
  redis.start();
  const std::string url = user(redis, "gateway", {"&device:*", "&pulsegate:canary:*", "+publish"});
  GatewayProcess gateway = start(url, {"--canary", "300ms"});
  BOOST_TEST(eventually([&] { return state(gateway, "fresh") == 1; }));
  redis.client().command("ACL", "SETUSER", "gateway", "resetchannels", "&device:*");
  BOOST_TEST(gateway.wait_for_log("canary.off").has_value());
  BOOST_TEST(eventually([&] { return ready(gateway) && gateway.metric_sum("pulsegate_bus_up") == 1; }));
  const std::string device = new_device();
  WsClient client = gateway.open_device(device);
  client.subscribe({"metrics"});
  client.expect("subscribed");
  redis.publish("device:" + device + ":metrics", metrics_event(device, 6, now_ms()));
  client.expect("metrics");
}

BOOST_AUTO_TEST_CASE(can_be_switched_off) {
  GatewayProcess gateway = start(shared_redis().url(), {"--canary", "off"});
  BOOST_TEST(eventually([&] { return ready(gateway); }));
  BOOST_TEST(state(gateway, "off") == 1);
  BOOST_TEST(!gateway.metric("pulsegate_canary_age_seconds{shard=\"0\"}").has_value());
  BOOST_TEST(gateway.metric("pulsegate_canaries_total{outcome=\"taken\"}").value_or(-1) == 0);
}

BOOST_AUTO_TEST_SUITE_END()
