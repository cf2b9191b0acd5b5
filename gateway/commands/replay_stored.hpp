// Replays of what is stored: the entries of Redis Streams, or the rows of PostgreSQL, made into the events that they
// once were.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/redis_config.hpp"
#include "gateway/commands/replay_input.hpp"
#include "gateway/config.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::commands {

// What is stored of one device, piece by piece, oldest first. Thread: the player's.
class StoredEvents {
 public:
  virtual ~StoredEvents() = default;
  // Those that follow the ones that it gave before; none: the end. May throw: they cannot be read.
  virtual std::vector<ReplayEvent> next_page() = 0;
};

// Several devices, merged by time; of equal times in the order of the devices.
class StoredInput final : public ReplayInput {
 public:
  using Open = std::function<std::unique_ptr<StoredEvents>(const proto::DeviceId& device)>;

  StoredInput(std::vector<proto::DeviceId> devices, Open open);

  std::optional<ReplayEvent> next() override;
  void rewind() override;
  double progress() const override { return 0; }  // nobody knows how much there is

 private:
  struct Source {
    std::unique_ptr<StoredEvents> events;
    std::deque<ReplayEvent> page;
    bool over = false;
  };

  const std::vector<proto::DeviceId> devices_;
  const Open open_;
  std::vector<Source> sources_;
};

// `config`: names of channels and streams. `from`: where to begin; nothing: at the beginning. What they return keeps a
// connection. Throws ConfigurationError.
StoredInput::Open open_streams(const Config& config, const bus::RedisConfig& redis,
                               std::optional<proto::Timestamp> from);
// `connection`: of PostgreSQL.
StoredInput::Open open_rows(const Config& config, const std::string& connection, std::optional<proto::Timestamp> from);

}  // namespace pulsegate::commands
