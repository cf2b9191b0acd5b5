// What Redis says to the commands that a gateway sends it: rights are found out by using them, since a user with the
// least rights may not look them up.
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/node_finder.hpp"
#include "bus/redis_error.hpp"
#include "bus/redis_query.hpp"
#include "bus/stream_key.hpp"
#include "bus/subscriber.hpp"
#include "gateway/clock.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/commands/doctor_parts.hpp"
#include "gateway/commands/redis_parts.hpp"
#include "proto/bus_event.hpp"
#include "proto/channel.hpp"
#include "proto/topic.hpp"

namespace pulsegate::commands {
namespace {

using bus::RedisValue;
using std::chrono::microseconds;
using std::chrono::milliseconds;

constexpr std::string_view kCanary = "pulsegate:canary:doctor";

struct Answer {
  std::string fault;
  std::vector<RedisValue> values;
  microseconds took{0};
};

// One question on a connection of its own, waited for.
Answer ask(const bus::RedisConfig& redis, const bus::RedisQuery::Commands& commands) {
  asio::io_context io(1);
  Answer answer;
  const auto begun = std::chrono::steady_clock::now();
  const auto query =
      bus::RedisQuery::ask(io, redis, commands, [&](const std::string& fault, const std::vector<RedisValue>& values) {
        answer.fault = fault;
        answer.values = values;
        answer.took = std::chrono::duration_cast<microseconds>(std::chrono::steady_clock::now() - begun);
      });
  io.run();
  return answer;
}

// Of Sentinels the master, of a cluster one of its nodes. False: `fault` says why there is none.
bool find_node(bus::RedisConfig& redis, std::string& fault) {
  asio::io_context io(1);
  const auto finder = bus::make_node_finder(io, redis);
  if (finder == nullptr) return true;
  bool found = false;
  finder->find([&](const bus::RedisAddress& address, const std::string& why) {
    found = why.empty();
    fault = why;
    if (found) redis.url = redis.url.at(address);
    io.stop();
  });
  io.run();
  finder->close();
  return found;
}

// That the key or slot is another node's says that the command itself is allowed.
bool is_refused(const RedisValue& value) {
  return value.is(RedisValue::Type::error) && value.text.rfind("MOVED", 0) != 0 && value.text.rfind("ASK", 0) != 0;
}

class Rights {
 public:
  Rights(const bus::RedisConfig& redis, ops::DoctorReport& report) : redis_(redis), report_(report) {}

  // `why`: what it is needed for. `rule`: what an ACL has to say.
  void examine(const bus::RedisQuery::Commands& commands, const std::string& why, const std::string& rule,
               bool needed) {
    const Answer answer = ask(redis_, commands);
    std::string refused = answer.fault;
    for (const RedisValue& value : answer.values)
      if (is_refused(value)) refused = bus::explain_redis_error(value.text);
    const std::string check = "redis right to " + why;
    if (refused.empty()) return report_.ok(check, "given");
    const std::string advice = "ACL SETUSER " + (redis_.url.user.empty() ? "default" : redis_.url.user) + " " + rule;
    needed ? report_.fail(check, refused, advice) : report_.warn(check, refused, advice);
  }

 private:
  const bus::RedisConfig& redis_;
  ops::DoctorReport& report_;
};

// Counts what a device publishes while the doctor listens.
class Ear final : public bus::EventSink {
 public:
  Ear(const proto::TopicTable& topics, std::size_t max_payload) : topics_(topics), parser_(max_payload) {}

  void on_event(std::string_view topic, std::string_view payload) override {
    const auto kind = topics_.parse(topic);
    ++events_;
    if (kind && parser_.parse(kind->kind, payload, event_) != proto::BusEventError::none) ++bad_;
  }
  void on_subscribed(std::string_view) override {}
  void on_bus_up() override {}
  void on_bus_down(std::string_view) override {}
  void on_topic_lost(std::string_view) override {}
  void on_batch_end(bool) override {}

  std::size_t events() const noexcept { return events_; }
  std::size_t bad() const noexcept { return bad_; }

