// A gateway that only remembers what it was asked.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/ops/control.hpp"

namespace pulsegate::ops {

class FakeControl final : public Control {
 public:
  void report(std::function<void(GatewayReport)> done) override { done(gateway); }
  void count_clients(const std::optional<proto::DeviceId>& device, std::function<void(std::size_t)> done) override {
    counted.push_back(device);
    if (hold)
      held = std::move(done);
    else
      done(device ? 3 : 12);
  }
  void broadcast(const proto::DeviceId& device, std::string json, std::function<void(std::size_t)> done) override {
    broadcasts.emplace_back(device, std::move(json));
    done(2);
  }
  void drain() override { ++drains; }
  Readiness readiness() const override { return ready; }

  GatewayReport gateway;
  Readiness ready{true, ""};
  bool hold = false;  // keep the next answer of count_clients back
  std::function<void(std::size_t)> held;
  std::vector<std::optional<proto::DeviceId>> counted;
  std::vector<std::pair<proto::DeviceId, std::string>> broadcasts;
  int drains = 0;
};

}  // namespace pulsegate::ops
