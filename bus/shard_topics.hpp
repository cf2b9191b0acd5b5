// The topics of a sharded subscriber by slot: who wants them, at which node they are asked for, and what the sink has
// been told. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bus/slot_map.hpp"

namespace pulsegate::bus {

class ShardNode;

// Thread: one at a time.
// Owner: one RedisShardedSubscriber.
class ShardTopics {
 public:
  struct Topic {
    std::uint32_t references = 0;
    std::uint32_t unanswered = 0;  // subscribe() calls that wait for on_subscribed()
    std::uint32_t position = 0;    // in its slot
    std::uint16_t slot = 0;
    bool confirmed = false;
    bool lost = false;          // the sink has been told, and nothing since
    ShardNode* node = nullptr;  // where it is asked for; null: nowhere
  };
  using Entry = std::unordered_map<std::string, Topic>::value_type;  // stays in its place

  ShardTopics() : slots_(kSlots) {}

  // nullptr: nobody wants it.
  Entry* find(std::string_view topic);
  // One more reference; the entry is new when it is the first.
  Entry& add(const std::string& topic);
  // Requires that it has no reference left.
  void erase(Entry& entry);
  // Changes whether it is confirmed.
  void confirm(Entry& entry, bool confirmed) noexcept {
    if (confirmed == entry.second.confirmed) return;
    confirmed ? ++confirmed_ : --confirmed_;
    entry.second.confirmed = confirmed;
  }

  const std::vector<Entry*>& of_slot(std::uint16_t slot) const noexcept { return slots_[slot]; }
  std::unordered_map<std::string, Topic>& all() noexcept { return topics_; }
  std::size_t wanted() const noexcept { return topics_.size(); }
  std::size_t confirmed() const noexcept { return confirmed_; }

 private:
  std::unordered_map<std::string, Topic> topics_;
  std::vector<std::vector<Entry*>> slots_;
  std::size_t confirmed_ = 0;
  std::string key_;  // scratch, so that looking up a view does not allocate
};

}  // namespace pulsegate::bus
