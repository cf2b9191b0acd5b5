// The Subscriber over a standalone Redis: reconnects for ever, renews every subscription, and reports each loss.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/redis_config.hpp"
#include "bus/subscriber.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only (or any one thread while the io_context does not run).
// Owner: a shard. The io_context must outlive it; destroying it, also from inside a callback, is the same as stop().
class RedisSubscriber final : public Subscriber {
 public:
  // A topic that this node of a sharded cluster does not have (any more). `error`: its word for it, "MOVED 3999
  // host:port", or empty. Nothing is asked for the topic any more until it is unsubscribed and subscribed again. It
  // must not destroy the subscriber.
  using Moved = std::function<void(std::string_view topic, std::string_view error)>;

  // With `moved`: sharded pub/sub (SSUBSCRIBE) with the node of the URL, for the topics that it holds.
  RedisSubscriber(asio::io_context& io, const RedisConfig& config, Moved moved = {});
  ~RedisSubscriber() override;
  RedisSubscriber(const RedisSubscriber&) = delete;
  RedisSubscriber& operator=(const RedisSubscriber&) = delete;

  void start(EventSink& sink) override;
  void stop() override;
  void subscribe(const std::vector<std::string>& topics) override;
  void unsubscribe(const std::vector<std::string>& topics) override;
  bool up() const noexcept override;
  const SubscriberCounters& counters() const noexcept override;

  // Why the latest attempt failed or the connection was lost; empty before the first failure. on_bus_down() comes once
  // per loss, but the reason can change while the bus stays down (refused, then a wrong password).
  const std::string& last_error() const noexcept;

 private:
  class Core;                   // outlives this object while handlers are pending
  std::shared_ptr<Core> core_;  // never null
};

}  // namespace pulsegate::bus
