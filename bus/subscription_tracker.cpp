// See the numbered invariants in the header. Commands follow from the difference between what is wanted and what was
// sent last, so any number of changes between two batches costs at most one command per topic.
#include "bus/subscription_tracker.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace pulsegate::bus {
namespace {

constexpr std::size_t kMaxEndings = 255;  // indices are bytes; beyond them a topic is a stem of its own

}  // namespace

void SubscriptionTracker::add(const std::string& topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr) {
    auto ending = split(topic);
    if (!ending) {
      ending = static_cast<std::uint8_t>(endings_.size());
      endings_.push_back(topic.substr(stem_.size()));
    }
    stem = &*stems_.try_emplace(stem_).first;
    entry = &stem->second.emplace_back();
    entry->ending = *ending;
    ++entries_;
  }
  if (entry->references++ == 0) {
    ++wanted_;
    if (entry->counts()) ++confirmed_;
  }
  ++entry->unanswered;
  if (entry->confirmed()) {
    reconfirm_.push_back(topic);
  } else {
    queue_if_due(*stem, *entry);
  }
}

bool SubscriptionTracker::remove(const std::string& topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr || entry->references == 0) return false;
  if (entry->references == 1) {
    --wanted_;
    if (entry->counts()) --confirmed_;
  }
  --entry->references;
  entry->unanswered = std::min(entry->unanswered, entry->references);
  queue_if_due(*stem, *entry);
  erase_if_done(*stem, *entry);
  return true;
}

bool SubscriptionTracker::holds(const std::string& topic) {
  Stem* stem = nullptr;
  const Entry* entry = find(topic, stem);
  return entry != nullptr && entry->references > 0;
}

void SubscriptionTracker::disconnected() {
  due_.clear();
  reconfirm_.clear();
  confirmed_ = 0;
  in_flight_ = 0;
  for (auto stem = stems_.begin(); stem != stems_.end();) {
    std::vector<Entry>& entries = stem->second;
    const auto unwanted =
        std::remove_if(entries.begin(), entries.end(), [](const Entry& e) { return e.references == 0; });
    entries_ -= static_cast<std::size_t>(entries.end() - unwanted);
    entries.erase(unwanted, entries.end());
    for (Entry& entry : entries) {
      entry.subscribes = entry.unsubscribes = 0;
      entry.sent = false;
      entry.queued = true;
      due_.push_back({&*stem, entry.ending});
    }
    stem = entries.empty() ? stems_.erase(stem) : std::next(stem);
  }
}

bool SubscriptionTracker::next_batch(Batch& batch) {
  batch.topics.clear();
  while (!due_.empty() && batch.topics.size() < config_.batch && in_flight_ < config_.max_in_flight) {
    const Due due = due_.front();
    Entry& entry = entry_of(due);
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
      batch.topics.push_back(topic_of(due));
    }
    due_.pop_front();
    entry.queued = false;
    erase_if_done(*due.stem, entry);
  }
  return !batch.topics.empty();
}

SubscriptionTracker::Confirmation SubscriptionTracker::on_subscribed(std::string_view topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr || entry->subscribes == 0) return {Answer::unsolicited, 0};
  --entry->subscribes;
  --in_flight_;
  if (!entry->counts()) {
    erase_if_done(*stem, *entry);
    return {Answer::stale, 0};
  }
  ++confirmed_;
  const std::size_t times = std::max<std::size_t>(1, std::exchange(entry->unanswered, 0));
  return {Answer::confirmed, times};
}

SubscriptionTracker::Answer SubscriptionTracker::on_unsubscribed(std::string_view topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr || entry->unsubscribes == 0) return Answer::unsolicited;
  --entry->unsubscribes;
  --in_flight_;
  erase_if_done(*stem, *entry);
  return Answer::stale;
}

bool SubscriptionTracker::ended(std::string_view topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr || !entry->confirmed()) return false;
  if (entry->counts()) --confirmed_;
  entry->sent = false;
  erase_if_done(*stem, *entry);
  return true;
}

bool SubscriptionTracker::refused(std::string_view topic) {
  Stem* stem = nullptr;
  Entry* entry = find(topic, stem);
  if (entry == nullptr || entry->subscribes == 0) return false;
  --entry->subscribes;
  --in_flight_;
  if (entry->subscribes == 0 && entry->unsubscribes == 0) entry->sent = false;
  erase_if_done(*stem, *entry);
  return true;
}

bool SubscriptionTracker::next_reconfirmation(std::string& topic) {
  while (!reconfirm_.empty()) {
    topic = std::move(reconfirm_.front());
    reconfirm_.pop_front();
    Stem* stem = nullptr;
    Entry* entry = find(topic, stem);
    if (entry == nullptr || !entry->counts() || entry->unanswered == 0) continue;
    --entry->unanswered;
    return true;
  }
  return false;
}

// An ending is known for good or, once the table is full, unknown for good: a topic is always split the same way.
std::optional<std::uint8_t> SubscriptionTracker::split(std::string_view topic) {
  const std::size_t colon = topic.rfind(':');
  const std::size_t size = colon == std::string_view::npos ? topic.size() : colon + 1;
  stem_.assign(topic.substr(0, size));
  const auto known = std::find(endings_.begin(), endings_.end(), topic.substr(size));
  if (known != endings_.end()) return static_cast<std::uint8_t>(known - endings_.begin());
  if (endings_.size() < kMaxEndings) return std::nullopt;
  stem_.assign(topic);
  return 0;
}

SubscriptionTracker::Entry* SubscriptionTracker::find(std::string_view topic, Stem*& found) {
  const auto ending = split(topic);
  if (!ending) return nullptr;
  const auto stem = stems_.find(stem_);
  if (stem == stems_.end()) return nullptr;
  found = &*stem;
  for (Entry& entry : stem->second)
    if (entry.ending == *ending) return &entry;
  return nullptr;
}

// Requires: the entry is queued, so that it exists.
SubscriptionTracker::Entry& SubscriptionTracker::entry_of(const Due& due) noexcept {
  return *std::find_if(due.stem->second.begin(), due.stem->second.end(),
                       [&due](const Entry& entry) { return entry.ending == due.ending; });
}

void SubscriptionTracker::queue_if_due(Stem& stem, Entry& entry) {
  if (entry.queued || (entry.references > 0) == entry.sent) return;
  entry.queued = true;
  due_.push_back({&stem, entry.ending});
}

void SubscriptionTracker::erase_if_done(Stem& stem, Entry& entry) {
  if (entry.references > 0 || entry.sent || entry.queued || entry.subscribes > 0 || entry.unsubscribes > 0) return;
  --entries_;
  stem.second.erase(stem.second.begin() + (&entry - stem.second.data()));
  if (stem.second.empty()) stems_.erase(stems_.find(stem.first));
}

}  // namespace pulsegate::bus
