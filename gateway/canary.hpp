// A message of our own that goes through Redis and must come back on every shard: only that proves that events would.
// Decides when to publish and what the result means; publishing and listening are others' business.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "bus/publisher.hpp"
#include "gateway/clock.hpp"

namespace pulsegate {

enum class CanaryState : std::uint8_t {
  off,      // --canary off
  waiting,  // none has come back on every shard yet
  fresh,
  late,    // the newest one that every shard has seen is too old
  refused  // the Redis user may not publish: it is off until the next start
};
inline constexpr std::array<const char*, 5> kCanaryStateNames = {"off", "waiting", "fresh", "late", "refused"};

// The channels of all gateways; a Redis user needs +publish and &pulsegate:canary:* for it.
inline constexpr const char* kCanaryPrefix = "pulsegate:canary:";

struct CanaryCounters {
  CanaryState state = CanaryState::off;
  std::uint64_t published = 0;
  std::uint64_t failures = 0;  // not taken by Redis, or not known to be
};

// Thread: main. Owner: the server.
// Invariants: 1. No shard listens before Redis has taken a message on that channel: a subscription that is not
// permitted would cost the shard its connection. 2. One message in flight.
class Canary {
 public:
  struct Calls {
    // Has every shard listen to topic(), or stop doing so.
    std::function<void(bool)> listen;
    // When the newest canary was published that came back on the shard that is furthest behind; SteadyTime{}: one shard
    // has seen none.
    std::function<SteadyTime()> seen;
  };

  // `publisher` outlives it; null: off. `interval`: between two canaries that come back.
  Canary(bus::Publisher* publisher, std::chrono::milliseconds interval, std::string topic, Calls calls);

  // To be called every kTick, or more often.
  void tick(SteadyTime now);

  const std::string& topic() const noexcept { return topic_; }
  const CanaryCounters& counters() const noexcept { return counters_; }
  // How old the newest canary on every shard may be.
  std::chrono::milliseconds limit() const noexcept { return 3 * interval_; }
  // Empty: nothing speaks against serving. Else one sentence, for /readyz.
  std::string complaint(SteadyTime now) const;

  // What is published, and what a shard makes of it; SteadyTime{}: not one of ours, or from the future.
  static std::string payload(SteadyTime now);
  static SteadyTime published_at(std::string_view payload, SteadyTime now) noexcept;

  static constexpr std::chrono::milliseconds kTick{100};

 private:
  void judge(SteadyTime now);
  void publish(SteadyTime now);
  void on_published(bus::Published outcome, const std::string& reason);

  bus::Publisher* const publisher_;
  const std::chrono::milliseconds interval_;
  const std::string topic_;
  const Calls calls_;
  CanaryCounters counters_;
  SteadyTime last_{};  // when the last one was published
  bool in_flight_ = false;
  bool listening_ = false;
};

}  // namespace pulsegate
