// A queue a subscriber, filled by publish() and emptied in one handler on the subscriber's thread: so a batch is what
// has come meanwhile, as with a socket. Which topics are wanted is known on both sides; on the publisher's it takes a
// lock.
#include "bus/local_bus.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <deque>
#include <exception>
#include <unordered_map>
#include <unordered_set>
#include <utility>

namespace pulsegate::bus {
namespace {

// Events in one handler: others of the shard want their turn.
constexpr std::size_t kBatch = 256;

}  // namespace

class LocalSubscriber;

// What one subscriber shares with publishers. Thread: any, under the mutex of the bus.
struct Mailbox {
  std::unordered_set<std::string> topics;  // those that were confirmed
  std::deque<std::pair<std::string, std::string>> waiting;
  bool scheduled = false;
  bool open = false;         // confirmed topics get events
  bool settled = false;      // there are topics, and all of them were confirmed
  bool interrupted = false;  // and not all topics are there again
};

class LocalBus::Core {
 public:
  std::mutex mutex;
  std::condition_variable room, interest, whole;
  std::vector<std::pair<std::shared_ptr<Mailbox>, LocalSubscriber*>> boxes;
  bool stopped = false;
};

// Thread: its io_context's; the destructor on that thread, or after the io_context has ended.
class LocalSubscriber final : public Subscriber, public std::enable_shared_from_this<LocalSubscriber> {
 public:
  LocalSubscriber(asio::io_context& io, std::shared_ptr<LocalBus::Core> bus, std::size_t max_payload)
      : io_(io), bus_(std::move(bus)), max_payload_(max_payload) {
    const std::lock_guard<std::mutex> lock(bus_->mutex);
    bus_->boxes.emplace_back(box_, this);
  }

  void start(EventSink& sink) override {
    if (stopped_ || sink_ != nullptr) return;
    sink_ = &sink;
    later([](LocalSubscriber& self) { self.come_up(); });
  }

  void stop() override {
    stopped_ = true;
    sink_ = nullptr;
    up_ = false;
    const std::lock_guard<std::mutex> lock(bus_->mutex);
    box_->topics.clear();
    box_->waiting.clear();
    box_->open = false;
    auto& boxes = bus_->boxes;
    boxes.erase(std::remove_if(boxes.begin(), boxes.end(), [this](const auto& each) { return each.first == box_; }),
                boxes.end());
    bus_->room.notify_all();
    bus_->whole.notify_all();
  }

  void subscribe(const std::vector<std::string>& topics) override {
    if (stopped_) return;
    for (const std::string& topic : topics) {
      Topic& held = topics_[topic];
      ++held.references;
      ++held.unanswered;
      due_.push_back(topic);
    }
    note_wanted();
    confirm_later();
  }

  void unsubscribe(const std::vector<std::string>& topics) override {
    if (stopped_) return;
    for (const std::string& topic : topics) {
      const auto found = topics_.find(topic);
      if (found == topics_.end()) continue;
      Topic& held = found->second;
      held.unanswered = std::min(held.unanswered, --held.references);
      if (held.references > 0) continue;
      topics_.erase(found);
      const std::lock_guard<std::mutex> lock(bus_->mutex);
      box_->topics.erase(topic);
    }
    note_wanted();
  }

  bool up() const noexcept override { return up_; }
  const SubscriberCounters& counters() const noexcept override { return counters_; }

  // Under the mutex.
  void interrupt(const std::string& reason) {
    box_->interrupted = true;
    later([reason](LocalSubscriber& self) {
      if (!self.up_) return self.note_whole();
      self.go_down(reason);
      self.later([](LocalSubscriber& again) { again.come_up(); });
    });
  }

  // From publish(), under the mutex: makes the subscriber look at its mailbox.
  void wake() {
    later([](LocalSubscriber& self) { self.take(); });
  }

 private:
  struct Topic {
    std::size_t references = 0;
    std::size_t unanswered = 0;  // calls of subscribe() that were not confirmed, at most `references`
  };

