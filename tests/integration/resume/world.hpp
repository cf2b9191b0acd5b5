// A random world: devices, the API server that publishes and stores their reports, two replicas of the gateway on one
// Redis and one PostgreSQL, clients that come and go, and at will a mishap. It runs once and is then judged.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "api_server.hpp"
#include "dashboard.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

enum class Mishap {
  none,
  redis_restarts,  // killed, and started again a moment later
  replica_dies     // one gateway is killed; its clients find the other
};

struct WorldOptions {
  std::size_t devices = 30;
  Millis run{28'000};                // while clients come and go
  Millis longest_row_delay{10'000};  // from an event to its row
  std::string row_lag = "11s";       // more than that
  Millis row_lag_ms{11'000};         // the same
  std::string linger = "3s";         // shorter than some absences: devices also start anew
  Mishap mishap = Mishap::none;
};

// $PULSEGATE_TEST_SEED, else the same in every run.
std::uint64_t world_seed();

class World {
 public:
  // Starts the servers.
  World(const WorldOptions& options, std::uint64_t seed);

  // Runs it to its end and returns what is wrong, each with the story of the client; empty: nothing.
  Faults run();
  // Counts that show how much has happened.
  std::string summary() const;

 private:
  struct Viewer {
    std::size_t device;
    std::unique_ptr<Dashboard> dashboard;
  };

  ApiOptions make_devices(std::uint64_t seed);
  void make_viewers(std::uint64_t seed);
  void live();
  void strike();
  bool wait_for(const char* what, const std::function<bool(const Viewer&)>& fact, Millis deadline);
  void judge(const Viewer& viewer);
  std::size_t points_owed(const Viewer& viewer) const;
  ResumeRules rules() const;

  const WorldOptions options_;
  RedisServer redis_;
  PostgresServer postgres_;
  std::vector<std::unique_ptr<GatewayProcess>> replicas_;
  std::vector<DeviceHabits> devices_;
  std::unique_ptr<ApiServer> api_;
  Surroundings surroundings_;
  std::vector<Viewer> viewers_;
  std::vector<Outage> outages_;
  Faults faults_;
};

}  // namespace pulsegate::test
