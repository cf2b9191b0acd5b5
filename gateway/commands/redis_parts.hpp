// From the options to the adapters for Redis: commands are the only place in the gateway that knows them.
#pragma once

#include "bus/redis_config.hpp"
#include "gateway/config.hpp"
#include "gateway/server.hpp"

namespace pulsegate::commands {

// Throws ConfigurationError.
bus::RedisConfig redis_config(const Config& config);

// What makes a shard's subscriber, its reader of streams (null with `--stream-key none`), and what publishes the canary
// (null with `--canary off`).
SubscriberFactory subscriber_factory(const Config& config, const bus::RedisConfig& redis);
StreamFactory stream_factory(const Config& config, const bus::RedisConfig& redis);
PublisherFactory publisher_factory(const Config& config, const bus::RedisConfig& redis);

}  // namespace pulsegate::commands
