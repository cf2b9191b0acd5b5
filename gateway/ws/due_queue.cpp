#include "gateway/ws/due_queue.hpp"

namespace pulsegate::ws {

using devices::kNever;

void DueQueue::Waiter::wait_until(SteadyTime due) {
  if (due == due_) return;
  auto& all = queue_.due_;
  if (due_ != kNever) all.erase({due_, this});
  due_ = due;
  if (due_ == kNever) return;
  const bool first = all.empty() || due < all.begin()->first;
  all.emplace(due, this);
  if (first) queue_.arm_(due);
}

void DueQueue::advance() {
  const SteadyTime time = now();
  while (!due_.empty() && due_.begin()->first <= time) {
    Waiter& waiter = *due_.begin()->second;
    due_.erase(due_.begin());
    waiter.due_ = kNever;
    waiter.on_due(time);
  }
  if (!due_.empty()) arm_(due_.begin()->first);
}

}  // namespace pulsegate::ws
