// The contract of the bus: a Subscriber that owns subscriptions, and the EventSink that it calls back.
// Promise: per topic in the order of the publisher, at most once; every possible loss shows as on_bus_down() or
// on_topic_lost() … on_subscribed().
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::bus {

// Thread: all calls come on the thread of the Subscriber's io_context, never from inside subscribe(), unsubscribe() or
// start(). A callback may call subscribe() and unsubscribe(). An exception that leaves one costs the connection, since
// nobody knows what it has left undone: on_bus_down() follows, and everything is confirmed anew.
class EventSink {
 public:
  virtual ~EventSink() = default;

  // One published message. Both views are valid during the call only.
  virtual void on_event(std::string_view topic, std::string_view payload) = 0;

  // The server has confirmed a subscription: everything published from now on arrives. Called once for each
  // subscribe() and again after every reconnect, since what was published in between is lost.
  virtual void on_subscribed(std::string_view topic) = 0;

  // The connection is established and authenticated; subscriptions are being renewed, each confirmed by
  // on_subscribed().
  virtual void on_bus_up() = 0;

  // The connection is lost (once per loss; also at start, when the first attempt fails). `reason`: one sentence for
  // logs.
  virtual void on_bus_down(std::string_view reason) = 0;

  // Of this topic alone nothing may arrive until on_subscribed() tells of it again, and what is published meanwhile is
  // lost: its slot of a sharded cluster moves, or its node is away. Once per loss; on_bus_down() says it of all topics.
  virtual void on_topic_lost(std::string_view topic) = 0;

  // All events of one socket read have been delivered: the moment to flush clients once. `more_waiting`: the bus has
  // sent more already, and another on_batch_end() follows at once, in a later loop turn (but for stop()). Whoever has
  // much to write may put it off until then: a server cuts the connection of a subscriber that does not read.
  virtual void on_batch_end(bool more_waiting) = 0;
};

// Plain counters of one Subscriber; written by its thread only. Units: events, bytes, topics.
struct SubscriberCounters {
  std::uint64_t messages = 0;       // pub/sub messages received
  std::uint64_t message_bytes = 0;  // payload bytes of those
  std::uint64_t oversized = 0;      // messages dropped since larger than the configured payload cap
  std::uint64_t connects = 0;       // successful connects (the first one included)
  std::uint64_t connect_failures = 0;
  std::uint64_t disconnects = 0;
  std::uint64_t protocol_errors = 0;   // unreadable RESP, error replies
  std::uint64_t node_changes = 0;      // of a topology: another node than before was the one to connect to
  std::uint64_t moved_topics = 0;      // of a sharded cluster: subscriptions that a node ended or referred to another
  std::uint64_t lost_topics = 0;       // on_topic_lost()
  std::uint64_t nodes_wanted = 0;      // gauge; of a sharded cluster: nodes that hold slots
  std::uint64_t nodes_connected = 0;   // gauge; of those
  std::uint64_t wanted_topics = 0;     // gauge
  std::uint64_t confirmed_topics = 0;  // gauge
};

// Thread: the io_context's thread only.
class Subscriber {
 public:
  virtual ~Subscriber() = default;

  // Connects, and reconnects for ever with jittered backoff. `sink` must outlive the Subscriber or stop().
  virtual void start(EventSink& sink) = 0;
  // No callback after this returns. Idempotent. Not restartable.
  virtual void stop() = 0;

  // Reference-counted per topic. The first reference sends SUBSCRIBE (batched per loop turn) when the bus is up; a
  // later reference to a confirmed topic is confirmed again by on_subscribed() in a following loop turn.
  virtual void subscribe(const std::vector<std::string>& topics) = 0;
  // The last reference sends UNSUBSCRIBE. A topic that is not held is ignored.
  virtual void unsubscribe(const std::vector<std::string>& topics) = 0;

  virtual bool up() const noexcept = 0;
  virtual const SubscriberCounters& counters() const noexcept = 0;
};

}  // namespace pulsegate::bus
