// How the server runs its canary: the channel, the shards that listen, and what readiness makes of it.
#include <algorithm>
#include <cstdio>
#include <random>

#include "gateway/server.hpp"

namespace pulsegate {
namespace {

// Of this process alone: another gateway's canaries would prove nothing about its own shards.
std::string canary_topic() {
  std::random_device random;
  char id[32];
  std::snprintf(id, sizeof id, "%08x%08x", random(), random());
  return std::string(kCanaryPrefix) + id;
}

}  // namespace

std::unique_ptr<Canary> Server::make_canary() {
  Canary::Calls calls;
  calls.listen = [this](bool on) {
    for (const auto& shard : shards_)
      shard->post([s = shard.get(), topic = on ? canary_->topic() : std::string()] { s->listen_to_canary(topic); });
  };
  calls.seen = [this] {
    SteadyTime seen = shards_.front()->canary_seen();
    for (const auto& shard : shards_) seen = std::min(seen, shard->canary_seen());
    return seen;
  };
  return std::make_unique<Canary>(publisher_.get(), config_.canary, canary_topic(), std::move(calls));
}

ops::CanaryReport Server::canary_report() const {
  ops::CanaryReport report{canary_->counters(), {}};
  if (report.counters.state == CanaryState::off) return report;
  const SteadyTime now = clock_.now().steady;
  for (const auto& shard : shards_) {
    const SteadyTime seen = shard->canary_seen();
    report.ages.push_back(std::chrono::duration<double>(now - (seen == SteadyTime{} ? started_ : seen)).count());
  }
  return report;
}

ops::Readiness Server::readiness() const {
  if (leaving_) return {false, "The gateway is draining: clients are being sent away."};
  if (memory_.high()) return {false, "Memory is short: nobody new is taken on until some is free."};
  if (config_.readiness == "basic") return {true, {}};
  for (const auto& shard : shards_)
    if (!shard->bus_up()) return {false, "Redis is not connected: clients would see no live data."};
  std::string complaint = canary_->complaint(clock_.now().steady);
  return {complaint.empty(), std::move(complaint)};
}

}  // namespace pulsegate
