// See snapshot_cache.hpp.
#include "storage/snapshot_cache.hpp"

#include <utility>

namespace pulsegate::storage {
namespace {

// Nodes of the two containers, and the control block of the answer.
constexpr std::size_t kEntryBytes = 256;

}  // namespace

std::size_t bytes_of(const Snapshot& snapshot) noexcept {
  std::size_t bytes = sizeof snapshot + snapshot.metrics.capacity() * sizeof(MetricsRow);
  bytes += snapshot.newest_metrics_json.capacity();
  if (snapshot.state) {
    for (const std::string& text : snapshot.state->system.json) bytes += text.capacity();
    bytes += snapshot.state->top_processes.capacity() + snapshot.state->network_interfaces.capacity();
  }
  return bytes;
}

SnapshotCache::SnapshotCache(std::unique_ptr<SnapshotSource> source, SnapshotCacheConfig config, Clock clock)
    : config_(config), clock_(std::move(clock)), source_(std::move(source)) {}

SnapshotCache::~SnapshotCache() {
  SnapshotCache::stop();
}

void SnapshotCache::read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) {
  if (auto snapshot = find(request)) {
    SnapshotResult result = newest_rows({SnapshotError::none, {}, std::move(snapshot)}, request.points);
    executor([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
    return;
  }
  const bool keeps = request.reason == ReadReason::first || request.reason == ReadReason::retry;
  if (!keeps || config_.age.count() <= 0) {
    source_->read(request, std::move(executor), std::move(done));
    return;
  }
  // Inline, so that the answer is kept before the source has stopped: the caller's own executor takes it from there.
  source_->read(
      request, [](std::function<void()> task) { task(); },
      [this, request, executor = std::move(executor), done = std::move(done)](SnapshotResult result) mutable {
        if (result.snapshot) keep(request, result.snapshot);
        executor([done = std::move(done), result = std::move(result)]() mutable { done(std::move(result)); });
      });
}

std::shared_ptr<const Snapshot> SnapshotCache::find(const SnapshotRequest& request) {
  const std::lock_guard lock(mutex_);
  forget_old(clock_());
  if (request.reason != ReadReason::first || stopping_) return nullptr;
  const auto at = kept_.find(request.device);
  if (at == kept_.end() || at->second.points < request.points) return nullptr;
  ++hits_;
  return at->second.snapshot;
}

void SnapshotCache::keep(const SnapshotRequest& request, std::shared_ptr<const Snapshot> snapshot) {
  const std::size_t bytes = kEntryBytes + bytes_of(*snapshot);
  const std::lock_guard lock(mutex_);
  const SteadyTime until = clock_() + config_.age;
  forget(request.device);
  if (bytes > config_.bytes || stopping_) return;
  while (bytes_ + bytes > config_.bytes) forget_oldest();
  kept_[request.device] = {std::move(snapshot), request.points, bytes, until};
  order_.push_back({request.device, until});
  bytes_ += bytes;
}

void SnapshotCache::forget(const proto::DeviceId& device) {
  const auto at = kept_.find(device);
  if (at == kept_.end()) return;
  bytes_ -= at->second.bytes;
  kept_.erase(at);
}

void SnapshotCache::forget_oldest() {
  const Order oldest = order_.front();
  order_.pop_front();
  const auto at = kept_.find(oldest.device);
  if (at != kept_.end() && at->second.until == oldest.until) forget(oldest.device);
}

void SnapshotCache::forget_old(SteadyTime now) {
  while (!order_.empty() && order_.front().until <= now) forget_oldest();
}

void SnapshotCache::stop() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    kept_.clear();
    order_.clear();
    bytes_ = 0;
  }
  source_->stop();
}

SourceCounters SnapshotCache::counters() const {
  SourceCounters counters = source_->counters();
  const std::lock_guard lock(mutex_);
  counters.cache_hits = hits_;
  counters.cache_bytes = bytes_;
  return counters;
}

}  // namespace pulsegate::storage
