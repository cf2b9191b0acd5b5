// What operators can ask of a running gateway, as the admin port needs it. Implemented by the server, faked in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/canary.hpp"
#include "gateway/counters.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::ops {

struct CanaryReport {
  CanaryCounters counters;
  std::vector<double> ages;  // by shard, seconds since the newest that came back was published; empty: off
};

struct GatewayReport {
  std::vector<ShardReport> shards;
  std::optional<storage::SourceCounters> storage;  // nullopt: without a database
  std::uint64_t accepted = 0;                      // sockets taken by the listener
  std::uint64_t accept_failures = 0;               // EMFILE and the like
  std::uint64_t refused_full = 0;                  // over --max-connections
  std::uint64_t max_connections = 0;               // gauge: the limit in force
  CanaryReport canary;
  bool draining = false;
  bool ready = false;
  const proto::ChannelTable* channels = nullptr;  // names for the labels; outlives the report
};

struct Readiness {
  bool ready = false;
  std::string reason;  // when not ready: one sentence
};

// Thread: main. Every `done` runs on the main thread, once, possibly before the call returns.
class Control {
 public:
  virtual ~Control() = default;

  virtual void report(std::function<void(GatewayReport)> done) = 0;
  // Open sessions of one device, or of all.
  virtual void count_clients(const std::optional<proto::DeviceId>& device, std::function<void(std::size_t)> done) = 0;
  // Sends a JSON object with a string `type` to every client of the device on this process. `done`: how many got it.
  virtual void broadcast(const proto::DeviceId& device, std::string json, std::function<void(std::size_t)> done) = 0;
  // Starts sending clients away over the drain time. Idempotent; the process stays.
  virtual void drain() = 0;
  virtual Readiness readiness() const = 0;
};

}  // namespace pulsegate::ops
