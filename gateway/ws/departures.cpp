// A look at all connections once a second finds the old ones; in between only those are touched whose time has come.
#include "gateway/ws/departures.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include "gateway/ws/connection.hpp"

namespace pulsegate::ws {
namespace {

constexpr std::chrono::milliseconds kStep{50};
constexpr std::chrono::milliseconds kLook{1'000};
// A client that leaves comes back within this time, wherever its own rule says nothing longer.
constexpr std::uint64_t kReturnWithin = 1'000;  // ms

std::weak_ptr<Connection> reference(Connection& connection) {
  return std::static_pointer_cast<Connection>(connection.get_shared());
}

}  // namespace

Departures::Departures(Host& host, Visit visit)
    : host_(host),
      visit_(std::move(visit)),
      times_(std::random_device{}()),
      steps_(host.io, kStep, [this] { step(); }) {
  if (host_.config.max_age.count() == 0) return;
  stepping_ = true;
  steps_.start();
}

void Departures::on_open(Connection& connection, SteadyTime now) {
  if (draining_) return add(connection, times_.within(now, drain_end_ - now));
  if (host_.config.max_age.count() > 0) connection.leave_at = times_.of_age(now, host_.config.max_age);
}

void Departures::add(Connection& connection, SteadyTime due) {
  const auto earlier = std::lower_bound(queue_.begin(), queue_.end(), due,
                                        [](const Departure& each, SteadyTime time) { return each.due > time; });
  queue_.insert(earlier, {due, reference(connection)});
}

void Departures::drain(std::chrono::milliseconds time) {
  if (std::exchange(draining_, true)) return;
  const SteadyTime now = host_.clock.now().steady;
  drain_end_ = now + time;
  host_.counters.overdue = 0;
  queue_.clear();
  visit_([this](Connection& connection) { queue_.push_back({{}, reference(connection)}); });
  times_.shuffle(queue_);
  const std::vector<SteadyTime> due = times_.spread(queue_.size(), now, time);
  for (std::size_t i = 0; i < queue_.size(); ++i) queue_[i].due = due[due.size() - 1 - i];
  if (!std::exchange(stepping_, true)) steps_.start();
  step();
}

void Departures::step() {
  const SteadyTime now = host_.clock.now().steady;
  if (!draining_ && now >= next_look_) look_for_old_ones(now);
  while (!queue_.empty() && queue_.back().due <= now) {
    const std::shared_ptr<Connection> connection = queue_.back().connection.lock();
    queue_.pop_back();
    if (connection == nullptr || !connection->is_open()) continue;
    ++(draining_ ? host_.counters.sent_away_drain : host_.counters.sent_away_age);
    connection->send_away(times_.below(kReturnWithin));
  }
}

// Those whose time comes before the next look, the oldest first; what is more than may go in a second is found again.
void Departures::look_for_old_ones(SteadyTime now) {
  next_look_ = now + kLook;
  std::vector<std::pair<SteadyTime, Connection*>> old;
  visit_([&](Connection& connection) {
    if (connection.leave_at <= next_look_) old.emplace_back(connection.leave_at, &connection);
  });
  const std::size_t count = std::min(old.size(), host_.config.departures_per_second);
  std::partial_sort(old.begin(), old.begin() + static_cast<std::ptrdiff_t>(count), old.end());
  const auto overdue = [now](const auto& each) { return each.first <= now; };
  const auto waiting = old.begin() + static_cast<std::ptrdiff_t>(count);
  host_.counters.overdue = static_cast<std::uint64_t>(std::count_if(waiting, old.end(), overdue));
  const auto late = static_cast<std::size_t>(std::count_if(old.begin(), waiting, overdue));
  const std::vector<SteadyTime> due = times_.spread(late, now, kLook);
  for (std::size_t i = 0; i < count; ++i) {
    old[i].second->leave_at = SteadyTime::max();
    add(*old[i].second, i < late ? due[i] : old[i].first);
  }
}

}  // namespace pulsegate::ws
