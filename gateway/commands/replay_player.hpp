// When each event of a replay is due, and what becomes of it.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <string>

#include "gateway/commands/replay_input.hpp"

namespace pulsegate::commands {

// Where events go. Thread: the player's.
class ReplayOutput {
 public:
  virtual ~ReplayOutput() = default;
  // Blocks until there is somebody to play to; the first event is due then. False: as event().
  virtual bool ready() = 0;
  // May block while the other side is behind, but not after stop() of the player. False: it takes no more.
  virtual bool event(const std::string& channel, const std::string& payload) = 0;
  // Something is missing here, as the recorder said.
  virtual void lost(const std::string& reason) = 0;
  // All that was given is through, or cannot be any more.
  virtual void finish() = 0;
};

struct ReplayPace {
  double speed = 1;         // seconds of the recording in one of ours; 0: as fast as possible
  bool step = false;        // each event waits for step()
  bool loop = false;        // from the beginning again at the end
  bool shift_time = false;  // timestamps within payloads become those of now
};

struct ReplayStatus {
  std::uint64_t events = 0;
  std::uint64_t rounds = 0;  // that were played to their end
  proto::Timestamp position{};
  double progress = 0;  // of the input
  bool over = false;
  std::string failure;  // one sentence: the input could not be read
};

// Every time of the form "timestamp":"2026-…Z" that is in the payload, by `shift` later, as milliseconds in UTC.
std::string shift_timestamps(const std::string& payload, std::chrono::microseconds shift);

// Thread: play() on one, the others any.
// 1. The same input gives the same events in the same order, whatever the pace.
// 2. An event is due at the beginning plus its distance from the first one, divided by the speed: delays do not add up.
// One that is older than the one before is due at once.
class ReplayPlayer {
 public:
  // Both outlive it.
  ReplayPlayer(ReplayInput& input, ReplayOutput& output, ReplayPace pace);

  // To the end of the input, or until stop().
  void play();
  void stop();
  void step();  // the next event
  ReplayStatus status() const;

 private:
  using SteadyClock = std::chrono::steady_clock;

  bool play_once();
  bool wait_for(const ReplayEvent& event);

  ReplayInput& input_;
  ReplayOutput& output_;
  const ReplayPace pace_;
  std::optional<proto::Timestamp> first_;
  SteadyClock::time_point begin_{};

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stopped_ = false;
  std::uint64_t steps_ = 0;  // that nobody has taken
  ReplayStatus status_;
};

}  // namespace pulsegate::commands
