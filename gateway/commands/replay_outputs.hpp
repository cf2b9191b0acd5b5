// Where a replay goes: into a Redis, or straight into the shards of a gateway in this process.
#pragma once

#include <asio/io_context.hpp>
#include <condition_variable>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "bus/local_bus.hpp"
#include "bus/redis_config.hpp"
#include "bus/redis_pipeline.hpp"
#include "gateway/commands/replay_player.hpp"

namespace pulsegate::commands {

// Publishes on `prefix` + channel. Thread: as ReplayOutput; it has a thread of its own.
// Bound: kMaxUnanswered events are on their way; then event() waits.
class RedisOutput final : public ReplayOutput {
 public:
  static constexpr std::size_t kMaxUnanswered = 4'096;

  RedisOutput(const bus::RedisConfig& config, std::string prefix);
  ~RedisOutput() override;
  RedisOutput(const RedisOutput&) = delete;
  RedisOutput& operator=(const RedisOutput&) = delete;

  bool ready() override;  // once Redis is: what is due would wait for the connection
  bool event(const std::string& channel, const std::string& payload) override;
  void lost(const std::string&) override {}  // Redis has no word for it
  void finish() override;
  // Ends whatever waits. Any thread.
  void stop();

  std::string failure() const;     // empty: none
  std::size_t unanswered() const;  // events that Redis has perhaps not taken

 private:
  const std::string prefix_;
  mutable std::mutex mutex_;
  std::condition_variable room_;
  std::size_t unanswered_ = 0;
  bool connected_ = false;
  bool stopped_ = false;
  std::string failure_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{io_.get_executor()};
  std::unique_ptr<bus::RedisPipeline> pipeline_;
  std::thread thread_;
};

// Thread: as ReplayOutput.
class LocalOutput final : public ReplayOutput {
 public:
  explicit LocalOutput(bus::LocalBus& bus) : bus_(bus) {}

  bool ready() override { return bus_.wait_for_interest(); }
  bool event(const std::string& channel, const std::string& payload) override {
    bus_.publish(channel, payload);
    return true;
  }
  void lost(const std::string& reason) override {
    bus_.interrupt("the recording misses something here: " + reason);
    bus_.wait_until_whole();  // what comes next was recorded
  }
  void finish() override {}

 private:
  bus::LocalBus& bus_;
};

}  // namespace pulsegate::commands
