// The connection of an adapter: to the Redis of the URL, or to the node that is the right one of a topology.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "bus/node_finder.hpp"
#include "bus/redis_config.hpp"
#include "bus/redis_link.hpp"

namespace pulsegate::bus {

// `config.backoff`, but where there may be another node a second later, the longest delay is no longer than that.
BackoffConfig topology_backoff(const RedisConfig& config);

// Thread: the io_context's thread only.
// Owner: the owner of the link, whose member it is. The owner calls ready() and close() when the link has told it so.
// 1. A standalone Redis costs nothing more than its RedisLink.
class NodeConnection {
 public:
  using MakeReader = std::function<std::unique_ptr<ReplyReader>()>;

  NodeConnection(asio::io_context& io, const RedisConfig& config, RedisLink::Owner& owner, MakeReader make_reader);
  ~NodeConnection() { close(); }
  NodeConnection(const NodeConnection&) = delete;
  NodeConnection& operator=(const NodeConnection&) = delete;

  // Requires !opened(). The owner is not called before it returns; on_link_lost() also when no node is found.
  void open();
  // From on_link_ready(): a node that is no longer the right one is a loss, too.
  void ready();
  void close() noexcept;
  // Queues whole commands. Requires on_link_ready().
  void send(std::string_view commands) { link_->send(commands); }

  bool opened() const noexcept { return finding_ || link_ != nullptr; }
  const RedisAddress& node() const noexcept { return node_; }            // the last one of a topology
  std::uint64_t node_changes() const noexcept { return node_changes_; }  // another node than before was the right one

 private:
  void open_link();
  void note(const RedisAddress& address);

  asio::io_context& io_;
  RedisConfig config_;  // its url is that of the node
  RedisLink::Owner& owner_;
  const MakeReader make_reader_;
  const std::unique_ptr<NodeFinder> finder_;  // null: standalone
  bool finding_ = false;
  RedisAddress node_;  // the last one; an empty host: none was found yet
  std::uint64_t node_changes_ = 0;
  std::shared_ptr<RedisLink> link_;  // null: not connected, nor on the way
};

}  // namespace pulsegate::bus
