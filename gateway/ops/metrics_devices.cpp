// Events and how late they are, devices and what is read for them, and what clients had missed.
#include <cstddef>
#include <string>

#include "gateway/ops/metric_page.hpp"

namespace pulsegate::ops {

void add_events(MetricPage& page) {
  page.counter("pulsegate_events_total", "Events received for devices in use, by kind.");
  page.by_name(
      "kind", kTopicKindNames, [](const ShardReport& shard) -> const auto& { return shard.hub.events; });
  page.counter("pulsegate_events_dropped_total", "Events not forwarded, by reason.");
  page.by_name(
      "reason", kEventDropNames, [](const ShardReport& shard) -> const auto& { return shard.hub.dropped; });
  page.total("pulsegate_events_doubled_total", "Reports that were published twice.",
             [](const ShardReport& shard) { return shard.hub.doubled; });
  page.counter("pulsegate_deliveries_total", "Messages handed to clients, by channel.");
  page.by_name(
      "channel", page.channel_names(), [](const ShardReport& shard) -> const auto& { return shard.hub.messages; });
  page.add(page.sum([](const ShardReport& shard) { return shard.hub.broadcasts; }), {{"channel", "broadcast"}});

  page.counter("pulsegate_trace_contexts_total", "Events with a W3C Trace Context, by what was made of it.");
  page.by_name(
      "outcome", kTraceNames, [](const ShardReport& shard) -> const auto& { return shard.hub.traces; });
  page.histogram_of(
      "pulsegate_event_age_seconds", "From an event's own time to its fan-out.",
      [](const ShardReport& shard) -> const auto& { return shard.hub.event_age; });
  page.histogram_of(
      "pulsegate_bus_lag_seconds", "From an event's own time until it was handed to the sockets of its clients.",
      [](const ShardReport& shard) -> const auto& { return shard.endpoint.bus_lag; });
  page.histogram_of(
      "pulsegate_fanout_duration_seconds", "From reading an event until it was handed to the sockets of its clients.",
      [](const ShardReport& shard) -> const auto& { return shard.endpoint.fanout; });
}

void add_devices(MetricPage& page) {
  page.gauge("pulsegate_subscriptions", "Subscriptions of clients, by channel.");
  page.by_name(
      "channel", page.channel_names(), [](const ShardReport& shard) -> const auto& { return shard.hub.subscriptions; });
  page.gauge("pulsegate_fleet_connections", "Open WebSockets of many devices.")
      .add(page.sum([](const ShardReport& shard) { return shard.sessions.fleet_connections; }));
  page.gauge("pulsegate_fleet_devices", "Devices that these watch, once for each WebSocket.")
      .add(page.sum([](const ShardReport& shard) { return shard.sessions.fleet_devices; }));
  page.gauge("pulsegate_devices", "Devices in memory, by phase.");
  page.by_name(
      "phase", kDevicePhaseNames, [](const ShardReport& shard) -> const auto& { return shard.hub.devices; });
  page.gauge("pulsegate_devices_by_freshness", "Devices in memory, by what their clients are told of them.");
  page.by_name(
      "state", kFreshnessNames, [](const ShardReport& shard) -> const auto& { return shard.hub.freshness; });
  page.total("pulsegate_device_silences_total", "Devices that became stale.",
             [](const ShardReport& shard) { return shard.hub.silences; });
  page.counter("pulsegate_snapshot_reads_total", "Snapshots that devices asked for, by reason.");
  for (std::size_t i = 0; i < storage::kReadReasons; ++i)
    page.add(page.sum([i](const ShardReport& shard) { return shard.hub.snapshot_reads[i]; }),
             {{"reason", std::string(storage::name(static_cast<storage::ReadReason>(i)))}});
  page.total("pulsegate_snapshot_failures_total", "Snapshots that could not be read.",
             [](const ShardReport& shard) { return shard.hub.snapshot_failures; });
  page.total("pulsegate_memory_snapshots_total", "Subscriptions served from memory, without SQL.",
             [](const ShardReport& shard) { return shard.hub.memory_snapshots; });
  page.total("pulsegate_history_queries_total", "History queries of clients.",
             [](const ShardReport& shard) { return shard.hub.history_queries; });
  page.total("pulsegate_history_failures_total",
             "Reads for those, or for what was missed, that the database did not answer.",
             [](const ShardReport& shard) { return shard.hub.history_failures; });
  page.total("pulsegate_late_points_total", "History points that only a later look at the table found.",
             [](const ShardReport& shard) { return shard.hub.late_points; });
  page.total("pulsegate_gaps_total", "Gap notices caused by the bus, or sent to clients that came back.",
             [](const ShardReport& shard) { return shard.hub.gaps; });
}

void add_resumes(MetricPage& page) {
  page.counter("pulsegate_resumes_total", "Clients that had missed samples of metrics, by how it ended.");
  page.by_name(
      "outcome", kResumeOutcomeNames, [](const ShardReport& shard) -> const auto& { return shard.hub.resumes; });
  page.total("pulsegate_replayed_samples_total", "Samples of the past that were delivered on metrics.",
             [](const ShardReport& shard) { return shard.hub.replayed; });
  page.total("pulsegate_past_reads_total", "Looks at stream and table for what was missed.",
             [](const ShardReport& shard) { return shard.hub.past_reads; });
  page.total("pulsegate_tail_checks_total", "Of those: since a device was silent.",
             [](const ShardReport& shard) { return shard.hub.tail_checks; });
  page.total("pulsegate_silent_losses_total", "Losses on the bus that only such a look has shown.",
             [](const ShardReport& shard) { return shard.hub.silent_losses; });
  page.gauge("pulsegate_remembered_bytes", "Messages kept for clients that come back.")
      .add(page.sum([](const ShardReport& shard) { return shard.hub.remembered_bytes; }));
}

}  // namespace pulsegate::ops
