// From counters to metric families. One line per metric where it is a plain sum over the shards.
#include "gateway/ops/metrics.hpp"

#include <array>
#include <cstddef>
#include <map>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/access/token_fault.hpp"
#include "gateway/ops/metric_families.hpp"
#include "gateway/version.hpp"
#include "proto/close_code.hpp"

namespace pulsegate::ops {
namespace {

class Renderer {
 public:
  explicit Renderer(const GatewayReport& report) : report_(report) {}

  std::string render(const ProcessStats& process) {
    gateway();
    connections();
    limits();
    memory();
    access();
    disconnects();
    traffic();
    events();
    devices();
    resume();
    bus();
    canary();
    streams();
    if (report_.storage) {
      database(*report_.storage);
      history(*report_.storage);
    }
    process_metrics(process);
    return families_.text();
  }

 private:
  template <typename Pick>
  std::uint64_t sum(Pick&& pick) const {
    std::uint64_t total = 0;
    for (const ShardReport& shard : report_.shards) total += pick(shard);
    return total;
  }

  // A counter that is a plain sum over the shards.
  template <typename Pick>
  void total(std::string_view name, std::string_view help, Pick&& pick) {
    families_.counter(name, help).add(sum(pick));
  }

  // One label whose values are a fixed list of names; `pick` gives the array that the names belong to.
  template <typename Names, typename Pick>
  void by_name(const char* label, const Names& names, Pick&& pick) {
    for (std::size_t i = 0; i < names.size(); ++i)
      families_.add(sum([&](const ShardReport& shard) { return pick(shard)[i]; }), {{label, std::string(names[i])}});
  }

  template <typename Pick>
  void lag(std::string_view name, std::string_view help, Pick&& pick) {
    LagHistogram all;
    for (const ShardReport& shard : report_.shards) all += pick(shard);
    families_.histogram(name, help, kLagBounds, all.buckets, all.count, all.sum);
  }

  std::vector<std::string> channel_names() const {
    std::vector<std::string> names;
    for (std::size_t i = 0; report_.channels != nullptr && i < report_.channels->size(); ++i)
      names.emplace_back(report_.channels->name(static_cast<proto::Channel>(i)));
    return names;
  }

  void gateway() {
    families_.gauge("pulsegate_build_info", "Always 1; the labels tell the build.")
        .add(1.0, {{"version", kVersion}, {"compiler", __VERSION__}});
    families_.gauge("pulsegate_ready", "1 when /readyz answers 200.").add(report_.ready ? 1.0 : 0.0);
    families_.gauge("pulsegate_draining", "1 once clients are being sent away.").add(report_.draining ? 1.0 : 0.0);
  }

  void connections() {
    families_.gauge("pulsegate_connections", "Open WebSockets, by shard.");
    for (std::size_t i = 0; i < report_.shards.size(); ++i)
      families_.add(report_.shards[i].endpoint.connections, {{"shard", std::to_string(i)}});
    families_.gauge("pulsegate_connections_limit", "Connections that are served at the same time at most.")
        .add(report_.max_connections);
    families_.gauge("pulsegate_handshakes", "Accepted sockets whose opening handshake is not complete.")
        .add(sum([](const ShardReport& shard) { return shard.endpoint.handshaking; }));
    families_.counter("pulsegate_sockets_accepted_total", "Sockets taken by the listener.")
        .add(report_.listener.accepted);
    families_.counter("pulsegate_accept_failures_total", "Failed accepts, for instance for lack of descriptors.")
        .add(report_.listener.failures);
    total("pulsegate_connections_opened_total", "WebSockets opened.",
          [](const ShardReport& shard) { return shard.endpoint.opened; });
    total("pulsegate_handshake_failures_total", "Handshakes that timed out or were not HTTP.",
          [](const ShardReport& shard) { return shard.endpoint.handshake_failures; });
    refusals();
    plain_requests();
  }

