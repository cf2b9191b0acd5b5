// What the threads of a PostgresSource share: the queue, the counters, who is connected, which reads are under way.
// Everything that must be answered without a database is answered here. Private to storage_postgres.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "storage/availability.hpp"
#include "storage/read_queue.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

struct SourceLimits {
  std::size_t threads;
  std::size_t queue;
  std::size_t ranges;  // threads that may read a range at the same time
  double rate;         // reads a second that are let through; 0: all
  std::size_t burst;
  std::chrono::milliseconds lease;
  std::chrono::milliseconds read_budget;  // a read that takes a thread longer is cut off by closing its socket
};

// Thread: any. Never calls an executor with its lock held; the log is called with it, so that lines keep their order.
// Owner: PostgresSource; outlives the threads.
class SourceState {
 public:
  enum class Cut { no, too_slow, stopping };

  SourceState(const SourceLimits& limits, LogLine log);

  // From the callers.
  void submit(const ReadRequest& request, Executor executor, std::function<void(ReadResult)> done);
  SourceCounters counters() const;
  // From now on nothing waits: what is queued is answered, what is under way is cut off.
  void stop();
  bool stopping() const;

  // From database thread `i`.
  // Waits for a read at most until `until`.
  std::optional<PendingRead> take(SteadyTime until);
  void answer(PendingRead read, ReadResult result);
  // For another attempt, in front of the queue.
  void give_back(PendingRead read);
  void connected(std::size_t i, bool again);
  void lost(std::size_t i, const std::string& reason);
  void refused(std::size_t i, const std::string& reason);
  // Waits, but not longer than until another thread finds that the database is back. Returns false when stopping.
  bool wait_before_connecting(std::chrono::milliseconds wait);
  // Between these two `socket` is open and may be shut down by other threads.
  void begin_read(std::size_t i, int socket);
  Cut end_read(std::size_t i);

  // Logs a line the first time that `key` turns up. Keys are bounded: names of columns.
  void log_once(const std::string& key, Severity severity, const std::string& line);
  // Logs a fault of the statements once, until a read has succeeded again, and at most once a minute.
  void statements_fail(const std::string& detail);
  void statements_work();

  // The body of the watch thread: ends leases and cuts off reads in time. Returns when stopping.
  void watch();

 private:
  struct UnderWay {
    int socket = -1;  // -1: none
    SteadyTime began{};
    Cut cut = Cut::no;
  };

  void log(const std::optional<Availability::Line>& line);
  // These require that the lock is held.
  void count_call(const ReadRequest& request);
  void count_answer(const PendingRead& read, const ReadResult& result);
  void ended(const PendingRead& read);
  // Counts and answers; requires that the lock is not held.
  void answer_all(std::vector<PendingRead> reads, SnapshotError error, const std::string& detail);
  void shed(std::vector<PendingRead> reads);
  void cut(UnderWay& read, Cut why);

  const SourceLimits limits_;
  const LogLine log_;

  mutable std::mutex mutex_;  // guards what follows
  std::condition_variable work_, change_;
  ReadQueue queue_;
  Availability availability_;
  std::vector<UnderWay> under_way_;
  std::size_t ranges_ = 0;  // taken by threads and not ended
  SourceCounters counters_;
  std::set<std::string> logged_;
  std::uint64_t connects_ = 0;      // how often a connection was made
  bool statements_fail_ = false;    // it was logged, and no read has succeeded since
  SteadyTime statements_logged_{};  // when
  bool stopping_ = false;
};

}  // namespace pulsegate::storage
