// The workings of RedisShardedSubscriber: a RedisSubscriber a master, and above them the topics by slot. What is due is
// done in one turn of the loop for any number of calls and answers: slots are placed, the nodes are told, then the
// sink. Core is shared with its handlers, so that the subscriber can be destroyed at any time; after stop() `sink_` is
// null and every late handler returns at once. Where the slots are and which nodes are up: sharded_nodes.cpp. What the
// caller wants and what the sink hears: sharded_core.cpp.
#pragma once

#include <asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "bus/cluster_topology.hpp"
#include "bus/redis_config.hpp"
#include "bus/redis_sharded_subscriber.hpp"
#include "bus/redis_subscriber.hpp"
#include "bus/shard_topics.hpp"

namespace pulsegate::bus {

// Adds what nodes count; what is the whole cluster's stays.
void add_counters(SubscriberCounters& sum, const SubscriberCounters& more) noexcept;

// What the subscriber of one node calls; it belongs to the Core.
class ShardNode final : public EventSink {
 public:
  ShardNode(RedisShardedSubscriber::Core& core, RedisAddress at) : address(std::move(at)), core_(core) {}

  void on_event(std::string_view topic, std::string_view payload) override;
  void on_subscribed(std::string_view topic) override;
  void on_bus_up() override;
  void on_bus_down(std::string_view reason) override;
  void on_topic_lost(std::string_view) override {}  // a RedisSubscriber loses all topics or none
  void on_batch_end(bool more_waiting) override;

  const RedisAddress address;
  std::unique_ptr<RedisSubscriber> subscriber;
  bool up = false;
  bool failed = false;  // the last attempt to connect, or the connection was lost
  // For the turn.
  std::vector<std::string> joining;
  std::vector<std::string> leaving;

 private:
  RedisShardedSubscriber::Core& core_;
};

// Thread: the io_context's. Owner: the RedisShardedSubscriber, with the handlers that are pending.
class RedisShardedSubscriber::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& io, RedisConfig config) : io_(io), config_(std::move(config)), topology_(io, config_) {}

  void start(EventSink& sink);
  void stop();
  void subscribe(const std::vector<std::string>& topics);
  void unsubscribe(const std::vector<std::string>& topics);
  bool up() const noexcept { return up_; }
  const SubscriberCounters& counters() const noexcept;
  const std::string& last_error() const noexcept { return last_error_; }

  // For the nodes.
  EventSink* sink() const noexcept { return sink_; }
  void confirmed_by(ShardNode& node, std::string_view topic);
  void moved_by(ShardNode& node, std::string_view topic, std::string_view error);
  void node_up(ShardNode& node);
  void node_down(ShardNode& node, std::string_view reason);

 private:
  using Clock = std::chrono::steady_clock;
  using Entry = ShardTopics::Entry;
  // A node tells its cluster of a move with its next heartbeats; longer than that takes.
  static constexpr std::chrono::seconds kSettle{3};

  void topology_answered();
  void topology_failed(const std::string& fault);
  ShardNode& node_at(const RedisAddress& address);
  void schedule_turn();
  void turn();
  void place(std::uint16_t slot);
  void tell_nodes();
  void drop_idle_nodes();
  void confirm_again();
  void tell_lost();
  void begin_anew(const std::string& reason);
  void leave(Entry& entry);
  void down(std::string_view reason);
  std::size_t nodes_up() const noexcept;

  asio::io_context& io_;
  const RedisConfig config_;
  ClusterTopology topology_;
  EventSink* sink_ = nullptr;  // null: not started, or stopped
  bool stopped_ = false;
  bool up_ = false;
  bool down_reported_ = false;  // since the last on_bus_up()
  bool turn_scheduled_ = false;
  bool may_be_idle_ = false;  // some nodes, since the topology was read
  std::map<RedisAddress, std::unique_ptr<ShardNode>> nodes_;
  ShardTopics topics_;
  std::unordered_set<std::uint16_t> due_;         // slots to be placed in the next turn
  std::unordered_set<std::uint16_t> redirected_;  // slots that followed a MOVED since the last such answer
  std::unordered_map<std::uint16_t, Clock::time_point> confirmed_at_;  // the last topic of a slot, at most kSettle ago
  std::vector<std::string> reconfirm_;  // topics that got another reference while confirmed
  std::vector<std::string> lost_;       // topics of which the sink may have to be told
  SubscriberCounters own_;              // what is not counted by a node's subscriber
  SubscriberCounters gone_;             // of nodes that are no more
  mutable SubscriberCounters sum_;
  std::string last_error_;
};

}  // namespace pulsegate::bus
