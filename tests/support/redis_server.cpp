// See redis_server.hpp.
#include "tests/support/redis_server.hpp"

#include <stdexcept>

#include "tests/support/free_port.hpp"
#include "tests/support/text.hpp"

namespace pulsegate::test {
RedisServer::RedisServer(RedisOptions options) : options_(std::move(options)) {
  dir_.write("redis.conf", options_.config + "\n");
}

bool RedisServer::try_start(std::uint16_t port, Millis deadline) {
  ChildOptions child;
  child.program = "redis-server";
  // Debian builds it for systemd: with this variable it would report to the service manager of whoever runs the tests.
  child.environment.erase("NOTIFY_SOCKET");
  child.output_file = dir_.file("redis.log");
  child.args = {dir_.file("redis.conf"),
                "--port",
                std::to_string(port),
                "--bind",
                "127.0.0.1",
                "--unixsocket",
                unix_socket(),
                "--dir",
                dir(),
                "--daemonize",
                "no",
                "--logfile",
                ""};
  if (options_.sentinel) {
    child.args.emplace_back("--sentinel");
  } else {
    child.args.insert(child.args.end(), {"--save", "", "--appendonly", "no"});
  }
  if (!options_.password.empty()) child.args.insert(child.args.end(), {"--requirepass", options_.password});
  if (options_.tls) {
    if (port_ == 0) tls_port_ = free_port();  // another one for each try of a first start
    child.args.insert(child.args.end(),
                      {"--tls-port", std::to_string(tls_port_), "--tls-ca-cert-file", options_.tls->ca,
                       "--tls-cert-file", options_.tls->cert, "--tls-key-file", options_.tls->key});
  }
  child.args.insert(child.args.end(), options_.args.begin(), options_.args.end());

  // The server's own word counts, not a PING: somebody else's server may have won the race for the port.
  const std::size_t from = log().size();
  process_ = std::make_unique<ChildProcess>(std::move(child));
  const char* ready = options_.sentinel ? "Sentinel ID is" : "Ready to accept connections";
  if (process_->wait_for_output(ready, deadline, from)) return true;
  const std::string said = log().substr(from);
  process_.reset();
  if (contains(said, "Address already in use") || contains(said, "Failed listening on port")) return false;
  throw std::runtime_error("redis-server did not start:\n" + said);
}

RedisServer& RedisServer::start() {
  if (running()) return *this;
  client_.reset();
  if (port_ == 0) {
    port_ = with_free_port([this](std::uint16_t port) { return try_start(port, kServerDeadline); });
  } else if (!eventually([this] { return try_start(port_, kServerDeadline); }, kDeadline, Millis(100))) {
    throw std::runtime_error("the port of redis-server was taken while it was down: " + std::to_string(port_));
  }
  return *this;
}

void RedisServer::stop() {
  client_.reset();
  if (process_) process_->terminate();
  process_.reset();
}

void RedisServer::kill() {
  client_.reset();
  if (process_) process_->kill();
  process_.reset();
}

void RedisServer::pause() {
  if (!process_ || !process_->signal(SIGSTOP)) throw std::runtime_error("redis-server does not run");
}

void RedisServer::resume() {
  if (!process_ || !process_->signal(SIGCONT)) throw std::runtime_error("redis-server does not run");
}

std::string RedisServer::url() const {
  const std::string credentials = options_.password.empty() ? "" : ":" + options_.password + "@";
  return "redis://" + credentials + "127.0.0.1:" + std::to_string(port_) + "/0";
}

std::string RedisServer::unix_url() const {
  const std::string credentials = options_.password.empty() ? "" : ":" + options_.password + "@";
  return "unix://" + credentials + unix_socket();
}

std::string RedisServer::log() const {
  return read_file(dir_.file("redis.log"));
}

RedisClient RedisServer::client() const {
  return {"127.0.0.1", port_, options_.password};
}

std::int64_t RedisServer::publish(const std::string& channel, const std::string& payload) {
  if (!client_) client_ = std::make_unique<RedisClient>(client());
  return client_->publish(channel, payload);
}

bool RedisServer::wait_for_subscribers(const std::string& channel, std::int64_t count, Millis deadline) {
  if (!client_) client_ = std::make_unique<RedisClient>(client());
  return eventually([&] { return client_->subscribers(channel) == count; }, deadline);
}

}  // namespace pulsegate::test
