// Answers the first read of a device from memory when another one has just ended: clients that come back again and
// again to a device that nobody else watches then cost one read a second. Knows nothing of PostgreSQL.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>

#include "storage/snapshot_source.hpp"
#include "storage/token_bucket.hpp"

namespace pulsegate::storage {

struct SnapshotCacheConfig {
  std::chrono::milliseconds age{1000};        // how long after it came an answer is given again; 0: never
  std::size_t bytes = std::size_t{16} << 20;  // of all answers that are kept; the oldest go first
};

// Why an answer from before the call is right for `first`, and only for it, stands in README.md, "Sharing reads".
//  1. Only answers to `first` and `retry` are kept, and only `first` is answered from them.
//  2. Errors are never kept.
//  3. An answer serves those who ask for as many rows as it was asked for, or fewer.
//  4. What is kept is bounded in bytes; old answers go at the next read, whosever it is.
//
// Thread: any. Executors must post (not run inline), as the contract says.
// Owner: whoever wires the process; owns the source behind it, as a rule a SingleFlight.
class SnapshotCache final : public SnapshotSource {
 public:
  using Clock = std::function<SteadyTime()>;

  explicit SnapshotCache(std::unique_ptr<SnapshotSource> source, SnapshotCacheConfig config = {},
                         Clock clock = std::chrono::steady_clock::now);
  ~SnapshotCache() override;

  void read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) override;
  void stop() override;
  // Those of the source, plus `cache_hits` and `cache_bytes`.
  SourceCounters counters() const override;

 private:
  struct Kept {
    std::shared_ptr<const Snapshot> snapshot;
    std::size_t points;  // that were asked for
    std::size_t bytes;
    SteadyTime until;
  };
  struct Order {
    proto::DeviceId device;
    SteadyTime until;  // another than that of the entry: it was replaced
  };

  std::shared_ptr<const Snapshot> find(const SnapshotRequest& request);
  void keep(const SnapshotRequest& request, std::shared_ptr<const Snapshot> snapshot);
  // These require that the lock is held.
  void forget(const proto::DeviceId& device);
  void forget_oldest();
  void forget_old(SteadyTime now);

  const SnapshotCacheConfig config_;
  const Clock clock_;
  const std::unique_ptr<SnapshotSource> source_;

  mutable std::mutex mutex_;  // guards what follows; never held while calling out
  std::unordered_map<proto::DeviceId, Kept, proto::DeviceIdHash> kept_;
  std::deque<Order> order_;  // oldest first; all are kept for the same time
  std::size_t bytes_ = 0;
  std::uint64_t hits_ = 0;
  bool stopping_ = false;
};

// What a snapshot holds in memory.
std::size_t bytes_of(const Snapshot& snapshot) noexcept;

}  // namespace pulsegate::storage
