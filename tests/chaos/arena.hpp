// Where a case takes place: Redis and PostgreSQL of its own, the gateway, devices that report, dashboards that watch.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "crowd.hpp"
#include "halting_proxy.hpp"
#include "reporter.hpp"
#include "results_table.hpp"
#include "scale.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

struct ArenaOptions {
  std::vector<std::string> gateway;  // further arguments
  RedisOptions redis;
  PostgresOptions postgres;
  bool proxy = false;    // between the gateway and Redis
  bool database = true;  // whether the gateway reads it; rows are stored in any case
  std::size_t clients = scale().clients;
  std::size_t devices = scale().devices;
  std::size_t open_files = 0;  // limit of the gateway; 0: as ours
};

// Ends what was stopped by a signal, also when a case fails halfway.
template <typename Server>
class Pause {
 public:
  explicit Pause(Server& server) : server_(server) { server_.pause(); }
  ~Pause() { end(); }
  void end() {
    if (std::exchange(paused_, false)) server_.resume();
  }

 private:
  Server& server_;
  bool paused_ = true;
};

// Thread: one.
class Arena {
 public:
  // Everybody is watching when it returns.
  explicit Arena(ArenaOptions options = {});
  ~Arena();

  RedisServer& redis() { return redis_; }
  PostgresServer& postgres() { return postgres_; }
  HaltingProxy& proxy() { return *proxy_; }
  GatewayProcess& gateway() { return *gateway_; }
  Reporter& reporter() { return *reporter_; }
  Crowd& crowd() { return *crowd_; }
  const std::vector<std::string>& devices() const { return devices_; }

  // Everybody gets this many more samples, live.
  bool wait_for_reports(int more, Millis deadline = kServerDeadline);

  // Ends the reports, waits until every client that is still there has its last one, and judges: every event once and
  // in order or named by a gap, no error, nobody closed. Checks that, and returns the row without its times.
  // `outage`: when the bus was away, as the clients were told.
  ResultRow judge(const std::string& scenario, std::optional<Outage> outage = std::nullopt);

 private:
  RedisServer redis_;
  PostgresServer postgres_;
  std::unique_ptr<HaltingProxy> proxy_;
  std::unique_ptr<GatewayProcess> gateway_;
  std::vector<std::string> devices_;
  std::unique_ptr<Reporter> reporter_;
  std::unique_ptr<Crowd> crowd_;
};

// How long after `end` everybody had what was published until then, or a gap that names it, and was told that the bus
// is up.
Millis repaired_after(const std::vector<Watcher>& watchers, const Reporter& reporter, long long end);

// The age in ms below which 99 of 100 samples were received from then on. Requires: all were live.
double live_p99_ms(const std::vector<Watcher>& watchers, const Reporter& reporter, long long from);

// How long after `begin` the last one was told so. Checks that everybody was.
Millis told_after(const std::vector<Watcher>& watchers, const std::string& what, long long begin);

}  // namespace pulsegate::test
