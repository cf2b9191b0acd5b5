// The Subscriber over sharded pub/sub of a Redis Cluster (SSUBSCRIBE; the publisher must use SPUBLISH): each topic is
// subscribed to at the master that holds its slot.
#pragma once

#include <asio/io_context.hpp>
#include <memory>
#include <string>
#include <vector>

#include "bus/redis_config.hpp"
#include "bus/subscriber.hpp"

namespace pulsegate::bus {

class ShardNode;

// Thread: the io_context's thread only (or any one thread while the io_context does not run).
// Owner: a shard. The io_context must outlive it; destroying it, also from inside a callback, is the same as stop().
// 1. A connection to each master that holds slots. The bus is up while at least one of them is; a topic whose node is
// away, whose slot moves or is held by nobody, is lost alone (on_topic_lost()).
// 2. A slot follows the word of its nodes (MOVED, the end of its subscriptions) at once, and the topology, read every
// config.recheck, in between: but not in the first seconds after a node has confirmed one of its topics, since a node
// that hears of moves late would lead back.
class RedisShardedSubscriber final : public Subscriber {
 public:
  // `config`: url.topology is cluster.
  RedisShardedSubscriber(asio::io_context& io, RedisConfig config);
  ~RedisShardedSubscriber() override;
  RedisShardedSubscriber(const RedisShardedSubscriber&) = delete;
  RedisShardedSubscriber& operator=(const RedisShardedSubscriber&) = delete;

  void start(EventSink& sink) override;
  void stop() override;
  void subscribe(const std::vector<std::string>& topics) override;
  void unsubscribe(const std::vector<std::string>& topics) override;
  bool up() const noexcept override;
  const SubscriberCounters& counters() const noexcept override;

  // Why the latest attempt failed, or a connection was lost.
  const std::string& last_error() const noexcept;

 private:
  friend class ShardNode;
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
