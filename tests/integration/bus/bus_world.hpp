// An io_context that the test itself runs, a RedisSubscriber on it, and the server that the cases of one executable
// share.
#pragma once

#include <algorithm>
#include <asio/io_context.hpp>
#include <asio/post.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <utility>

#include "bus/redis_subscriber.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

// Times that let a test see several reconnects and keepalives in a second.
inline bus::RedisConfig quick_config(const std::string& url) {
  std::string error;
  auto parsed = bus::parse_redis_url(url, error);
  if (!parsed) throw std::runtime_error(error);
  bus::RedisConfig config;
  config.url = std::move(*parsed);
  config.backoff.first = std::chrono::milliseconds(10);
  config.backoff.longest = std::chrono::milliseconds(50);
  config.recheck = std::chrono::milliseconds(50);
  return config;
}

// Started once: a server a case would take longer than all cases.
inline RedisServer& shared_redis() {
  static RedisServer server;
  server.start();
  return server;
}

// The line of CLIENT LIST about our connection; empty: there is none.
inline std::string client_line(RedisServer& server) {
  const std::string list = server.client().command("CLIENT", "LIST").string;
  const auto name = list.find("name=pulsegate ");
  if (name == std::string::npos) return {};
  const auto begin = list.rfind('\n', name) + 1;  // npos + 1: the first line
  return list.substr(begin, list.find('\n', name) - begin);
}

// CLIENT KILL of our connection alone. Requires that it is up.
inline void kill_connection(RedisServer& server) {
  const std::string line = client_line(server);
  const std::string id = line.substr(3, line.find(' ') - 3);  // "id=7 addr=…"
  server.client().command("CLIENT", "KILL", "ID", id);
}

// Thread: the test's own; nothing runs outside of run_until() and run_for().
class LoopWorld {
 public:
  asio::io_context& io() { return io_; }

  template <class Predicate>
  bool run_until(Predicate&& predicate, Millis deadline = kDeadline) {
    const Deadline end(deadline);
    while (!predicate()) {
      if (end.passed()) return false;
      run_for(std::min(Millis(10), end.left()));
    }
    return true;
  }
  // One handler at most, so that a predicate is looked at between handlers.
  void run_for(Millis time) {
    io_.restart();
    // Without pending work the io_context would return at once, and the loop around it would spin.
    if (io_.run_one_for(time) == 0 && io_.stopped()) pause_for(Millis(1));
  }
  void run_all_for(Millis time) {
    io_.restart();
    io_.run_for(time);
  }

 protected:
  asio::io_context io_;  // outlives what a derived class puts on it
};

class BusWorld : public LoopWorld {
 public:
  explicit BusWorld(bus::RedisConfig config)
      : subscriber_(std::make_unique<bus::RedisSubscriber>(io_, std::move(config))) {}

  bus::RedisSubscriber& subscriber() { return *subscriber_; }
  void destroy_subscriber() { subscriber_.reset(); }

 private:
  std::unique_ptr<bus::RedisSubscriber> subscriber_;
};

}  // namespace pulsegate::test