  void limits() {
    const ws::ListenerCounters& listener = report_.listener;
    families_.counter("pulsegate_accept_pauses_total", "Times that accepting rested because of --connect-rate.")
        .add(listener.rate_pauses);
    families_.counter("pulsegate_limited_total", "Connections above a limit of their address or subject, by limit.");
    for (std::size_t i = 1; i < pulsegate::access::kLimits; ++i)  // 0 is "none"
      families_.add(report_.limits.limited[i], {{"limit", pulsegate::access::kLimitNames[i]}});
    families_.counter("pulsegate_sockets_dropped_total", "Sockets closed before their request was read, by reason.")
        .add(report_.dropped_full, {{"reason", "full"}})
        .add(report_.dropped_limited, {{"reason", "limited"}})
        .add(listener.without_descriptor, {{"reason", "descriptors"}})
        .add(listener.proxy_failures, {{"reason", "proxy-header"}})
        .add(listener.steer_failures, {{"reason", "request-line"}});
    families_.gauge("pulsegate_client_addresses", "Client addresses that have a connection, where they are counted.")
        .add(report_.limits.addresses);
    families_.gauge("pulsegate_client_subjects", "Subjects that have a connection, where they are counted.")
        .add(report_.limits.subjects);
  }

  void memory() {
    families_.gauge("pulsegate_memory_limit_bytes", "What --memory-limit or the cgroup allows; 0: no limit.")
        .add(report_.memory.limit);
    families_.gauge("pulsegate_memory_used_bytes", "What counts against that limit.").add(report_.memory.used);
    families_.gauge("pulsegate_memory_high", "1 while nobody new is taken on for lack of memory.")
        .add(report_.memory.high ? 1.0 : 0.0);
  }

  void access() {
    families_.counter("pulsegate_auth_failures_total", "Tokens that were no good, or not sent, by reason.");
    by_name(
        "reason", pulsegate::access::kTokenFaultNames,
        [](const ShardReport& shard) -> const auto& { return shard.access.failures; });
    families_.counter("pulsegate_auth_forbidden_total", "What was asked for without the right to it, by what it was.");
    by_name(
        "what", pulsegate::access::kForbiddenNames,
        [](const ShardReport& shard) -> const auto& { return shard.access.forbidden; });
    families_.counter("pulsegate_auth_closed_total", "WebSockets closed since their token holds no more, by reason.");
    by_name(
        "reason", pulsegate::access::kAccessEndNames,
        [](const ShardReport& shard) -> const auto& { return shard.access.ended; });
    total("pulsegate_auth_refreshes_total", "Tokens renewed on an open WebSocket.",
          [](const ShardReport& shard) { return shard.access.refreshes; });
    total("pulsegate_auth_tokens_total", "Tokens looked at.",
          [](const ShardReport& shard) { return shard.access.checks; });
    total("pulsegate_auth_tokens_known_total", "Of those: found good before, so that no signature was checked.",
          [](const ShardReport& shard) { return shard.access.cached; });
    const AccessReloads& reloads = report_.access_reloads;
    families_.counter("pulsegate_auth_reloads_total", "Changed files of keys and revocations, by outcome.")
        .add(reloads.keys, {{"file", "key"}, {"outcome", "loaded"}})
        .add(reloads.keys_failed, {{"file", "key"}, {"outcome", "broken"}})
        .add(reloads.revocations, {{"file", "revocations"}, {"outcome", "loaded"}})
        .add(reloads.revocations_failed, {{"file", "revocations"}, {"outcome", "broken"}});
  }

  void plain_requests() {
    families_.gauge("pulsegate_http_pending", "Plain HTTP requests whose answer is being made or sent.")
        .add(sum([](const ShardReport& shard) { return shard.endpoint.answering; }));
    families_.counter("pulsegate_http_requests_total", "Plain HTTP requests, by route and status.");
    by_status(
        "snapshot", {200, 400, 401, 403, 405, 429, 500, 503, 504},
        [](const ShardReport& shard) -> const auto& { return shard.endpoint.snapshots; });
    by_status(
        "history", {200, 400, 401, 403, 405, 429, 500, 503, 504},
        [](const ShardReport& shard) -> const auto& { return shard.endpoint.histories; });
    by_status(
        "page", {200, 304, 403, 404, 405, 429, 503},
        [](const ShardReport& shard) -> const auto& { return shard.endpoint.pages; });
  }

  template <typename Pick>
  void by_status(const char* route, std::initializer_list<int> usual, Pick&& pick) {
    std::map<std::string, std::uint64_t> statuses{{"none", 0}};
    for (const int status : usual) statuses[std::to_string(status)] = 0;
    for (const ShardReport& shard : report_.shards)
      for (const auto& [status, count] : pick(shard)) statuses[status == 0 ? "none" : std::to_string(status)] += count;
    for (const auto& [status, count] : statuses) families_.add(count, {{"route", route}, {"status", status}});
  }