  template <typename Call>
  void later(Call call) {
    asio::post(io_, [weak = weak_from_this(), call] {
      const auto self = weak.lock();
      if (self && !self->stopped_) call(*self);
    });
  }

  // A sink that throws loses what was under way, so everything begins anew.
  template <typename Call>
  void guarded(Call&& call) {
    try {
      call();
    } catch (const std::exception& fault) {
      if (sink_ == nullptr) return;
      go_down(fault.what());
      later([](LocalSubscriber& self) { self.come_up(); });
    }
  }

  void come_up() {
    if (up_) return;
    up_ = true;
    ++counters_.connects;
    guarded([this] {
      {
        const std::lock_guard<std::mutex> lock(bus_->mutex);
        box_->open = true;
      }
      sink_->on_bus_up();
      due_.clear();
      for (auto& [name, topic] : topics_) {
        topic.unanswered = 1;
        due_.push_back(name);
      }
      confirm_due();
    });
  }

  void go_down(const std::string& reason) {
    up_ = false;
    ++counters_.disconnects;
    counters_.confirmed_topics = 0;
    {
      const std::lock_guard<std::mutex> lock(bus_->mutex);
      box_->open = false;
      box_->topics.clear();
      box_->waiting.clear();
      bus_->room.notify_all();
    }
    if (sink_ != nullptr) sink_->on_bus_down(reason);
  }

  void confirm_later() {
    if (std::exchange(confirming_, true)) return;
    later([](LocalSubscriber& self) { self.guarded([&self] { self.confirm_due(); }); });
  }

  void confirm_due() {
    confirming_ = false;
    if (!up_ || sink_ == nullptr) return;
    if (due_.empty()) return note_whole();
    // Those that callbacks add come in a following turn.
    const std::vector<std::string> due = std::exchange(due_, {});
    for (const std::string& topic : due) {
      if (sink_ == nullptr || !up_) return;
      const auto found = topics_.find(topic);
      if (found == topics_.end() || found->second.unanswered == 0) continue;
      --found->second.unanswered;
      {
        const std::lock_guard<std::mutex> lock(bus_->mutex);
        box_->topics.insert(topic);
        counters_.confirmed_topics = box_->topics.size();
      }
      sink_->on_subscribed(topic);
    }
    if (sink_ != nullptr) sink_->on_batch_end(false);
    note_wanted();
    if (due_.empty()) note_whole();
  }

  void note_whole() {
    const std::lock_guard<std::mutex> lock(bus_->mutex);
    box_->interrupted = false;
    bus_->whole.notify_all();
  }

  void take() {
    std::deque<std::pair<std::string, std::string>> batch;
    bool more = false;
    {
      const std::lock_guard<std::mutex> lock(bus_->mutex);
      auto& waiting = box_->waiting;
      const auto count = static_cast<std::ptrdiff_t>(std::min(waiting.size(), kBatch));
      std::move(waiting.begin(), waiting.begin() + count, std::back_inserter(batch));
      waiting.erase(waiting.begin(), waiting.begin() + count);
      more = !waiting.empty();
      box_->scheduled = more;
      bus_->room.notify_all();
    }
    if (more) wake();
    if (batch.empty() || !up_) return;
    guarded([&] {
      for (const auto& [topic, payload] : batch) {
        if (sink_ == nullptr || !up_) return;
        if (topics_.count(topic) == 0) continue;
        ++counters_.messages;
        counters_.message_bytes += payload.size();
        if (payload.size() > max_payload_) {
          ++counters_.oversized;
          continue;
        }
        sink_->on_event(topic, payload);
      }
      if (sink_ != nullptr) sink_->on_batch_end(more);
    });
  }

  void note_wanted() {
    counters_.wanted_topics = topics_.size();
    const std::lock_guard<std::mutex> lock(bus_->mutex);
    counters_.confirmed_topics = box_->topics.size();
    box_->settled = up_ && !topics_.empty() && box_->topics.size() == topics_.size();
    if (box_->settled) bus_->interest.notify_all();
  }

