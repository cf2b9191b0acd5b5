// The rows of the option table: what each setting means, its bounds, and when an operator would change it. Data, hence
// long.
#include <utility>

#include "gateway/commands/option_table.hpp"

namespace pulsegate::commands {
namespace {

using Kind = Option::Kind;

constexpr const char* kListening = "Listening";
constexpr const char* kRedis = "Redis";
constexpr const char* kPostgres = "PostgreSQL";
constexpr const char* kDevices = "Devices";
constexpr const char* kClients = "Clients";
constexpr const char* kLife = "Life cycle and logs";

constexpr Millis ms(std::int64_t value) {
  return Millis(value);
}
constexpr Millis sec(std::int64_t value) {
  return Millis(value * 1'000);
}
constexpr Millis hours(std::int64_t value) {
  return Millis(value * 3'600'000);
}
constexpr std::size_t kKi = 1024, kMi = 1024 * 1024;

Option row(const char* flag, const char* metavar, const char* group, OptionAccess access, const char* help,
           const char* manual = "") {
  return Option{flag, metavar, group, help, manual, std::move(access)};
}

Option from_file(const char* flag, const char* group, const char* target, const char* example, const char* help,
                 const char* manual) {
  Option option{flag, "FILE", group, help, manual, OptionAccess{}, Kind::from_file};
  option.target = target;
  option.example = example;
  return option;
}

Option with_example(Option option, const char* example) {
  option.example = example;
  return option;
}

Option list(Option option, const char* example) {
  return with_example(as_list(std::move(option)), example);
}

Option secret(Option option) {
  option.secret = true;
  return option;
}

void add_listening(std::vector<Option>& rows) {
  rows.push_back(row("--listen", "HOST:PORT", kListening, option_address(&Config::listen), "Address for clients",
                     "`:8080` is every IPv4 address, `[::]:8080` every address, port 0 lets the system choose."));
  rows.push_back(row("--health", "HOST:PORT", kListening, option_address(&Config::health),
                     "Address for /healthz, /readyz and /metrics",
                     "The kubelet and Prometheus come from outside the pod, so this is not a loopback address."));
  rows.push_back(row("--admin", "HOST:PORT", kListening, option_address(&Config::admin),
                     "Address for operators: client counts, broadcast, drain, /debug paths",
                     "/debug/devices/UUID and /debug/sessions/ID say why a panel is silent, PUT /debug/log-level "
                     "changes log-level while it runs. Nobody is asked for a password here: keep it on a loopback "
                     "address."));
  rows.push_back(
      row("--shards", "N", kListening, option_count(&Config::shards, 1, 64), "Threads that serve clients, 1 to 64",
          "One is enough beside an API pod; on a node of its own, one per core. A device lives on one shard."));
  Option dashboard = row(
      "--no-dashboard", "", kListening, option_switch(&Config::no_dashboard), "Do not serve the dashboard page at /",
      "The page is the same for everybody and asks for no token; what it shows, it asks for with one as every "
      "client does.");
  dashboard.kind = Kind::toggle;
  rows.push_back(std::move(dashboard));
}

void add_redis(std::vector<Option>& rows) {
  rows.push_back(secret(row("--redis", "URL", kRedis, option_text(&Config::redis),
                            "Redis that the API server publishes to, redis://, unix://, redis-sentinel:// or "
                            "redis-cluster://",
                            "redis://[user[:password]@]host[:port][/db], unix://[user:password@]/path?db=N, "
                            "redis-sentinel://[user:password@]host[:port],host[:port]/master?db=N, where "
                            "&sentinel-user= and &sentinel-password= are for the Sentinels themselves, or "
                            "redis-cluster://[user:password@]host[:port],host[:port] with some of the nodes. With "
                            "rediss instead of redis they are over TLS. With a password prefer redis-file, since flags "
                            "can be read by every user of the machine.")));
  rows.push_back(from_file("--redis-file", kRedis, "--redis", "/run/secrets/redis-url", "File that holds the Redis URL",
                           "Instead of redis. A newline at the end of the file is dropped."));
  add_redis_rows(rows);
  rows.push_back(with_example(row("--topic-prefix", "TEXT", kRedis, option_text(&Config::topic_prefix),
                                  "Text before device:<uuid>:<kind> in Redis channel names",
                                  "For multi-tenant installations; braces are literal."),
                              "tenant:{acme}:"));
  rows.push_back(row("--trace-context", "SWITCH", kRedis, option_switch(&Config::trace_context),
                     "Pass on traceparent and tracestate (W3C) of events: on or off",
                     "Members of the envelope that the API server publishes become members of the messages that are "
                     "made of it; the log tells at the level debug who was sent it. What is malformed is left out."));
  rows.push_back(row("--stream-key", "KEY", kRedis, option_stream_key(),
                     "Redis Stream in which the API server keeps a device's metrics, or none",
                     "What clients missed is looked up there first. {uuid} stands for the device's UUID; topic-prefix "
                     "is not put before it. The Redis user needs +xrange +exists ~metrics:* for it."));
  rows.push_back(list(row("--channel", "NAME", kRedis, option_channels(),
                          "Pass-through channel: device:<uuid>:NAME verbatim; may be repeated",
                          "Clients subscribe to it by its name. Lower case letters, digits and dashes, up to 32."),
                      "logs"));
}

void add_postgres(std::vector<Option>& rows) {
  rows.push_back(
      secret(row("--database", "CONNECTION", kPostgres, option_database(), "PostgreSQL as key=value pairs, or none",
                 "For first snapshots and history windows, for instance host=127.0.0.1 dbname=iot "
                 "user=pulsegate. With none, snapshots come from what the bus has shown.")));
  rows.push_back(from_file("--database-file", kPostgres, "--database", "/run/secrets/database",
                           "File that holds the connection string",
                           "Instead of database. A newline at the end of the file is dropped."));
  rows.push_back(row("--sql-profile", "NAME", kPostgres, option_word(&Config::sql_profile, {"guide", "devices-table"}),
                     "Tables to read: guide or devices-table",
                     "devices-table is for installations that keep the latest state in a table `devices`."));
  rows.push_back(
      with_example(row("--sql-file", "FILE", kPostgres, option_text(&Config::sql_file),
                       "File with SQL statements that replace those of the profile",
                       "Sections `-- name: metrics_window`, `-- name: latest_state`; see storage/README.md."),
                   "/etc/pulsegate/statements.sql"));
  rows.push_back(row("--database-threads", "N", kPostgres, option_count(&Config::database_threads, 1, 64),
                     "Threads, each with one connection, 1 to 64",
                     "Serves all shards; the database sees at most so many connections of one gateway."));
  rows.push_back(row("--snapshot-queue", "N", kPostgres, option_count(&Config::snapshot_queue, 1, 1'000'000),
                     "Snapshot reads that may wait for a thread; more are tried again later"));
  rows.push_back(row("--snapshot-lease", "DURATION", kPostgres,
                     option_duration(&Config::snapshot_lease, ms(10), sec(300)),
                     "Longest wait of a snapshot read for a free connection"));
  rows.push_back(row("--statement-timeout", "DURATION", kPostgres,
                     option_duration(&Config::statement_timeout, ms(10), sec(600)),
                     "PostgreSQL cancels a statement after this time"));
  rows.push_back(row("--sql-rate", "N", kPostgres, option_real(&Config::sql_rate, 0, 1'000'000),
                     "Reads a second that PostgreSQL sees at most; 0: no limit",
                     "Twice as many at once after a calm time. What is more waits within the lease."));
}

// For clients that come back with `since`, and for those that were there while the bus was away.
void add_resume(std::vector<Option>& rows) {
  rows.push_back(row("--resume-events", "N", kDevices, option_count(&Config::resume_events, 1, 10'000),
                     "Messages of `metrics` that a device remembers for clients that come back, 1 to 10000",
                     "What was missed and is older is looked up in the stream and the table. Four times as many, and "
                     "twice resume-bytes, while that is under way."));
  rows.push_back(
      row("--resume-bytes", "SIZE", kDevices, option_size(&Config::resume_bytes, kKi, 64 * kMi),
          "Bytes of those messages, per device",
          "A client gets them at once, twice as many if live ones have waited: less than half of close-above, "
          "else coming back could close it."));
  rows.push_back(row("--resume-memory", "SIZE", kDevices, option_size(&Config::resume_memory, kMi, 65'536 * kMi),
                     "Bytes of those messages, all devices together",
                     "Each device has an equal share, and keeps its last message in any case. "
                     "pulsegate_remembered_bytes shows what is used."));
  rows.push_back(row("--resume-hold", "DURATION", kDevices, option_duration(&Config::resume_hold, ms(0), sec(60)),
                     "Live samples of a client wait for the ones that it missed, no longer than this",
                     "What is not found by then is told as a gap. With 0 live samples never wait: what is neither "
                     "remembered nor found before the next one is a gap. Raise it towards row-lag where there is no "
                     "stream, and gaps matter more than delay."));
  rows.push_back(row("--tail-check", "DURATION", kDevices, option_duration(&Config::tail_check, ms(0), hours(24)),
                     "A device silent for so long is compared with its stream and table; 0: only before it is stale",
                     "Finds what was published and never reached us without the connection to Redis being lost; "
                     "pulsegate_silent_losses_total counts it."));
}

void add_devices(std::vector<Option>& rows) {
  rows.push_back(row("--linger", "DURATION", kDevices, option_duration(&Config::linger, ms(0), hours(24)),
                     "The bus subscription outlives the last client for this time",
                     "So that a page reload costs neither a subscription nor a snapshot."));
  rows.push_back(row("--row-lag", "DURATION", kDevices, option_duration(&Config::row_lag, ms(0), hours(1)),
                     "Longest time from an event to its row in the database",
                     "A second look after this time finds rows whose event was published before we listened. Raise it "
                     "when a worker inserts in larger batches."));
  rows.push_back(
      row("--stale-after", "DURATION", kDevices, option_duration(&Config::stale_after, ms(0), hours(24)),
          "Shortest silence that makes a device stale; 0: none does",
          "A device that reports rarely may be silent for three of its usual intervals, if that is longer."));
  rows.push_back(row("--reread", "DURATION", kDevices, option_duration(&Config::reread, ms(0), hours(24)),
                     "Interval of bounded re-reads of devices in use; 0: off",
                     "Finds what was written without being published."));
  rows.push_back(row("--gap-tolerance", "DURATION", kDevices, option_duration(&Config::gap_tolerance, ms(0), sec(60)),
                     "Clock error allowed between the bus confirmation and the database"));
  rows.push_back(row("--history-points", "N", kDevices, option_count(&Config::history_points, 1, 2'000),
                     "Points of the history window, 1 to 2000",
                     "For clients that do not say how many; what others ask for is kept in memory as well."));
  rows.push_back(row("--history-min-interval", "DURATION", kDevices,
                     option_duration(&Config::history_min_interval, ms(0), hours(1)),
                     "`history` is sent at most so often: the whole window, or what is new of it"));
  rows.push_back(list(row("--refresh", "CHANNEL=DURATION", kDevices, option_refresh(),
                          "Sends the latest value again after silence; 0: off; may be repeated",
                          "One timer per device, shared by its clients."),
                      ""));
  rows.push_back(row("--repair-rate", "N", kDevices, option_real(&Config::repair_rate, 1, 1'000'000),
                     "Reads a second that the gateway starts by itself",
                     "After a loss on the bus every device in use is read again, and what its clients missed is looked "
                     "up; this spreads the reads over time. What clients that come back wait for is not counted."));
  add_resume(rows);
  rows.push_back(row("--time-zone", "ZONE", kDevices, option_text(&Config::time_zone),
                     "Zone of `time` in history points, for instance Europe/Berlin"));
  rows.push_back(row("--history-time", "FORM", kDevices, option_history_time(),
                     "`time` in history points: clock (02:05 PM) or iso"));
  rows.push_back(
      row("--legacy-history", "FORM", kDevices, option_legacy_history(),
          "`history` for clients of /ws?deviceUuid=: replace or append",
          "append: the window once, then new points only, for dashboards that add each message to their chart. "
          "What such a client says itself about the form goes first."));
  rows.push_back(row("--max-devices", "N", kDevices, option_count(&Config::max_devices, 1, 10'000'000),
                     "Devices with a bus subscription at the same time"));
}

void add_clients(std::vector<Option>& rows) {
  rows.push_back(row("--max-message-size", "SIZE", kClients, option_size(&Config::max_message_size, 128, 16 * kMi),
                     "Largest message from a client, 128 bytes to 16MiB",
                     "Commands are short: a larger bound only helps whoever wants to use up memory."));
  rows.push_back(row("--max-bus-payload", "SIZE", kClients, option_size(&Config::max_bus_payload, kKi, 64 * kMi),
                     "Largest event from Redis; larger ones are dropped and counted"));
  rows.push_back(row("--command-rate", "N", kClients, option_real(&Config::command_rate, 0.1, 1'000'000),
                     "Commands a second that a client may send on average"));
  rows.push_back(row("--command-burst", "N", kClients, option_real(&Config::command_burst, 1, 1'000'000),
                     "Commands that a client may send at once",
                     "One for many devices counts as one for each 16 of them, at most as many as this."));
  rows.push_back(row("--max-fleet-devices", "N", kClients, option_count(&Config::max_fleet_devices, 1, 4'096),
                     "Devices of one connection to /api/v1/ws",
                     "Each 8 of them add as much to what the connection's backlog may hold (conflate-above, "
                     "close-above) as a connection of one device has."));
  rows.push_back(row("--handshake-timeout", "DURATION", kClients,
                     option_duration(&Config::handshake_timeout, ms(100), sec(300)),
                     "Time from accept to the end of the opening handshake"));
  rows.push_back(row("--answer-timeout", "DURATION", kClients,
                     option_duration(&Config::answer_timeout, ms(100), sec(600)),
                     "Time to answer a plain HTTP request, and again for the client to take the answer",
                     "What is not ready by then is answered 504. Less than the timeout of a proxy in front."));
  rows.push_back(row("--ping-interval", "DURATION", kClients,
                     option_duration(&Config::ping_interval, ms(100), hours(1)), "Interval of pings to clients",
                     "Must stay below the idle timeout of every proxy on the way; 60s is a common one."));
  rows.push_back(row("--idle-timeout", "DURATION", kClients, option_duration(&Config::idle_timeout, ms(200), hours(2)),
                     "A client from which nothing came for so long is gone",
                     "Two pings and a margin. Longer than ping-interval."));
  rows.push_back(row("--coalesce-ms", "N", kClients, option_count(&Config::coalesce_ms, 0, 1'000),
                     "Milliseconds that an event may wait for more, to leave with them in one write; 0: none",
                     "Saves work where many events come per client and second, at the price of this latency. Answers "
                     "to commands do not wait."));
  rows.push_back(row("--conflate-above", "SIZE", kClients, option_size(&Config::conflate_above, kKi, 1024 * kMi),
                     "Backlog of a client above which only the latest value per channel is kept"));
  rows.push_back(row("--close-above", "SIZE", kClients, option_size(&Config::close_above, kKi, 1024 * kMi),
                     "Backlog of a client above which it is closed",
                     "More than conflate-above and than max-bus-payload, else one event would end a session."));
  rows.push_back(row("--stalled-after", "DURATION", kClients, option_duration(&Config::stalled_after, sec(1), hours(1)),
                     "A client that took no byte of its backlog for so long is closed"));
  rows.push_back(row("--compress", "SWITCH", kClients, option_switch(&Config::compress),
                     "Compress messages for clients that offer permessage-deflate: on or off",
                     "An event is compressed once for all clients of its device, to half its size: worth it where the "
                     "network costs more than 7 us of CPU per event. A proxy in front may do it too; once is enough."));
}

void add_life_cycle(std::vector<Option>& rows) {
  rows.push_back(row("--drain-time", "DURATION", kLife, option_duration(&Config::drain_time, ms(0), hours(1)),
                     "Clients are sent away spread over this time before a stop",
                     "Longer spreads the reconnects more; the grace period of the pod must be longer still."));
  rows.push_back(row("--drain-delay", "DURATION", kLife, option_duration(&Config::drain_delay, ms(0), sec(600)),
                     "Clients are served as ever for this time before a drain, while /readyz already says 503",
                     "As long as a load balancer takes to notice, so that nobody who is sent away comes back to the "
                     "same replica. Not needed where the balancer is told in another way."));
  rows.push_back(row("--max-connection-age", "DURATION", kLife,
                     option_duration(&Config::max_connection_age, ms(0), hours(24 * 30)),
                     "A connection is sent away to another replica after this time; 0: never",
                     "Give or take a tenth, and no more than 100 a second, so that new replicas fill up. Clients "
                     "that resume miss nothing. An hour is a good value where replicas come and go."));
  rows.push_back(row("--readiness", "RULE", kLife, option_word(&Config::readiness, {"canary", "basic"}),
                     "What makes /readyz answer 200: canary or basic",
                     "canary: Redis is connected and delivers. basic: it serves and does not drain; for a sidecar, "
                     "whose readiness is that of its whole pod, so that a loss of Redis does not take the API away."));
  rows.push_back(row("--canary", "DURATION", kLife, option_canary(),
                     "Interval of messages that must come back through Redis, or off",
                     "None for three intervals: what is published may not arrive. The Redis user needs +publish "
                     "&pulsegate:canary:* for it; without, it is off by itself."));
  rows.push_back(row("--log-format", "FORM", kLife, option_word(&Config::log_format, {"text", "json"}),
                     "Log lines on stderr: text or json"));
  rows.push_back(row("--log-level", "LEVEL", kLife,
                     option_word(&Config::log_level, {"trace", "debug", "info", "warn", "error"}),
                     "Least level that is logged: trace, debug, info, warn or error",
                     "Changed while it runs by SIGHUP, where there is a configuration file, and on the admin port."));
  rows.push_back(row("--log-client-lines", "N", kLife, option_real(&Config::log_client_lines, 0, 1'000'000),
                     "Log lines a second of each event that clients cause, ten times as many at once; 0: no limit",
                     "Clients that come and go, and replays. The next line says how many were left out. Lines of the "
                     "audit are never left out."));
}

}  // namespace

std::vector<Option> make_option_rows() {
  std::vector<Option> rows;
  add_listening(rows);
  add_redis(rows);
  add_postgres(rows);
  add_devices(rows);
  add_clients(rows);
  add_limit_rows(rows);
  add_access_rows(rows);
  add_life_cycle(rows);
  return rows;
}

}  // namespace pulsegate::commands
