// See source_state.hpp.
#include "storage/source_state.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <iterator>
#include <utility>
#include <variant>

namespace pulsegate::storage {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr std::chrono::minutes kLogInterval{1};
constexpr char kStopping[] = "the gateway is stopping";

std::string unreachable(const std::string& reason) {
  return "the database cannot be reached: " + reason;
}

// Runs `done` through the executor. What an executor throws (it can only be out of memory) must not end a thread that
// others depend on.
void deliver(PendingRead read, ReadResult result) noexcept {
  try {
    read.executor([done = std::move(read.done), result = std::move(result)]() mutable { done(std::move(result)); });
  } catch (...) {
  }
}

}  // namespace

SourceState::SourceState(const SourceLimits& limits, LogLine log)
    : limits_(limits),
      log_(std::move(log)),
      queue_(limits.queue, limits.lease, TokenBucket(limits.rate, limits.burst)),
      availability_(limits.threads),
      under_way_(limits.threads) {
  counters_.read_seconds_buckets.resize(std::size(kReadSecondsBuckets));
  counters_.history_seconds_buckets.resize(std::size(kReadSecondsBuckets));
}

void SourceState::submit(const ReadRequest& request, Executor executor, std::function<void(ReadResult)> done) {
  PendingRead read;
  read.request = request;
  std::visit([](auto& asked) { asked.points = std::clamp<std::size_t>(asked.points, 1, kMaxHistoryPoints); },
             read.request);
  read.executor = std::move(executor);
  read.done = std::move(done);
  read.asked = steady_clock::now();
  ReadResult refusal;
  {
    const std::lock_guard lock(mutex_);
    count_call(read.request);
    if (stopping_) {
      refusal = {SnapshotError::unavailable, kStopping, nullptr, nullptr};
    } else if (availability_.down()) {
      refusal = {SnapshotError::unavailable, unreachable(availability_.reason()), nullptr, nullptr};
    } else if (queue_.push(read, read.asked)) {
      work_.notify_one();
      return;
    } else {
      refusal = {SnapshotError::overloaded, "too many reads are waiting for the database", nullptr, nullptr};
      if (read.throttled) ++counters_.rate_sheds;
    }
    ++counters_.errors[static_cast<std::size_t>(refusal.error)];
  }
  deliver(std::move(read), std::move(refusal));
}

void SourceState::count_call(const ReadRequest& request) {
  if (const auto* snapshot = std::get_if<SnapshotRequest>(&request)) {
    ++counters_.reads[static_cast<std::size_t>(snapshot->reason)];
  } else if (std::holds_alternative<RangeRequest>(request)) {
    ++counters_.history_ranges;
  } else {
    ++counters_.history_afters;
  }
}

SourceCounters SourceState::counters() const {
  const std::lock_guard lock(mutex_);
  SourceCounters copy = counters_;
  copy.rate_waits = queue_.waits();
  copy.queue_depth = queue_.size();
  copy.connections = availability_.established();
  return copy;
}

void SourceState::stop() {
  std::vector<PendingRead> waiting;
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
    waiting = queue_.take_all();
    for (UnderWay& read : under_way_) cut(read, Cut::stopping);
    work_.notify_all();
    change_.notify_all();
  }
  answer_all(std::move(waiting), SnapshotError::unavailable, kStopping);
}

bool SourceState::stopping() const {
  const std::lock_guard lock(mutex_);
  return stopping_;
}

std::optional<PendingRead> SourceState::take(SteadyTime until) {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const SteadyTime now = steady_clock::now();
    if (auto read = queue_.pop(now, ranges_ < limits_.ranges)) {
      if (read->is_range()) ++ranges_;
      // Whoever waited for a token used up the notification of a read that came meanwhile.
      if (queue_.size() > 0) work_.notify_one();
      return read;
    }
    if (now >= until) return std::nullopt;
    const SteadyTime token = queue_.next_token(now);
    work_.wait_until(lock, token > now ? std::min(token, until) : until);
  }
  return std::nullopt;
}

void SourceState::ended(const PendingRead& read) {
  if (!read.is_range()) return;
  --ranges_;
  work_.notify_one();  // another range may wait for that
}

void SourceState::count_answer(const PendingRead& read, const ReadResult& result) {
  const bool history = !std::holds_alternative<SnapshotRequest>(read.request);
  auto& buckets = history ? counters_.history_seconds_buckets : counters_.read_seconds_buckets;
  const double seconds = std::chrono::duration<double>(steady_clock::now() - read.asked).count();
  for (std::size_t i = 0; i < buckets.size(); ++i)
    if (seconds <= kReadSecondsBuckets[i]) ++buckets[i];
  (history ? counters_.history_seconds_sum : counters_.read_seconds_sum) += seconds;
  ++(history ? counters_.history_seconds_count : counters_.read_seconds_count);
  if (result.error != SnapshotError::none) ++counters_.errors[static_cast<std::size_t>(result.error)];
  if (result.history) {
    counters_.history_rows += result.history->rows.size();
    if (result.history->reduced) ++counters_.history_reduced;
  }
}

void SourceState::answer(PendingRead read, ReadResult result) {
  {
    const std::lock_guard lock(mutex_);
    ended(read);
    count_answer(read, result);
  }
  deliver(std::move(read), std::move(result));
}

