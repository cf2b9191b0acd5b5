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
#include "gateway/access/limiter.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/canary.hpp"
#include "gateway/clock.hpp"
#include "gateway/config.hpp"
#include "gateway/log.hpp"
#include "gateway/ops/control.hpp"
#include "gateway/ops/http_port.hpp"
#include "gateway/repeating_timer.hpp"
#include "gateway/server_access.hpp"
#include "gateway/server_memory.hpp"
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
  std::function<void()> reload;                     // on SIGHUP; empty: SIGHUP is left to the system
  std::unique_ptr<storage::SnapshotSource> source;  // null: without a database
  storage::HistorySource* history = nullptr;        // stands or falls with `source`
  const web::Page* page = nullptr;                  // the dashboard; null: built without. Lives as long as the process
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
  void report_device(const proto::DeviceId& device,
                     std::function<void(std::vector<devices::DeviceReport>)> done) override;
  void report_session(std::string id, std::function<void(std::optional<ws::SessionReport>)> done) override;
  void report_sessions(std::size_t most, std::function<void(std::vector<ws::SessionReport>)> done) override;
  void drain() override;
  ops::Readiness readiness() const override;
  const proto::ChannelTable& channels() const override { return channels_; }

  // server_canary.cpp
  std::unique_ptr<Canary> make_canary();
  ops::CanaryReport canary_report() const;

  // Runs `ask` on every shard and `done` with all answers on the main thread.
  template <typename Answer>
  void ask_shards(std::function<Answer(Shard&)> ask, std::function<void(std::vector<Answer>)> done);
  // server_entry.cpp: who comes in, and how many.
  ws::ListenerConfig listener_config() const;
  ws::ListenerCalls listener_calls();
  bool admit(ws::Arrival& arrival);
  bool admit_limited(const ws::Arrival& arrival, SteadyTime now);
  void set_full(bool full, std::size_t occupied);
  void tell_accepting();
  void look_at_memory();
  void poll_access_files();
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
  AccessFiles access_files_;
  access::Limiter limiter_;  // outlives the shards, whose connections hold places of it
  const MemoryBound memory_bound_;
  MemoryGauge memory_;
  std::uint64_t memory_used_ = 0;
  SteadyTime trimmed_{};  // when memory was last given back to the system
  access::RateBucket refusals_;
  log::RateLimited repeated_;  // lines that one address could write without end

  asio::io_context io_{1};
  asio::signal_set signals_;
  RepeatingTimer access_poll_;
  RepeatingTimer memory_poll_;
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
  std::uint64_t dropped_full_ = 0;
  std::uint64_t dropped_limited_ = 0;
};

}  // namespace pulsegate
