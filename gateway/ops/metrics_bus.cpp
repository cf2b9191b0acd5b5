// Redis: the connections of the shards, the canary, and streams.
#include <cstddef>
#include <cstdint>
#include <string>

#include "gateway/canary.hpp"
#include "gateway/ops/metric_page.hpp"

namespace pulsegate::ops {
namespace {

// One field of the streams' counters, over all shards.
std::uint64_t stream_sum(const MetricPage& page, std::uint64_t bus::StreamCounters::*field) {
  return page.sum([field](const ShardReport& shard) { return shard.stream ? (*shard.stream).*field : 0; });
}

}  // namespace

void add_bus(MetricPage& page) {
  page.gauge("pulsegate_bus_up", "1 while Redis is connected, by shard.");
  for (std::size_t i = 0; i < page.report().shards.size(); ++i)
    page.add(page.report().shards[i].bus_up ? 1.0 : 0.0, {{"shard", std::to_string(i)}});
  page.total("pulsegate_bus_messages_total", "Messages received from Redis.",
             [](const ShardReport& shard) { return shard.bus.messages; });
  page.total("pulsegate_bus_received_bytes_total", "Payload bytes received from Redis.",
             [](const ShardReport& shard) { return shard.bus.message_bytes; });
  page.total("pulsegate_bus_oversized_total", "Messages dropped since larger than --max-bus-payload.",
             [](const ShardReport& shard) { return shard.bus.oversized; });
  page.total("pulsegate_bus_connects_total", "Successful connects to Redis, the first one included.",
             [](const ShardReport& shard) { return shard.bus.connects; });
  page.total("pulsegate_bus_connect_failures_total", "Failed connects to Redis.",
             [](const ShardReport& shard) { return shard.bus.connect_failures; });
  page.total("pulsegate_bus_disconnects_total", "Lost connections to Redis; each is a gap that is repaired.",
             [](const ShardReport& shard) { return shard.bus.disconnects; });
  page.total("pulsegate_bus_protocol_errors_total", "Unreadable or refusing replies of Redis.",
             [](const ShardReport& shard) { return shard.bus.protocol_errors; });
  page.total("pulsegate_bus_node_changes_total", "Changes of the Redis node that is listened to, as with a failover.",
             [](const ShardReport& shard) { return shard.bus.node_changes; });
  page.total("pulsegate_bus_topics_moved_total",
             "Subscriptions that a node of a sharded cluster ended or referred elsewhere.",
             [](const ShardReport& shard) { return shard.bus.moved_topics; });
  page.total("pulsegate_bus_topics_lost_total", "Redis channels lost alone, while others went on; each is a gap.",
             [](const ShardReport& shard) { return shard.bus.lost_topics; });
  page.gauge("pulsegate_bus_nodes_wanted", "Nodes of a sharded cluster that hold slots.")
      .add(page.sum([](const ShardReport& shard) { return shard.bus.nodes_wanted; }));
  page.gauge("pulsegate_bus_nodes_connected", "Nodes of a sharded cluster that are connected.")
      .add(page.sum([](const ShardReport& shard) { return shard.bus.nodes_connected; }));
  page.gauge("pulsegate_bus_topics_wanted", "Redis channels that devices in use need.")
      .add(page.sum([](const ShardReport& shard) { return shard.bus.wanted_topics; }));
  page.gauge("pulsegate_bus_topics_confirmed", "Redis channels whose subscription is confirmed.")
      .add(page.sum([](const ShardReport& shard) { return shard.bus.confirmed_topics; }));
}

void add_canary(MetricPage& page) {
  const CanaryReport& report = page.report().canary;
  page.gauge("pulsegate_canary_state", "1 for the state that the canary is in.");
  for (std::size_t i = 0; i < kCanaryStateNames.size(); ++i)
    page.add(static_cast<std::size_t>(report.counters.state) == i ? 1.0 : 0.0, {{"state", kCanaryStateNames[i]}});
  page.gauge("pulsegate_canary_age_seconds", "Age of the newest canary that has come back, by shard.");
  for (std::size_t i = 0; i < report.ages.size(); ++i) page.add(report.ages[i], {{"shard", std::to_string(i)}});
  page.histogram_of(
      "pulsegate_canary_round_trip_seconds", "From publishing a canary to its arrival, over all shards.",
      [](const ShardReport& shard) -> const auto& { return shard.canary_round_trip; });
  page.counter("pulsegate_canaries_total", "Canaries, by what became of publishing them.")
      .add(report.counters.published, {{"outcome", "taken"}})
      .add(report.counters.failures, {{"outcome", "failed"}});
}

void add_streams(MetricPage& page) {
  if (page.report().shards.empty() || !page.report().shards.front().stream) return;
  using Counters = bus::StreamCounters;
  const std::uint64_t failed = stream_sum(page, &Counters::failures), missing = stream_sum(page, &Counters::missing);
  page.counter("pulsegate_stream_reads_total", "Reads of Redis Streams, by outcome.")
      .add(stream_sum(page, &Counters::reads) - failed - missing, {{"outcome", "read"}})
      .add(missing, {{"outcome", "no-stream"}})
      .add(failed, {{"outcome", "failed"}});
  page.counter("pulsegate_stream_entries_total", "Entries that those reads returned.")
      .add(stream_sum(page, &Counters::entries));
  page.counter("pulsegate_stream_oversized_total", "Entries left out since larger than --max-bus-payload.")
      .add(stream_sum(page, &Counters::oversized));
  page.counter("pulsegate_stream_reconnects_total", "Connections for reading streams that were made anew.")
      .add(stream_sum(page, &Counters::reconnects));
  page.counter("pulsegate_stream_redirects_total", "Reads of streams that another node of the cluster answered.")
      .add(stream_sum(page, &Counters::redirects));
  page.gauge("pulsegate_stream_reads_in_flight", "Reads of Redis Streams that are not answered yet.")
      .add(stream_sum(page, &Counters::in_flight));
}

}  // namespace pulsegate::ops