  // Statuses that the public port gives; anything else would be a surprise, and is counted as "other".
  void refusals() {
    constexpr std::array<std::pair<int, const char*>, 8> kReasons = {{{400, "bad-request"},
                                                                      {401, "unauthorized"},
                                                                      {403, "forbidden"},
                                                                      {404, "not-found"},
                                                                      {405, "method-not-allowed"},
                                                                      {426, "upgrade-required"},
                                                                      {429, "too-many-requests"},
                                                                      {503, "unavailable"}}};
    std::map<std::string, std::uint64_t> reasons{{"full", report_.refused_full}, {"other", 0}};
    for (const auto& [status, reason] : kReasons) reasons[reason] = 0;
    for (const ShardReport& shard : report_.shards)
      for (const auto& [status, count] : shard.endpoint.refused) {
        const char* name = "other";
        for (const auto& [code, reason] : kReasons)
          if (code == status) name = reason;
        reasons[name] += count;
      }
    families_.counter("pulsegate_connections_refused_total", "Connections and requests refused, by reason.");
    for (const auto& [reason, count] : reasons) families_.add(count, {{"reason", reason}});
  }

  // Peers may send any code from 3000 to 4999: only ours become labels.
  void disconnects() {
    std::map<std::string, std::uint64_t> codes{{"abnormal", 0}, {"no-status", 0}, {"other", 0}};
    std::size_t count = 0;
    const proto::CloseInfo* table = proto::close_table(count);
    for (std::size_t i = 0; i < count; ++i) codes[std::string(table[i].name)] = 0;
    for (const ShardReport& shard : report_.shards)
      for (const auto& [code, times] : shard.endpoint.closed) {
        const auto known = proto::find_close_code(code);
        if (known)
          codes[std::string(proto::close_info(*known).name)] += times;
        else
          codes[code == 1006 ? "abnormal" : code == 1005 ? "no-status" : "other"] += times;
      }
    families_.counter("pulsegate_disconnects_total", "WebSockets closed, by the name of the close code.");
    for (const auto& [code, times] : codes) families_.add(times, {{"code", code}});
    families_.counter("pulsegate_sent_away_total", "Clients that were told to reconnect, by reason.");
    families_.add(sum([](const ShardReport& shard) { return shard.endpoint.sent_away_age; }), {{"reason", "age"}});
    families_.add(sum([](const ShardReport& shard) { return shard.endpoint.sent_away_drain; }), {{"reason", "drain"}});
    families_.gauge("pulsegate_connections_overdue", "Older than --max-connection-age, and not sent away yet.")
        .add(sum([](const ShardReport& shard) { return shard.endpoint.overdue; }));
  }

  void traffic() {
    total("pulsegate_received_messages_total", "Messages from clients.",
          [](const ShardReport& shard) { return shard.endpoint.messages_received; });
    total("pulsegate_received_bytes_total", "Bytes of messages from clients.",
          [](const ShardReport& shard) { return shard.endpoint.bytes_received; });
    constexpr std::array<const char*, 3> kTypes = {"subscribe", "unsubscribe", "ping"};
    families_.counter("pulsegate_commands_total", "Commands of clients, by type.");
    by_name(
        "type", kTypes, [](const ShardReport& shard) -> const auto& { return shard.sessions.commands; });
    total("pulsegate_rate_limited_total", "Commands not carried out since a client sent too many.",
          [](const ShardReport& shard) { return shard.sessions.rate_limited; });
    total("pulsegate_throttled_messages_total", "Messages replaced by newer ones, as the client's maxRate asks.",
          [](const ShardReport& shard) { return shard.sessions.throttled; });
    total("pulsegate_throttle_early_total",
          "Messages sent before the time that maxRate asks for, since too much was held.",
          [](const ShardReport& shard) { return shard.sessions.throttle_early; });
    families_.gauge("pulsegate_throttle_held_bytes", "Bytes of messages that wait for the time that maxRate asks for.")
        .add(sum([](const ShardReport& shard) { return shard.sessions.throttle_held_bytes; }));
    families_.gauge("pulsegate_replays_open", "Replays of a device's past that clients watch.")
        .add(sum([](const ShardReport& shard) { return shard.sessions.replays_open; }));
    families_.counter("pulsegate_replays_total", "Replays that have ended, by reason.");
    by_name(
        "reason", kReplayEndNames, [](const ShardReport& shard) -> const auto& { return shard.sessions.replays; });
    total("pulsegate_replayed_messages_total", "Messages of the past that replays sent.",
          [](const ShardReport& shard) { return shard.sessions.replayed_messages; });
    families_.gauge("pulsegate_replay_held_bytes", "Bytes of live messages that wait for the end of a replay.")
        .add(sum([](const ShardReport& shard) { return shard.sessions.replay_held_bytes; }));
    total("pulsegate_error_messages_total", "Messages of type error sent to clients.",
          [](const ShardReport& shard) { return shard.sessions.errors; });
    total("pulsegate_sent_frames_total", "Frames put into outboxes.",
          [](const ShardReport& shard) { return shard.endpoint.frames_sent; });
    total("pulsegate_sent_bytes_total", "Bytes taken by the kernel.",
          [](const ShardReport& shard) { return shard.endpoint.bytes_sent; });
    total("pulsegate_writes_total", "System calls that sent something.",
          [](const ShardReport& shard) { return shard.endpoint.writes; });
    total("pulsegate_conflated_frames_total", "Frames dropped for newer ones, since a client was slow.",
          [](const ShardReport& shard) { return shard.endpoint.conflated; });
    compression();
    families_.gauge("pulsegate_backlog_bytes", "Bytes waiting in all outboxes.").add(sum([](const ShardReport& shard) {
      return shard.endpoint.backlog_bytes;
    }));
    total("pulsegate_backlog_closed_total", "Clients closed since all outboxes together held too much.",
          [](const ShardReport& shard) { return shard.endpoint.backlog_closed; });
  }

