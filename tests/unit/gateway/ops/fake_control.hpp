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
  void report_device(const proto::DeviceId&, std::function<void(std::vector<devices::DeviceReport>)> done) override {
    done(device_reports);
  }
  void report_session(std::string id, std::function<void(std::optional<ws::SessionReport>)> done) override {
    for (const ws::SessionReport& report : session_reports)
      if (report.id == id) return done(report);
    done(std::nullopt);
  }
  void report_sessions(std::size_t, std::function<void(std::vector<ws::SessionReport>)> done) override {
    done(session_reports);
  }
  const proto::ChannelTable& channels() const override { return channel_table; }
  void drain() override { ++drains; }
  Readiness readiness() const override { return ready; }

  GatewayReport gateway;
  Readiness ready{true, ""};
  bool hold = false;  // keep the next answer of count_clients back
  std::function<void(std::size_t)> held;
  std::vector<std::optional<proto::DeviceId>> counted;
  std::vector<std::pair<proto::DeviceId, std::string>> broadcasts;
  int drains = 0;
  std::vector<devices::DeviceReport> device_reports;
  std::vector<ws::SessionReport> session_reports;
  proto::ChannelTable channel_table;
};

}  // namespace pulsegate::ops
