// The gateway as a whole: shards, listener, health and admin ports, signals, drain. Runs on the main thread.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <asio/io_context.hpp>
#include <asio/signal_set.hpp>
#include <asio/steady_timer.hpp>

#include "bus/publisher.hpp"
#include "gateway/canary.hpp"
#include "gateway/clock.hpp"
#include "gateway/config.hpp"
#include "gateway/ops/control.hpp"
#include "gateway/ops/http_port.hpp"
#include "gateway/repeating_timer.hpp"
#include "gateway/shard.hpp"
#include "gateway/ws/listener.hpp"
#include "proto/channel.hpp"
#include "proto/time.hpp"
#include "proto/topic.hpp"
#include "storage/history_source.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate {

using PublisherFactory = std::function<std::unique_ptr<bus::Publisher>(asio::io_context&)>;

// The adapters, chosen by the command that starts the server.
struct ServerParts {
  SubscriberFactory subscriber;
  StreamFactory stream;                             // empty: `--stream-key none`
  PublisherFactory publisher;                       // empty: `--canary off`
  std::unique_ptr<storage::SnapshotSource> source;  // null: without a database
  storage::HistorySource* history = nullptr;        // stands or falls with `source`
};

// Thread: main. Owner: the `serve` command.
class Server final : private ops::Control {
 public:
  // Throws std::exception with one sentence for the operator when an address cannot be listened on.
  Server(const Config& config, ServerParts parts);
  ~Server() override;

  // Serves until SIGTERM or SIGINT, then drains (a second signal cuts that short) and returns 0.
  int run();

 private:
  // ops::Control
  void report(std::function<void(ops::GatewayReport)> done) override;
  void count_clients(const std::optional<proto::DeviceId>& device, std::function<void(std::size_t)> done) override;
  void broadcast(const proto::DeviceId& device, std::string json, std::function<void(std::size_t)> done) override;
  void drain() override;
  ops::Readiness readiness() const override;

  // server_canary.cpp
  std::unique_ptr<Canary> make_canary();
  ops::CanaryReport canary_report() const;

  // Runs `ask` on every shard and `done` with all answers on the main thread.
  template <typename Answer>
  void ask_shards(std::function<Answer(Shard&)> ask, std::function<void(std::vector<Answer>)> done);
  std::size_t shard_of(const proto::DeviceId& device) const noexcept;
  void take(asio::ip::tcp::socket socket, std::size_t shard);
  void wait_for_signal();
  void on_signal(int signal);
  void begin_drain();
  void shut_down();

  const Config config_;
  const std::size_t max_connections_;
  proto::ChannelTable channels_;
  proto::TopicTable topics_;
  proto::ClockFormat clock_format_;
  SystemClock clock_;
  ServerParts parts_;

  asio::io_context io_{1};
  asio::signal_set signals_;
  std::vector<std::unique_ptr<Shard>> shards_;
  std::unique_ptr<bus::Publisher> publisher_;  // null: no canary
  std::unique_ptr<Canary> canary_;
  RepeatingTimer canary_ticks_;
  SteadyTime started_{};
  std::unique_ptr<ws::Listener> listener_;
  std::unique_ptr<ops::HttpPort> health_;
  std::unique_ptr<ops::HttpPort> admin_;

  asio::steady_timer drain_delay_;
  std::size_t draining_shards_ = 0;
  bool leaving_ = false;   // a drain was asked for: not ready any more
  bool draining_ = false;  // clients are being sent away
  bool stopping_ = false;  // a signal came: leave when the drain is over
  bool shut_down_ = false;
  bool full_ = false;
  std::uint64_t refused_full_ = 0;
};

}  // namespace pulsegate