  void compression() {
    families_.gauge("pulsegate_compressed_connections", "Open WebSockets that have agreed to compression.")
        .add(sum([](const ShardReport& shard) { return shard.endpoint.compressed_connections; }));
    total("pulsegate_compressions_total", "Frames compressed, each once for all its receivers.",
          [](const ShardReport& shard) { return shard.endpoint.compressions; });
    total("pulsegate_compressed_frames_total", "Frames put into outboxes in compressed form.",
          [](const ShardReport& shard) { return shard.endpoint.compressed_frames_sent; });
    total("pulsegate_compression_saved_bytes_total", "Bytes by which those frames are shorter.",
          [](const ShardReport& shard) { return shard.endpoint.compression_saved_bytes; });
    total("pulsegate_received_compressed_total", "Messages from clients that came compressed.",
          [](const ShardReport& shard) { return shard.endpoint.compressed_received; });
    total("pulsegate_inflated_bytes_total", "Bytes of those messages once inflated.",
          [](const ShardReport& shard) { return shard.endpoint.inflated_bytes; });
  }

  void events() {
    families_.counter("pulsegate_events_total", "Events received for devices in use, by kind.");
    by_name(
        "kind", kTopicKindNames, [](const ShardReport& shard) -> const auto& { return shard.hub.events; });
    families_.counter("pulsegate_events_dropped_total", "Events not forwarded, by reason.");
    by_name(
        "reason", kEventDropNames, [](const ShardReport& shard) -> const auto& { return shard.hub.dropped; });
    total("pulsegate_events_doubled_total", "Reports that were published twice.",
          [](const ShardReport& shard) { return shard.hub.doubled; });
    families_.counter("pulsegate_deliveries_total", "Messages handed to clients, by channel.");
    by_name(
        "channel", channel_names(), [](const ShardReport& shard) -> const auto& { return shard.hub.messages; });
    families_.add(sum([](const ShardReport& shard) { return shard.hub.broadcasts; }), {{"channel", "broadcast"}});

    lag(
        "pulsegate_event_age_seconds", "From an event's own time to its fan-out.",
        [](const ShardReport& shard) -> const auto& { return shard.hub.event_age; });
    lag(
        "pulsegate_bus_lag_seconds", "From an event's own time until it was handed to the sockets of its clients.",
        [](const ShardReport& shard) -> const auto& { return shard.endpoint.bus_lag; });
  }

