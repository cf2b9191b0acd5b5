// Some gateways on one Redis behind a real proxy with the configuration that deploy/ ships.
#pragma once

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/balancer.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/redis_server.hpp"

namespace pulsegate::test {

// Thread: the one that made it: what it starts ends with it.
class Replicas {
 public:
  // `args`: of each gateway, beside its addresses and Redis; there is no database.
  Replicas(std::size_t count, std::vector<std::string> args) : args_(std::move(args)) {
    redis_.start();
    for (std::size_t i = 0; i < count; ++i) {
      addresses_.push_back({free_port(), free_port()});
      gateways_.push_back(nullptr);
      start(i);
    }
  }

  // Replica `i` anew on its old ports, which its predecessor must have left. Waits until it is ready: haproxy takes a
  // server for down whose very first check fails.
  void start(std::size_t i) {
    std::vector<std::string> args = {"--listen",   address(addresses_[i].port),
                                     "--health",   address(addresses_[i].health),
                                     "--redis",    redis_.url(),
                                     "--auth",     "none",
                                     "--database", "none"};
    args.insert(args.end(), args_.begin(), args_.end());
    gateways_[i] = std::make_unique<GatewayProcess>(std::move(args));
    if (!eventually([&] { return ready(i); })) throw std::runtime_error("not ready:\n" + gateways_[i]->logs());
  }

  const std::vector<Backend>& backends() const { return addresses_; }
  RedisServer& redis() { return redis_; }
  GatewayProcess& at(std::size_t i) { return *gateways_[i]; }
  std::size_t size() const { return gateways_.size(); }
  bool ready(std::size_t i) const { return gateways_[i]->health("/readyz").status == 200; }
  std::size_t clients(std::size_t i) const {
    return static_cast<std::size_t>(gateways_[i]->admin("/api/v1/clients").json().at("clients").integer());
  }

 private:
  static std::string address(std::uint16_t port) { return "127.0.0.1:" + std::to_string(port); }

  const std::vector<std::string> args_;
  RedisServer redis_;
  std::vector<Backend> addresses_;
  std::vector<std::unique_ptr<GatewayProcess>> gateways_;
};

}  // namespace pulsegate::test
