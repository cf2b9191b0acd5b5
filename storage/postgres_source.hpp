// SnapshotSource and HistorySource over PostgreSQL: a few database threads with a connection each, behind a bounded
// queue.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <string>

#include "storage/availability.hpp"
#include "storage/history_source.hpp"
#include "storage/named_sql.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

struct PostgresConfig {
  std::string connection;  // "host=… dbname=… user=…", see connection_string.hpp
  SqlSet sql;
  std::size_t threads = 4;                // database threads, each with one connection
  std::size_t queue = 1024;               // reads that wait for a thread; more are answered `overloaded` at once
  std::chrono::milliseconds lease{2000};  // a read that waited longer is answered `overloaded`
  double rate = 1000;                     // reads a second that reach the database, of any kind; 0: no limit
  std::size_t burst = 2000;               // reads that may do so at once after a calm time
  std::chrono::milliseconds statement_timeout{5000};  // of each statement, in the server
  std::chrono::seconds connect_timeout{3};            // of one attempt; libpq's least is 2 s
  std::chrono::milliseconds backoff_least{200};       // before the second attempt to connect; doubles
  std::chrono::milliseconds backoff_most{5000};
};

// Each thread owns its session for good, so there is nothing to lease: a soci::connection_pool would add a second queue
// with a lock of its own behind this one. The queue's lease is the lease.
//
// A read is answered within lease + statement timeout + 2 s, twice that when its connection broke and it was tried
// again; while no connection stands and none can be made, at once. Connections are made, kept and made again without
// any read.
//
// A read costs one token of a bucket that all threads share, and waits in the queue until there is one: the database
// never sees more reads at once than `threads`, nor more a second than `rate`. Ranges of history, which may take long,
// occupy at most half of the threads and of the queue, so that snapshots get through.
//
// Thread: any. Executors must post: they are called from database threads, and from read() itself when a read is
// refused. Owner: whoever wires the process (as a rule within a SingleFlight; whoever
// uses it as HistorySource must not outlive that).
class PostgresSource final : public SnapshotSource, public HistorySource {
 public:
  // Does not wait for the database. Throws std::invalid_argument with one sentence when the connection string is
  // faulty. `log` takes one line for each change of state, never one for each read.
  PostgresSource(PostgresConfig config, LogLine log);
  ~PostgresSource() override;

  void read(const SnapshotRequest& request, Executor executor, SnapshotCallback done) override;
  void read_range(const RangeRequest& request, Executor executor, HistoryCallback done) override;
  void read_after(const AfterRequest& request, Executor executor, HistoryCallback done) override;
  // Outstanding reads are answered first; a thread in the middle of connecting may then take connect_timeout to end.
  // Not from an executor or callback that runs inline.
  void stop() override;
  // `reads` and the calls of history count all calls; the seconds of both only those that a thread took.
  SourceCounters counters() const override;

 private:
  class Threads;
  std::unique_ptr<Threads> threads_;
};

}  // namespace pulsegate::storage