void SourceState::answer_all(std::vector<PendingRead> reads, SnapshotError error, const std::string& detail) {
  {
    const std::lock_guard lock(mutex_);
    counters_.errors[static_cast<std::size_t>(error)] += reads.size();
  }
  for (PendingRead& read : reads) deliver(std::move(read), {error, detail, nullptr, nullptr});
}

void SourceState::shed(std::vector<PendingRead> reads) {
  {
    const std::lock_guard lock(mutex_);
    counters_.rate_sheds += reads.size();
  }
  answer_all(std::move(reads), SnapshotError::overloaded, "the rate of reads left no room within the lease");
}

void SourceState::give_back(PendingRead read) {
  {
    const std::lock_guard lock(mutex_);
    if (!stopping_ && !availability_.down()) {
      ended(read);
      queue_.give_back(std::move(read), steady_clock::now());
      work_.notify_one();
      return;
    }
  }
  answer(std::move(read), {SnapshotError::unavailable, "the database cannot be reached", nullptr, nullptr});
}

void SourceState::connected(std::size_t i, bool again) {
  const std::lock_guard lock(mutex_);
  ++connects_;
  if (again) ++counters_.reconnects;
  log(availability_.connected(i));
  change_.notify_all();
}

void SourceState::lost(std::size_t i, const std::string& reason) {
  const std::lock_guard lock(mutex_);
  log(availability_.lost(i, reason));
}

void SourceState::refused(std::size_t i, const std::string& reason) {
  std::vector<PendingRead> waiting;
  {
    const std::lock_guard lock(mutex_);
    log(availability_.refused(i, reason));
    if (availability_.down()) waiting = queue_.take_all();
  }
  answer_all(std::move(waiting), SnapshotError::unavailable, unreachable(reason));
}

bool SourceState::wait_before_connecting(milliseconds wait) {
  std::unique_lock lock(mutex_);
  const std::uint64_t seen = connects_;
  // Only while nobody is connected does another's success say that an attempt is worth it now.
  const bool alone = availability_.established() == 0;
  change_.wait_for(lock, wait, [&] { return stopping_ || (alone && connects_ != seen); });
  return !stopping_;
}

void SourceState::begin_read(std::size_t i, int socket) {
  const std::lock_guard lock(mutex_);
  under_way_[i] = {socket, steady_clock::now(), Cut::no};
  if (stopping_) cut(under_way_[i], Cut::stopping);
}

SourceState::Cut SourceState::end_read(std::size_t i) {
  const std::lock_guard lock(mutex_);
  return std::exchange(under_way_[i], {}).cut;
}

void SourceState::cut(UnderWay& read, Cut why) {
  if (read.socket < 0 || read.cut != Cut::no) return;
  // Not PQcancel(): that is a connection of its own, which may hang just like this one. The server ends the statement
  // at its timeout.
  ::shutdown(read.socket, SHUT_RDWR);
  read.cut = why;
}

void SourceState::log(const std::optional<Availability::Line>& line) {
  if (line && log_) log_(line->severity, line->text);
}

void SourceState::log_once(const std::string& key, Severity severity, const std::string& line) {
  const std::lock_guard lock(mutex_);
  if (logged_.insert(key).second) log(Availability::Line{severity, line});
}

void SourceState::statements_fail(const std::string& detail) {
  const auto now = steady_clock::now();
  const std::lock_guard lock(mutex_);
  // One device whose reads fail among many whose reads succeed must not fill the log.
  const bool recent = statements_logged_ != SteadyTime() && now - statements_logged_ < kLogInterval;
  if (statements_fail_ || recent) return;
  statements_fail_ = true;
  statements_logged_ = now;
  log(Availability::Line{Severity::warning, "snapshots fail: " + detail});
}

void SourceState::statements_work() {
  const std::lock_guard lock(mutex_);
  if (std::exchange(statements_fail_, false)) log(Availability::Line{Severity::info, "snapshots succeed again"});
}

void SourceState::watch() {
  // A tick, since a wake-up for every read would cost more than it gives: a lease ends at most an eighth late.
  const milliseconds tick = std::clamp(limits_.lease / 8, milliseconds(5), milliseconds(100));
  std::unique_lock lock(mutex_);
  while (!change_.wait_for(lock, tick, [&] { return stopping_; })) {
    const auto now = steady_clock::now();
    for (UnderWay& read : under_way_)
      if (now - read.began > limits_.read_budget) cut(read, Cut::too_slow);
    std::vector<PendingRead> expired = queue_.take_expired(now);
    if (expired.empty()) continue;
    const bool connected = availability_.established() > 0;
    lock.unlock();
    if (connected) {
      const auto first =
          std::partition(expired.begin(), expired.end(), [](const auto& read) { return read.throttled; });
      std::vector<PendingRead> others(std::make_move_iterator(first), std::make_move_iterator(expired.end()));
      expired.erase(first, expired.end());
      shed(std::move(expired));
      answer_all(std::move(others), SnapshotError::overloaded, "no database thread came free within the lease");
    } else {
      answer_all(std::move(expired), SnapshotError::unavailable, "the database does not answer");
    }
    lock.lock();
  }
}

}  // namespace pulsegate::storage
