// A Subscriber for tests: nothing happens by itself. The test connects and drops the bus, confirms topics and
// publishes. No thread, no clock, no queue: each of the test's calls makes its callbacks before it returns.
#pragma once

#include <algorithm>
#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "bus/subscriber.hpp"

namespace pulsegate::test {

// Thread: one at a time. It keeps the contract of bus::Subscriber; tests/support/subscriber_contract.hpp holds it to
// that.
// 1. A topic is confirmed only by confirm() or confirm_all(); dropping the bus takes every confirmation away.
// 2. An event of a topic that is not confirmed is lost, as on a real bus.
class FakeSubscriber final : public bus::Subscriber {
 public:
  void start(bus::EventSink& sink) override {
    if (!stopped_) sink_ = &sink;
  }
  void stop() override {
    stopped_ = true;
    sink_ = nullptr;
    up_ = false;
  }
  void subscribe(const std::vector<std::string>& topics) override {
    if (stopped_) return;
    ++subscribe_calls_;
    for (const std::string& topic : topics) {
      Entry& entry = entries_[topic];
      ++entry.references;
      ++entry.unanswered;
    }
    update_gauges();
  }
  void unsubscribe(const std::vector<std::string>& topics) override {
    if (stopped_) return;
    ++unsubscribe_calls_;
    for (const std::string& topic : topics) {
      const auto found = entries_.find(topic);
      if (found == entries_.end()) continue;
      Entry& entry = found->second;
      --entry.references;
      entry.unanswered = std::min(entry.unanswered, entry.references);
      if (entry.references == 0) entries_.erase(found);
    }
    update_gauges();
  }
  bool up() const noexcept override { return up_; }
  const bus::SubscriberCounters& counters() const noexcept override { return counters_; }

  // This topic alone is lost until it is confirmed again. Requires that the bus is up and it is held.
  void lose(const std::string& topic) {
    entries_.at(topic).confirmed = false;
    update_gauges();
    sink_->on_topic_lost(topic);
    if (sink_ != nullptr) sink_->on_batch_end(false);
  }
  // The bus is there: on_bus_up(). Every held topic then waits for confirm(). Nothing when it is up already.
  void connect() {
    if (sink_ == nullptr || up_) return;
    up_ = true;
    down_reported_ = false;
    ++counters_.connects;
    sink_->on_bus_up();
  }
  // The bus is lost, or the first attempt failed: on_bus_down(), once per loss.
  void drop(std::string_view reason = "the test says so") {
    if (sink_ == nullptr) return;
    ++(std::exchange(up_, false) ? counters_.disconnects : counters_.connect_failures);
    for (auto& [topic, entry] : entries_) entry.confirmed = false;
    update_gauges();
    if (!std::exchange(down_reported_, true)) sink_->on_bus_down(reason);
  }

  // on_subscribed() for each subscribe() that waits, and at least once for a topic without a confirmation.
  // False: the bus is down, or the topic does not wait.
  bool confirm(const std::string& topic) {
    const auto found = entries_.find(topic);
    if (!up_ || found == entries_.end() || !found->second.waits()) return false;
    found->second.confirmed = true;
    std::size_t times = std::max<std::size_t>(1, std::exchange(found->second.unanswered, 0));
    update_gauges();
    for (; times > 0 && up_ && holds(topic); --times) sink_->on_subscribed(topic);
    return true;
  }
  // Confirms what waits now, in the order of the names; not what the callbacks add. Returns how many topics.
  std::size_t confirm_all() {
    std::size_t confirmed = 0;
    for (const std::string& topic : awaiting()) confirmed += confirm(topic) ? 1 : 0;
    return confirmed;
  }
  // connect(), then confirm_all().
  void connect_and_confirm() {
    connect();
    confirm_all();
  }

  // on_event() without the end of the batch. False: nobody is subscribed, or the payload was too large; it is lost.
  bool publish(const std::string& topic, std::string_view payload) {
    if (!up_ || !confirmed(topic)) return false;
    ++counters_.messages;
    counters_.message_bytes += payload.size();
    if (payload.size() > max_payload) {
      ++counters_.oversized;
      return false;
    }
    sink_->on_event(topic, payload);
    return true;
  }
  // `more_waiting`: the test calls it again.
  void end_batch(bool more_waiting = false) {
    if (sink_ != nullptr) sink_->on_batch_end(more_waiting);
  }
  // publish() as the only event of its batch.
  bool deliver(const std::string& topic, std::string_view payload) {
    const bool delivered = publish(topic, payload);
    end_batch();
    return delivered;
  }

  bool started() const { return sink_ != nullptr; }
  bool stopped() const { return stopped_; }
  bool holds(const std::string& topic) const { return entries_.count(topic) > 0; }
  std::size_t references(const std::string& topic) const { return holds(topic) ? entries_.at(topic).references : 0; }
  bool confirmed(const std::string& topic) const { return holds(topic) && entries_.at(topic).confirmed; }
  // Held topics, and those that wait for a confirmation; sorted.
  std::vector<std::string> topics() const {
    std::vector<std::string> names;
    for (const auto& item : entries_) names.push_back(item.first);
    return names;
  }
  std::vector<std::string> awaiting() const {
    std::vector<std::string> names;
    for (const auto& [topic, entry] : entries_) {
      if (entry.waits()) names.push_back(topic);
    }
    return names;
  }
  std::size_t subscribe_calls() const { return subscribe_calls_; }
  std::size_t unsubscribe_calls() const { return unsubscribe_calls_; }

  std::size_t max_payload = 256 * 1024;  // bytes; larger events are dropped and counted

 private:
  struct Entry {
    std::size_t references = 0;
    std::size_t unanswered = 0;  // subscribe() calls that wait for on_subscribed()
    bool confirmed = false;

    bool waits() const { return !confirmed || unanswered > 0; }
  };

  void update_gauges() {
    counters_.wanted_topics = entries_.size();
    counters_.confirmed_topics = static_cast<std::uint64_t>(
        std::count_if(entries_.begin(), entries_.end(), [](const auto& item) { return item.second.confirmed; }));
  }

  bus::EventSink* sink_ = nullptr;
  bool stopped_ = false;
  bool up_ = false;
  bool down_reported_ = false;
  std::map<std::string, Entry> entries_;
  bus::SubscriberCounters counters_;
  std::size_t subscribe_calls_ = 0;
  std::size_t unsubscribe_calls_ = 0;
};

}  // namespace pulsegate::test
