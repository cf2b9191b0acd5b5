#include "gateway/commands/replay_player.hpp"

#include <exception>
#include <utility>

namespace pulsegate::commands {
namespace {

constexpr std::string_view kName = "\"timestamp\"";
constexpr std::string_view kBlanks = " \t\r\n";

}  // namespace

std::string shift_timestamps(const std::string& payload, std::chrono::microseconds shift) {
  std::string out;
  std::size_t copied = 0;
  for (std::size_t at = payload.find(kName); at != std::string::npos; at = payload.find(kName, at)) {
    at += kName.size();
    const auto colon = payload.find_first_not_of(kBlanks, at);
    if (colon == std::string::npos || payload[colon] != ':') continue;
    const auto quote = payload.find_first_not_of(kBlanks, colon + 1);
    if (quote == std::string::npos || payload[quote] != '"') continue;
    const auto end = payload.find('"', quote + 1);
    if (end == std::string::npos) break;
    const auto time = proto::parse_iso8601(std::string_view(payload).substr(quote + 1, end - quote - 1));
    if (!time) continue;
    out.append(payload, copied, quote + 1 - copied);
    proto::append_iso8601(out, *time + shift);
    copied = at = end;
  }
  return out.append(payload, copied, std::string::npos);
}

ReplayPlayer::ReplayPlayer(ReplayInput& input, ReplayOutput& output, ReplayPace pace)
    : input_(input), output_(output), pace_(pace) {}

void ReplayPlayer::play() {
  try {
    for (bool more = output_.ready(); more && play_once() && pace_.loop;) input_.rewind();
    output_.finish();
  } catch (const std::exception& fault) {
    const std::lock_guard<std::mutex> lock(mutex_);
    status_.failure = fault.what();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  status_.over = true;
}

// False: stopped, the output takes no more, or there was nothing, which a loop would repeat for ever.
bool ReplayPlayer::play_once() {
  first_.reset();
  bool some = false;
  while (auto event = input_.next()) {
    if (!wait_for(*event)) return false;
    some = true;
    if (!event->lost.empty()) {
      output_.lost(event->lost);
      continue;
    }
    if (pace_.shift_time) {
      const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
      event->payload = shift_timestamps(event->payload, now - event->time);
    }
    if (!output_.event(event->channel, event->payload)) return false;
    const std::lock_guard<std::mutex> lock(mutex_);
    ++status_.events;
    status_.position = event->time;
    status_.progress = input_.progress();
  }
  const std::lock_guard<std::mutex> lock(mutex_);
  ++status_.rounds;
  return some && !stopped_;
}

bool ReplayPlayer::wait_for(const ReplayEvent& event) {
  if (!first_) {
    first_ = event.time;
    begin_ = SteadyClock::now();
  }
  std::unique_lock<std::mutex> lock(mutex_);
  if (pace_.step) {
    wake_.wait(lock, [this] { return stopped_ || steps_ > 0; });
    if (steps_ > 0) --steps_;
  } else if (pace_.speed > 0) {
    const std::chrono::duration<double, std::micro> after =
        std::chrono::duration<double, std::micro>(event.time - *first_) / pace_.speed;
    const auto due = begin_ + std::chrono::duration_cast<SteadyClock::duration>(after);
    wake_.wait_until(lock, due, [this] { return stopped_; });
  }
  return !stopped_;
}

void ReplayPlayer::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  wake_.notify_all();
}

void ReplayPlayer::step() {
  const std::lock_guard<std::mutex> lock(mutex_);
  ++steps_;
  wake_.notify_all();
}

ReplayStatus ReplayPlayer::status() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return status_;
}

}  // namespace pulsegate::commands
