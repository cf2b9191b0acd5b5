// Everything that an operator can set for `pulsegate serve`, after validation. How it is read (flags, environment,
// file) is the business of commands/options; here are the defaults with their unit and reason.
#pragma once

#include <chrono>
#include <cstddef>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "proto/limits.hpp"

namespace pulsegate {

using Millis = std::chrono::milliseconds;

struct Address {
  std::string host;        // numeric or a name; IPv6 without brackets
  std::uint16_t port = 0;  // 0: the system chooses, see the `serving` log line
};

struct Config {
  // Where it listens.
  Address listen{"0.0.0.0", 8080};   // clients
  Address health{"0.0.0.0", 9091};   // kubelet and Prometheus: /healthz, /readyz, /metrics
  Address admin{"127.0.0.1", 9090};  // operators: the same and the /api/v1 and /drain paths
  std::size_t shards = 1;            // threads that serve clients, 1–64
  bool no_dashboard = false;         // the page is not served at /

  // Redis.
  std::string redis = "redis://127.0.0.1:6379/0";  // may hold a password: never logged as it is
  std::string redis_ca;                            // PEM files for rediss://; empty: the system's CAs
  std::string redis_cert;                          // with redis_key; empty: no client certificate
  std::string redis_key;
  bool redis_sharded = false;                 // of a cluster: SSUBSCRIBE, for publishers that SPUBLISH
  std::string redis_server_name;              // empty: the host of the URL
  std::string topic_prefix;                   // put before "device:<uuid>:<kind>"
  bool trace_context = false;                 // pass on `traceparent` and `tracestate` of events
  std::vector<std::string> pass_through;      // --channel NAME
  std::string stream_key = "metrics:{uuid}";  // key of a device's stream; empty: `--stream-key none`

