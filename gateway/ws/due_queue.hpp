// What the sessions of a shard do at a time of their own, on one timer.
#pragma once

#include <cstddef>
#include <functional>
#include <set>
#include <utility>

#include "gateway/clock.hpp"
#include "gateway/devices/timer_heap.hpp"

namespace pulsegate::ws {

// Thread: one shard. Owner: Shard; outlives every Waiter.
class DueQueue {
 public:
  // Somebody who stands in the queue once, or not at all.
  class Waiter {
   public:
    explicit Waiter(DueQueue& queue) noexcept : queue_(queue) {}
    virtual ~Waiter() { wait_until(devices::kNever); }
    Waiter(const Waiter&) = delete;
    Waiter& operator=(const Waiter&) = delete;

   protected:
    // Replaces the earlier wish; kNever: not at all.
    void wait_until(SteadyTime due);
    bool waiting() const noexcept { return due_ != devices::kNever; }
    // It is time. It stands in the queue no more, and may be destroyed.
    virtual void on_due(SteadyTime now) = 0;

   private:
    friend class DueQueue;
    DueQueue& queue_;
    SteadyTime due_ = devices::kNever;
  };

  // `arm`: run advance() at this time; replaces the earlier request.
  DueQueue(const Clock& clock, std::function<void(SteadyTime)> arm) : clock_(clock), arm_(std::move(arm)) {}

  // Wakes those whose time it is, and arms the next deadline.
  void advance();
  std::size_t waiting() const noexcept { return due_.size(); }
  SteadyTime now() const { return clock_.now().steady; }

 private:
  const Clock& clock_;
  const std::function<void(SteadyTime)> arm_;
  std::set<std::pair<SteadyTime, Waiter*>> due_;
};

}  // namespace pulsegate::ws
