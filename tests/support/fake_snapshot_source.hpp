// A SnapshotSource for tests: it records what was asked, and the test decides when and how each read is answered.
// No threads and no clock of its own, so whatever is tested with it is deterministic.
#pragma once

#include <algorithm>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/snapshot_source.hpp"

namespace pulsegate::test {

// Tasks that wait until the test runs them: stands for a shard's queue. Thread: any.
class TaskQueue {
 public:
  // The queue must outlive the executor.
  storage::Executor executor() {
    return [this](std::function<void()> task) {
      const std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    };
  }

  // Runs what is waiting, and what that posts in turn. Returns how many ran.
  std::size_t run() {
    std::size_t ran = 0;
    for (; std::function<void()> task = take(); ++ran) task();
    return ran;
  }

 private:
  std::function<void()> take() {
    const std::lock_guard lock(mutex_);
    if (tasks_.empty()) return {};
    std::function<void()> task = std::move(tasks_.front());
    tasks_.pop_front();
    return task;
  }

  std::mutex mutex_;
  std::deque<std::function<void()>> tasks_;
};

// Thread: one at a time. Answers go through the executor of each read, exactly as those of the real source.
class FakeSnapshotSource final : public storage::SnapshotSource {
 public:
  using Answerer = std::function<storage::SnapshotResult(const storage::SnapshotRequest&)>;

  ~FakeSnapshotSource() override { FakeSnapshotSource::stop(); }

  void read(const storage::SnapshotRequest& request, storage::Executor executor,
            storage::SnapshotCallback done) override {
    requests_.push_back(request);
    ++counters_.reads[static_cast<std::size_t>(request.reason)];
    outstanding_.push_back({request, std::move(executor), std::move(done)});
    if (stopped_) {
      fail(storage::SnapshotError::unavailable, "stopped");
    } else if (answerer_) {
      finish(0, answerer_(request));
    }
  }

  void stop() override {
    stopped_ = true;
    while (!outstanding_.empty()) fail(storage::SnapshotError::unavailable, "stopped");
  }

  storage::SourceCounters counters() const override {
    storage::SourceCounters copy = counters_;
    copy.queue_depth = outstanding_.size();
    return copy;
  }

  // Every request that was ever made, oldest first.
  const std::vector<storage::SnapshotRequest>& requests() const { return requests_; }
  // Reads that have not been answered, oldest first.
  std::size_t outstanding() const { return outstanding_.size(); }
  const storage::SnapshotRequest& outstanding_request(std::size_t i = 0) const { return outstanding_.at(i).request; }
  bool stopped() const { return stopped_; }

  // Answers the i-th outstanding read. Rows beyond the points that were asked for are cut off, oldest first.
  void answer(storage::Snapshot snapshot, std::size_t i = 0) {
    const std::size_t points = outstanding_.at(i).request.points;
    if (snapshot.metrics.size() > points)
      snapshot.metrics.erase(snapshot.metrics.begin(), snapshot.metrics.end() - static_cast<std::ptrdiff_t>(points));
    storage::SnapshotResult result;
    result.snapshot = std::make_shared<const storage::Snapshot>(std::move(snapshot));
    finish(i, std::move(result));
  }

  void fail(storage::SnapshotError error, std::string detail = "the test says so", std::size_t i = 0) {
    finish(i, {error, std::move(detail), nullptr});
  }

  // From now on every read is answered at once (through its executor); an empty function ends that.
  void answer_all_with(Answerer answerer) { answerer_ = std::move(answerer); }
  // The commonest of those: every device has this snapshot.
  void answer_all_with(storage::Snapshot snapshot) {
    answerer_ = [shared = std::make_shared<const storage::Snapshot>(std::move(snapshot))](const auto&) {
      return storage::SnapshotResult{storage::SnapshotError::none, {}, shared};
    };
  }

 private:
  struct Outstanding {
    storage::SnapshotRequest request;
    storage::Executor executor;
    storage::SnapshotCallback done;
  };

  void finish(std::size_t i, storage::SnapshotResult result) {
    Outstanding read = std::move(outstanding_.at(i));
    outstanding_.erase(outstanding_.begin() + static_cast<std::ptrdiff_t>(i));
    if (result.error != storage::SnapshotError::none) ++counters_.errors[static_cast<std::size_t>(result.error)];
    read.executor([done = std::move(read.done), result = std::move(result)]() mutable { done(std::move(result)); });
  }

  std::deque<Outstanding> outstanding_;
  std::vector<storage::SnapshotRequest> requests_;
  Answerer answerer_;
  storage::SourceCounters counters_;
  bool stopped_ = false;
};

}  // namespace pulsegate::test
