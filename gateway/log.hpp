// Structured logs of the whole gateway: an event word, fields, a level; one line each on stderr, as text or as JSON.
// Callers say what happened; how a line looks is log_line's business. Never pass a secret: nothing is redacted here.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gateway/clock.hpp"
#include "gateway/log_line.hpp"

namespace pulsegate::log {

namespace detail {
// The one piece of global state of the gateway: a log that had to be passed to every class would hide what it does.
inline std::atomic<Level> threshold{Level::info};
}  // namespace detail

// Before other threads run, or in tests. `out`: instead of stderr; must outlive the next configure().
void configure(Level level, Format format, std::ostream* out = nullptr);

// Thread: any; from the next line on.
inline void set_level(Level level) noexcept {
  detail::threshold.store(level, std::memory_order_relaxed);
}
inline Level level() noexcept {
  return detail::threshold.load(std::memory_order_relaxed);
}

inline bool enabled(Level level) noexcept {
  return level >= detail::threshold.load(std::memory_order_relaxed);
}

// Thread: any. Formats nothing when the level is off. Values need to live during the call only. Never throws.
void write(Level level, std::string_view event, Fields fields = {}) noexcept;

inline void trace(std::string_view event, Fields fields = {}) noexcept {
  write(Level::trace, event, fields);
}
inline void debug(std::string_view event, Fields fields = {}) noexcept {
  write(Level::debug, event, fields);
}
inline void info(std::string_view event, Fields fields = {}) noexcept {
  write(Level::info, event, fields);
}
inline void warn(std::string_view event, Fields fields = {}) noexcept {
  write(Level::warn, event, fields);
}
inline void error(std::string_view event, Fields fields = {}) noexcept {
  write(Level::error, event, fields);
}

// For lines that somebody outside can cause again and again: clients that come and go, requests that end in a fault. Of
// each event word so many a second pass as set_bound() says, ten times as many at once; the next that passes has a
// field `suppressed`. A disabled level counts nothing. Thread: any. Never throws.
void write_bounded(Level level, std::string_view event, Fields fields = {}) noexcept;

// 0: no limit. Thread: any; from the next line on.
void set_bound(double lines_a_second) noexcept;

// How write_bounded() decides. Pure. Thread: one at a time. Owner: the log.
class LineBudget {
 public:
  void set_rate(double lines_a_second) noexcept { rate_ = lines_a_second; }

  // nullopt: keep quiet. Otherwise how many lines of this event were kept quiet since the last that passed. Events are
  // words of the program's own, so there are few.
  std::optional<std::uint64_t> allow(std::string_view event, SteadyTime now);

 private:
  struct Entry {
    double lines = 0;  // that may pass
    SteadyTime updated{};
    std::uint64_t suppressed = 0;
  };

  double rate_ = 100;
  std::unordered_map<std::string, Entry> entries_;
};

// Lets one line per key pass in each interval, so that a device that sends rubbish does not fill the disk.
// Thread: one. Owner: whoever logs. Invariant: at most `max_keys` keys are held; when all of them are still within
// their interval, further keys share one entry.
class RateLimited {
 public:
  explicit RateLimited(std::chrono::milliseconds interval = std::chrono::minutes(1), std::size_t max_keys = 1024);

  // nullopt: keep quiet. Otherwise how many were kept quiet since this key was last let through. A key that was
  // forgotten meanwhile starts at 0.
  std::optional<std::uint64_t> allow(std::string_view key, SteadyTime now);

  // Writes the line, with a field `suppressed` when lines were, or keeps quiet. A disabled level counts nothing.
  void write(std::string_view key, SteadyTime now, Level level, std::string_view event, Fields fields = {});

  std::size_t size() const noexcept { return entries_.size(); }

 private:
  struct Entry {
    SteadyTime last{};
    std::uint64_t suppressed = 0;
    bool used = false;
  };
  Entry& entry_of(std::string_view key, SteadyTime now);

  const std::chrono::milliseconds interval_;
  const std::size_t max_keys_;
  std::unordered_map<std::string, Entry> entries_;
  Entry shared_;
  SteadyTime last_purge_{};
};

}  // namespace pulsegate::log
