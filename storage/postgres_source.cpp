// Wires the shared state, the database threads and the thread that watches the time.
#include "storage/postgres_source.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <deque>
#include <functional>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <utility>
#include <vector>

#include "storage/connection_string.hpp"
#include "storage/database_worker.hpp"
#include "storage/source_state.hpp"

namespace pulsegate::storage {
namespace {

// How much longer than the statement timeout a whole read may take before its connection counts as dead.
constexpr std::chrono::seconds kReadGrace{2};

// What check_connection_string() cannot know: which options libpq has.
void check_options(const std::string& connection) {
  char* message = nullptr;
  PQconninfoOption* const options = PQconninfoParse(connection.c_str(), &message);
  const std::string said = message != nullptr ? message : "";
  const bool fine = options != nullptr;
  PQconninfoFree(options);
  PQfreemem(message);
  if (!fine)
    throw std::invalid_argument("the database connection string is faulty: " + said.substr(0, said.find('\n')));
}

std::string checked_connection(const PostgresConfig& config) {
  if (const auto fault = check_connection_string(config.connection)) throw std::invalid_argument(*fault);
  if (config.threads == 0 || config.queue == 0)
    throw std::invalid_argument("the number of database threads and the length of their queue must be at least 1");
  std::string connection = complete_connection_string(config.connection, config.connect_timeout);
  check_options(connection);
  return connection;
}

std::function<void(ReadResult)> history_answer(HistoryCallback&& done) {
  return [done = std::move(done)](ReadResult result) {
    done({result.error, std::move(result.detail), std::move(result.history)});
  };
}

}  // namespace

class PostgresSource::Threads {
 public:
  Threads(PostgresConfig&& config, LogLine log)
      : state_({config.threads, config.queue, std::max<std::size_t>(config.threads / 2, 1), config.rate, config.burst,
                config.lease, config.statement_timeout + kReadGrace},
               std::move(log)),
        config_{{checked_connection(config), std::move(config.sql), config.statement_timeout,
                 [this](const std::string& column) {
                   state_.log_once(column, Severity::warning,
                                   "column '" + column + "' holds a value that is not JSON in UTF-8; it is left out");
                 }},
                config.backoff_least,
                config.backoff_most} {
    try {
      for (std::size_t i = 0; i < config.threads; ++i) {
        DatabaseWorker& worker = workers_.emplace_back(config_, state_, i);
        threads_.emplace_back([&worker] { worker.run(); });
      }
      threads_.emplace_back([this] { state_.watch(); });
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Threads() { stop(); }

  SourceState& state() { return state_; }
  const SourceState& state() const { return state_; }

  void stop() {
    const std::lock_guard lock(stop_mutex_);
    state_.stop();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
  }

 private:
  SourceState state_;
  const WorkerConfig config_;
  std::deque<DatabaseWorker> workers_;
  std::vector<std::thread> threads_;
  std::mutex stop_mutex_;
};

PostgresSource::PostgresSource(PostgresConfig config, LogLine log)
    : threads_(std::make_unique<Threads>(std::move(config), std::move(log))) {}

PostgresSource::~PostgresSource() = default;

void PostgresSource::read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) {
  threads_->state().submit(request, std::move(executor), [done = std::move(done)](ReadResult result) {
    done({result.error, std::move(result.detail), std::move(result.snapshot)});
  });
}

void PostgresSource::read_range(const RangeRequest& request, Executor executor, HistoryCallback done) {
  threads_->state().submit(request, std::move(executor), history_answer(std::move(done)));
}

void PostgresSource::read_after(const AfterRequest& request, Executor executor, HistoryCallback done) {
  threads_->state().submit(request, std::move(executor), history_answer(std::move(done)));
}

void PostgresSource::stop() {
  threads_->stop();
}

SourceCounters PostgresSource::counters() const {
  return threads_->state().counters();
}

}  // namespace pulsegate::storage