  void devices() {
    families_.gauge("pulsegate_subscriptions", "Subscriptions of clients, by channel.");
    by_name(
        "channel", channel_names(), [](const ShardReport& shard) -> const auto& { return shard.hub.subscriptions; });
    families_.gauge("pulsegate_fleet_connections", "Open WebSockets of many devices.")
        .add(sum([](const ShardReport& shard) { return shard.sessions.fleet_connections; }));
    families_.gauge("pulsegate_fleet_devices", "Devices that these watch, once for each WebSocket.")
        .add(sum([](const ShardReport& shard) { return shard.sessions.fleet_devices; }));
    families_.gauge("pulsegate_devices", "Devices in memory, by phase.");
    by_name(
        "phase", kDevicePhaseNames, [](const ShardReport& shard) -> const auto& { return shard.hub.devices; });
    families_.gauge("pulsegate_devices_by_freshness", "Devices in memory, by what their clients are told of them.");
    by_name(
        "state", kFreshnessNames, [](const ShardReport& shard) -> const auto& { return shard.hub.freshness; });
    total("pulsegate_device_silences_total", "Devices that became stale.",
          [](const ShardReport& shard) { return shard.hub.silences; });
    families_.counter("pulsegate_snapshot_reads_total", "Snapshots that devices asked for, by reason.");
    for (std::size_t i = 0; i < storage::kReadReasons; ++i)
      families_.add(sum([i](const ShardReport& shard) { return shard.hub.snapshot_reads[i]; }),
                    {{"reason", std::string(storage::name(static_cast<storage::ReadReason>(i)))}});
    total("pulsegate_snapshot_failures_total", "Snapshots that could not be read.",
          [](const ShardReport& shard) { return shard.hub.snapshot_failures; });
    total("pulsegate_memory_snapshots_total", "Subscriptions served from memory, without SQL.",
          [](const ShardReport& shard) { return shard.hub.memory_snapshots; });
    total("pulsegate_history_queries_total", "History queries of clients.",
          [](const ShardReport& shard) { return shard.hub.history_queries; });
    total("pulsegate_history_failures_total",
          "Reads for those, or for what was missed, that the database did not answer.",
          [](const ShardReport& shard) { return shard.hub.history_failures; });
    total("pulsegate_late_points_total", "History points that only a later look at the table found.",
          [](const ShardReport& shard) { return shard.hub.late_points; });
    total("pulsegate_gaps_total", "Gap notices caused by the bus, or sent to clients that came back.",
          [](const ShardReport& shard) { return shard.hub.gaps; });
  }

  void resume() {
    families_.counter("pulsegate_resumes_total", "Clients that had missed samples of metrics, by how it ended.");
    by_name(
        "outcome", kResumeOutcomeNames, [](const ShardReport& shard) -> const auto& { return shard.hub.resumes; });
    total("pulsegate_replayed_samples_total", "Samples of the past that were delivered on metrics.",
          [](const ShardReport& shard) { return shard.hub.replayed; });
    total("pulsegate_past_reads_total", "Looks at stream and table for what was missed.",
          [](const ShardReport& shard) { return shard.hub.past_reads; });
    total("pulsegate_tail_checks_total", "Of those: since a device was silent.",
          [](const ShardReport& shard) { return shard.hub.tail_checks; });
    total("pulsegate_silent_losses_total", "Losses on the bus that only such a look has shown.",
          [](const ShardReport& shard) { return shard.hub.silent_losses; });
    families_.gauge("pulsegate_remembered_bytes", "Messages kept for clients that come back.")
        .add(sum([](const ShardReport& shard) { return shard.hub.remembered_bytes; }));
  }

