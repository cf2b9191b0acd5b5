// What clients send, and what they are sent.
#include <array>

#include "gateway/ops/metric_page.hpp"

namespace pulsegate::ops {
namespace {

void add_compression(MetricPage& page) {
  page.gauge("pulsegate_compressed_connections", "Open WebSockets that have agreed to compression.")
      .add(page.sum([](const ShardReport& shard) { return shard.endpoint.compressed_connections; }));
  page.total("pulsegate_compressions_total", "Frames compressed, each once for all its receivers.",
             [](const ShardReport& shard) { return shard.endpoint.compressions; });
  page.total("pulsegate_compressed_frames_total", "Frames put into outboxes in compressed form.",
             [](const ShardReport& shard) { return shard.endpoint.compressed_frames_sent; });
  page.total("pulsegate_compression_saved_bytes_total", "Bytes by which those frames are shorter.",
             [](const ShardReport& shard) { return shard.endpoint.compression_saved_bytes; });
  page.total("pulsegate_received_compressed_total", "Messages from clients that came compressed.",
             [](const ShardReport& shard) { return shard.endpoint.compressed_received; });
  page.total("pulsegate_inflated_bytes_total", "Bytes of those messages once inflated.",
             [](const ShardReport& shard) { return shard.endpoint.inflated_bytes; });
}

}  // namespace

void add_traffic(MetricPage& page) {
  page.total("pulsegate_received_messages_total", "Messages from clients.",
             [](const ShardReport& shard) { return shard.endpoint.messages_received; });
  page.total("pulsegate_received_bytes_total", "Bytes of messages from clients.",
             [](const ShardReport& shard) { return shard.endpoint.bytes_received; });
  constexpr std::array<const char*, 3> kTypes = {"subscribe", "unsubscribe", "ping"};
  page.counter("pulsegate_commands_total", "Commands of clients, by type.");
  page.by_name(
      "type", kTypes, [](const ShardReport& shard) -> const auto& { return shard.sessions.commands; });
  page.total("pulsegate_rate_limited_total", "Commands not carried out since a client sent too many.",
             [](const ShardReport& shard) { return shard.sessions.rate_limited; });
  page.total("pulsegate_throttled_messages_total", "Messages replaced by newer ones, as the client's maxRate asks.",
             [](const ShardReport& shard) { return shard.sessions.throttled; });
  page.total("pulsegate_throttle_early_total",
             "Messages sent before the time that maxRate asks for, since too much was held.",
             [](const ShardReport& shard) { return shard.sessions.throttle_early; });
  page.gauge("pulsegate_throttle_held_bytes", "Bytes of messages that wait for the time that maxRate asks for.")
      .add(page.sum([](const ShardReport& shard) { return shard.sessions.throttle_held_bytes; }));
  page.gauge("pulsegate_replays_open", "Replays of a device's past that clients watch.")
      .add(page.sum([](const ShardReport& shard) { return shard.sessions.replays_open; }));
  page.counter("pulsegate_replays_total", "Replays that have ended, by reason.");
  page.by_name(
      "reason", kReplayEndNames, [](const ShardReport& shard) -> const auto& { return shard.sessions.replays; });
  page.total("pulsegate_replayed_messages_total", "Messages of the past that replays sent.",
             [](const ShardReport& shard) { return shard.sessions.replayed_messages; });
  page.gauge("pulsegate_replay_held_bytes", "Bytes of live messages that wait for the end of a replay.")
      .add(page.sum([](const ShardReport& shard) { return shard.sessions.replay_held_bytes; }));
  page.total("pulsegate_error_messages_total", "Messages of type error sent to clients.",
             [](const ShardReport& shard) { return shard.sessions.errors; });
  page.total("pulsegate_sent_frames_total", "Frames put into outboxes.",
             [](const ShardReport& shard) { return shard.endpoint.frames_sent; });
  page.total("pulsegate_sent_bytes_total", "Bytes taken by the kernel.",
             [](const ShardReport& shard) { return shard.endpoint.bytes_sent; });
  page.total("pulsegate_writes_total", "System calls that sent something.",
             [](const ShardReport& shard) { return shard.endpoint.writes; });
  page.total("pulsegate_conflated_frames_total", "Frames dropped for newer ones, since a client was slow.",
             [](const ShardReport& shard) { return shard.endpoint.conflated; });
  add_compression(page);
  page.gauge("pulsegate_backlog_bytes", "Bytes waiting in all outboxes.").add(page.sum([](const ShardReport& shard) {
    return shard.endpoint.backlog_bytes;
  }));
  page.total("pulsegate_backlog_closed_total", "Clients closed since all outboxes together held too much.",
             [](const ShardReport& shard) { return shard.endpoint.backlog_closed; });
}

}  // namespace pulsegate::ops
