// `maxRate` of a subscription: at most so many messages a second of a channel. The latest value wins, points of
// `history` are put together. Pure: no timer of its own.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/frame.hpp"
#include "gateway/ws/due_queue.hpp"
#include "proto/channel.hpp"

namespace pulsegate::ws {

// When which throttle has something to send. Thread: one shard. Owner: Shard; outlives every Throttle.
class ThrottleQueue final : public DueQueue {
 public:
  // `arm`: run advance() at this time; replaces the earlier request. `max_held`: bytes that all throttles together may
  // hold.
  ThrottleQueue(const Clock& clock, std::size_t max_held, std::function<void(SteadyTime)> arm)
      : DueQueue(clock, std::move(arm)), max_held_(max_held) {}
  std::size_t max_held() const noexcept { return max_held_; }

 private:
  const std::size_t max_held_;
};

// The channels of one device and client that have a `maxRate`.
// Thread: one shard. Owner: the device feed. Bound: one frame a channel, of `history` at most kMaxHeldHistory bytes:
// what would become larger leaves before its time, since a point must not be lost. All that is held together is bounded
// by the queue: above that a message leaves at once, to where the bounds of slow clients hold.
class Throttle final : private DueQueue::Waiter {
 public:
  static constexpr std::size_t kMaxHeldHistory = 32 * 1024;

  // Where messages go when it is their time. May not call back.
  class Sink {
   public:
    virtual void send(proto::Channel channel, const FramePtr& frame) = 0;

   protected:
    ~Sink() = default;
  };

  // All of them outlive it.
  Throttle(ThrottleQueue& queue, Sink& sink, SessionCounters& counters);
  ~Throttle() override;
  Throttle(const Throttle&) = delete;
  Throttle& operator=(const Throttle&) = delete;

  // From now on, beginning with the next message, which is sent at once. nullopt: as many as there are. What is held
  // of the channel is sent before.
  void set(proto::Channel channel, std::optional<double> rate);
  // What is held of the channel is dropped.
  void remove(proto::Channel channel);
  bool empty() const noexcept { return limited_.empty(); }

  // Sends the message, or keeps it until its time. False: the channel has no rate, and nothing was done.
  bool take(proto::Channel channel, const FramePtr& frame);
  // What is held is sent at once, since something comes that must not overtake it.
  void flush();

 private:
  struct Limited {
    proto::Channel channel;
    SteadyTime::duration interval;
    SteadyTime next{};  // not before
    FramePtr held;
  };

  Limited* find(proto::Channel channel) noexcept;
  // The only ones that change what is held, and the count of it.
  void keep(Limited& limited, FramePtr frame) noexcept;
  FramePtr release(Limited& limited) noexcept;
  void hold(Limited& limited, const FramePtr& frame, SteadyTime now);
  void send(Limited& limited, SteadyTime now);
  void on_due(SteadyTime now) override;
  void enlist();

  ThrottleQueue& queue_;
  Sink& sink_;
  SessionCounters& counters_;
  std::vector<Limited> limited_;
};

}  // namespace pulsegate::ws
