// The reads that wait for a database thread: bounded in number, in the time that each may wait, and in how many a
// second are let through. Pure: time is given.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "storage/history_source.hpp"
#include "storage/snapshot_source.hpp"
#include "storage/token_bucket.hpp"

namespace pulsegate::storage {

// Whatever a database thread can be asked for.
using ReadRequest = std::variant<SnapshotRequest, RangeRequest, AfterRequest>;

// What comes of it: one of the two pointers is set when error == none, according to the request.
struct ReadResult {
  SnapshotError error = SnapshotError::none;
  std::string detail;
  std::shared_ptr<const Snapshot> snapshot;
  std::shared_ptr<const History> history;
};

struct PendingRead {
  ReadRequest request;
  Executor executor;
  std::function<void(ReadResult)> done;
  SteadyTime asked{};      // when it was asked for
  SteadyTime deadline{};   // when it is given up, unless a thread has taken it
  bool throttled = false;  // no token was left for it when it came
  bool retried = false;    // its connection broke once already

  // Ranges may take long, all else is a probe of an index.
  bool is_range() const noexcept { return std::holds_alternative<RangeRequest>(request); }
};

// First come, first served, as long as there are tokens: a read is let through for one token, and waits for it here,
// still within its lease. Overflow policy: the newcomer is refused, since those in front have waited longer and their
// callers are the same devices that would ask again. Ranges fill at most half of the queue.
// Thread: one at a time (its owner locks).
class ReadQueue {
 public:
  // `capacity`: reads. `lease`: how long a read may wait.
  ReadQueue(std::size_t capacity, std::chrono::milliseconds lease, TokenBucket bucket = TokenBucket(0, 1))
      : capacity_(capacity), lease_(lease), bucket_(bucket) {}

  // Returns false, and leaves `read` as it is but for `throttled`, when the queue is full.
  bool push(PendingRead& read, SteadyTime now);
  // Puts a read in front again. Never refused: its place was granted before. One that a broken connection interrupted
  // (`retried`) gets a new lease and needs another token, one that was not begun keeps both.
  void give_back(PendingRead read, SteadyTime now);
  // The next read whose lease has not ended, for a token; those whose lease has are left for take_expired().
  // `ranges`: whether a range may be served now.
  std::optional<PendingRead> pop(SteadyTime now, bool ranges = true);
  // When the next token is there: `now`, or later.
  SteadyTime next_token(SteadyTime now) const { return bucket_.ready(now); }
  std::vector<PendingRead> take_expired(SteadyTime now);
  std::vector<PendingRead> take_all();
  std::size_t size() const noexcept { return reads_.size(); }
  // Reads so far that found no token left for them.
  std::uint64_t waits() const noexcept { return waits_; }

 private:
  const std::size_t capacity_;
  const std::chrono::milliseconds lease_;
  TokenBucket bucket_;
  std::deque<PendingRead> reads_;
  std::uint64_t waits_ = 0;
};

}  // namespace pulsegate::storage
