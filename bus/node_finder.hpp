// Where to connect when the URL names not a Redis but a topology: which node is the right one now, and when it no
// longer is.
#pragma once

#include <asio/io_context.hpp>
#include <functional>
#include <memory>
#include <string>

#include "bus/redis_config.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only.
// Owner: a NodeConnection.
// 1. No callback comes from inside a call, nor after close() or a later find().
class NodeFinder {
 public:
  // `fault` empty: `address` is the node to connect to. Else one sentence, and no node.
  using Found = std::function<void(const RedisAddress& address, const std::string& fault)>;
  using Moved = std::function<void(const std::string& reason)>;

  virtual ~NodeFinder() = default;

  // Bounded in time. After a node could not be reached, or was lost, ask again: the answer may be another one.
  virtual void find(Found found) = 0;
  // The node that was found is in use from now on: `moved` runs once when it should not be any more.
  virtual void watch(Moved moved) = 0;
  virtual void close() = 0;
};

// Null for a standalone Redis. `config` is copied.
std::unique_ptr<NodeFinder> make_node_finder(asio::io_context& io, const RedisConfig& config);

}  // namespace pulsegate::bus