  // PostgreSQL; nullopt: `--database none`, snapshots then come from what the bus has shown.
  std::optional<std::string> database;
  std::string sql_profile = "guide";  // or "devices-table"
  std::string sql_file;               // overrides single statements; empty: none
  std::size_t database_threads = 4;
  std::size_t snapshot_queue = 1024;  // waiting reads; more are answered `overloaded`
  Millis snapshot_lease{2'000};       // longest wait for a free connection
  Millis statement_timeout{5'000};
  double sql_rate = 1'000;  // reads a second of all kinds, twice as many at once after a calm time; 0: no limit

  // Devices.
  Millis linger{30'000};   // subscription kept after the last client left: a page reload must not churn
  Millis row_lag{15'000};  // longest time from an event to its row
  Millis reread{300'000};  // bounded re-read of a hot device; 0: off
  Millis gap_tolerance{
      1'000};  // events published so long before our bus confirmation may still have no row (clock error)
  // Shortest silence that makes a device `stale`, however often it reports; 0: none does.
  Millis stale_after{15'000};
  std::size_t history_points = proto::limits::kHistoryPoints;
  Millis history_min_interval{1'000};  // `history` in replace form at most so often
  std::map<std::string, Millis> refresh{{"system-info", Millis(30'000)},
                                        {"processes", Millis(60'000)},
                                        {"history", Millis(30'000)},
                                        {"network-interfaces", Millis(30'000)}};  // --refresh CHANNEL=DURATION; 0: off
  // Reads a second that the gateway starts by itself: repairs, second looks, what was missed, silent devices.
  double repair_rate = 500;
  // What a device remembers of `metrics` for clients that come back with `since`: two minutes of a report every 2 s.
  std::size_t resume_events = 64;
  std::size_t resume_bytes = 128 * 1024;           // of their messages; at least the last one is kept
  std::size_t resume_memory = 64UL * 1024 * 1024;  // of all devices of the process, in equal shares
  Millis resume_hold{5'000};  // live samples wait so long for missed ones; 0: never, what is not found then is a gap
  // A device that has been silent for so long is compared with its stream and table; 0: only before it is called stale.
  Millis tail_check{30'000};
  std::string time_zone = "UTC";      // of `time` in history points
  bool history_time_iso = false;      // --history-time iso
  bool legacy_append = false;         // --legacy-history append
  std::size_t max_devices = 200'000;  // devices with a bus subscription, per process

  // Clients.
  std::size_t max_connections = 50'000;  // also kept below the limit of file descriptors
  std::size_t max_fleet_devices = 256;   // of one connection of many devices
  // Of one client address (an IPv6 /64) or one token's subject; 0: no limit. nullopt: see gateway/server_limits.hpp.
  std::optional<std::size_t> max_connections_per_address;
  std::size_t max_connections_per_subject = 0;
  double connect_rate = 5'000;  // connections taken a second, as many at once; more wait in the kernel; 0: any
  std::optional<double> connect_rate_per_address;    // a second, ten times as many at once; 0: any
  std::optional<double> handshake_failure_rate;      // the same, of handshakes that failed
  std::vector<std::string> trusted_proxies;          // networks; the header of these names the client
  std::string forwarded_header = "x-forwarded-for";  // or "forwarded"
  std::vector<std::string> proxy_protocol;           // networks; peers that send a PROXY header
  std::optional<std::size_t> memory_limit;           // bytes; 0: none; nullopt: that of the cgroup
  double memory_soft_limit = 85;                     // percent of it, above which nobody new comes in
  std::size_t backlog_limit = 256UL * 1024 * 1024;   // bytes, all clients together, in equal shares of the shards
  std::size_t max_message_size = proto::limits::kMaxInboundMessage;
  std::size_t max_bus_payload = proto::limits::kMaxBusPayload;
  double command_rate = 20;  // commands a second per client
  double command_burst = 60;
  Millis handshake_timeout{5'000};
  Millis answer_timeout{30'000};  // of a plain HTTP request: to make the answer, and again for the client to take it
  Millis ping_interval{25'000};
  Millis idle_timeout{55'000};
  std::size_t coalesce_ms = 0;             // a write of events waits so long for more that leave with it
  std::size_t conflate_above = 64 * 1024;  // bytes of a session's backlog
  std::size_t close_above = 1024 * 1024;
  Millis stalled_after{30'000};
  bool compress = false;          // permessage-deflate, where a client offers it
  std::string replay = "debug";   // who may have a device's past replayed: "off", "debug" (by the scope), "all"
  Millis replay_span{3'600'000};  // of one replay
  std::size_t max_replays = 4;    // at the same time, per process

  // Authentication. Files are read again when they change.
  std::string auth;                        // "none", "jwt"; empty: "jwt" where there is a key, else open with a warning
  std::vector<std::string> jwt_keys;       // [KID=]FILE
  std::vector<std::string> jwt_issuers;    // empty: any
  std::vector<std::string> jwt_audiences;  // empty: any
  std::vector<std::string> jwt_required;   // CLAIM=VALUE
  bool jwt_require_devices = false;        // a token without the devices claim is refused, instead of seeing all
  Millis jwt_leeway{30'000};               // that clocks may differ
  std::string jwt_subject_claim = "sub";
  std::string jwt_devices_claim = "devices";
  std::string jwt_channels_claim = "channels";
  std::string jwt_scope_claim = "scope";
  double jwt_check_rate = 500;               // signatures checked with public keys, a second and shard; 0: no limit
  std::string revocation_file;               // empty: none
  std::vector<std::string> allowed_origins;  // empty: any
  std::vector<std::string> allowed_hosts;    // empty: any
  // Readiness.
  std::string readiness = "canary";  // or "basic": serves and does not drain
  Millis canary{5'000};              // between two canaries; 0: `--canary off`

  // Life cycle and logs.
  Millis drain_time{15'000};        // clients are sent away spread over this time
  Millis drain_delay{0};            // … and served as ever for this time before it, while readiness is off
  Millis max_connection_age{0};     // a connection is sent away after this time, give or take a tenth; 0: never
  std::string log_format = "text";  // or "json"
  std::string log_level = "info";   // trace, debug, info, warn, error
  double log_client_lines = 100;    // a second of each event that clients cause; 0: no limit
};

}  // namespace pulsegate
