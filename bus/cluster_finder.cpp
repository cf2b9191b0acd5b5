// See cluster_finder.hpp.
#include "bus/cluster_finder.hpp"

#include <random>
#include <utility>

namespace pulsegate::bus {

ClusterFinder::ClusterFinder(asio::io_context& io, const RedisConfig& config)
    : topology_(io, config), turn_(std::random_device{}()) {}

void ClusterFinder::find(Found found) {
  close();
  found_ = std::move(found);
  topology_.start([this](const ClusterTopology::Answer& answer) { found_by(answer); },
                  [this](const std::string& fault) {
                    const Found to_tell = std::exchange(found_, nullptr);
                    close();
                    to_tell({}, fault);
                  });
}

void ClusterFinder::found_by(const ClusterTopology::Answer& answer) {
  if (!answer.counts) return topology_.refresh();
  const auto& nodes = answer.map.nodes();
  node_ = nodes[turn_++ % nodes.size()];
  const Found found = std::exchange(found_, nullptr);
  close();
  found(node_, {});
}

void ClusterFinder::watch(Moved moved) {
  close();
  moved_ = std::move(moved);
  cut_off_ = false;
  // That nobody answers says nothing about our node: its connection tells.
  topology_.start([this](const ClusterTopology::Answer& answer) { watched_by(answer); }, [](const std::string&) {});
}

void ClusterFinder::watched_by(const ClusterTopology::Answer& answer) {
  if (answer.asked == node_) cut_off_ = !answer.map.ok();
  const bool judges = answer.counts && answer.map.ok();
  const bool left = judges && !answer.map.has(node_);
  if (!left && !(judges && cut_off_ && answer.asked != node_)) return;
  const Moved moved = std::exchange(moved_, nullptr);
  close();
  moved("the Redis node " + node_.text() + (left ? " has left the cluster" : " is cut off from the cluster"));
}

void ClusterFinder::close() {
  found_ = nullptr;
  moved_ = nullptr;
  topology_.close();
}

}  // namespace pulsegate::bus
