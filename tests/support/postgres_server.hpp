// A real PostgreSQL of a test's own: a free port of 127.0.0.1, own data directory, no durability.
#pragma once

#include <map>
#include <memory>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/guide_schema.hpp"
#include "tests/support/postgres_client.hpp"

namespace pulsegate::test {

struct PostgresOptions {
  int max_connections = 50;
  std::map<std::string, std::string> settings;  // further server settings: {"log_statement", "all"}
  std::string access;                           // lines of pg_hba.conf; empty: everybody is trusted
};

// Thread: one at a time; the server ends when the thread that started it ends.
// Run as root, the server belongs to the account `postgres`, or `nobody` where there is none: it refuses to be root's.
class PostgresServer {
 public:
  // Prepares the data directory (a copy of one that is made once per machine); does not start it.
  explicit PostgresServer(PostgresOptions options = {});
  ~PostgresServer();

  // Returns once the server accepts connections. Starting again uses the same port. Throws with the server's log.
  PostgresServer& start();
  void stop();  // fast: sessions are ended (57P01), then an orderly shutdown
  void kill();  // immediate: as a crash; the next start recovers from the log
  void restart() {
    stop();
    start();
  }
  void pause();  // SIGSTOP to the server and all its sessions: nothing answers, nothing is closed
  void resume();
  bool running() { return process_ && process_->running(); }

  std::uint16_t port() const { return port_; }
  // libpq form: host=127.0.0.1 port=… dbname=… user=postgres
  std::string connection_string(const std::string& database = "postgres") const;
  std::string socket_dir() const { return dir_.path().string(); }
  std::string log() const;
  pid_t pid() const { return process_ ? process_->pid() : -1; }

  // On one kept connection to database `postgres`, made anew after a restart.
  SqlRows exec(const std::string& sql);
  SqlRows exec(const std::string& sql, const std::vector<SqlValue>& parameters);
  std::string value(const std::string& sql);
  PostgresClient& client();

  // An empty database of a case's own on a shared server; returns its connection string. An existing one is dropped
  // first.
  std::string create_database(const std::string& name);

  // The tables of the guide in database `postgres`, see guide_schema.hpp.
  void create_guide_schema(const GuideSchema& schema = {}) { test::create_guide_schema(client(), schema); }
  void insert_metrics(const MetricsSample& sample) { test::insert_metrics(client(), sample); }
  void insert_state(const StateSample& sample) { test::insert_state(client(), sample); }

 private:
  bool try_start(std::uint16_t port, Millis deadline);

  PostgresOptions options_;
  std::string bin_dir_;
  std::optional<Account> account_;
  TempDir dir_;
  std::uint16_t port_ = 0;  // 0: never started
  std::unique_ptr<ChildProcess> process_;
  std::unique_ptr<PostgresClient> client_;
};

// Where the newest installed server's programs are: $PULSEGATE_POSTGRES_BIN, else /usr/lib/postgresql/*/bin. Throws if
// nowhere.
std::string postgres_bin_dir();

}  // namespace pulsegate::test
