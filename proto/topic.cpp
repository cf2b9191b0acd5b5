// Redis channel names, in both directions. Parsing is strict: what is not exactly ours belongs to somebody else.
#include "proto/topic.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::proto {
namespace {

constexpr std::string_view kDevice = "device:";
constexpr std::pair<std::string_view, TopicKind> kKinds[] = {
    {"metrics", TopicKind::metrics}, {"state", TopicKind::state}, {"broadcast", TopicKind::broadcast}};

// Takes `prefix` off the front of `text`.
bool consume(std::string_view& text, std::string_view prefix) noexcept {
  if (text.substr(0, prefix.size()) != prefix) return false;
  text.remove_prefix(prefix.size());
  return true;
}

}  // namespace

TopicTable::TopicTable(std::string prefix, const ChannelTable& channels)
    : prefix_(std::move(prefix)), channels_(channels) {}

std::vector<std::string> TopicTable::topics_of(const DeviceId& device) const {
  std::string stem = prefix_;
  stem.append(kDevice);
  device.append_to(stem);
  stem.push_back(':');

  std::vector<std::string> topics;
  topics.reserve(topics_per_device());
  for (const auto& [name, kind] : kKinds) topics.emplace_back(stem).append(name);
  for (std::size_t i = kBuiltInChannels; i < channels_.size(); ++i)
    topics.emplace_back(stem).append(channels_.name(static_cast<Channel>(i)));
  return topics;
}

std::string TopicTable::metrics_topic(const DeviceId& device) const {
  std::string topic = prefix_;
  topic.append(kDevice);
  device.append_to(topic);
  return topic.append(":metrics");
}

std::optional<Topic> TopicTable::parse(std::string_view topic) const noexcept {
  if (!consume(topic, prefix_) || !consume(topic, kDevice)) return std::nullopt;
  const std::string_view uuid = topic.substr(0, DeviceId::kTextSize);
  const auto device = DeviceId::parse(uuid);
  if (!device) return std::nullopt;
  // A device has one topic, so an upper case form would be another device's name to Redis.
  if (std::any_of(uuid.begin(), uuid.end(), [](char c) { return c >= 'A' && c <= 'F'; })) return std::nullopt;
  topic.remove_prefix(DeviceId::kTextSize);
  if (!consume(topic, ":")) return std::nullopt;

  for (const auto& [name, kind] : kKinds)
    if (topic == name) return Topic{*device, kind};
  const auto channel = channels_.find(topic);
  if (!channel || index(*channel) < kBuiltInChannels) return std::nullopt;
  return Topic{*device, TopicKind::pass_through, *channel};
}

std::size_t TopicTable::topics_per_device() const noexcept {
  return std::size(kKinds) + channels_.size() - kBuiltInChannels;
}

}  // namespace pulsegate::proto
