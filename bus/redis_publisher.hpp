// The Publisher over Redis: a connection of its own, since a subscriber's may not publish.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <memory>

#include "bus/publisher.hpp"
#include "bus/redis_config.hpp"

namespace pulsegate::bus {

struct RedisPublisherConfig {
  RedisConfig redis;
  bool sharded = false;                             // SPUBLISH, to the node of the cluster that holds the topic's slot
  std::chrono::milliseconds answer_timeout{2'000};  // from publish() to the answer, a new connection included
};

// Thread: the io_context's thread only. Owner: the server. The io_context must outlive it; destroying it is the same as
// stop(). It connects when there is something to publish, and after a loss not before the backoff says so.
class RedisPublisher final : public Publisher {
 public:
  RedisPublisher(asio::io_context& io, RedisPublisherConfig config);
  ~RedisPublisher() override;
  RedisPublisher(const RedisPublisher&) = delete;
  RedisPublisher& operator=(const RedisPublisher&) = delete;

  void publish(std::string_view topic, std::string_view payload, Done done) override;
  void stop() override;

 private:
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
