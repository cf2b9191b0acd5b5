// The line that `record` and `replay` keep on a terminal.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace pulsegate::commands {

std::string grouped(std::uint64_t number);  // "12 345"

// Rates over the last seconds. Thread: value.
class RateMeter {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // Events a second since about two seconds ago, or since the first call.
  double update(std::uint64_t total, Time now);

 private:
  Time begin_{}, previous_begin_{};
  std::uint64_t at_begin_ = 0, at_previous_ = 0;
};

// Writes over the line before, on standard error; nothing where that is no terminal. Thread: one.
class StatusLine {
 public:
  StatusLine();
  ~StatusLine() { clear(); }
  StatusLine(const StatusLine&) = delete;
  StatusLine& operator=(const StatusLine&) = delete;

  bool active() const noexcept { return terminal_; }
  // At most as long as the terminal is wide.
  void show(const std::string& text);
  // A line of its own, that stays; also where there is no terminal.
  void say(const std::string& text);
  void clear();

 private:
  const bool terminal_;
  bool shown_ = false;
};

}  // namespace pulsegate::commands
