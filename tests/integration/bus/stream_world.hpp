// A RedisStreamReader on an io_context that the test itself runs, and what it has answered.
#pragma once

#include <deque>
#include <memory>
#include <string>
#include <utility>

#include "bus/redis_stream_reader.hpp"
#include "tests/integration/bus/bus_world.hpp"

namespace pulsegate::test {

inline bus::RedisStreamConfig quick_stream_config(const std::string& url) {
  bus::RedisStreamConfig config;
  config.redis = quick_config(url);
  config.backoff = config.redis.backoff;
  return config;
}

// Thread: the test's own; nothing runs outside of run_until() and run_for().
class StreamWorld : public LoopWorld {
 public:
  explicit StreamWorld(bus::RedisStreamConfig config)
      : reader_(std::make_unique<bus::RedisStreamReader>(io_, std::move(config))) {}

  bus::RedisStreamReader& reader() { return *reader_; }
  void destroy_reader() { reader_.reset(); }

  // Asks for the whole stream; the answer is the next of answers().
  void ask(const proto::DeviceId& device, std::size_t limit = bus::kMaxStreamRead) {
    reader_->read_from(device, proto::Timestamp{}, limit,
                       [this](bus::StreamAnswer answer) { answers_.push_back(std::move(answer)); });
  }
  // False: too few answers at the deadline.
  bool wait(std::size_t count) {
    return run_until([&] { return answers_.size() >= count; });
  }
  // The answer to one question more. Without one: !ok and no detail.
  bus::StreamAnswer read(const proto::DeviceId& device, std::size_t limit = bus::kMaxStreamRead) {
    const std::size_t before = answers_.size();
    ask(device, limit);
    return wait(before + 1) ? answers_.back() : bus::StreamAnswer();
  }
  std::deque<bus::StreamAnswer>& answers() { return answers_; }

 private:
  std::unique_ptr<bus::RedisStreamReader> reader_;
  std::deque<bus::StreamAnswer> answers_;
};

}  // namespace pulsegate::test
