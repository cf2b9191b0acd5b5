// A real redis-server of a test's own: a free port of 127.0.0.1, a unix socket, nothing on disk.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/redis_client.hpp"
#include "tests/support/tls_files.hpp"

namespace pulsegate::test {

struct RedisOptions {
  std::string password;           // requirepass
  std::vector<std::string> args;  // put last, so they win: {"--cluster-enabled", "yes"}
  std::string config;             // lines of a configuration file in dir(), read first
  bool sentinel = false;          // a Sentinel instead of a server; `config` says what it monitors
  // A second port speaks TLS, with this certificate, and asks clients for one that the same CA has signed.
  std::optional<TlsFiles> tls;
};

// Thread: one at a time; the server ends when the thread that started it ends.
class RedisServer {
 public:
  // Does not start it.
  explicit RedisServer(RedisOptions options = {});

  // Returns once the server accepts connections. Starting again uses the same port. Throws with the server's log.
  RedisServer& start();
  void stop();  // SIGTERM: clients see an orderly end
  void kill();  // SIGKILL
  void restart() {
    stop();
    start();
  }
  void pause();  // SIGSTOP: connections stay open and silent, as with a half-open network
  void resume();
  bool running() { return process_ && process_->running(); }

  std::uint16_t port() const { return port_; }
  std::uint16_t tls_port() const { return tls_port_; }
  std::string url() const;  // redis://[:password@]127.0.0.1:port/0
  std::string unix_socket() const { return dir_.file("redis.sock"); }
  std::string unix_url() const;  // unix://[:password@]/path
  std::string dir() const { return dir_.path().string(); }
  std::string log() const;
  pid_t pid() const { return process_ ? process_->pid() : -1; }

  // A new connection.
  RedisClient client() const;
  // On one kept connection, made anew after a restart.
  std::int64_t publish(const std::string& channel, const std::string& payload);
  // Waits until `channel` has exactly `count` subscribers.
  bool wait_for_subscribers(const std::string& channel, std::int64_t count, Millis deadline = kDeadline);

 private:
  bool try_start(std::uint16_t port, Millis deadline);

  RedisOptions options_;
  TempDir dir_;
  std::uint16_t port_ = 0;      // 0: never started
  std::uint16_t tls_port_ = 0;  // 0: never started, or without TLS
  std::unique_ptr<ChildProcess> process_;
  std::unique_ptr<RedisClient> client_;
};

}  // namespace pulsegate::test
