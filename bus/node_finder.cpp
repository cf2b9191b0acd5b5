// See node_finder.hpp.
#include "bus/node_finder.hpp"

#include "bus/cluster_finder.hpp"
#include "bus/sentinel_finder.hpp"

namespace pulsegate::bus {

std::unique_ptr<NodeFinder> make_node_finder(asio::io_context& io, const RedisConfig& config) {
  switch (config.url.topology) {
    case Topology::sentinel:
      return std::make_unique<SentinelFinder>(io, config);
    case Topology::cluster:
      return std::make_unique<ClusterFinder>(io, config);
    case Topology::standalone:
      break;
  }
  return nullptr;
}

}  // namespace pulsegate::bus
