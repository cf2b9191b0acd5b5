// A question to one Redis: connects, asks, and closes. For what a topology has to be asked now and then; a connection
// of its own each time means that nobody's silence is inherited.
#pragma once

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/redis_config.hpp"
#include "bus/redis_link.hpp"
#include "bus/redis_value.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only.
// Owner: whoever asks; pending handlers share it.
// 1. `done` runs exactly once, never before ask() returns, and within the deadline; after close() never.
class RedisQuery final : public std::enable_shared_from_this<RedisQuery>, public RedisLink::Owner {
 public:
  using Commands = std::vector<std::vector<std::string_view>>;
  // `fault`: one sentence, and no values; empty: one value for each command. An error reply is such a value.
  using Done = std::function<void(const std::string& fault, const std::vector<RedisValue>& values)>;

  // `config`: its url is the node's; its connect_timeout bounds everything.
  static std::shared_ptr<RedisQuery> ask(asio::io_context& io, RedisConfig config, const Commands& commands, Done done);
  void close();

 private:
  RedisQuery(asio::io_context& io, RedisConfig config, const Commands& commands, Done done);

  void on_link_ready() override;
  void on_link_reply(const Reply& reply) override;
  void on_link_read_end(bool) override {}
  void on_link_lost(RedisLink::Loss loss, const std::string& reason) override;
  void finish(const std::string& fault);

  const RedisConfig config_;
  asio::steady_timer deadline_;
  Done done_;  // empty: answered, or closed
  std::string commands_;
  std::size_t expected_;
  std::vector<RedisValue> values_;
  std::shared_ptr<RedisLink> link_;
};

}  // namespace pulsegate::bus
