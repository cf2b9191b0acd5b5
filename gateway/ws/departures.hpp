// Sends connections away with `reconnect` and 1012: those that have reached their age, and all of them during a drain.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <asio/io_context.hpp>

#include "gateway/clock.hpp"
#include "gateway/repeating_timer.hpp"
#include "gateway/ws/departure_times.hpp"

namespace pulsegate::ws {

class Connection;
class Host;

// Thread: the shard. Owner: the endpoint, whose host outlives it.
// Invariants: 1. Of connections that are too old no more than `departures_per_second` are sent away in any second; who
// has to wait for that is older than agreed, and counted. 2. During a drain age does not matter.
class Departures {
 public:
  // `visit` calls back for every open connection.
  using Visit = std::function<void(const std::function<void(Connection&)>&)>;
  Departures(Host& host, Visit visit);

  // The connection has opened. Requires: `connection` is owned by a shared_ptr.
  void on_open(Connection& connection, SteadyTime now);
  // Everybody who is open leaves within `time`, and so does whoever opens later. Once.
  void drain(std::chrono::milliseconds time);
  void stop() noexcept { steps_.stop(); }

 private:
  struct Departure {
    SteadyTime due;
    std::weak_ptr<Connection> connection;
  };

  void add(Connection& connection, SteadyTime due);
  void step();
  void look_for_old_ones(SteadyTime now);

  Host& host_;
  const Visit visit_;
  DepartureTimes times_;
  std::vector<Departure> queue_;  // the earliest last; no longer than the list of connections
  bool draining_ = false;
  bool stepping_ = false;
  SteadyTime drain_end_{};
  SteadyTime next_look_{};
  RepeatingTimer steps_;
};

}  // namespace pulsegate::ws
