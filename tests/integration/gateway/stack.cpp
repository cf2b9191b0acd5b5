#include "stack.hpp"

#include <algorithm>
#include <cstdlib>
#include <set>

namespace pulsegate::test {

std::string metrics_event(const std::string& device, double cpu, long long time_ms, const std::string& more) {
  char metrics[256];
  std::snprintf(metrics, sizeof metrics,
                R"("cpu_usage":%.2f,"memory_usage":1048576,"memory_total":4194304,"network_rx":10,"network_tx":20)",
                cpu);
  return R"({"deviceUuid":")" + device + R"(","metrics":{)" + metrics + more + R"(},"timestamp":")" +
         iso_time(time_ms) + R"("})";
}

MetricsSample row_of(const std::string& device, double cpu) {
  MetricsSample sample;
  sample.device = device;
  sample.cpu_usage = cpu;
  sample.cpu_temp = std::nullopt;
  sample.memory_usage = 1048576;
  sample.memory_total = 4194304;
  sample.storage_usage = std::nullopt;
  sample.storage_total = std::nullopt;
  sample.network_rx = 10;
  sample.network_tx = 20;
  return sample;
}

Stack::Stack(std::vector<std::string> gateway_args, Servers servers, const GuideSchema& schema) {
  if (servers == Servers::own) {
    own_redis_ = std::make_unique<RedisServer>();
    own_postgres_ = std::make_unique<PostgresServer>();
    own_redis_->start();
    own_postgres_->start();
  }
  redis_ = own_redis_ ? own_redis_.get() : &shared_redis();
  postgres_ = own_postgres_ ? own_postgres_.get() : &shared_postgres();
  static std::atomic<unsigned> next{1};
  connection_ = postgres_->create_database("case_" + std::to_string(next++));
  sql_ = std::make_unique<PostgresClient>(connection_);
  create_guide_schema(*sql_, schema);
  std::vector<std::string> args = {"--redis", redis_->url()};
  if (std::find(gateway_args.begin(), gateway_args.end(), "--jwt-key") == gateway_args.end())
    args.insert(args.end(), {"--auth", "none"});
  if (std::find(gateway_args.begin(), gateway_args.end(), "--database") == gateway_args.end())
    args.insert(args.end(), {"--database", connection_});
  const char* shards = std::getenv("PULSEGATE_TEST_SHARDS");
  if (shards != nullptr && std::find(gateway_args.begin(), gateway_args.end(), "--shards") == gateway_args.end())
    args.insert(args.end(), {"--shards", shards});
  args.insert(args.end(), gateway_args.begin(), gateway_args.end());
  gateway_ = std::make_unique<GatewayProcess>(std::move(args));
}

WsClient Stack::watch(const std::string& device, const std::vector<std::string>& channels) {
  WsClient client = open(device);
  client.subscribe(channels);
  std::set<std::string> waiting(channels.begin(), channels.end());
  client.expect_until([&](const Json& message) {
    if (message.type() == "subscribed") waiting.erase(message.at("channel").string());
    return waiting.empty();
  });
  return client;
}

std::vector<int> cpu_values(const Json& history) {
  std::vector<int> values;
  const Json points = history.at("data").at("cpu");
  for (std::size_t i = 0; i < points.size(); ++i) values.push_back(static_cast<int>(points.at(i).at("value").number()));
  return values;
}

}  // namespace pulsegate::test
