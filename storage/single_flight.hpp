// Lets concurrent reads of one device share one read of the source behind, wherever sharing gives the right answer.
// Knows nothing of PostgreSQL; holds no cache: an answer is given to those who wait for it, and forgotten.
#pragma once

#include <cstddef>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <vector>

#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

// Which read may a caller share?
//  1. One that has not been handed to the source yet: always, since its state will be newer than the call.
//  2. One in flight, for `first`, `retry` and `refresh`: the state may be some milliseconds older than the call (at
//  most
//     as old as a read can get). That costs nothing, because rows lag behind their events by seconds anyway, so that
//     the second look (or the next refresh) has to find what such a read missed whether it was shared or not.
//  3. One in flight, for `second_look`, `repair` and `reread`: never. These ask what was written up to *now*; a state
//     from before the call could miss the row that they exist to find.
// A caller that may not share the read in flight waits until it has ended, together with all others in that position:
// one read follows for all of them. So a device never costs the source more than one read at a time.
// A read for more points serves those who asked for fewer: they get the newest of its rows.
//
// Thread: any. Executors must post (not run inline), as the contract says.
// Owner: whoever wires the process; owns the source behind it.
class SingleFlight final : public SnapshotSource {
 public:
  explicit SingleFlight(std::unique_ptr<SnapshotSource> source);
  ~SingleFlight() override;

  void read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) override;
  // Also answers those who wait for a read that has not begun.
  void stop() override;
  // Those of the source (`reads` counts reads that reached it), plus `shared`.
  SourceCounters counters() const override;

 private:
  struct Waiter {
    std::size_t points;
    Executor executor;
    SnapshotCallback done;
  };
  struct Batch {
    SnapshotRequest request;  // of the first waiter, with the most points that any of them wants
    std::vector<Waiter> waiters;
  };
  struct Flight {
    Batch running;
    Batch next;  // no waiters: nothing follows
  };

  void issue(const SnapshotRequest& request);
  void finished(const proto::DeviceId& device, const SnapshotResult& result);
  static void answer(std::vector<Waiter>& waiters, const SnapshotResult& result);

  const std::unique_ptr<SnapshotSource> source_;

  mutable std::mutex mutex_;  // guards what follows; never held while calling out
  std::unordered_map<proto::DeviceId, Flight, proto::DeviceIdHash> flights_;
  std::uint64_t shared_ = 0;
  bool stopping_ = false;
};

}  // namespace pulsegate::storage