  void bus() {
    families_.gauge("pulsegate_bus_up", "1 while Redis is connected, by shard.");
    for (std::size_t i = 0; i < report_.shards.size(); ++i)
      families_.add(report_.shards[i].bus_up ? 1.0 : 0.0, {{"shard", std::to_string(i)}});
    total("pulsegate_bus_messages_total", "Messages received from Redis.",
          [](const ShardReport& shard) { return shard.bus.messages; });
    total("pulsegate_bus_received_bytes_total", "Payload bytes received from Redis.",
          [](const ShardReport& shard) { return shard.bus.message_bytes; });
    total("pulsegate_bus_oversized_total", "Messages dropped since larger than --max-bus-payload.",
          [](const ShardReport& shard) { return shard.bus.oversized; });
    total("pulsegate_bus_connects_total", "Successful connects to Redis, the first one included.",
          [](const ShardReport& shard) { return shard.bus.connects; });
    total("pulsegate_bus_connect_failures_total", "Failed connects to Redis.",
          [](const ShardReport& shard) { return shard.bus.connect_failures; });
    total("pulsegate_bus_disconnects_total", "Lost connections to Redis; each is a gap that is repaired.",
          [](const ShardReport& shard) { return shard.bus.disconnects; });
    total("pulsegate_bus_protocol_errors_total", "Unreadable or refusing replies of Redis.",
          [](const ShardReport& shard) { return shard.bus.protocol_errors; });
    total("pulsegate_bus_node_changes_total", "Changes of the Redis node that is listened to, as with a failover.",
          [](const ShardReport& shard) { return shard.bus.node_changes; });
    total("pulsegate_bus_topics_moved_total",
          "Subscriptions that a node of a sharded cluster ended or referred elsewhere.",
          [](const ShardReport& shard) { return shard.bus.moved_topics; });
    total("pulsegate_bus_topics_lost_total", "Redis channels lost alone, while others went on; each is a gap.",
          [](const ShardReport& shard) { return shard.bus.lost_topics; });
    families_.gauge("pulsegate_bus_nodes_wanted", "Nodes of a sharded cluster that hold slots.")
        .add(sum([](const ShardReport& shard) { return shard.bus.nodes_wanted; }));
    families_.gauge("pulsegate_bus_nodes_connected", "Nodes of a sharded cluster that are connected.")
        .add(sum([](const ShardReport& shard) { return shard.bus.nodes_connected; }));
    families_.gauge("pulsegate_bus_topics_wanted", "Redis channels that devices in use need.")
        .add(sum([](const ShardReport& shard) { return shard.bus.wanted_topics; }));
    families_.gauge("pulsegate_bus_topics_confirmed", "Redis channels whose subscription is confirmed.")
        .add(sum([](const ShardReport& shard) { return shard.bus.confirmed_topics; }));
  }

  void canary() {
    const CanaryReport& report = report_.canary;
    families_.gauge("pulsegate_canary_state", "1 for the state that the canary is in.");
    for (std::size_t i = 0; i < kCanaryStateNames.size(); ++i)
      families_.add(static_cast<std::size_t>(report.counters.state) == i ? 1.0 : 0.0,
                    {{"state", kCanaryStateNames[i]}});
    families_.gauge("pulsegate_canary_age_seconds", "Age of the newest canary that has come back, by shard.");
    for (std::size_t i = 0; i < report.ages.size(); ++i) families_.add(report.ages[i], {{"shard", std::to_string(i)}});
    lag(
        "pulsegate_canary_round_trip_seconds", "From publishing a canary to its arrival, over all shards.",
        [](const ShardReport& shard) -> const auto& { return shard.canary_round_trip; });
    families_.counter("pulsegate_canaries_total", "Canaries, by what became of publishing them.")
        .add(report.counters.published, {{"outcome", "taken"}})
        .add(report.counters.failures, {{"outcome", "failed"}});
  }

  // One field of the streams' counters, over all shards.
  std::uint64_t stream_sum(std::uint64_t bus::StreamCounters::*field) const {
    return sum([field](const ShardReport& shard) { return shard.stream ? (*shard.stream).*field : 0; });
  }

  void streams() {
    if (report_.shards.empty() || !report_.shards.front().stream) return;
    using Counters = bus::StreamCounters;
    const std::uint64_t failed = stream_sum(&Counters::failures), missing = stream_sum(&Counters::missing);
    families_.counter("pulsegate_stream_reads_total", "Reads of Redis Streams, by outcome.")
        .add(stream_sum(&Counters::reads) - failed - missing, {{"outcome", "read"}})
        .add(missing, {{"outcome", "no-stream"}})
        .add(failed, {{"outcome", "failed"}});
    families_.counter("pulsegate_stream_entries_total", "Entries that those reads returned.")
        .add(stream_sum(&Counters::entries));
    families_.counter("pulsegate_stream_oversized_total", "Entries left out since larger than --max-bus-payload.")
        .add(stream_sum(&Counters::oversized));
    families_.counter("pulsegate_stream_reconnects_total", "Connections for reading streams that were made anew.")
        .add(stream_sum(&Counters::reconnects));
    families_.counter("pulsegate_stream_redirects_total", "Reads of streams that another node of the cluster answered.")
        .add(stream_sum(&Counters::redirects));
    families_.gauge("pulsegate_stream_reads_in_flight", "Reads of Redis Streams that are not answered yet.")
        .add(stream_sum(&Counters::in_flight));
  }