 private:
  const proto::TopicTable& topics_;
  proto::BusEventParser parser_;
  proto::BusEvent event_;
  std::size_t events_ = 0;
  std::size_t bad_ = 0;
};

void listen(const Config& config, const bus::RedisConfig& redis, const DoctorOptions& options,
            ops::DoctorReport& report) {
  const proto::ChannelTable channels(config.pass_through);
  const proto::TopicTable topics(config.topic_prefix, channels);
  const std::vector<std::string> names = topics.topics_of(*options.device);
  asio::io_context io(1);
  Ear ear(topics, config.max_bus_payload);
  const auto subscriber = subscriber_factory(config, redis)(io);
  subscriber->start(ear);
  subscriber->subscribe(names);
  asio::steady_timer end(io, options.listen_for);
  end.async_wait([&](const asio::error_code&) {
    subscriber->stop();
    io.stop();
  });
  io.run();
  const std::string span = std::to_string(options.listen_for.count()) + " ms";
  if (ear.events() == 0)
    return report.warn("device events", "none in " + span + " on " + names.front() + " and its like",
                       "does the API server publish for this UUID, on this Redis and database number, with this "
                       "--topic-prefix?");
  if (ear.bad() > 0)
    return report.fail(
        "device events",
        std::to_string(ear.bad()) + " of " + std::to_string(ear.events()) + " in " + span + " cannot be read",
        "a payload is one JSON object; `pulsegate record --device` shows what comes");
  report.ok("device events", std::to_string(ear.events()) + " in " + span);
}

void examine_stream(const Config& config, const bus::RedisConfig& redis, const proto::DeviceId& device,
                    ops::DoctorReport& report) {
  const std::string key = bus::stream_key(config.stream_key, device);
  const Answer answer = ask(redis, {{"XREVRANGE", key, "+", "-", "COUNT", "1"}});
  if (!answer.fault.empty() || answer.values.empty() || answer.values[0].is(RedisValue::Type::error)) return;
  if (answer.values[0].items.empty())
    return report.warn("device stream", "nothing in " + key,
                       "clients that come back get what they missed from the table, later; is --stream-key right?");
  report.ok("device stream", "newest entry " + answer.values[0].items[0].items.at(0).text);
}

void examine_node(const Config& config, const bus::RedisConfig& redis, ops::DoctorReport& report) {
  const Answer facts = ask(redis, {{"TIME"}, {"CONFIG", "GET", "client-output-buffer-limit"}});
  if (facts.fault.empty() && facts.values.size() == 2) {
    const RedisValue& time = facts.values[0];
    if (time.items.size() == 2) {
      const microseconds redis_time(std::stoll(time.items[0].text) * 1'000'000 + std::stoll(time.items[1].text));
      const auto ours = std::chrono::duration_cast<microseconds>(SystemClock().now().wall.time_since_epoch());
      report.add(ops::judge_clock("redis", redis_time - ours, facts.took));
    } else {
      report.ok("redis clock", "not told: this user may not ask for it");
    }
    const RedisValue& buffer = facts.values[1];
    report.add(ops::judge_output_buffer(buffer.items.size() == 2 ? buffer.items[1].text : std::string()));
  }

  const std::string device = "00000000-0000-0000-0000-000000000000";
  const std::string topic = config.topic_prefix + "device:" + device + ":metrics";
  const std::string key = bus::stream_key(config.stream_key, *proto::DeviceId::parse(device));
  const std::string subscribe = config.redis_sharded ? "SSUBSCRIBE" : "SUBSCRIBE";
  const std::string publish = config.redis_sharded ? "SPUBLISH" : "PUBLISH";
  Rights rights(redis, report);
  rights.examine({{subscribe, topic}}, "subscribe",
                 (config.redis_sharded ? "+ssubscribe +sunsubscribe" : "+subscribe +unsubscribe") + std::string(" &") +
                     config.topic_prefix + "device:*",
                 true);
  if (config.canary.count() > 0)
    rights.examine(
        {{publish, kCanary, "doctor"}}, "publish the canary",
        (config.redis_sharded ? "+spublish" : "+publish") + std::string(" &pulsegate:canary:*  (or --canary off)"),
        config.readiness == "canary");
  if (!config.stream_key.empty())
    rights.examine({{"EXISTS", key}, {"XRANGE", key, "-", "+", "COUNT", "1"}}, "read streams",
                   "+exists +xrange " + bus::stream_key_rule(config.stream_key) + "  (or --stream-key none)", false);
}

}  // namespace

void examine_redis(const Config& config, const DoctorOptions& options, ops::DoctorReport& report) {
  bus::RedisConfig redis = redis_config(config);
  redis.notice = nullptr;
  bus::RedisConfig node = redis;
  std::string fault;
  if (!find_node(node, fault)) return report.fail("redis", fault, "is --redis right, and may this machine reach it?");
  // Refused or not: an answer. (PING is the connection's own.)
  const Answer hello = ask(node, {{"TIME"}});
  if (!hello.fault.empty()) return report.fail("redis", hello.fault, "is --redis right, and may this machine reach it?");
  report.ok("redis",
            node.url.redacted() + " answers, " + std::to_string(hello.took.count() / 1000) + " ms with the connection");
  examine_node(config, node, report);
  if (!options.device) return;
  if (!config.stream_key.empty() && redis.url.topology != bus::Topology::cluster)
    examine_stream(config, node, *options.device, report);
  listen(config, redis, options, report);
}

}  // namespace pulsegate::commands
