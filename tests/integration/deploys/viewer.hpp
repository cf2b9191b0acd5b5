// One dashboard of a fleet: it watches `metrics` of one device, comes back by the table of close codes with the cursor
// of what it saw last, and checks that the numbers follow each other.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string>
#include <string_view>

#include "tests/support/ws_frame.hpp"

namespace pulsegate::test {

// What all viewers of a fleet count together.
struct FleetTally {
  std::uint64_t deliveries = 0;
  std::uint64_t duplicates = 0;
  std::uint64_t missed = 0;   // reports that a later one came instead of
  std::uint64_t gaps = 0;     // `gap` messages
  std::uint64_t errors = 0;   // `error` messages
  std::uint64_t refused = 0;  // handshakes that were answered with anything but 101
  std::uint64_t lost = 0;     // connections that ended without a close frame
  std::uint64_t sent_away = 0;
  std::uint64_t resumed = 0;
  std::uint64_t not_resumed = 0;  // subscribed with a cursor, and told resumed:false
  std::string first_fault;
};

// Thread: its fleet's.
class Viewer {
 public:
  using Clock = std::chrono::steady_clock;
  enum class State { away, connecting, shaking_hands, open };

  State state() const { return state_; }
  int fd() const { return fd_; }
  std::size_t device() const { return device_; }
  long long last() const { return last_; }  // the newest report that it has; -1: none
  Clock::time_point due() const { return due_; }

  void begin(std::size_t device, Clock::time_point due) {
    device_ = device;
    due_ = due;
  }
  // Both return whether the state has changed.
  bool connect(std::uint16_t port);
  bool on_ready(bool writable, FleetTally& tally, std::mt19937_64& random);
  void drop();

 private:
  void send_handshake();
  void read_handshake(FleetTally& tally, std::mt19937_64& random);
  void read_frames(FleetTally& tally, std::mt19937_64& random);
  void take(std::string_view message, FleetTally& tally);
  void take_sample(std::string_view message, FleetTally& tally);
  void send(Opcode opcode, const std::string& payload);
  void leave(std::uint16_t code, int http_status, std::mt19937_64& random);

  int fd_ = -1;
  State state_ = State::away;
  std::size_t device_ = 0;
  Clock::time_point due_{};
  std::string received_;
  std::string cursor_;
  long long last_ = -1;
  long long hint_ms_ = 0;
  unsigned failures_ = 0;
};

}  // namespace pulsegate::test
