#include "gateway/ws/throttle.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/message.hpp"

namespace pulsegate::ws {

using devices::kNever;

Throttle::Throttle(ThrottleQueue& queue, Sink& sink, SessionCounters& counters)
    : Waiter(queue), queue_(queue), sink_(sink), counters_(counters) {}

Throttle::~Throttle() {
  for (Limited& limited : limited_) release(limited);
}

void Throttle::set(proto::Channel channel, std::optional<double> rate) {
  if (Limited* const known = find(channel); known != nullptr && known->held) send(*known, queue_.now());
  remove(channel);
  if (!rate) return;
  const auto interval = std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(1 / *rate));
  limited_.push_back({channel, interval, {}, {}});
}

void Throttle::remove(proto::Channel channel) {
  if (Limited* const known = find(channel)) release(*known);
  const auto of_channel = [channel](const Limited& limited) { return limited.channel == channel; };
  limited_.erase(std::remove_if(limited_.begin(), limited_.end(), of_channel), limited_.end());
  enlist();
}

bool Throttle::take(proto::Channel channel, const FramePtr& frame) {
  Limited* const limited = find(channel);
  if (limited == nullptr) return false;
  const SteadyTime now = queue_.now();
  hold(*limited, frame, now);
  const bool crowded = counters_.throttle_held_bytes > queue_.max_held();
  if (crowded && now < limited->next) ++counters_.throttle_early;
  if (limited->held && (crowded || now >= limited->next)) send(*limited, now);
  enlist();
  return true;
}

void Throttle::flush() {
  if (!waiting()) return;
  const SteadyTime now = queue_.now();
  for (Limited& limited : limited_)
    if (limited.held) send(limited, now);
  enlist();
}

Throttle::Limited* Throttle::find(proto::Channel channel) noexcept {
  for (Limited& limited : limited_)
    if (limited.channel == channel) return &limited;
  return nullptr;
}

void Throttle::hold(Limited& limited, const FramePtr& frame, SteadyTime now) {
  if (limited.held) {
    ++counters_.throttled;
    std::string merged;
    if (limited.channel == proto::Channel::history &&
        proto::merge_history(merged, limited.held->payload(), frame->payload())) {
      if (merged.size() <= kMaxHeldHistory) {
        keep(limited, Frame::text(merged));
        return;
      }
      send(limited, now);
    }
  }
  keep(limited, frame);
}

// Frames that clients share count for each of them: so the sum is an upper bound.
void Throttle::keep(Limited& limited, FramePtr frame) noexcept {
  release(limited);
  counters_.throttle_held_bytes += frame->size();
  limited.held = std::move(frame);
}

FramePtr Throttle::release(Limited& limited) noexcept {
  if (limited.held) counters_.throttle_held_bytes -= limited.held->size();
  FramePtr frame;
  frame.swap(limited.held);
  return frame;
}

void Throttle::send(Limited& limited, SteadyTime now) {
  limited.next = now + limited.interval;
  sink_.send(limited.channel, release(limited));
}

void Throttle::on_due(SteadyTime now) {
  for (Limited& limited : limited_)
    if (limited.held && limited.next <= now) send(limited, now);
  enlist();
}

// Stands in the queue with the earliest time of what is held.
void Throttle::enlist() {
  SteadyTime due = kNever;
  for (const Limited& limited : limited_)
    if (limited.held) due = std::min(due, limited.next);
  wait_until(due);
}

}  // namespace pulsegate::ws
