#include "bus/redis_sharded_subscriber.hpp"

#include <utility>

#include "bus/sharded_core.hpp"

namespace pulsegate::bus {

RedisShardedSubscriber::RedisShardedSubscriber(asio::io_context& io, RedisConfig config)
    : core_(std::make_shared<Core>(io, std::move(config))) {}

RedisShardedSubscriber::~RedisShardedSubscriber() {
  core_->stop();
}

void RedisShardedSubscriber::start(EventSink& sink) {
  core_->start(sink);
}
void RedisShardedSubscriber::stop() {
  core_->stop();
}
void RedisShardedSubscriber::subscribe(const std::vector<std::string>& topics) {
  core_->subscribe(topics);
}
void RedisShardedSubscriber::unsubscribe(const std::vector<std::string>& topics) {
  core_->unsubscribe(topics);
}
bool RedisShardedSubscriber::up() const noexcept {
  return core_->up();
}
const SubscriberCounters& RedisShardedSubscriber::counters() const noexcept {
  return core_->counters();
}
const std::string& RedisShardedSubscriber::last_error() const noexcept {
  return core_->last_error();
}

}  // namespace pulsegate::bus
