// See shard_topics.hpp.
#include "bus/shard_topics.hpp"

namespace pulsegate::bus {

ShardTopics::Entry* ShardTopics::find(std::string_view topic) {
  key_.assign(topic);
  const auto found = topics_.find(key_);
  return found == topics_.end() ? nullptr : &*found;
}

ShardTopics::Entry& ShardTopics::add(const std::string& topic) {
  const auto [found, fresh] = topics_.try_emplace(topic);
  Topic& entry = found->second;
  if (fresh) {
    entry.slot = slot_of(topic);
    entry.position = static_cast<std::uint32_t>(slots_[entry.slot].size());
    slots_[entry.slot].push_back(&*found);
  }
  ++entry.references;
  ++entry.unanswered;
  return *found;
}

void ShardTopics::erase(Entry& entry) {
  confirm(entry, false);
  auto& slot = slots_[entry.second.slot];
  slot[entry.second.position] = slot.back();
  slot[entry.second.position]->second.position = entry.second.position;
  slot.pop_back();
  topics_.erase(topics_.find(entry.first));
}

}  // namespace pulsegate::bus
