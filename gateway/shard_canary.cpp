// What a shard has to do with the canary: listen, and remember the newest one that came back.
#include "gateway/canary.hpp"
#include "gateway/shard.hpp"

namespace pulsegate {

void Shard::listen_to_canary(const std::string& topic) {
  if (!canary_topic_.empty()) subscriber_->unsubscribe({canary_topic_});
  canary_topic_ = topic;
  if (!topic.empty()) subscriber_->subscribe({topic});
}

void Shard::on_canary(std::string_view payload) {
  const SteadyTime now = parts_.clock.now().steady;
  const SteadyTime published = Canary::published_at(payload, now);
  if (published <= canary_seen()) return;
  canary_round_trip_.observe(std::chrono::duration<double>(now - published).count());
  canary_seen_.store(published.time_since_epoch().count());
}

}  // namespace pulsegate
