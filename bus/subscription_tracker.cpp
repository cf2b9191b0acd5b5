// See the numbered invariants in the header. Commands follow from the difference between what is wanted and what was
// sent last, so any number of changes between two batches costs at most one command per topic.
#include "bus/subscription_tracker.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::bus {

void SubscriptionTracker::add(const std::string& topic) {
  auto& item = *entries_.try_emplace(topic).first;
  Entry& entry = item.second;
  if (entry.references++ == 0) {
    ++wanted_;
    if (entry.counts()) ++confirmed_;
  }
  ++entry.unanswered;
  if (entry.confirmed()) {
    reconfirm_.push_back(topic);
  } else {
    queue_if_due(item);
  }
}

bool SubscriptionTracker::remove(const std::string& topic) {
  const auto found = entries_.find(topic);
  if (found == entries_.end() || found->second.references == 0) return false;
  Entry& entry = found->second;
  if (entry.references == 1) {
    --wanted_;
    if (entry.counts()) --confirmed_;
  }
  --entry.references;
  entry.unanswered = std::min(entry.unanswered, entry.references);
  queue_if_due(*found);
  erase_if_done(found);
  return true;
}

bool SubscriptionTracker::holds(const std::string& topic) const {
  const auto found = entries_.find(topic);
  return found != entries_.end() && found->second.references > 0;
}

void SubscriptionTracker::disconnected() {
  due_.clear();
  reconfirm_.clear();
  confirmed_ = 0;
  in_flight_ = 0;
  for (auto item = entries_.begin(); item != entries_.end();) {
    Entry& entry = item->second;
    entry.subscribes = 0;
    entry.unsubscribes = 0;
    entry.sent = false;
    entry.queued = entry.references > 0;
    if (entry.queued) {
      due_.push_back(&item->first);
      ++item;
    } else {
      item = entries_.erase(item);
    }
  }
}

bool SubscriptionTracker::next_batch(Batch& batch) {
  batch.topics.clear();
  while (!due_.empty() && batch.topics.size() < config_.batch && in_flight_ < config_.max_in_flight) {
    const auto item = entries_.find(*due_.front());
    Entry& entry = item->second;
    const bool wanted = entry.references > 0;
    if (wanted != entry.sent) {
      // One command has one verb: a topic that needs the other one opens the next batch.
      if (batch.topics.empty()) {
        batch.subscribe = wanted;
      } else if (batch.subscribe != wanted) {
        break;
      }
      entry.sent = wanted;
      ++(wanted ? entry.subscribes : entry.unsubscribes);
      ++in_flight_;
      batch.topics.push_back(item->first);
    }
    due_.pop_front();
    entry.queued = false;
    erase_if_done(item);
  }
  return !batch.topics.empty();
}

SubscriptionTracker::Confirmation SubscriptionTracker::on_subscribed(std::string_view topic) {
  const auto item = find(topic);
  if (item == entries_.end() || item->second.subscribes == 0) return {Answer::unsolicited, 0};
  Entry& entry = item->second;
  --entry.subscribes;
  --in_flight_;
  if (!entry.counts()) {
    erase_if_done(item);
    return {Answer::stale, 0};
  }
  ++confirmed_;
  const std::size_t times = std::max<std::size_t>(1, std::exchange(entry.unanswered, 0));
  return {Answer::confirmed, times};
}

SubscriptionTracker::Answer SubscriptionTracker::on_unsubscribed(std::string_view topic) {
  const auto item = find(topic);
  if (item == entries_.end() || item->second.unsubscribes == 0) return Answer::unsolicited;
  --item->second.unsubscribes;
  --in_flight_;
  erase_if_done(item);
  return Answer::stale;
}

bool SubscriptionTracker::next_reconfirmation(std::string& topic) {
  while (!reconfirm_.empty()) {
    topic = std::move(reconfirm_.front());
    reconfirm_.pop_front();
    const auto item = entries_.find(topic);
    if (item == entries_.end()) continue;
    Entry& entry = item->second;
    if (!entry.counts() || entry.unanswered == 0) continue;
    --entry.unanswered;
    return true;
  }
  return false;
}

SubscriptionTracker::Entries::iterator SubscriptionTracker::find(std::string_view topic) {
  key_.assign(topic);
  return entries_.find(key_);
}

void SubscriptionTracker::queue_if_due(Entries::value_type& item) {
  Entry& entry = item.second;
  if (entry.queued || (entry.references > 0) == entry.sent) return;
  entry.queued = true;
  due_.push_back(&item.first);
}

void SubscriptionTracker::erase_if_done(Entries::iterator item) {
  const Entry& entry = item->second;
  if (entry.references == 0 && !entry.sent && !entry.queued && entry.subscribes == 0 && entry.unsubscribes == 0) {
    entries_.erase(item);
  }
}

}  // namespace pulsegate::bus