  void database(const storage::SourceCounters& storage) {
    bool up = true;
    for (const ShardReport& shard : report_.shards) up = up && shard.database_up;
    families_.gauge("pulsegate_database_up", "0 since a shard found PostgreSQL unreachable, until a read succeeds.")
        .add(up ? 1.0 : 0.0);
    families_.counter("pulsegate_database_reads_total", "Snapshot reads that reached the database, by reason.");
    for (std::size_t i = 0; i < storage::kReadReasons; ++i)
      families_.add(storage.reads[i], {{"reason", std::string(storage::name(static_cast<storage::ReadReason>(i)))}});
    families_.counter("pulsegate_database_shared_reads_total", "Snapshot reads answered by another one in flight.")
        .add(storage.shared);
    families_.counter("pulsegate_snapshot_cache_hits_total", "Snapshots answered by one of the last second.")
        .add(storage.cache_hits);
    families_.gauge("pulsegate_snapshot_cache_bytes", "What those take in memory.").add(storage.cache_bytes);
    families_.counter("pulsegate_database_rate_waits_total", "Reads that had to wait because of --sql-rate.")
        .add(storage.rate_waits);
    families_.counter("pulsegate_database_rate_sheds_total", "Of those: given up when the lease ended.")
        .add(storage.rate_sheds);
    families_.counter("pulsegate_database_errors_total", "Failed reads, by error.");
    for (std::size_t i = 1; i < std::size(storage.errors); ++i)  // 0 is "none"
      families_.add(storage.errors[i], {{"error", std::string(storage::name(static_cast<storage::SnapshotError>(i)))}});
    families_.counter("pulsegate_database_reconnects_total", "Connections to PostgreSQL that were made anew.")
        .add(storage.reconnects);
    families_.gauge("pulsegate_database_queue_depth", "Snapshot reads waiting for a thread.").add(storage.queue_depth);
    families_.gauge("pulsegate_database_connections", "Established connections to PostgreSQL.")
        .add(storage.connections);
    families_.histogram("pulsegate_database_read_seconds", "Time of a whole snapshot read, queue included.",
                        storage::kReadSecondsBuckets, uncumulated(storage.read_seconds_buckets),
                        storage.read_seconds_count, storage.read_seconds_sum);
  }

  void history(const storage::SourceCounters& storage) {
    families_.counter("pulsegate_history_reads_total", "Reads of the past that reached the database, by kind.");
    families_.add(storage.history_ranges, {{"kind", "range"}});
    families_.add(storage.history_afters, {{"kind", "after"}});
    families_.counter("pulsegate_history_reduced_total", "Ranges so long that the database reduced them.")
        .add(storage.history_reduced);
    families_.counter("pulsegate_history_rows_total", "Rows that those reads returned.").add(storage.history_rows);
    families_.histogram("pulsegate_history_read_seconds", "Time of a whole read of the past, queue included.",
                        storage::kReadSecondsBuckets, uncumulated(storage.history_seconds_buckets),
                        storage.history_seconds_count, storage.history_seconds_sum);
  }

  static std::vector<std::uint64_t> uncumulated(std::vector<std::uint64_t> buckets) {
    for (std::size_t i = buckets.size(); i > 1; --i) buckets[i - 1] -= buckets[i - 2];
    return buckets;
  }

  void process_metrics(const ProcessStats& process) {
    families_.counter("process_cpu_seconds_total", "User and system CPU time.").add(process.cpu_seconds);
    families_.gauge("process_start_time_seconds", "Start of the process, Unix time.").add(process.start_time_seconds);
    families_.gauge("process_resident_memory_bytes", "Resident memory.").add(process.resident_bytes);
    families_.gauge("process_virtual_memory_bytes", "Virtual memory.").add(process.virtual_bytes);
    families_.gauge("process_threads", "Threads.").add(process.threads);
    families_.gauge("process_open_fds", "Open file descriptors.").add(process.open_fds);
    families_.gauge("process_max_fds", "Limit of open file descriptors.").add(process.max_fds);
  }

  const GatewayReport& report_;
  Families families_;
};

}  // namespace

std::string render_metrics(const GatewayReport& report, const ProcessStats& process) {
  return Renderer(report).render(process);
}

std::string render_metrics(const GatewayReport& report) {
  return render_metrics(report, read_process_stats());
}

}  // namespace pulsegate::ops
