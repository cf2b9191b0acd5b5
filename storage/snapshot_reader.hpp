// One connection to PostgreSQL and the statements prepared on it: reads a snapshot or history, and says what went wrong
// in terms of what to do next. Private to storage_postgres.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "storage/named_sql.hpp"
#include "storage/read_failure.hpp"
#include "storage/read_queue.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::storage {

struct ReaderConfig {
  std::string connection;  // complete, checked
  SqlSet sql;
  std::chrono::milliseconds statement_timeout;
  // Takes the name of a column whose value was left out because it is not what it should be.
  std::function<void(const std::string& column)> unusable;
};

// The statements are prepared when they are first needed and live as long as the connection.
// A reader is never reconnected: executing a statement that was prepared on an earlier connection would crash within
// SOCI, so statements and session are destroyed together, in that order, and a new reader takes their place. Thread:
// the one that made it; socket() belongs to whoever wants to shut a blocked read down. Owner: DatabaseWorker.
class SnapshotReader {
 public:
  // Connects; blocks up to the connect timeout. `config` must outlive the reader. Throws ConnectionLost.
  explicit SnapshotReader(const ReaderConfig& config);
  ~SnapshotReader();

  // Throws ConnectionLost or ReadFailed. Requires that the request's points are within their bounds.
  ReadResult read(const ReadRequest& request);

  // False when the server has closed the connection. Costs one system call, no round trip.
  bool alive() const noexcept;
  int socket() const noexcept;

 private:
  struct Session;

  void read_clock();
  std::shared_ptr<const Snapshot> read_snapshot(const SnapshotRequest& request);
  void read_window(const std::string& device, std::size_t points, Snapshot& snapshot);
  void read_state(const std::string& device, Snapshot& snapshot);

  const ReaderConfig& config_;
  std::unique_ptr<Session> session_;
  std::chrono::microseconds clock_offset_{0};
  std::chrono::steady_clock::time_point clock_read_{};
  bool clock_known_ = false;
};

}  // namespace pulsegate::storage
