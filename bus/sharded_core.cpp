// What the caller wants and what the sink hears, in turns of the loop.
#include "bus/sharded_core.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <exception>

namespace pulsegate::bus {

void add_counters(SubscriberCounters& sum, const SubscriberCounters& more) noexcept {
  sum.messages += more.messages;
  sum.message_bytes += more.message_bytes;
  sum.oversized += more.oversized;
  sum.connects += more.connects;
  sum.connect_failures += more.connect_failures;
  sum.disconnects += more.disconnects;
  sum.protocol_errors += more.protocol_errors;
}

void ShardNode::on_event(std::string_view topic, std::string_view payload) {
  if (core_.sink() != nullptr) core_.sink()->on_event(topic, payload);
}
void ShardNode::on_subscribed(std::string_view topic) {
  core_.confirmed_by(*this, topic);
}
void ShardNode::on_bus_up() {
  core_.node_up(*this);
}
void ShardNode::on_bus_down(std::string_view reason) {
  core_.node_down(*this, reason);
}
void ShardNode::on_batch_end(bool more_waiting) {
  if (core_.sink() != nullptr) core_.sink()->on_batch_end(more_waiting);
}

void RedisShardedSubscriber::Core::start(EventSink& sink) {
  if (stopped_ || sink_ != nullptr) return;
  sink_ = &sink;
  // stop() closes the topology, so it does not call after that.
  topology_.start([this](const ClusterTopology::Answer& answer) { answer.counts ? topology_answered() : void(); },
                  [this](const std::string& fault) { topology_failed(fault); });
}

void RedisShardedSubscriber::Core::stop() {
  stopped_ = true;
  sink_ = nullptr;
  up_ = false;
  topology_.close();
  for (auto& node : nodes_) node.second->subscriber->stop();
}

void RedisShardedSubscriber::Core::subscribe(const std::vector<std::string>& topics) {
  if (stopped_) return;
  for (const std::string& topic : topics) {
    const Entry& entry = topics_.add(topic);
    if (entry.second.references == 1) due_.insert(entry.second.slot);
    if (entry.second.confirmed) reconfirm_.push_back(topic);
  }
  schedule_turn();
}

void RedisShardedSubscriber::Core::unsubscribe(const std::vector<std::string>& topics) {
  if (stopped_) return;
  for (const std::string& topic : topics) {
    Entry* const entry = topics_.find(topic);
    if (entry == nullptr) continue;
    ShardTopics::Topic& held = entry->second;
    held.unanswered = std::min(held.unanswered, --held.references);
    if (held.references > 0) continue;
    if (held.node != nullptr) held.node->leaving.push_back(topic);
    topics_.erase(*entry);
  }
  schedule_turn();
}

// Not before the first answer, when nothing can be placed.
void RedisShardedSubscriber::Core::schedule_turn() {
  if (turn_scheduled_ || sink_ == nullptr || topology_.map().empty()) return;
  turn_scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->turn_scheduled_ = false;
    if (self->sink_ != nullptr) self->turn();
  });
}

void RedisShardedSubscriber::Core::turn() {
  for (const std::uint16_t slot : std::exchange(due_, {})) place(slot);
  tell_nodes();
  if (std::exchange(may_be_idle_, false)) drop_idle_nodes();
  try {
    confirm_again();
    tell_lost();
  } catch (const std::exception& fault) {
    // As with one Redis: nobody knows what the sink has left undone, so everything is confirmed anew.
    if (sink_ == nullptr) return;
    begin_anew(std::string("a confirmation could not be taken: ") + fault.what());
  }
}

void RedisShardedSubscriber::Core::confirm_again() {
  bool told = false;
  for (const std::string& topic : std::exchange(reconfirm_, {})) {
    Entry* const entry = sink_ == nullptr ? nullptr : topics_.find(topic);
    if (entry == nullptr || !entry->second.confirmed || entry->second.unanswered == 0) continue;
    --entry->second.unanswered;
    told = true;
    sink_->on_subscribed(topic);
  }
  if (told && sink_ != nullptr) sink_->on_batch_end(false);
}

// While the bus is down all topics are lost, and the sink knows.
void RedisShardedSubscriber::Core::tell_lost() {
  bool told = false;
  for (const std::string& topic : std::exchange(lost_, {})) {
    Entry* const entry = sink_ == nullptr || !up_ ? nullptr : topics_.find(topic);
    if (entry == nullptr || entry->second.confirmed || std::exchange(entry->second.lost, true)) continue;
    ++own_.lost_topics;
    told = true;
    sink_->on_topic_lost(topic);
  }
  if (told && sink_ != nullptr) sink_->on_batch_end(false);
}

void RedisShardedSubscriber::Core::confirmed_by(ShardNode& node, std::string_view topic) {
  Entry* const entry = sink_ == nullptr ? nullptr : topics_.find(topic);
  if (entry == nullptr || entry->second.node != &node) return;
  const auto keep = shared_from_this();
  topics_.confirm(*entry, true);
  entry->second.lost = false;
  confirmed_at_[entry->second.slot] = Clock::now();
  const std::string name(topic);
  std::uint32_t times = std::max(1U, std::exchange(entry->second.unanswered, 0));
  // The callback may unsubscribe, or stop everything.
  for (; times > 0 && sink_ != nullptr && topics_.find(name) != nullptr; --times) sink_->on_subscribed(name);
}

void RedisShardedSubscriber::Core::down(std::string_view reason) {
  up_ = false;
  lost_.clear();
  for (auto& entry : topics_.all()) {
    topics_.confirm(entry, false);
    entry.second.lost = false;
  }
  if (!std::exchange(down_reported_, true)) sink_->on_bus_down(reason);
}

const SubscriberCounters& RedisShardedSubscriber::Core::counters() const noexcept {
  sum_ = own_;
  add_counters(sum_, gone_);
  for (const auto& node : nodes_) add_counters(sum_, node.second->subscriber->counters());
  sum_.nodes_wanted = nodes_.size();
  sum_.nodes_connected = nodes_up();
  sum_.wanted_topics = topics_.wanted();
  sum_.confirmed_topics = topics_.confirmed();
  return sum_;
}

}  // namespace pulsegate::bus
