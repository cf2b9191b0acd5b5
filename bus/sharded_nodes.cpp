// Where the slots are, and the connections to the masters that hold them.
#include "bus/sharded_core.hpp"

#include <algorithm>
#include <iterator>

#include "bus/node_connection.hpp"

namespace pulsegate::bus {

void RedisShardedSubscriber::Core::begin_anew(const std::string& reason) {
  last_error_ = reason;
  for (const auto& node : nodes_) add_counters(gone_, node.second->subscriber->counters());
  nodes_.clear();
  for (auto& entry : topics_.all()) {
    entry.second.node = nullptr;
    due_.insert(entry.second.slot);
  }
  confirmed_at_.clear();
  down(reason);
  topology_.refresh();
  schedule_turn();
}

void RedisShardedSubscriber::Core::place(std::uint16_t slot) {
  const RedisAddress* const owner = topology_.map().owner(slot);
  ShardNode* const node = owner == nullptr ? nullptr : &node_at(*owner);
  for (Entry* const entry : topics_.of_slot(slot)) {
    if (entry->second.node != node) {
      leave(*entry);
      entry->second.node = node;
      if (node != nullptr) node->joining.push_back(entry->first);
    }
    if (node == nullptr || node->failed) lost_.push_back(entry->first);
  }
}

// Before another node is asked, or none. What was confirmed is lost.
void RedisShardedSubscriber::Core::leave(Entry& entry) {
  if (entry.second.confirmed) lost_.push_back(entry.first);
  topics_.confirm(entry, false);
  if (entry.second.node != nullptr) entry.second.node->leaving.push_back(entry.first);
  entry.second.node = nullptr;
}

ShardNode& RedisShardedSubscriber::Core::node_at(const RedisAddress& address) {
  auto& node = nodes_[address];
  if (node) return *node;
  node = std::make_unique<ShardNode>(*this, address);
  RedisConfig config = config_;
  config.url = config_.url.at(address);
  config.backoff = topology_backoff(config_);
  node->subscriber = std::make_unique<RedisSubscriber>(
      io_, config,
      [this, made = node.get()](std::string_view topic, std::string_view error) { moved_by(*made, topic, error); });
  node->subscriber->start(*node);
  if (config_.notice) config_.notice("redis.node", address.text());
  return *node;
}

// First what leaves: a topic that left and came back is then asked for once more.
void RedisShardedSubscriber::Core::tell_nodes() {
  for (auto& [address, node] : nodes_) {
    if (!node->leaving.empty()) node->subscriber->unsubscribe(std::exchange(node->leaving, {}));
    if (!node->joining.empty()) node->subscriber->subscribe(std::exchange(node->joining, {}));
  }
}

// Nodes that hold no slot any more, and whose topics have all left.
void RedisShardedSubscriber::Core::drop_idle_nodes() {
  std::unordered_set<const ShardNode*> needed;
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    for (const Entry* const entry : topics_.of_slot(slot)) needed.insert(entry->second.node);
    const RedisAddress* const owner = topology_.map().owner(slot);
    const auto node = owner == nullptr ? nodes_.end() : nodes_.find(*owner);
    if (node != nodes_.end()) needed.insert(node->second.get());
  }
  for (auto node = nodes_.begin(); node != nodes_.end();) {
    if (needed.count(node->second.get()) > 0) {
      ++node;
      continue;
    }
    add_counters(gone_, node->second->subscriber->counters());
    if (config_.notice) config_.notice("redis.node-left", node->first.text());
    node = nodes_.erase(node);
  }
}

// Its word counts at once: it knows where the slot has gone, or that it is no longer here. But only once for each
// answer about the topology: two nodes that point at each other would else do so for ever.
void RedisShardedSubscriber::Core::moved_by(ShardNode& node, std::string_view topic, std::string_view error) {
  Entry* const entry = sink_ == nullptr ? nullptr : topics_.find(topic);
  if (entry == nullptr || entry->second.node != &node) return;
  ++own_.moved_topics;
  const std::uint16_t slot = entry->second.slot;
  confirmed_at_.erase(slot);
  leave(*entry);
  const auto redirect = parse_redirect(error, node.address);
  if (redirect && redirected_.insert(slot).second) {
    topology_.set_owner(slot, redirect->to);
    due_.insert(slot);
  }
  topology_.refresh();
  schedule_turn();
}

void RedisShardedSubscriber::Core::topology_answered() {
  const auto keep = shared_from_this();
  const auto now = Clock::now();
  for (auto at = confirmed_at_.begin(); at != confirmed_at_.end();)
    at = now - at->second > kSettle ? confirmed_at_.erase(at) : std::next(at);
  redirected_.clear();
  may_be_idle_ = true;
  bool changed = false;
  const RedisAddress* known = nullptr;
  for (std::uint16_t slot = 0; slot < kSlots; ++slot) {
    const RedisAddress* const owner = topology_.map().owner(slot);
    if (owner != nullptr && owner != known) node_at(*(known = owner));  // also those whose slots nobody wants yet
    for (const Entry* const entry : topics_.of_slot(slot)) {
      const ShardNode* const node = entry->second.node;
      if (node == nullptr ? owner == nullptr : owner != nullptr && *owner == node->address) continue;
      if (node != nullptr && node->up && confirmed_at_.count(slot) > 0) continue;
      due_.insert(slot);
      changed = changed || node != nullptr;
    }
  }
  if (changed) ++own_.node_changes;
  schedule_turn();
}

void RedisShardedSubscriber::Core::topology_failed(const std::string& fault) {
  last_error_ = fault;
  ++own_.connect_failures;
  // While a connection stands, events come.
  if (sink_ != nullptr && nodes_up() == 0) down(fault);
}

void RedisShardedSubscriber::Core::node_up(ShardNode& node) {
  const auto keep = shared_from_this();
  node.up = true;
  node.failed = false;
  if (up_ || sink_ == nullptr) return;
  up_ = true;
  down_reported_ = false;
  // Topics of nodes that are not there are to be told as such, but not to a sink that takes all for lost.
  for (auto& [name, topic] : topics_.all())
    if (topic.node == nullptr || topic.node->failed) lost_.push_back(name);
  schedule_turn();
  sink_->on_bus_up();
}

void RedisShardedSubscriber::Core::node_down(ShardNode& node, std::string_view reason) {
  const auto keep = shared_from_this();
  last_error_ = node.address.text() + ": " + std::string(reason);
  node.up = false;
  node.failed = true;
  topology_.refresh();
  for (auto& entry : topics_.all()) {
    if (entry.second.node != &node) continue;
    topics_.confirm(entry, false);
    lost_.push_back(entry.first);
    confirmed_at_.erase(entry.second.slot);
  }
  if (sink_ == nullptr) return;
  const bool others_connect = std::any_of(nodes_.begin(), nodes_.end(),
                                          [](const auto& other) { return !other.second->up && !other.second->failed; });
  if (nodes_up() == 0 && (up_ || !others_connect)) return down(last_error_);
  if (config_.notice) config_.notice("redis.node-lost", last_error_);
  schedule_turn();
}

std::size_t RedisShardedSubscriber::Core::nodes_up() const noexcept {
  std::size_t count = 0;
  for (const auto& node : nodes_) count += node.second->up ? 1U : 0U;
  return count;
}

}  // namespace pulsegate::bus
