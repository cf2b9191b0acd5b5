// What the gateway stands on in these tests: one real Redis and one real PostgreSQL for the whole run, a database and a
// device of its own for each case, and the API server's part played by a few functions.
#pragma once

#include <unistd.h>
#include <atomic>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/guide_schema.hpp"
#include "tests/support/json.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/wall_clock.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

inline const std::vector<std::string> kAllChannels = {"metrics", "processes", "system-info", "history",
                                                      "network-interfaces"};

inline RedisServer& shared_redis() {
  static RedisServer server;
  if (!server.running()) server.start();
  return server;
}

inline PostgresServer& shared_postgres() {
  static PostgresServer server;
  if (!server.running()) server.start();
  return server;
}

// A UUID that no other case uses.
inline std::string new_device() {
  static std::atomic<unsigned> next{1};
  char text[37];
  std::snprintf(text, sizeof text, "00000000-0000-4000-8000-%04x%08x", static_cast<unsigned>(getpid()) & 0xffffu,
                next++);
  return text;
}

// A metrics report as the API server publishes it. `cpu` is what tells samples apart.
std::string metrics_event(const std::string& device, double cpu, long long time_ms, const std::string& more = {});

// The row of the sample that metrics_event() publishes.
MetricsSample row_of(const std::string& device, double cpu);

// $PULSEGATE_TEST_SHARDS: with how many shards the gateway runs, where a case does not say.
// Servers of its own where a case kills them, else the shared ones.
class Stack {
 public:
  enum class Servers { shared, own };

  explicit Stack(std::vector<std::string> gateway_args = {}, Servers servers = Servers::shared,
                 const GuideSchema& schema = {});

  RedisServer& redis() { return *redis_; }
  PostgresServer& postgres() { return *postgres_; }
  PostgresClient& sql() { return *sql_; }
  // Connects again, after PostgreSQL was restarted.
  void reconnect_sql() { sql_ = std::make_unique<PostgresClient>(connection_); }
  GatewayProcess& gateway() { return *gateway_; }
  const std::string& connection() const { return connection_; }

  WsClient open(const std::string& device, const WsOptions& options = {}) {
    return gateway_->open_device(device, options);
  }
  // Opened and subscribed, `subscribed` received for each channel.
  WsClient watch(const std::string& device, const std::vector<std::string>& channels);

  void publish(const std::string& device, double cpu, long long time_ms) {
    redis_->publish("device:" + device + ":metrics", metrics_event(device, cpu, time_ms));
  }

 private:
  std::unique_ptr<RedisServer> own_redis_;
  std::unique_ptr<PostgresServer> own_postgres_;
  RedisServer* redis_;
  PostgresServer* postgres_;
  std::string connection_;
  std::unique_ptr<PostgresClient> sql_;
  std::unique_ptr<GatewayProcess> gateway_;
};

// The values of `data.cpu` of a history message, oldest first.
std::vector<int> cpu_values(const Json& history);

}  // namespace pulsegate::test
