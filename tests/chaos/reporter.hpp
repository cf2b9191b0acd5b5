// The API server's part under faults: devices that report steadily, whatever happens to Redis or PostgreSQL. An event
// that Redis does not take is dropped, as the API server's client does; a row waits until PostgreSQL takes it.
#pragma once

#include <atomic>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/resume_check.hpp"

namespace pulsegate::test {

struct ReporterOptions {
  std::uint16_t redis_port = 0;
  std::string database;
  std::vector<std::string> devices;
  Millis interval{1'000};  // between two reports of a device; devices take turns
};

// Reports are numbered from 0 per device; what tells them apart is `cpu_usage`, the number plus one.
// Thread: any. Requires: both servers answer or are gone when it is destroyed; one that is stopped would stop it too.
class Reporter {
 public:
  explicit Reporter(ReporterOptions options);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  // One more report of each device, and no more; returns when all rows are stored.
  bool finish(Millis deadline = kDeadline);

  // Oldest first.
  std::vector<PublishedReport> published(std::size_t device) const;
  std::size_t dropped() const { return dropped_; }  // events that Redis did not take
  std::size_t unstored() const;                     // rows that wait

 private:
  struct Row {
    std::size_t device;
    int report;
  };

  void report_all();
  void store_all();

  const ReporterOptions options_;
  std::atomic<bool> finishing_{false}, reported_{false}, ending_{false};
  std::atomic<std::size_t> dropped_{0};

  mutable std::mutex mutex_;  // guards what follows
  std::vector<std::vector<PublishedReport>> published_;
  std::deque<Row> rows_;

  // Last: they use all of the above.
  class Connection;
  std::thread reporting_, storing_;
};

// What `cpu_usage` says of the report's number.
constexpr double cpu_of_report(int number) {
  return number + 1;
}

}  // namespace pulsegate::test
