// Publishes many messages without waiting for each answer: for replays. Not for a gateway, which publishes next to
// nothing (see RedisPublisher).
#pragma once

#include <asio/io_context.hpp>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/redis_config.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only. The io_context must outlive it; destroying it is the same as stop().
// 1. Messages are taken by Redis in the order of publish().
// 2. It connects at once. When that fails, or the connection is lost, or Redis refuses a message, it is over: what was
// not answered may have been taken or not, and sending it again could double it.
class RedisPipeline {
 public:
  struct Calls {
    std::function<void(std::size_t answered)> answered;     // so many more
    std::function<void(const std::string& reason)> failed;  // once; nothing comes afterwards
    std::function<void()> ready{};                          // connected: what is published leaves at once; once
  };

  RedisPipeline(asio::io_context& io, const RedisConfig& config, Calls calls);
  ~RedisPipeline();
  RedisPipeline(const RedisPipeline&) = delete;
  RedisPipeline& operator=(const RedisPipeline&) = delete;

  // Whoever calls bounds what is unanswered.
  void publish(std::string_view topic, std::string_view payload);
  void stop();

 private:
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
