// spdlog carries the lines: it owns the lock and the output. Time, fields and escaping are ours, see log_line.
#include "gateway/log.hpp"

#include <spdlog/logger.h>
#include <spdlog/sinks/ostream_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>

namespace pulsegate::log {
namespace {

struct Output {
  std::mutex mutex;  // guards `logger` against configure(); the lines themselves are serialised by the sink
  std::shared_ptr<spdlog::logger> logger;
  std::mutex budget_mutex;  // guards `budget`
  LineBudget budget;
  std::atomic<Format> format{Format::text};

  std::shared_ptr<spdlog::logger> get() {
    const std::lock_guard<std::mutex> lock(mutex);
    return logger;
  }

  void set(std::ostream* out) {
    spdlog::sink_ptr sink;
    if (out != nullptr)
      sink = std::make_shared<spdlog::sinks::ostream_sink_mt>(*out, true);
    else
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    auto fresh = std::make_shared<spdlog::logger>("pulsegate", std::move(sink));
    fresh->set_level(spdlog::level::trace);  // our own threshold has already decided
    fresh->set_pattern("%v");
    const std::lock_guard<std::mutex> lock(mutex);
    logger = std::move(fresh);
  }
};

Output& output() {
  // Never destroyed: a thread that still logs while the process exits must find it.
  static Output* const kInstance = [] {
    auto* created = new Output;
    created->set(nullptr);
    return created;
  }();
  return *kInstance;
}

void emit(Level level, std::string_view event, Fields fields, std::uint64_t suppressed) noexcept {
  try {
    Output& out = output();
    const auto now = std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
    std::string line;
    append_line(line, out.format.load(std::memory_order_relaxed), now, level, event, fields, suppressed);
    out.get()->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
  } catch (...) {
    // Out of memory while logging: there is nobody left to tell.
  }
}

}  // namespace

void configure(Level level, Format format, std::ostream* out) {
  output().set(out);
  output().format.store(format, std::memory_order_relaxed);
  detail::threshold.store(level, std::memory_order_relaxed);
}

void write(Level level, std::string_view event, Fields fields) noexcept {
  if (enabled(level)) emit(level, event, fields, 0);
}

void set_bound(double lines_a_second) noexcept {
  const std::lock_guard<std::mutex> lock(output().budget_mutex);
  output().budget.set_rate(lines_a_second);
}

void write_bounded(Level level, std::string_view event, Fields fields) noexcept {
  if (!enabled(level)) return;
  try {
    std::optional<std::uint64_t> suppressed;
    {
      const std::lock_guard<std::mutex> lock(output().budget_mutex);
      suppressed = output().budget.allow(event, std::chrono::steady_clock::now());
    }
    if (suppressed) emit(level, event, fields, *suppressed);
  } catch (...) {
    // As above.
  }
}

std::optional<std::uint64_t> LineBudget::allow(std::string_view event, SteadyTime now) {
  if (rate_ <= 0) return 0;
  constexpr double kSecondsAtOnce = 10;
  Entry& entry = entries_[std::string(event)];
  const double most = std::max(1.0, rate_ * kSecondsAtOnce);
  entry.lines = entry.updated == SteadyTime{}
                    ? most
                    : std::min(most, entry.lines + rate_ * std::chrono::duration<double>(now - entry.updated).count());
  entry.updated = now;
  if (entry.lines < 1) {
    ++entry.suppressed;
    return std::nullopt;
  }
  entry.lines -= 1;
  return std::exchange(entry.suppressed, 0);
}

RateLimited::RateLimited(std::chrono::milliseconds interval, std::size_t max_keys)
    : interval_(interval), max_keys_(max_keys) {}

std::optional<std::uint64_t> RateLimited::allow(std::string_view key, SteadyTime now) {
  Entry& entry = entry_of(key, now);
  if (entry.used && now - entry.last < interval_) {
    ++entry.suppressed;
    return std::nullopt;
  }
  entry.used = true;
  entry.last = now;
  return std::exchange(entry.suppressed, 0);
}

RateLimited::Entry& RateLimited::entry_of(std::string_view key, SteadyTime now) {
  const auto found = entries_.find(std::string(key));
  if (found != entries_.end()) return found->second;
  // A full table is swept at most sixty times an interval: a flood of new keys must not cost a scan each.
  if (entries_.size() >= max_keys_ && now - last_purge_ >= interval_ / 60) {
    last_purge_ = now;
    for (auto it = entries_.begin(); it != entries_.end();)
      it = now - it->second.last >= interval_ ? entries_.erase(it) : std::next(it);
  }
  return entries_.size() >= max_keys_ ? shared_ : entries_[std::string(key)];
}

void RateLimited::write(std::string_view key, SteadyTime now, Level level, std::string_view event, Fields fields) {
  if (!enabled(level)) return;
  if (const auto suppressed = allow(key, now)) emit(level, event, fields, *suppressed);
}

}  // namespace pulsegate::log
