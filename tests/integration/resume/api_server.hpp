// The API server's part in a random world: reports of many devices, published, sometimes twice, and stored the ways
// that are found in the field: at once, by a worker in batches some seconds later, or through a Redis Stream.
#pragma once

#include <atomic>
#include <map>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/postgres_client.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/resume_check.hpp"

namespace pulsegate::test {

struct DeviceHabits {
  // How a report becomes a row: inserted at once; in order by a worker; or taken by the worker from a stream.
  enum class Storage { direct, batches, stream };

  std::string uuid;
  Storage storage = Storage::direct;
  bool one_stamp = false;  // whether the rows of a batch are stamped alike
  bool constant = false;   // all reports alike
  bool doubles = false;    // some reports are published twice
  bool frequent = false;   // reports twice as often
};

// What tells reports apart: network_rx is this and the report's number.
inline constexpr long long kFirstValue = 1'000'000;
// Of a device whose values are constant.
inline constexpr long long kConstantValue = 500;

struct ApiOptions {
  std::uint16_t redis_port = 0;
  std::string database;
  std::vector<DeviceHabits> devices;
  Millis longest_row_delay{10'000};
  std::uint64_t seed = 0;
};

// Thread: run() in one of its own; the other functions from any.
class ApiServer {
 public:
  explicit ApiServer(ApiOptions options);

  // Publishes and stores until finish() has been called, some last reports have been published and all rows written.
  void run();
  void finish() { finishing_ = true; }
  bool done() const { return done_; }
  // What ended run() early; empty: nothing.
  std::string failure() const;

  // All reports so far, oldest first.
  std::vector<PublishedReport> published(std::size_t device) const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Row {
    int report;
    std::string stream_id;  // empty: not in the stream
  };
  struct Source {
    DeviceHabits habits;
    std::vector<PublishedReport> published;
    std::vector<Row> unwritten;
    int last_reports = 2;  // to be published once the world ends, when every client is there
  };
  struct Task {
    enum class Kind { report, copy, store } kind;
    std::size_t device;
    int report = 0;
  };

  void run_tasks();
  void carry_out(const Task& task);
  void report(std::size_t device);
  bool publish(std::size_t device, int report, std::string* stream_id);
  void store(Source& source);
  void later(Millis delay, Task task) { tasks_.emplace(Clock::now() + delay, task); }
  Millis between(int low, int high) { return Millis(std::uniform_int_distribution<>(low, high)(random_)); }
  bool one_in(int n) { return std::uniform_int_distribution<>(1, n)(random_) == 1; }

  ApiOptions options_;
  PostgresClient sql_;
  std::optional<RedisClient> redis_;  // none while Redis cannot be reached
  std::mt19937_64 random_;
  std::multimap<Clock::time_point, Task> tasks_;
  std::atomic<bool> finishing_{false};
  std::atomic<bool> done_{false};

  mutable std::mutex mutex_;  // guards what follows
  std::vector<Source> sources_;
  std::string failure_;
};

}  // namespace pulsegate::test