  asio::io_context& io_;
  const std::shared_ptr<LocalBus::Core> bus_;
  const std::size_t max_payload_;
  const std::shared_ptr<Mailbox> box_ = std::make_shared<Mailbox>();
  EventSink* sink_ = nullptr;  // null: not started, or stopped
  bool stopped_ = false;
  bool up_ = false;
  bool confirming_ = false;
  std::unordered_map<std::string, Topic> topics_;
  std::vector<std::string> due_;  // to be confirmed in the next turn; some may have left meanwhile
  SubscriberCounters counters_;
};

namespace {

// What the shard owns: the subscriber itself is shared with its handlers.
class Handle final : public Subscriber {
 public:
  explicit Handle(std::shared_ptr<LocalSubscriber> subscriber) : subscriber_(std::move(subscriber)) {}
  ~Handle() override { subscriber_->stop(); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  void start(EventSink& sink) override { subscriber_->start(sink); }
  void stop() override { subscriber_->stop(); }
  void subscribe(const std::vector<std::string>& topics) override { subscriber_->subscribe(topics); }
  void unsubscribe(const std::vector<std::string>& topics) override { subscriber_->unsubscribe(topics); }
  bool up() const noexcept override { return subscriber_->up(); }
  const SubscriberCounters& counters() const noexcept override { return subscriber_->counters(); }

 private:
  const std::shared_ptr<LocalSubscriber> subscriber_;
};

}  // namespace

LocalBus::LocalBus() : core_(std::make_shared<Core>()) {}
LocalBus::~LocalBus() {
  stop();
}

std::unique_ptr<Subscriber> LocalBus::make_subscriber(asio::io_context& io, std::size_t max_payload) {
  return std::make_unique<Handle>(std::make_shared<LocalSubscriber>(io, core_, max_payload));
}

std::size_t LocalBus::publish(std::string_view topic, std::string_view payload) {
  const std::string name(topic);
  std::unique_lock<std::mutex> lock(core_->mutex);
  std::size_t receivers = 0;
  // By index: while it waits for room a subscriber may come or go.
  for (std::size_t i = 0; i < core_->boxes.size() && !core_->stopped; ++i) {
    const auto box = core_->boxes[i].first;
    if (!box->open || box->topics.count(name) == 0) continue;
    core_->room.wait(lock, [&] { return core_->stopped || !box->open || box->waiting.size() < kMaxWaiting; });
    if (core_->stopped || !box->open || i >= core_->boxes.size() || core_->boxes[i].first != box) continue;
    box->waiting.emplace_back(name, payload);
    ++receivers;
    if (!std::exchange(box->scheduled, true)) core_->boxes[i].second->wake();
  }
  return receivers;
}

void LocalBus::interrupt(const std::string& reason) {
  const std::lock_guard<std::mutex> lock(core_->mutex);
  for (const auto& each : core_->boxes) each.second->interrupt(reason);
}

void LocalBus::stop() {
  const std::lock_guard<std::mutex> lock(core_->mutex);
  core_->stopped = true;
  core_->room.notify_all();
  core_->interest.notify_all();
  core_->whole.notify_all();
}

void LocalBus::wait_until_whole() {
  std::unique_lock<std::mutex> lock(core_->mutex);
  core_->whole.wait(lock, [this] {
    return core_->stopped || std::none_of(core_->boxes.begin(), core_->boxes.end(),
                                          [](const auto& each) { return each.first->interrupted; });
  });
}

bool LocalBus::wait_for_interest() {
  std::unique_lock<std::mutex> lock(core_->mutex);
  core_->interest.wait(lock, [this] {
    return core_->stopped ||
           std::any_of(core_->boxes.begin(), core_->boxes.end(), [](const auto& each) { return each.first->settled; });
  });
  return !core_->stopped;
}

}  // namespace pulsegate::bus
