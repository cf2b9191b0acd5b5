// A client in a random world: it watches one device on `metrics` and `history`, loses its connection at random, stays
// away for a while and comes back on either replica with the `since` of what it saw last. It keeps a log of everything.
#pragma once

#include <array>
#include <atomic>
#include <mutex>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "api_server.hpp"
#include "tests/support/json.hpp"
#include "tests/support/resume_check.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

// What the world tells its clients.
struct Surroundings {
  enum class Phase {
    random,   // come and go
    staying,  // come, and stay
    ending    // make sure of having everything, and leave
  };
  std::atomic<Phase> phase{Phase::random};
  // Ports of the replicas; 0: gone for good.
  std::array<std::atomic<std::uint16_t>, 2> ports{};
};

// Thread: run() in one of its own; the other functions from any.
class Dashboard {
 public:
  // What it gives as `since` when it comes back: the cursor, only the time, or nothing.
  enum class Memory { cursor, time, none };

  Dashboard(Surroundings& world, const DeviceHabits& device, Memory memory, std::uint64_t seed);

  void run();

  // For the world to wait for, of the present session: whether it is acknowledged, the number of the last report on
  // `metrics` (-1: none), the reports in the last window.
  bool watching() const;
  int last_report() const;
  std::size_t replica() const;
  std::size_t events() const;  // samples since the acknowledgement, but for the first, which may be older
  std::vector<int> window() const;

  // After run() has returned.
  const std::vector<ClientSession>& sessions() const { return sessions_; }
  // What is wrong whatever was published.
  const Faults& faults() const { return faults_; }
  // Everything that happened to it, one line each.
  std::string story() const;

 private:
  using Phase = Surroundings::Phase;

  void one_session(WsClient client, std::size_t replica);
  void subscribe(WsClient& client, std::size_t replica);
  void take(const Json& message);
  void take_sample(const Json& message, ReceivedItem item);
  void take_history(const Json& message);
  void note(const std::string& line);
  int report_of(double value) const;
  Millis between(int low, int high) { return Millis(std::uniform_int_distribution<>(low, high)(random_)); }

  Surroundings& world_;
  const DeviceHabits& device_;
  const Memory memory_;
  std::mt19937_64 random_;

  // The last message of `metrics` that this client has seen.
  struct Seen {
    std::string cursor;  // empty: it had none
    std::string timestamp;
    int report;
  };
  std::optional<Seen> seen_;

  mutable std::mutex mutex_;  // guards what follows while run() runs
  std::vector<ClientSession> sessions_;
  std::vector<int> window_;
  int last_report_ = -1;
  std::size_t replica_ = 0;
  std::size_t samples_ = 0;  // of this session
  bool watching_ = false;
  Faults faults_;
  std::vector<std::string> story_;
};

}  // namespace pulsegate::test
