// What the kernel says about a process: CPU time and resident memory.
#pragma once

#include <cstdint>
#include <vector>

namespace pulsegate::bench {

struct ProcessUsage {
  double user = 0;    // seconds
  double system = 0;  // seconds
  double cpu = 0;     // seconds: the sum, exact to the nanosecond where the kernel tells it
  std::uint64_t rss_kib = 0;
};

// Summed over the processes. One that is gone counts as nothing.
ProcessUsage usage_of(const std::vector<int>& pids);
ProcessUsage own_usage();

ProcessUsage operator-(const ProcessUsage& after, const ProcessUsage& before);

}  // namespace pulsegate::bench
