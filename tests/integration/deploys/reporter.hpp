// The API server's part under load: reports of many devices at a steady rate, each appended to its stream and
// published.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <thread>

namespace pulsegate::test {

// "00000000-0000-4000-8000-…", as the reports are of.
std::string reported_device(std::size_t number);

// Thread: run() has one of its own; the other functions from any.
class Reporter {
 public:
  using Clock = std::chrono::steady_clock;

  // Begins at once. Throws what connecting throws.
  Reporter(std::uint16_t redis_port, std::size_t devices, double rate);
  ~Reporter();
  Reporter(const Reporter&) = delete;
  Reporter& operator=(const Reporter&) = delete;

  std::size_t devices() const { return devices_; }
  // Reports of a device so far; they are numbered from 0, and network_rx is the number.
  long long count(std::size_t device) const { return counts_[device].load(); }
  long long total() const;
  // When that report was to be published; it is a little later if Redis is busy.
  Clock::time_point due(std::size_t device, long long number) const;
  // Ends when each device has as many reports as the others.
  void finish();
  // What ended it early; empty: nothing. After finish().
  const std::string& failure() const { return failure_; }

 private:
  void run(std::uint16_t redis_port);

  const std::size_t devices_;
  const double rate_;  // reports a second, all devices together
  const Clock::time_point start_ = Clock::now();
  std::unique_ptr<std::atomic<long long>[]> counts_;
  std::atomic<bool> finishing_{false};
  std::string failure_;
  std::thread thread_;
};

}  // namespace pulsegate::test
