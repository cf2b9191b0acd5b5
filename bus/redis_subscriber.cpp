// Ties the pure parts (tracker, backoff) to a RedisLink. Core is shared with its handlers, so that the subscriber can
// be destroyed at any time; after stop() `sink_` is null and every late handler returns at once.
#include "bus/redis_subscriber.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <exception>
#include <string_view>
#include <utility>

#include "bus/node_connection.hpp"
#include "bus/redis_error.hpp"
#include "bus/redis_link.hpp"
#include "bus/resp_command.hpp"
#include "bus/resp_reader.hpp"
#include "bus/shard_commands.hpp"

namespace pulsegate::bus {

class RedisSubscriber::Core final : public std::enable_shared_from_this<Core>, public RedisLink::Owner {
 public:
  Core(asio::io_context& io, const RedisConfig& config, Moved moved)
      : io_(io),
        moved_(std::move(moved)),
        patterns_(config.patterns),
        backoff_(topology_backoff(config)),
        tracker_(config.subscribe),
        retry_(io),
        connection_(io, config, *this, [limit = config.max_payload] { return std::make_unique<RespReader>(limit); }) {}

  void start(EventSink& sink);
  void stop();
  void subscribe(const std::vector<std::string>& topics);
  void unsubscribe(const std::vector<std::string>& topics);

  bool up() const noexcept { return up_; }
  const SubscriberCounters& counters() const noexcept { return counters_; }
  const std::string& last_error() const noexcept { return last_error_; }

 private:
  void on_link_ready() override;
  void on_link_reply(const Reply& reply) override;
  void on_link_read_end(bool more_waiting) override;
  void on_link_lost(RedisLink::Loss loss, const std::string& reason) override;

  void connect();
  void schedule_turn();
  void turn();
  void confirm_again();
  void send_due();
  void confirm(std::string_view topic, std::size_t times);
  bool take_refusal(std::string_view error);
  void update_gauges() noexcept;

  asio::io_context& io_;
  const Moved moved_;  // empty: classic pub/sub
  const bool patterns_;

