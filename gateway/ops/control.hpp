// What operators can ask of a running gateway, as the admin port needs it. Implemented by the server, faked in tests.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/access/limiter.hpp"
#include "gateway/canary.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/device_report.hpp"
#include "gateway/ws/listener_counters.hpp"
#include "gateway/ws/session_report.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::ops {

// Files of --jwt-key and --revocation-file that were read again since the start.
struct AccessReloads {
  std::uint64_t keys = 0;
  std::uint64_t keys_failed = 0;  // unreadable or no key: the one from before stays in force
  std::uint64_t revocations = 0;
  std::uint64_t revocations_failed = 0;
};

// Bytes, as last looked at.
struct MemoryUse {
  std::uint64_t limit = 0;  // 0: none
  std::uint64_t used = 0;   // meaningful with a limit
  bool high = false;        // above the soft limit: nobody new comes in
};

struct CanaryReport {
  CanaryCounters counters;
  std::vector<double> ages;  // by shard, seconds since the newest that came back was published; empty: off
};

struct GatewayReport {
  std::vector<ShardReport> shards;
  std::optional<storage::SourceCounters> storage;  // nullopt: without a database
  ws::ListenerCounters listener;
  access::LimiterCounters limits;
  std::uint64_t refused_full = 0;     // over --max-connections
  std::uint64_t dropped_full = 0;     // of those: without an answer
  std::uint64_t dropped_limited = 0;  // above a limit of their address: the same
  MemoryUse memory;
  AccessReloads access_reloads;
  std::uint64_t max_connections = 0;  // gauge: the limit in force
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
  // How a device stands, by each shard that has it in memory; empty: none has.
  virtual void report_device(const proto::DeviceId& device,
                             std::function<void(std::vector<devices::DeviceReport>)> done) = 0;
  // The open WebSocket with this connection id, its devices included; null: there is none.
  virtual void report_session(std::string id, std::function<void(std::optional<ws::SessionReport>)> done) = 0;
  // Up to `most` of each shard, the largest backlogs first; without what the devices say.
  virtual void report_sessions(std::size_t most, std::function<void(std::vector<ws::SessionReport>)> done) = 0;
  // Starts sending clients away over the drain time. Idempotent; the process stays.
  virtual void drain() = 0;
  virtual Readiness readiness() const = 0;
  // Names of the channels; outlives this.
  virtual const proto::ChannelTable& channels() const = 0;
};

}  // namespace pulsegate::ops
