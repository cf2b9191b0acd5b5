// Many viewers on one thread, behind one proxy.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "reporter.hpp"
#include "tests/support/eventually.hpp"
#include "viewer.hpp"

namespace pulsegate::test {

// Thread: the viewers' is the fleet's own; the functions from any.
class Fleet {
 public:
  using Clock = Viewer::Clock;

  // Begins at once, viewers spread over two seconds. `reporter` outlives it.
  Fleet(std::uint16_t port, std::size_t viewers, const Reporter& reporter);
  ~Fleet();
  Fleet(const Fleet&) = delete;
  Fleet& operator=(const Fleet&) = delete;

  std::size_t size() const { return viewers_.size(); }
  std::size_t open() const { return open_; }
  // Everybody is connected, and nobody lacks a report that was due longer ago than this.
  bool up_to_date(std::chrono::milliseconds lag) const;
  // Waits until nobody lacks any report. Requires: nothing is published any more.
  bool wait_complete(Millis deadline) const;
  // When connections were opened, in order, but for the first of each viewer.
  std::vector<Clock::time_point> reopened_since(Clock::time_point since) const;
  // The longest time since forget_stalls() in which the fleet's own thread got nowhere: the machine was busy with other
  // things.
  std::chrono::milliseconds longest_stall() const { return std::chrono::milliseconds(stall_ms_.load()); }
  void forget_stalls() { stall_ms_ = 0; }
  // Ends it. Of those who lack reports that were published: how many.
  std::size_t finish();
  // After finish().
  const FleetTally& tally() const { return tally_; }
  // What ended it early; empty: nothing.
  const std::string& failure() const { return failure_; }

 private:
  void run();
  void loop();
  void update();

  const std::uint16_t port_;
  const Reporter& reporter_;
  std::vector<Viewer> viewers_;
  std::vector<bool> seen_before_;
  FleetTally tally_;
  std::mt19937_64 random_{20'261'123};
  int epoll_ = -1;
  std::atomic<std::size_t> open_{0};
  std::atomic<long long> behind_ms_{0};  // of whoever is furthest behind, as of the last look
  std::atomic<std::size_t> lacking_{0};  // viewers that lack a report, likewise
  std::atomic<std::uint64_t> looks_{0};
  std::atomic<long long> stall_ms_{0};
  std::atomic<bool> finishing_{false};
  std::string failure_;
  mutable std::mutex mutex_;
  std::vector<Clock::time_point> reopened_;  // guarded by mutex_
  std::thread thread_;
};

}  // namespace pulsegate::test
