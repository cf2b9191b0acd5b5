// See redis_parts.hpp.
#include "gateway/commands/redis_parts.hpp"

#include <memory>
#include <string>

#include "bus/redis_cluster_stream_reader.hpp"
#include "bus/redis_publisher.hpp"
#include "bus/redis_sharded_subscriber.hpp"
#include "bus/redis_stream_reader.hpp"
#include "bus/redis_subscriber.hpp"
#include "gateway/commands/commands.hpp"
#include "gateway/log.hpp"

namespace pulsegate::commands {

bus::RedisConfig redis_config(const Config& config) {
  std::string error;
  const auto url = bus::parse_redis_url(config.redis, error);
  if (!url) throw ConfigurationError(error);
  bus::RedisConfig redis;
  redis.url = *url;
  redis.tls = {config.redis_ca, config.redis_cert, config.redis_key, config.redis_server_name};
  redis.max_payload = config.max_bus_payload;
  redis.notice = [](std::string_view event, std::string_view detail) { log::info(event, {{"detail", detail}}); };
  return redis;
}

SubscriberFactory subscriber_factory(const Config& config, const bus::RedisConfig& redis) {
  if (config.redis_sharded)
    return [redis](asio::io_context& io) { return std::make_unique<bus::RedisShardedSubscriber>(io, redis); };
  return [redis](asio::io_context& io) { return std::make_unique<bus::RedisSubscriber>(io, redis); };
}

StreamFactory stream_factory(const Config& config, const bus::RedisConfig& redis) {
  if (config.stream_key.empty()) return {};
  bus::RedisStreamConfig stream;
  stream.redis = redis;
  stream.redis.client_name = "pulsegate-streams";
  stream.key = config.stream_key;
  return [stream](asio::io_context& io) -> std::unique_ptr<bus::StreamSource> {
    if (stream.redis.url.topology == bus::Topology::cluster)
      return std::make_unique<bus::RedisClusterStreamReader>(io, stream);
    return std::make_unique<bus::RedisStreamReader>(io, stream);
  };
}

PublisherFactory publisher_factory(const Config& config, const bus::RedisConfig& redis) {
  if (config.canary.count() == 0) return {};
  bus::RedisPublisherConfig publisher;
  publisher.redis = redis;
  publisher.redis.client_name = "pulsegate-canary";
  publisher.sharded = config.redis_sharded;
  return [publisher](asio::io_context& io) { return std::make_unique<bus::RedisPublisher>(io, publisher); };
}

}  // namespace pulsegate::commands
