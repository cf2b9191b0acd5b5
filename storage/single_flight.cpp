// See single_flight.hpp for which reads may be shared.
#include "storage/single_flight.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <utility>

namespace pulsegate::storage {
namespace {

bool accepts_read_in_flight(ReadReason reason) noexcept {
  switch (reason) {
    case ReadReason::first:
    case ReadReason::retry:
    case ReadReason::refresh:
      return true;
    case ReadReason::second_look:
    case ReadReason::repair:
    case ReadReason::reread:
      return false;
  }
  return false;
}

}  // namespace

SingleFlight::SingleFlight(std::unique_ptr<SnapshotSource> source) : source_(std::move(source)) {}

SingleFlight::~SingleFlight() {
  SingleFlight::stop();
}

void SingleFlight::read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) {
  std::unique_lock lock(mutex_);
  if (stopping_) {
    lock.unlock();
    // A stopped source answers too, so that only one place needs to know how.
    source_->read(request, std::move(executor), std::move(done));
    return;
  }
  Waiter waiter{request.points, std::move(executor), std::move(done)};
  const auto [at, is_new] = flights_.try_emplace(request.device);
  Flight& flight = at->second;
  if (is_new) {
    flight.running.request = request;
    flight.running.waiters.push_back(std::move(waiter));
    lock.unlock();
    issue(request);
    return;
  }
  const bool joins = accepts_read_in_flight(request.reason) && request.points <= flight.running.request.points;
  Batch& batch = joins ? flight.running : flight.next;
  if (batch.waiters.empty()) {
    batch.request = request;
  } else {
    ++shared_;
    batch.request.points = std::max(batch.request.points, request.points);
  }
  batch.waiters.push_back(std::move(waiter));
}

void SingleFlight::issue(const SnapshotRequest& request) {
  // Inline: every waiter's own executor takes it from there. The destructor stops the source, so `this` outlives the
  // read.
  source_->read(
      request, [](std::function<void()> task) { task(); },
      [this, device = request.device](const SnapshotResult& result) { finished(device, result); });
}

void SingleFlight::finished(const proto::DeviceId& device, const SnapshotResult& result) {
  std::vector<Waiter> answered;
  std::optional<SnapshotRequest> following;
  {
    const std::lock_guard lock(mutex_);
    const auto at = flights_.find(device);
    Flight& flight = at->second;
    answered = std::move(flight.running.waiters);
    if (flight.next.waiters.empty()) {
      flights_.erase(at);
    } else {
      flight.running = std::exchange(flight.next, {});
      following = flight.running.request;
    }
  }
  answer(answered, result);
  if (following) issue(*following);
}

void SingleFlight::answer(std::vector<Waiter>& waiters, const SnapshotResult& result) {
  for (Waiter& waiter : waiters) {
    waiter.executor([done = std::move(waiter.done), mine = newest_rows(result, waiter.points)]() mutable {
      done(std::move(mine));
    });
  }
}

void SingleFlight::stop() {
  std::vector<Waiter> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    for (auto& [device, flight] : flights_) {
      std::move(flight.next.waiters.begin(), flight.next.waiters.end(), std::back_inserter(waiting));
      flight.next.waiters.clear();
    }
  }
  answer(waiting, {SnapshotError::unavailable, "the gateway is stopping", nullptr});
  source_->stop();
}

SourceCounters SingleFlight::counters() const {
  SourceCounters counters = source_->counters();
  const std::lock_guard lock(mutex_);
  counters.shared = shared_;
  return counters;
}

}  // namespace pulsegate::storage
