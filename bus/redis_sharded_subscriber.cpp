// A RedisSubscriber a master, and above them the topics by slot. What is due is done in one turn of the loop for any
// number of calls and answers: slots are placed, the nodes are told, then the sink. Core is shared with its handlers,
// so that the subscriber can be destroyed at any time; after stop() `sink_` is null and every late handler returns at
// once.
#include "bus/redis_sharded_subscriber.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <chrono>
#include <exception>
#include <map>
#include <string_view>
#include <unordered_set>
#include <utility>

#include "bus/cluster_topology.hpp"
#include "bus/node_connection.hpp"
#include "bus/redis_subscriber.hpp"
#include "bus/shard_topics.hpp"

namespace pulsegate::bus {

namespace {

void add_counters(SubscriberCounters& sum, const SubscriberCounters& more) noexcept {
  sum.messages += more.messages;
  sum.message_bytes += more.message_bytes;
  sum.oversized += more.oversized;
  sum.connects += more.connects;
  sum.connect_failures += more.connect_failures;
  sum.disconnects += more.disconnects;
  sum.protocol_errors += more.protocol_errors;
}

}  // namespace

// What the subscriber of one node calls; it belongs to the Core.
class ShardNode final : public EventSink {
 public:
  ShardNode(RedisShardedSubscriber::Core& core, RedisAddress at) : address(std::move(at)), core_(core) {}

  void on_event(std::string_view topic, std::string_view payload) override;
  void on_subscribed(std::string_view topic) override;
  void on_bus_up() override;
  void on_bus_down(std::string_view reason) override;
  void on_topic_lost(std::string_view) override {}  // a RedisSubscriber loses all topics or none
  void on_batch_end(bool more_waiting) override;

  const RedisAddress address;
  std::unique_ptr<RedisSubscriber> subscriber;
  bool up = false;
  bool failed = false;  // the last attempt to connect, or the connection was lost
  // For the turn.
  std::vector<std::string> joining;
  std::vector<std::string> leaving;

 private:
  RedisShardedSubscriber::Core& core_;
};

class RedisShardedSubscriber::Core final : public std::enable_shared_from_this<Core> {
 public:
  Core(asio::io_context& io, RedisConfig config) : io_(io), config_(std::move(config)), topology_(io, config_) {}

  void start(EventSink& sink);
  void stop();
  void subscribe(const std::vector<std::string>& topics);
  void unsubscribe(const std::vector<std::string>& topics);
  bool up() const noexcept { return up_; }
  const SubscriberCounters& counters() const noexcept;
  const std::string& last_error() const noexcept { return last_error_; }

  // For the nodes.
  EventSink* sink() const noexcept { return sink_; }
  void confirmed_by(ShardNode& node, std::string_view topic);
  void moved_by(ShardNode& node, std::string_view topic, std::string_view error);
  void node_up(ShardNode& node);
  void node_down(ShardNode& node, std::string_view reason);

 private:
  using Clock = std::chrono::steady_clock;
  using Entry = ShardTopics::Entry;
  // A node tells its cluster of a move with its next heartbeats; longer than that takes.
  static constexpr std::chrono::seconds kSettle{3};

  void topology_answered();
  void topology_failed(const std::string& fault);
  ShardNode& node_at(const RedisAddress& address);
  void schedule_turn();
  void turn();
  void place(std::uint16_t slot);
  void tell_nodes();
  void drop_idle_nodes();
  void confirm_again();
  void tell_lost();
  void begin_anew(const std::string& reason);
  void leave(Entry& entry);
  void down(std::string_view reason);
  std::size_t nodes_up() const noexcept;

  asio::io_context& io_;
  const RedisConfig config_;
  ClusterTopology topology_;
  EventSink* sink_ = nullptr;  // null: not started, or stopped
  bool stopped_ = false;
  bool up_ = false;
  bool down_reported_ = false;  // since the last on_bus_up()
  bool turn_scheduled_ = false;
  bool may_be_idle_ = false;  // some nodes, since the topology was read
  std::map<RedisAddress, std::unique_ptr<ShardNode>> nodes_;
  ShardTopics topics_;
  std::unordered_set<std::uint16_t> due_;         // slots to be placed in the next turn
  std::unordered_set<std::uint16_t> redirected_;  // slots that followed a MOVED since the last such answer
  std::unordered_map<std::uint16_t, Clock::time_point> confirmed_at_;  // the last topic of a slot, at most kSettle ago
  std::vector<std::string> reconfirm_;  // topics that got another reference while confirmed
  std::vector<std::string> lost_;       // topics of which the sink may have to be told
  SubscriberCounters own_;              // what is not counted by a node's subscriber
  SubscriberCounters gone_;             // of nodes that are no more
  mutable SubscriberCounters sum_;
  std::string last_error_;
};

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

void RedisShardedSubscriber::Core::down(std::string_view reason) {
  up_ = false;
  lost_.clear();
  for (auto& entry : topics_.all()) {
    topics_.confirm(entry, false);
    entry.second.lost = false;
  }
  if (!std::exchange(down_reported_, true)) sink_->on_bus_down(reason);
}

std::size_t RedisShardedSubscriber::Core::nodes_up() const noexcept {
  std::size_t count = 0;
  for (const auto& node : nodes_) count += node.second->up ? 1U : 0U;
  return count;
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

RedisShardedSubscriber::RedisShardedSubscriber(asio::io_context& io, RedisConfig config)
    : core_(std::make_shared<Core>(io, std::move(config))) {}

RedisShardedSubscriber::~RedisShardedSubscriber() {
  core_->stop();
}

void RedisShardedSubscriber::start(EventSink& sink) {
  core_->start(sink);
}
void RedisShardedSubscriber::stop() {
  core_->stop();
}
void RedisShardedSubscriber::subscribe(const std::vector<std::string>& topics) {
  core_->subscribe(topics);
}
void RedisShardedSubscriber::unsubscribe(const std::vector<std::string>& topics) {
  core_->unsubscribe(topics);
}
bool RedisShardedSubscriber::up() const noexcept {
  return core_->up();
}
const SubscriberCounters& RedisShardedSubscriber::counters() const noexcept {
  return core_->counters();
}
const std::string& RedisShardedSubscriber::last_error() const noexcept {
  return core_->last_error();
}

}  // namespace pulsegate::bus
