// Counters of the data path. Each shard writes its own without atomics; whoever wants to know asks the shard, which
// sends a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "bus/subscriber.hpp"
#include "gateway/histogram.hpp"
#include "gateway/ws/endpoint_counters.hpp"
#include "proto/channel.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate {

// Why an event was not forwarded.
enum class EventDrop : std::uint8_t { no_device, bad_topic, too_big, malformed, too_deep, not_an_object, missing_type };
inline constexpr std::size_t kEventDrops = 7;
inline constexpr std::array<const char*, kEventDrops> kEventDropNames = {
    "no-device", "bad-topic", "too-big", "malformed", "too-deep", "not-an-object", "missing-type"};

inline constexpr std::array<const char*, 4> kTopicKindNames = {"metrics", "state", "broadcast", "pass-through"};

// The states of a device, in the order of DeviceState in devices/device.hpp.
inline constexpr std::size_t kDevicePhases = 5;
inline constexpr std::array<const char*, kDevicePhases> kDevicePhaseNames = {"cold", "subscribing", "catching-up",
                                                                             "live", "lingering"};

// How a device stands, in the order of proto::DeviceState.
inline constexpr std::array<const char*, 3> kFreshnessNames = {"live", "stale", "unknown"};

struct HubCounters {
  std::array<std::uint64_t, 4> events{};                              // received, by TopicKind
  std::array<std::uint64_t, kEventDrops> dropped{};                   // not forwarded, by EventDrop
  std::uint64_t doubled = 0;                                          // reports published twice: one point of history
  std::array<std::uint64_t, proto::kMaxChannels> messages{};          // deliveries to clients, by channel
  std::uint64_t broadcasts = 0;                                       // deliveries to clients of device broadcasts
  std::array<std::uint64_t, proto::kMaxChannels> subscriptions{};     // gauge, by channel
  std::array<std::uint64_t, kDevicePhases> devices{};                 // gauge, by phase
  std::array<std::uint64_t, kFreshnessNames.size()> freshness{};      // gauge: devices, by how they stand
  std::uint64_t silences = 0;                                         // devices that became stale
  std::array<std::uint64_t, storage::kReadReasons> snapshot_reads{};  // asked for, by reason
  std::uint64_t snapshot_failures = 0;
  std::uint64_t memory_snapshots = 0;  // subscriptions served without SQL
  std::uint64_t history_queries = 0;   // asked for by clients
  std::uint64_t history_failures = 0;  // of those: the database could not be read
  std::uint64_t late_points = 0;       // points that a later look at the table added
  std::uint64_t gaps = 0;              // `gap` notices caused by the bus
  LagHistogram event_age;              // from an event's own time to its fan-out
};

struct SessionCounters {
  std::array<std::uint64_t, 3> commands{};  // by Command::Type; queries are the hub's to count
  std::uint64_t errors = 0;                 // `error` messages sent
  std::uint64_t rate_limited = 0;
};

struct ShardReport {
  bool bus_up = false;
  bool database_up = true;
  ws::EndpointCounters endpoint;
  HubCounters hub;
  SessionCounters sessions;
  bus::SubscriberCounters bus;
};

}  // namespace pulsegate
