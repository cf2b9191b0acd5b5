// The master of a group that Redis Sentinels watch over.
#pragma once

#include <asio/steady_timer.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "bus/fault_list.hpp"
#include "bus/node_finder.hpp"
#include "bus/redis_query.hpp"

namespace pulsegate::bus {

// 1. Sentinels are asked in turn, and what one says counts only when its configuration epoch is not older than one seen
// before: a Sentinel that is cut off from the others must not lead back to the old master.
// 2. A node is found only when it says itself that it is a master.
class SentinelFinder final : public NodeFinder {
 public:
  // `config`: url.topology is sentinel.
  SentinelFinder(asio::io_context& io, const RedisConfig& config);
  ~SentinelFinder() override { close(); }
  SentinelFinder(const SentinelFinder&) = delete;
  SentinelFinder& operator=(const SentinelFinder&) = delete;

  void find(Found found) override;
  void watch(Moved moved) override;
  void close() override;

 private:
  struct Answer {
    RedisAddress master;
    std::int64_t epoch = 0;
    std::string fault;  // why it does not count
  };

  const RedisAddress& sentinel() const noexcept { return config_.url.seeds[turn_ % config_.url.seeds.size()]; }
  void query(const RedisUrl& url, const RedisQuery::Commands& commands, RedisQuery::Done done);
  void ask(std::function<void(const Answer&)> then);
  Answer read(const std::vector<RedisValue>& values) const;
  void ask_next();
  void verify(const Answer& answer);
  void next_after(const std::string& fault);
  void finish(const std::string& fault);
  void recheck();

  asio::io_context& io_;
  const RedisConfig config_;
  asio::steady_timer timer_;
  std::shared_ptr<RedisQuery> query_;  // null: none is under way
  Found found_;
  Moved moved_;
  std::size_t turn_ = 0;   // whose turn it is, modulo the Sentinels
  std::size_t asked_ = 0;  // Sentinels asked since find()
  FaultList faults_;       // what they said
  RedisAddress master_;    // the last one found
  std::int64_t epoch_ = 0;
};

}  // namespace pulsegate::bus
