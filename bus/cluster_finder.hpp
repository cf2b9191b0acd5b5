// A node of a Redis Cluster for a subscriber of classic pub/sub, where every node carries every message.
#pragma once

#include <cstddef>
#include <string>

#include "bus/cluster_topology.hpp"
#include "bus/node_finder.hpp"

namespace pulsegate::bus {

// 1. Each find() gives another node than the one before, where there is more than one. The first is drawn at random, so
// that many gateways spread over the nodes.
// 2. A node is given up when it has left the cluster, or is cut off from it: it would accept us and carry nothing.
class ClusterFinder final : public NodeFinder {
 public:
  ClusterFinder(asio::io_context& io, const RedisConfig& config);

  void find(Found found) override;
  void watch(Moved moved) override;
  void close() override;

 private:
  void found_by(const ClusterTopology::Answer& answer);
  void watched_by(const ClusterTopology::Answer& answer);

  ClusterTopology topology_;
  Found found_;
  Moved moved_;
  std::size_t turn_;  // which node is next, modulo the nodes
  RedisAddress node_;
  bool cut_off_ = false;  // it says that it does not see most of the cluster
};

}  // namespace pulsegate::bus
