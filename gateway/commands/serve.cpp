// `pulsegate serve`: chooses the adapters and runs the server until it is told to stop.
#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/redis_parts.hpp"
#include "gateway/commands/sql_parts.hpp"
#include "gateway/log.hpp"
#include "gateway/server.hpp"
#include "gateway/web/embedded.hpp"
#include "storage/connection_string.hpp"
#include "storage/postgres_source.hpp"
#include "storage/single_flight.hpp"
#include "storage/snapshot_cache.hpp"

namespace pulsegate::commands {

namespace {

void open_database(const Config& config, ServerParts& parts) {
  if (!config.database) return log::info("database.none", {{"note", "snapshots come from what the bus has shown"}});
  storage::PostgresConfig postgres{*config.database, load_statements(config)};
  postgres.threads = config.database_threads;
  postgres.queue = config.snapshot_queue;
  postgres.lease = config.snapshot_lease;
  postgres.statement_timeout = config.statement_timeout;
  postgres.rate = config.sql_rate;
  postgres.burst = static_cast<std::size_t>(2 * config.sql_rate);
  log::info("database", {{"connection", storage::redacted_connection_string(*config.database)},
                         {"threads", config.database_threads},
                         {"profile", config.sql_profile}});
  const auto write = [](storage::Severity severity, const std::string& sentence) {
    severity == storage::Severity::info ? log::info("storage", {{"note", sentence}})
                                        : log::warn("storage", {{"note", sentence}});
  };
  auto source = std::make_unique<storage::PostgresSource>(std::move(postgres), write);
  parts.history = source.get();
  parts.source = std::make_unique<storage::SnapshotCache>(std::make_unique<storage::SingleFlight>(std::move(source)));
}

}  // namespace

int run_serve(const Config& config, std::function<void()> reload) {
  const bus::RedisConfig redis = redis_config(config);
  log::info("redis", {{"url", redis.url.redacted()}});
  if (config.auth.empty() && config.jwt_keys.empty())
    log::warn("auth.open", {{"note",
                             "anybody who reaches this port can watch every device; give a --jwt-key, or say --auth "
                             "none if that is meant"}});
  if (config.auth == "none" && !config.jwt_keys.empty())
    log::warn("auth.off", {{"note", "keys are given, but --auth none lets everybody in"}});

  ServerParts parts;
  parts.reload = std::move(reload);
  parts.subscriber = subscriber_factory(config, redis);
  parts.stream = stream_factory(config, redis);
  parts.publisher = publisher_factory(config, redis);
  parts.page = web::embedded_page();
  open_database(config, parts);
  Server server(config, std::move(parts));
  return server.run();
}

}  // namespace pulsegate::commands
