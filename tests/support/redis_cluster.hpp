// A real Redis Cluster of a test's own: redis-server processes on free ports of 127.0.0.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

// Thread: one at a time. Nodes 0 … masters-1 begin as masters with an equal share of the slots each; then come their
// replicas, in the same order.
class RedisCluster {
 public:
  static constexpr int kSlots = 16'384;

  // Returns once every node finds the cluster complete. `each`: options of every node.
  RedisCluster(int masters, bool with_replicas, const RedisOptions& each = {});

  RedisServer& node(int number) { return *nodes_.at(static_cast<std::size_t>(number)); }
  int size() const { return static_cast<int>(nodes_.size()); }
  std::string id(int number) { return client(number).command("CLUSTER", "MYID").string; }
  // redis-cluster:// with these nodes as seeds, all by default.
  std::string url(std::vector<int> seeds = {}) const;

  // The number of the node that holds the slot by the word of node `asked`; -1: nobody, or it does not answer.
  int owner(int slot, int asked);
  int owner_at_start(int slot) const { return slot * masters_ / kSlots; }
  static int slot_of(RedisServer& node, const std::string& key);

  // Moves empty slots, or those whose keys may be lost, as redis-cli does: first the new holder learns of it.
  void move_slots(int first, int last, int from, int to);
  // Waits until every running node says so.
  bool wait_until_complete(Millis deadline = kServerDeadline);
  // A replica takes over, while its master is alive.
  void fail_over_to(int replica);

  // Kept connections, made anew after a node was restarted.
  RedisClient& client(int number);

 private:
  int first_slot(int master) const { return (kSlots * master + masters_ - 1) / masters_; }

  int masters_;
  std::vector<std::unique_ptr<RedisServer>> nodes_;
  std::vector<std::pair<pid_t, std::unique_ptr<RedisClient>>> clients_;
};

}  // namespace pulsegate::test