  EventSink* sink_ = nullptr;  // null: not started, or stopped
  bool stopped_ = false;
  Backoff backoff_;
  SubscriptionTracker tracker_;
  ShardCommands shard_commands_;
  asio::steady_timer retry_;
  NodeConnection connection_;  // not opened: waiting for the next attempt
  bool up_ = false;
  bool down_reported_ = false;  // since the last on_bus_up()
  bool turn_scheduled_ = false;
  bool owes_batch_end_ = false;  // the sink was called since the last on_batch_end(), or told of another one
  std::chrono::steady_clock::time_point up_since_{};
  SubscriberCounters counters_;
  std::string last_error_;
};

void RedisSubscriber::Core::start(EventSink& sink) {
  if (stopped_ || sink_ != nullptr) return;
  sink_ = &sink;
  asio::post(io_, [self = shared_from_this()] { self->connect(); });
}

void RedisSubscriber::Core::stop() {
  stopped_ = true;
  sink_ = nullptr;
  up_ = false;
  retry_.cancel();
  connection_.close();
}

void RedisSubscriber::Core::connect() {
  if (sink_ != nullptr) connection_.open();
}

void RedisSubscriber::Core::subscribe(const std::vector<std::string>& topics) {
  if (stopped_) return;
  for (const std::string& topic : topics) tracker_.add(topic);
  update_gauges();
  schedule_turn();
}

void RedisSubscriber::Core::unsubscribe(const std::vector<std::string>& topics) {
  if (stopped_) return;
  for (const std::string& topic : topics) tracker_.remove(topic);
  update_gauges();
  schedule_turn();
}

// One turn for any number of calls: a burst of new devices becomes a few commands, and no callback comes from inside a
// call.
void RedisSubscriber::Core::schedule_turn() {
  if (turn_scheduled_) return;
  turn_scheduled_ = true;
  asio::post(io_, [self = shared_from_this()] {
    self->turn_scheduled_ = false;
    self->turn();
  });
}

void RedisSubscriber::Core::turn() {
  try {
    confirm_again();
    on_link_read_end(false);  // a turn ends like a read: what is due goes out, and the sink may flush
  } catch (const std::exception& fault) {
    if (!connection_.opened()) throw;
    on_link_lost(RedisLink::Loss::connection, std::string("a confirmation could not be taken: ") + fault.what());
  }
}

void RedisSubscriber::Core::confirm_again() {
  // Counted first: a callback that subscribes again is answered in a following turn.
  std::string topic;
  for (std::size_t left = tracker_.reconfirmations(); left > 0 && sink_ != nullptr && up_; --left) {
    if (!tracker_.next_reconfirmation(topic)) break;
    owes_batch_end_ = true;
    sink_->on_subscribed(topic);
  }
}

void RedisSubscriber::Core::send_due() {
  if (!up_) return;
  SubscriptionTracker::Batch batch;
  std::string commands;
  while (tracker_.next_batch(batch)) {
    if (moved_) {
      shard_commands_.send(batch.subscribe, batch.topics, commands);
      continue;
    }
    std::vector<std::string_view> arguments;
    arguments.reserve(batch.topics.size() + 1);
    if (patterns_) {
      arguments.emplace_back(batch.subscribe ? "PSUBSCRIBE" : "PUNSUBSCRIBE");
    } else {
      arguments.emplace_back(batch.subscribe ? "SUBSCRIBE" : "UNSUBSCRIBE");
    }
    arguments.insert(arguments.end(), batch.topics.begin(), batch.topics.end());
    append_command(commands, arguments);
  }
  if (!commands.empty()) connection_.send(commands);
  update_gauges();
}

void RedisSubscriber::Core::on_link_ready() {
  const auto keep = shared_from_this();
  connection_.ready();
  up_ = true;
  down_reported_ = false;
  up_since_ = std::chrono::steady_clock::now();
  ++counters_.connects;
  counters_.node_changes = connection_.node_changes();
  sink_->on_bus_up();
  send_due();
}

void RedisSubscriber::Core::on_link_reply(const Reply& reply) {
  const auto keep = shared_from_this();
  switch (reply.kind) {
    case ReplyKind::message:
      ++counters_.messages;
      counters_.message_bytes += reply.text.size();
      owes_batch_end_ = true;
      return sink_->on_event(reply.topic, reply.text);
    case ReplyKind::oversized:
      ++counters_.messages;
      counters_.message_bytes += static_cast<std::uint64_t>(reply.number);
      ++counters_.oversized;
      return;
    case ReplyKind::subscribed: {
      if (moved_ && !shard_commands_.answered(true, reply.topic)) break;
      const auto [answer, times] = tracker_.on_subscribed(reply.topic);
      if (answer == SubscriptionTracker::Answer::unsolicited) break;
      return confirm(reply.topic, times);
    }
    case ReplyKind::unsubscribed:
      if (moved_ && !shard_commands_.answered(false, reply.topic)) {
        if (!tracker_.ended(reply.topic)) break;
        update_gauges();
        return moved_(reply.topic, {});
      }
      if (tracker_.on_unsubscribed(reply.topic) == SubscriptionTracker::Answer::unsolicited) break;
      return update_gauges();
    case ReplyKind::error:
      if (moved_ && take_refusal(reply.text)) return;
      return on_link_lost(RedisLink::Loss::protocol, explain_redis_error(reply.text));
    case ReplyKind::pong:
    case ReplyKind::status:
    case ReplyKind::integer:
    case ReplyKind::range:
    case ReplyKind::other:
      return;  // nothing that we ask for is answered so, and nothing is lost by it
  }
  // A subscription that ended or began by itself means that events may have been lost unseen: start afresh.
  on_link_lost(RedisLink::Loss::protocol, "Redis changed a subscription that nobody asked it to change");
}

// Of a whole command, since its topics share a slot. Had we sent SUNSUBSCRIBE, it is done: the topics are not here.
bool RedisSubscriber::Core::take_refusal(std::string_view error) {
  if (!is_redirect(error)) return false;
  const auto command = shard_commands_.refused();
  if (!command) return false;
  for (const std::string& topic : command->topics) {
    if (!command->subscribe) {
      tracker_.on_unsubscribed(topic);
    } else if (tracker_.refused(topic) && sink_ != nullptr && tracker_.holds(topic)) {
      moved_(topic, error);
    }
  }
  update_gauges();
  return true;
}

void RedisSubscriber::Core::confirm(std::string_view topic, std::size_t times) {
  update_gauges();
  const std::string name = times > 0 ? std::string(topic) : std::string();
  // The callback may unsubscribe, or stop everything.
  for (; times > 0 && sink_ != nullptr && up_ && tracker_.holds(name); --times) {
    owes_batch_end_ = true;
    sink_->on_subscribed(name);
  }
}

void RedisSubscriber::Core::on_link_read_end(bool more_waiting) {
  const auto keep = shared_from_this();
  send_due();
  if (sink_ == nullptr || !owes_batch_end_) return;
  owes_batch_end_ = more_waiting;
  sink_->on_batch_end(more_waiting);
}

void RedisSubscriber::Core::on_link_lost(RedisLink::Loss loss, const std::string& reason) {
  const auto keep = shared_from_this();
  connection_.close();
  if (loss == RedisLink::Loss::protocol) ++counters_.protocol_errors;
  if (std::exchange(up_, false)) {
    ++counters_.disconnects;
    const auto lasted = std::chrono::steady_clock::now() - up_since_;
    backoff_.connection_lasted(std::chrono::duration_cast<std::chrono::milliseconds>(lasted));
  } else {
    ++counters_.connect_failures;
  }
  tracker_.disconnected();
  shard_commands_.clear();
  update_gauges();
  last_error_ = reason;
  retry_.expires_after(backoff_.next());
  retry_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error) self->connect();
  });
  // What was delivered before the loss in the same read must not wait for the next connection.
  std::exception_ptr fault;
  try {
    if (std::exchange(owes_batch_end_, false)) sink_->on_batch_end(false);
  } catch (...) {
    fault = std::current_exception();  // the loss must be told all the same
  }
  if (sink_ != nullptr && !std::exchange(down_reported_, true)) sink_->on_bus_down(last_error_);
  if (fault) std::rethrow_exception(fault);
}

void RedisSubscriber::Core::update_gauges() noexcept {
  counters_.wanted_topics = tracker_.wanted();
  counters_.confirmed_topics = tracker_.confirmed();
}

RedisSubscriber::RedisSubscriber(asio::io_context& io, const RedisConfig& config, Moved moved)
    : core_(std::make_shared<Core>(io, config, std::move(moved))) {}

RedisSubscriber::~RedisSubscriber() {
  core_->stop();
}

void RedisSubscriber::start(EventSink& sink) {
  core_->start(sink);
}
void RedisSubscriber::stop() {
  core_->stop();
}
void RedisSubscriber::subscribe(const std::vector<std::string>& topics) {
  core_->subscribe(topics);
}
void RedisSubscriber::unsubscribe(const std::vector<std::string>& topics) {
  core_->unsubscribe(topics);
}
bool RedisSubscriber::up() const noexcept {
  return core_->up();
}
const SubscriberCounters& RedisSubscriber::counters() const noexcept {
  return core_->counters();
}
const std::string& RedisSubscriber::last_error() const noexcept {
  return core_->last_error();
}

}  // namespace pulsegate::bus
