// The reads that wait for a database thread: bounded in number and in the time that each may wait. Pure: time is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

using SteadyTime = std::chrono::steady_clock::time_point;

struct PendingRead {
  SnapshotRequest request;
  Executor executor;
  SnapshotCallback done;
  SteadyTime asked{};     // when read() was called
  SteadyTime deadline{};  // when it is given up, unless a thread has taken it
  bool retried = false;   // its connection broke once already
};

// First come, first served. Overflow policy: the newcomer is refused, since those in front have waited longer and their
// callers are the same devices that would ask again.
// Thread: one at a time (its owner locks).
class ReadQueue {
 public:
  // `capacity`: reads. `lease`: how long a read may wait.
  ReadQueue(std::size_t capacity, std::chrono::milliseconds lease) : capacity_(capacity), lease_(lease) {}

  // Returns false, and leaves `read` as it is, when the queue is full.
  bool push(PendingRead& read, SteadyTime now);
  // Puts a read in front again. Never refused: its place was granted before. One that a broken connection interrupted
  // (`retried`) gets a new lease, one that was not begun keeps its own.
  void give_back(PendingRead read, SteadyTime now);
  // The next read whose lease has not ended; those whose lease has are left for take_expired().
  std::optional<PendingRead> pop(SteadyTime now);
  std::vector<PendingRead> take_expired(SteadyTime now);
  std::vector<PendingRead> take_all();
  std::size_t size() const noexcept { return reads_.size(); }

 private:
  const std::size_t capacity_;
  const std::chrono::milliseconds lease_;
  std::deque<PendingRead> reads_;
};

}  // namespace pulsegate::storage
