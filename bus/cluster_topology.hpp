// What a Redis Cluster looks like, asked again and again: each time the next node in turn.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "bus/fault_list.hpp"
#include "bus/redis_query.hpp"
#include "bus/slot_map.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only.
// Owner: whoever wants to know.
// 1. What a node says counts only when its epoch is not older than one seen before: a node that is cut off with a
// minority must not lead back. When no node answers, epochs are forgotten.
// 2. No callback comes from inside a call, nor after close().
class ClusterTopology {
 public:
  struct Answer {
    RedisAddress asked;
    SlotMap map;
    bool counts = false;  // it is the latest that is known
  };
  using Answered = std::function<void(const Answer&)>;
  using Failed = std::function<void(const std::string& fault)>;  // every node was asked in vain: what they said

  // `config`: url.topology is cluster.
  ClusterTopology(asio::io_context& io, const RedisConfig& config) : io_(io), config_(config), timer_(io) {}
  ~ClusterTopology() { close(); }
  ClusterTopology(const ClusterTopology&) = delete;
  ClusterTopology& operator=(const ClusterTopology&) = delete;

  // From now on, and for ever: at once, then every config.recheck.
  void start(Answered answered, Failed failed);
  // Something is not as the last answer said: asks as soon as kShortest after the last question allows.
  void refresh();
  // Tells another node's word for it (MOVED) until the next answer.
  void set_owner(std::uint16_t slot, const RedisAddress& node) { map_.set_owner(slot, node); }
  void close();

  const SlotMap& map() const noexcept { return map_; }  // empty: nobody has answered yet

 private:
  using Clock = std::chrono::steady_clock;
  static constexpr std::chrono::milliseconds kShortest{100};  // between two rounds of questions

  std::vector<RedisAddress> candidates() const;
  void schedule(std::chrono::milliseconds delay);
  void begin_round();
  void ask();
  void read(const RedisAddress& asked, const std::string& fault, const std::vector<RedisValue>& values);

  asio::io_context& io_;
  const RedisConfig config_;
  asio::steady_timer timer_;
  bool scheduled_ = false;  // the timer runs
  Answered answered_;       // empty: not started, or closed
  Failed failed_;
  std::shared_ptr<RedisQuery> query_;  // null: none is under way
  Clock::time_point last_round_{};
  std::vector<RedisAddress> to_ask_;  // of this round, the next one last
  std::size_t turn_ = 0;              // who begins a round, modulo the candidates
  FaultList faults_;
  SlotMap map_;
  std::int64_t epoch_ = 0;
};

}  // namespace pulsegate::bus
