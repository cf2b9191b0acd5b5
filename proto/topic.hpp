// Redis channel names ("topics"): which one carries what of which device.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/channel.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::proto {

enum class TopicKind : std::uint8_t { metrics, state, broadcast, pass_through };

struct Topic {
  DeviceId device;
  TopicKind kind = TopicKind::metrics;
  Channel channel = Channel::metrics;  // meaningful for pass_through
};

// "<prefix>device:<uuid>:<kind>". Thread: immutable after construction.
class TopicTable {
 public:
  // `prefix` may hold a literal Redis hash tag, for instance "tenant:{acme}:". `channels` must outlive the table.
  TopicTable(std::string prefix, const ChannelTable& channels);

  // All topics of a device: metrics, state, broadcast, then the pass-through channels.
  std::vector<std::string> topics_of(const DeviceId& device) const;
  std::string metrics_topic(const DeviceId& device) const;
  // Strict: the UUID must be canonical (lower case), the prefix and the kind exact. Anything else: nullopt.
  std::optional<Topic> parse(std::string_view topic) const noexcept;
  std::size_t topics_per_device() const noexcept;

 private:
  std::string prefix_;
  const ChannelTable& channels_;
};

}  // namespace pulsegate::proto
