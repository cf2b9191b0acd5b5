#include "gateway/commands/replay_outputs.hpp"

#include <asio/post.hpp>
#include <utility>

namespace pulsegate::commands {

RedisOutput::RedisOutput(const bus::RedisConfig& config, std::string prefix) : prefix_(std::move(prefix)) {
  bus::RedisPipeline::Calls calls;
  calls.answered = [this](std::size_t count) {
    const std::lock_guard<std::mutex> lock(mutex_);
    unanswered_ -= count;
    room_.notify_all();
  };
  calls.failed = [this](const std::string& reason) {
    const std::lock_guard<std::mutex> lock(mutex_);
    failure_ = reason;
    room_.notify_all();
  };
  calls.ready = [this] {
    const std::lock_guard<std::mutex> lock(mutex_);
    connected_ = true;
    room_.notify_all();
  };
  pipeline_ = std::make_unique<bus::RedisPipeline>(io_, config, std::move(calls));
  thread_ = std::thread([this] { io_.run(); });
}

RedisOutput::~RedisOutput() {
  stop();
  asio::post(io_, [this] { pipeline_.reset(); });
  work_.reset();
  thread_.join();
}

bool RedisOutput::ready() {
  std::unique_lock<std::mutex> lock(mutex_);
  room_.wait(lock, [this] { return stopped_ || !failure_.empty() || connected_; });
  return !stopped_ && failure_.empty();
}

bool RedisOutput::event(const std::string& channel, const std::string& payload) {
  {
    std::unique_lock<std::mutex> lock(mutex_);
    room_.wait(lock, [this] { return stopped_ || !failure_.empty() || unanswered_ < kMaxUnanswered; });
    if (stopped_ || !failure_.empty()) return false;
    ++unanswered_;
  }
  asio::post(io_, [this, topic = prefix_ + channel, payload] {
    if (pipeline_) pipeline_->publish(topic, payload);
  });
  return true;
}

void RedisOutput::finish() {
  std::unique_lock<std::mutex> lock(mutex_);
  room_.wait(lock, [this] { return stopped_ || !failure_.empty() || unanswered_ == 0; });
}

void RedisOutput::stop() {
  const std::lock_guard<std::mutex> lock(mutex_);
  stopped_ = true;
  room_.notify_all();
}

std::string RedisOutput::failure() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return failure_;
}

std::size_t RedisOutput::unanswered() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return unanswered_;
}

}  // namespace pulsegate::commands
