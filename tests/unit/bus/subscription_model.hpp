// A model of Redis and of what a sink may rely on, run in step with a SubscriptionTracker: each step checks that they
// agree.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <set>
#include <stdexcept>
#include <string>
#include <utility>

#include "bus/subscription_tracker.hpp"

namespace pulsegate::bus::test {

using Answer = SubscriptionTracker::Answer;
using Batch = SubscriptionTracker::Batch;

// BOOST_REQUIRE takes a thousand times as long, and there are millions of checks.
inline void expect(bool fact) {
  if (!fact) throw std::logic_error("the tracker disagrees with the model");
}

// What Redis does: applies commands in order and answers each topic once, in order; and what a sink must be able to
// rely on.
class Model {
 public:
  explicit Model(const SubscriptionTrackerConfig& config) : tracker(config), config_(config) {}

  void add(const std::string& topic) {
    tracker.add(topic);
    ++references_[topic];
    ++unanswered_[topic];
  }
  void remove(const std::string& topic) {
    const bool held = references_[topic] > 0;
    expect(tracker.remove(topic) == held);
    if (held) --references_[topic];
    unanswered_[topic] = std::min(unanswered_[topic], references_[topic]);
  }
  void send() {
    Batch batch;
    if (!tracker.next_batch(batch)) return;
    expect(!batch.topics.empty());
    expect(batch.topics.size() <= config_.batch);
    for (const std::string& topic : batch.topics) {
      // Redundant commands would be answered too, but they are waste, and two in one batch would be a bug.
      expect(server_.count(topic) == (batch.subscribe ? 0u : 1u));
      if (batch.subscribe) {
        server_.insert(topic);
      } else {
        server_.erase(topic);
      }
      answers_.emplace_back(batch.subscribe, topic);
    }
    expect(answers_.size() == tracker.in_flight());
    expect(answers_.size() <= config_.max_in_flight);
  }
  void answer() {
    if (answers_.empty()) return;
    const auto [subscribed, topic] = answers_.front();
    answers_.pop_front();
    if (!subscribed) {
      expect(tracker.on_unsubscribed(topic) == Answer::stale);
      return;
    }
    const auto confirmation = tracker.on_subscribed(topic);
    expect(confirmation.answer != Answer::unsolicited);
    bool newer = false;  // an answer of the same topic that is still to come
    for (const auto& later : answers_) newer = newer || later.second == topic;
    const bool counts = references_[topic] > 0 && !newer && server_.count(topic) == 1;
    expect((confirmation.answer == Answer::confirmed) == counts);
    if (counts) {
      expect(confirmation.times == std::max<std::size_t>(1, unanswered_[topic]));
      unanswered_[topic] = 0;
    }
  }
  void reconfirm() {
    std::string topic;
    while (tracker.next_reconfirmation(topic)) {
      expect(references_[topic] > 0);
      expect(server_.count(topic) == 1u);
      expect(unanswered_[topic]-- > 0);
    }
  }
  void drop() {
    tracker.disconnected();
    server_.clear();
    answers_.clear();
  }
  void check() {
    std::size_t wanted = 0;
    for (const auto& [topic, count] : references_) {
      if (count > 0) ++wanted;
      expect(tracker.holds(topic) == (count > 0));
    }
    expect(tracker.wanted() == wanted);
    expect(tracker.confirmed() <= wanted);
    expect(tracker.in_flight() == answers_.size());
  }
  // Left alone, everything comes to rest with the server knowing exactly what is wanted.
  void settle() {
    for (int i = 0; i < 20; ++i) {
      send();
      answer();
    }
    reconfirm();
    check();
    std::set<std::string> wanted;
    for (const auto& [topic, count] : references_) {
      if (count > 0) wanted.insert(topic);
      expect(unanswered_[topic] == 0);
    }
    expect(server_ == wanted);
    expect(tracker.confirmed() == wanted.size());
    expect(tracker.entries() == wanted.size());
    expect(tracker.in_flight() == 0u);
    expect(tracker.reconfirmations() == 0u);
  }

  SubscriptionTracker tracker;

 private:
  const SubscriptionTrackerConfig config_;
  std::map<std::string, std::size_t> references_;
  std::map<std::string, std::size_t> unanswered_;  // add() calls that no confirmation has answered
  std::set<std::string> server_;
  std::deque<std::pair<bool, std::string>> answers_;
};

}  // namespace pulsegate::bus::test
