// Full jitter (uniform from zero) rather than "equal jitter": it spreads a thundering herd best for the same mean load.
#include "bus/backoff.hpp"

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

namespace pulsegate::bus {
namespace {

Backoff::Random system_random() {
  auto engine = std::make_shared<std::minstd_rand>(std::random_device{}());
  return [engine] { return std::uniform_real_distribution<double>(0.0, 1.0)(*engine); };
}

}  // namespace

Backoff::Backoff(const BackoffConfig& config, Random random)
    : config_(config),
      random_(random ? std::move(random) : system_random()),
      bound_(std::min(config.first, config.longest)) {}

std::chrono::milliseconds Backoff::next() {
  const double share = std::clamp(random_(), 0.0, 1.0);
  const auto delay = std::chrono::milliseconds(
      static_cast<std::chrono::milliseconds::rep>(share * static_cast<double>(bound_.count())));
  bound_ = std::min(bound_ * 2, config_.longest);
  return delay;
}

void Backoff::connection_lasted(std::chrono::milliseconds lasted) noexcept {
  if (lasted >= config_.stable_after) bound_ = std::min(config_.first, config_.longest);
}

}  // namespace pulsegate::bus
