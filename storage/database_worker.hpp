// One database thread: keeps its connection, takes reads from the queue, answers them. Private to storage_postgres.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <random>
#include <string>

#include "storage/read_queue.hpp"
#include "storage/snapshot_reader.hpp"
#include "storage/source_state.hpp"

namespace pulsegate::storage {

struct WorkerConfig {
  ReaderConfig reader;
  std::chrono::milliseconds backoff_least;
  std::chrono::milliseconds backoff_most;
};

// Thread: run() is the thread's body. Owner: PostgresSource.
class DatabaseWorker {
 public:
  // Both outlive the worker. `index`: which of the source's connections this is.
  DatabaseWorker(const WorkerConfig& config, SourceState& state, std::size_t index)
      : config_(config), state_(state), index_(index), random_(std::random_device{}()) {}

  // Returns when the source stops.
  void run();

 private:
  void connect();
  void serve(PendingRead read);
  void drop_connection(const std::string& reason);
  std::chrono::milliseconds jittered(std::chrono::milliseconds wait);

  const WorkerConfig& config_;
  SourceState& state_;
  const std::size_t index_;
  std::minstd_rand random_;
  std::unique_ptr<SnapshotReader> reader_;  // null: not connected
  std::chrono::milliseconds backoff_{0};    // before the next attempt to connect
  bool was_connected_ = false;
};

}  // namespace pulsegate::storage
