// What the tests of PostgresSource share: one server for all cases that leave it standing, a database for each case,
// and a source whose reads are waited for.
#pragma once

#include <stdlib.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "storage/postgres_source.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/postgres_server.hpp"
#include "tests/support/snapshot_source_contract.hpp"

namespace pulsegate::test {

inline const std::string kDeviceText = "11111111-2222-3333-4444-555555555555";
inline const proto::DeviceId kDevice = *proto::DeviceId::parse(kDeviceText);

inline PostgresServer& shared_server() {
  static PostgresServer server;
  if (!server.running()) server.start();
  return server;
}

// An empty database on the shared server, and a client to it.
struct Database {
  explicit Database(const std::string& name = "storage_case")
      : connection(shared_server().create_database(name)), client(connection) {}

  std::string connection;
  PostgresClient client;
};

inline storage::PostgresConfig config_for(const std::string& connection) {
  storage::PostgresConfig config{connection, storage::load_sql("guide")};
  config.backoff_least = Millis(20);
  config.backoff_most = Millis(100);
  return config;
}

// The guide's statements, but for those in `sql`.
inline storage::PostgresConfig with_override(const Database& db, const std::string& sql) {
  std::string path = "/tmp/pulsegate-sql-XXXXXX";
  const int file = ::mkstemp(path.data());
  BOOST_REQUIRE(::write(file, sql.data(), sql.size()) == static_cast<ssize_t>(sql.size()));
  ::close(file);
  storage::PostgresConfig config = config_for(db.connection);
  config.sql = storage::load_sql("guide", path);
  ::unlink(path.c_str());
  return config;
}

// Thread: the test's, but for the log.
class TestedSource {
 public:
  explicit TestedSource(storage::PostgresConfig config)
      : source_(std::move(config), [this](storage::Severity, const std::string& line) {
          const std::lock_guard lock(mutex_);
          log_.push_back(line);
        }) {}
  explicit TestedSource(const std::string& connection) : TestedSource(config_for(connection)) {}

  // Asks and waits for the answer.
  storage::SnapshotResult read(std::size_t points = 30) {
    Answers answers;
    answers.ask(source_, {kDevice, points, storage::ReadReason::first});
    BOOST_REQUIRE(answers.wait(1));
    return answers[0];
  }
  // The same, and the read must succeed.
  storage::Snapshot snapshot(std::size_t points = 30) {
    const storage::SnapshotResult result = read(points);
    BOOST_REQUIRE_MESSAGE(result.error == storage::SnapshotError::none, result.detail);
    return *result.snapshot;
  }
  bool wait_for_connections(std::size_t count) {
    return eventually([&] { return source_.counters().connections == count; });
  }
  // How many lines of the log so far hold `part`.
  std::size_t logged(const std::string& part) {
    const std::lock_guard lock(mutex_);
    std::size_t count = 0;
    for (const std::string& line : log_) count += line.find(part) != std::string::npos ? 1 : 0;
    return count;
  }
  storage::PostgresSource& operator*() { return source_; }
  storage::PostgresSource* operator->() { return &source_; }

 private:
  std::mutex mutex_;
  std::vector<std::string> log_;
  storage::PostgresSource source_;  // last: its threads use the log
};

inline bool is(const storage::SnapshotResult& result, storage::SnapshotError error) {
  return result.error == error;
}

}  // namespace pulsegate::test
