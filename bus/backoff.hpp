// How long to wait before the next attempt to connect: exponential with full jitter, so that many gateways that lost
// the same Redis do not come back in step. Pure: no clock, no timer; the random source is handed in.
#pragma once

#include <chrono>
#include <functional>

namespace pulsegate::bus {

struct BackoffConfig {
  std::chrono::milliseconds first{100};  // upper bound of the first delay, doubled with each attempt
  // Upper bound of every delay: a server that is back after a long time must have every device repaired 3 s later.
  std::chrono::milliseconds longest{1'500};
  std::chrono::milliseconds stable_after{10'000};  // a connection that lasted so long starts the sequence again
};

// Thread: one at a time.
// Owner: the adapter that reconnects.
class Backoff {
 public:
  using Random = std::function<double()>;  // uniform in [0, 1)

  // Without `random`: a generator of its own, seeded from the system.
  explicit Backoff(const BackoffConfig& config, Random random = {});

  // The delay before the next attempt: uniform between 0 and the current bound.
  std::chrono::milliseconds next();

  // A connection was lost after `lasted`. A short one keeps the bound, else a server that accepts and drops would be
  // hammered at the shortest delay.
  void connection_lasted(std::chrono::milliseconds lasted) noexcept;

 private:
  const BackoffConfig config_;
  Random random_;
  std::chrono::milliseconds bound_;
};

}  // namespace pulsegate::bus
