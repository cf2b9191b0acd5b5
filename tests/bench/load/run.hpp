// One run of the load generator: connect, publish, check, report.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/load/client.hpp"
#include "tests/bench/load/options.hpp"
#include "tests/bench/load/process_usage.hpp"
#include "tests/bench/load/publisher.hpp"

namespace pulsegate::bench {

struct MemoryReading {
  double seconds;  // since the first event
  std::uint64_t rss_kib;
};

// What a run has found out; times in seconds.
struct Findings {
  bool ready = false;  // every client came as far as it should; if not, nothing below was measured
  double connecting = 0;
  double measured = 0;           // from the end of the warm-up to the last delivery
  std::uint64_t deliveries = 0;  // in that time
  std::uint64_t expected = 0;    // deliveries of the whole run, if nothing were lost
  std::uint64_t opened = 0;      // connections
  ProcessUsage server, generator;
  std::uint64_t rss_before = 0, rss_ready = 0;  // KiB
  std::vector<MemoryReading> memory;
};

// Thread: one. Everything happens in one epoll loop.
class Run {
 public:
  explicit Run(const Options& options);
  ~Run();
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;

  Findings execute();
  const ClientCounts& counts() const noexcept { return counts_; }
  const Publisher& publisher() const noexcept { return publisher_; }

 private:
  bool connect_all();
  void publish_for(double seconds, Findings& findings);
  void drain(Findings& findings);
  void finish(Findings& findings);
  void open(std::size_t index, bool joins_late);
  void replace_some(std::uint64_t now);
  void turn(std::uint64_t until);
  void on_client(std::size_t index, std::uint32_t events);
  void on_publisher(std::size_t index, std::uint32_t events);
  void read_memory(Findings& findings, std::uint64_t now);

  const Options options_;
  int epoll_ = -1;
  std::vector<Client> clients_;
  std::vector<char> buffer_;
  std::vector<bool> writing_;  // publishing connections that are watched for room
  ClientCounts counts_;
  Publisher publisher_;
  std::size_t connecting_ = 0, ready_ = 0, next_replaced_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t first_event_at_ = 0, next_reading_ = 0, replaced_ = 0, last_delivery_ = 0;
};

// One JSON object.
std::string to_json(const Options& options, const Run& run, const Findings& findings);

}  // namespace pulsegate::bench
