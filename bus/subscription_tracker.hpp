// Which topics are wanted, what the server has been told, and what it has confirmed. Pure bookkeeping: it decides what
// to send and which confirmation counts; sending, time and callbacks are the business of RedisSubscriber.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace pulsegate::bus {

struct SubscriptionTrackerConfig {
  std::size_t batch = 512;  // topics per SUBSCRIBE or UNSUBSCRIBE
  std::size_t max_in_flight =
      4'096;  // topics sent and not answered, below 65 536: bounds what Redis buffers for us during a resubscribe
};

// Thread: one at a time.
// Owner: one Subscriber.
// 1. A connection answers each topic of each command once, in order: an answer belongs to the oldest command in flight.
// 2. A topic is confirmed when the last command sent for it was SUBSCRIBE and no answer for it is in flight.
// 3. An entry lives while the topic is wanted, subscribed on the server, or has an answer in flight.
class SubscriptionTracker {
 public:
  struct Batch {
    bool subscribe = true;
    std::vector<std::string> topics;
  };
  enum class Answer : std::uint8_t {
    confirmed,    // tell the sink `times` times
    stale,        // of an earlier command; nothing to do
    unsolicited,  // the server did what nobody asked for: the subscription cannot be trusted any more
  };
  struct Confirmation {
    Answer answer = Answer::stale;
    std::size_t times = 0;  // subscribe() calls that wait for it, at least 1
  };

  explicit SubscriptionTracker(const SubscriptionTrackerConfig& config = {}) : config_(config) {}

  // One more reference. A topic that is confirmed already becomes a reconfirmation.
  void add(const std::string& topic);
  // One reference less; false: the topic was not held.
  bool remove(const std::string& topic);
  bool holds(const std::string& topic);

  // The connection is gone: nothing is sent or confirmed any more, and everything wanted is due again.
  void disconnected();

  // The next command to send on this connection; false: nothing is due, or too much is in flight.
  bool next_batch(Batch& batch);

  Confirmation on_subscribed(std::string_view topic);
  Answer on_unsubscribed(std::string_view topic);
  // Sharded pub/sub. The server has ended a subscription, or refused the SUBSCRIBE that is due to be answered: nothing
  // is sent for the topic until its last reference is gone. False: it cannot have.
  bool ended(std::string_view topic);
  bool refused(std::string_view topic);

  // Topics that got another reference while confirmed, oldest first; each is still held and confirmed when it is
  // returned.
  std::size_t reconfirmations() const noexcept { return reconfirm_.size(); }
  bool next_reconfirmation(std::string& topic);

  std::size_t wanted() const noexcept { return wanted_; }        // topics with a reference
  std::size_t confirmed() const noexcept { return confirmed_; }  // of those, confirmed ones
  std::size_t in_flight() const noexcept { return in_flight_; }  // topics sent and not answered
  std::size_t entries() const noexcept { return entries_; }

 private:
  struct Entry {
    std::uint32_t references = 0;
    std::uint32_t unanswered = 0;    // subscribe() calls that wait for on_subscribed
    std::uint16_t subscribes = 0;    // answers in flight
    std::uint16_t unsubscribes = 0;  // answers in flight
    std::uint8_t ending = 0;         // index into endings_
    bool sent = false;               // the last command sent was SUBSCRIBE
    bool queued = false;             // stands in due_

    bool confirmed() const noexcept { return sent && subscribes == 0 && unsubscribes == 0; }
    bool counts() const noexcept { return confirmed() && references > 0; }
  };
  // Topics are kept by device: "device:<uuid>:" once, and behind it an entry for each ending. That takes half the
  // memory of an entry with a text of its own for each topic.
  using Stems = std::unordered_map<std::string, std::vector<Entry>>;
  using Stem = Stems::value_type;
  struct Due {
    Stem* stem;
    std::uint8_t ending;
  };

  // What `topic` consists of: in stem_ and as the result. nullopt: its ending was never seen.
  std::optional<std::uint8_t> split(std::string_view topic);
  // nullptr: no such topic. The stem that was looked for is left in stem_, the one that was found in `found`.
  Entry* find(std::string_view topic, Stem*& found);
  static Entry& entry_of(const Due& due) noexcept;
  std::string topic_of(const Due& due) const { return due.stem->first + endings_[due.ending]; }
  void queue_if_due(Stem& stem, Entry& entry);
  void erase_if_done(Stem& stem, Entry& entry);

  const SubscriptionTrackerConfig config_;
  Stems stems_;
  std::vector<std::string> endings_{""};  // "metrics", "state", …; only grows
  std::deque<Due> due_;                   // entries that may need a command; an entry outlives its place here
  std::deque<std::string> reconfirm_;
  std::string stem_;  // scratch, so that looking up a view does not allocate
  std::size_t entries_ = 0;
  std::size_t wanted_ = 0;
  std::size_t confirmed_ = 0;
  std::size_t in_flight_ = 0;
};

}  // namespace pulsegate::bus
