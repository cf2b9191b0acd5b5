// Counters of the data path. Each shard writes its own without atomics; whoever wants to know asks the shard, which
// sends a copy.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bus/stream_source.hpp"
#include "bus/subscriber.hpp"
#include "gateway/access/access_counters.hpp"
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

// What was found of events that carry a W3C Trace Context: passed on; left out, its `traceparent` being none; passed on
// without its `tracestate`, which was none (or the only one there). In the order of proto::TraceFinding, from 1.
inline constexpr std::array<const char*, 3> kTraceNames = {"taken", "bad-traceparent", "bad-tracestate"};

// The states of a device, in the order of DeviceState in devices/device.hpp.
inline constexpr std::size_t kDevicePhases = 5;
inline constexpr std::array<const char*, kDevicePhases> kDevicePhaseNames = {"cold", "subscribing", "catching-up",
                                                                             "live", "lingering"};

// How a device stands, in the order of proto::DeviceState.
inline constexpr std::array<const char*, 3> kFreshnessNames = {"live", "stale", "unknown"};

// How it ended that somebody had missed samples of `metrics`. The first four: a client came back with `since`, and all
// that came after it was remembered, stood in the stream (and the table), in the table, or could not be found. The
// others: one that was here when the bus was lost.
enum class ResumeOutcome : std::uint8_t { memory, stream, rows, gap, repaired, unrepaired };
inline constexpr std::size_t kResumeOutcomes = 6;
inline constexpr std::array<const char*, kResumeOutcomes> kResumeOutcomeNames = {"memory", "stream",   "rows",
                                                                                 "gap",    "repaired", "unrepaired"};

// How a client's replay ended: all of it was shown; the client asked; stream or table could not be read; a new token
// does not allow it; the connection was gone first.
enum class ReplayEnd : std::uint8_t { done, stopped, unavailable, forbidden, disconnected };
inline constexpr std::size_t kReplayEnds = 5;
inline constexpr std::array<const char*, kReplayEnds> kReplayEndNames = {"done", "stopped", "unavailable", "forbidden",
                                                                         "disconnected"};

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
  std::uint64_t history_failures = 0;  // of those, or of looks for what was missed: the database did not answer
  std::uint64_t late_points = 0;       // points that a later look at the table added
  std::uint64_t gaps = 0;              // `gap` notices caused by the bus, or to those who came back
  std::array<std::uint64_t, kResumeOutcomes> resumes{};
  std::uint64_t replayed = 0;          // samples of the past that were delivered on `metrics`
  std::uint64_t past_reads = 0;        // looks at stream and table for what was missed
  std::uint64_t tail_checks = 0;       // of those: since a device was silent
  std::uint64_t silent_losses = 0;     // found by these
  std::uint64_t remembered_bytes = 0;  // gauge: frames kept for those who come back
  std::array<std::uint64_t, kTraceNames.size()> traces{};
  LagHistogram event_age;  // from an event's own time to its fan-out
};

struct SessionCounters {
  std::array<std::uint64_t, 3> commands{};  // by Command::Type; queries are the hub's to count
  std::uint64_t errors = 0;                 // `error` messages sent
  std::uint64_t rate_limited = 0;
  std::uint64_t throttled = 0;       // messages replaced by newer ones, since their subscription has a `maxRate`
  std::uint64_t throttle_early = 0;  // of these subscriptions: messages sent before their time, since too much was held
  std::uint64_t throttle_held_bytes = 0;             // gauge: of messages that wait for their time
  std::uint64_t replays_open = 0;                    // gauge: that clients watch
  std::array<std::uint64_t, kReplayEnds> replays{};  // that have ended
  std::uint64_t replayed_messages = 0;               // of the past, that they sent
  std::uint64_t replay_held_bytes = 0;               // gauge: of live messages that wait for the end of a replay
  std::uint64_t fleet_connections = 0;               // gauge: of many devices
  std::uint64_t fleet_devices = 0;                   // gauge: of these connections together
};

struct ShardReport {
  bool bus_up = false;
  bool database_up = true;
  ws::EndpointCounters endpoint;
  HubCounters hub;
  SessionCounters sessions;
  access::AccessCounters access;
  bus::SubscriberCounters bus;
  LagHistogram canary_round_trip;             // from publishing it to its arrival on this shard
  std::optional<bus::StreamCounters> stream;  // nullopt: `--stream-key none`
};

}  // namespace pulsegate
