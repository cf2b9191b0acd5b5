// See redis_cluster.hpp.
#include "tests/support/redis_cluster.hpp"

#include <stdexcept>

#include "tests/support/free_port.hpp"

namespace pulsegate::test {

RedisCluster::RedisCluster(int masters, bool with_replicas, const RedisOptions& each) : masters_(masters) {
  const int count = with_replicas ? 2 * masters : masters;
  std::vector<std::string> bus_ports;
  for (int i = 0; i < count; ++i) {
    RedisOptions options = each;
    bus_ports.push_back(std::to_string(free_port()));
    options.args.insert(options.args.end(), {"--cluster-enabled", "yes", "--cluster-node-timeout", "1000",
                                             "--cluster-port", bus_ports.back(), "--cluster-replica-validity-factor",
                                             "0", "--cluster-allow-replica-migration", "no",
                                             "--repl-diskless-sync-delay", "0", "--repl-ping-replica-period", "1"});
    nodes_.push_back(std::make_unique<RedisServer>(std::move(options)));
    nodes_.back()->start();
  }
  clients_.resize(nodes_.size());
  for (int i = 0; i < count; ++i) {
    client(i).command("CLUSTER", "SET-CONFIG-EPOCH", std::to_string(i + 1));
    if (i < masters)
      client(i).command("CLUSTER", "ADDSLOTSRANGE", std::to_string(first_slot(i)),
                        std::to_string(first_slot(i + 1) - 1));
    // Each meets each: to hear of one another from a third would take them seconds.
    for (int k = 0; k < i; ++k)
      client(k).command("CLUSTER", "MEET", "127.0.0.1", std::to_string(node(i).port()),
                        bus_ports[static_cast<std::size_t>(i)]);
  }
  for (int i = masters; i < count; ++i) {
    const std::string master = id(i - masters);
    const bool known = eventually(
        [&] {
          try {
            client(i).command("CLUSTER", "REPLICATE", master);
            return true;
          } catch (const std::runtime_error&) {
            return false;  // it has not heard of the other one yet
          }
        },
        kServerDeadline);
    if (!known) throw std::runtime_error("a replica does not find its master:\n" + node(i).log());
  }
  if (!wait_until_complete()) throw std::runtime_error("the cluster does not come together:\n" + node(0).log());
}

std::string RedisCluster::url(std::vector<int> seeds) const {
  if (seeds.empty())
    for (int i = 0; i < size(); ++i) seeds.push_back(i);
  std::string hosts;
  for (const int seed : seeds) {
    if (!hosts.empty()) hosts += ",";
    hosts += "127.0.0.1:" + std::to_string(nodes_.at(static_cast<std::size_t>(seed))->port());
  }
  return "redis-cluster://" + hosts;
}

int RedisCluster::owner(int slot, int asked) {
  for (const RedisReply& range : client(asked).command("CLUSTER", "SLOTS").array) {
    if (slot < range.array.at(0).integer || slot > range.array.at(1).integer) continue;
    for (int i = 0; i < size(); ++i)
      if (node(i).port() == range.array.at(2).array.at(1).integer) return i;
  }
  return -1;
}

int RedisCluster::slot_of(RedisServer& node, const std::string& key) {
  return static_cast<int>(node.client().command("CLUSTER", "KEYSLOT", key).integer);
}

void RedisCluster::move_slots(int first, int last, int from, int to) {
  const std::string target = id(to);
  const std::string source = id(from);
  for (int slot = first; slot <= last; ++slot) {
    const std::string number = std::to_string(slot);
    client(to).command("CLUSTER", "SETSLOT", number, "IMPORTING", source);
    client(from).command("CLUSTER", "SETSLOT", number, "MIGRATING", target);
    client(to).command("CLUSTER", "SETSLOT", number, "NODE", target);
    client(from).command("CLUSTER", "SETSLOT", number, "NODE", target);
  }
}

bool RedisCluster::wait_until_complete(Millis deadline) {
  return eventually(
      [&] {
        for (int i = 0; i < size(); ++i) {
          if (!node(i).running()) continue;
          const std::string info = client(i).command("CLUSTER", "INFO").string;
          if (info.find("cluster_state:ok") == std::string::npos ||
              info.find("cluster_known_nodes:" + std::to_string(size())) == std::string::npos)
            return false;
        }
        // Replicas count once they are in the answers of others.
        std::size_t listed = 0;
        for (const RedisReply& range : client(0).command("CLUSTER", "SLOTS").array) listed += range.array.size() - 2;
        return listed >= nodes_.size() || !node(size() - 1).running();
      },
      deadline, Millis(20));
}

void RedisCluster::fail_over_to(int replica) {
  client(replica).command("CLUSTER", "FAILOVER");
}

RedisClient& RedisCluster::client(int number) {
  auto& [pid, kept] = clients_.at(static_cast<std::size_t>(number));
  if (!kept || pid != node(number).pid()) {
    pid = node(number).pid();
    kept = std::make_unique<RedisClient>(node(number).client());
  }
  return *kept;
}

}  // namespace pulsegate::test
