// One thread that serves clients: an io_context, a Redis subscriber, a reader of Redis Streams, a hub of devices and a
// WebSocket endpoint. Shards share nothing; a device lives on exactly one of them, chosen by its UUID.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <asio/executor_work_guard.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "bus/stream_source.hpp"
#include "bus/subscriber.hpp"
#include "gateway/access/gate.hpp"
#include "gateway/config.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/hub.hpp"
#include "gateway/log.hpp"
#include "gateway/repeating_timer.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/http_answerer.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/replay.hpp"
#include "gateway/ws/throttle.hpp"
#include "proto/channel.hpp"
#include "proto/time.hpp"
#include "proto/topic.hpp"
#include "storage/history_source.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate {

using SubscriberFactory = std::function<std::unique_ptr<bus::Subscriber>(asio::io_context&)>;
using StreamFactory = std::function<std::unique_ptr<bus::StreamSource>(asio::io_context&)>;

// What all shards stand on. Everything outlives the shards and is safe to share: immutable, or safe from any thread.
struct ShardParts {
  const Config& config;
  const proto::ChannelTable& channels;
  const proto::TopicTable& topics;
  const proto::ClockFormat& clock_format;
  const Clock& clock;
  storage::SnapshotSource* source = nullptr;
  storage::HistorySource* history = nullptr;
  const SubscriberFactory& subscriber;
  const StreamFactory& stream;  // empty: `--stream-key none`
  access::PolicyPtr policy;     // the one at the start; null: everybody may watch everything
  access::Limiter& limiter;
  const web::Page* page = nullptr;  // null: no dashboard is served
};

// Thread: any for post(), adopt(), occupied() and join(); everything else on the shard's own thread, so through post().
// Owner: Server.
class Shard final : private ws::LinkFactory, private ws::HttpAnswerer, private bus::EventSink {
 public:
  Shard(std::size_t number, const ShardParts& parts);
  ~Shard() override;
  Shard(const Shard&) = delete;
  Shard& operator=(const Shard&) = delete;

  void start();
  // The only door into a shard.
  void post(std::function<void()> task);
  // Gives a connected socket to this shard; takes over the descriptor.
  void adopt(asio::ip::tcp::socket socket, ws::Arrival arrival);
  // Sockets handed over and not yet known to be closed; may be too high for up to a second, never too low.
  std::size_t occupied() const noexcept { return handed_over_.load() - released_.load(); }
  // Whether the bus is connected; for readiness.
  bool bus_up() const noexcept { return bus_up_.load(); }

  // When the newest canary that has come back was published; SteadyTime{}: none has.
  SteadyTime canary_seen() const noexcept { return SteadyTime(SteadyTime::duration(canary_seen_.load())); }

  // On the shard's thread:
  ShardReport report() const;
  void set_accepting(bool accepting);
  // Takes effect for newcomers at once, and within a second for those who are in.
  void set_policy(access::PolicyPtr policy) { gate_.set_policy(std::move(policy)); }
  std::size_t client_count(const std::optional<proto::DeviceId>& device) const;
  std::size_t broadcast(const proto::DeviceId& device, std::string_view json);
  // For operators; null: not here.
  std::optional<devices::DeviceReport> device_report(const proto::DeviceId& device) const;
  std::optional<ws::SessionReport> session_report(std::string_view id) const;
  std::vector<ws::SessionReport> session_reports(std::size_t most) const;
  // shard_canary.cpp. Empty: to none any more.
  void listen_to_canary(const std::string& topic);
  // Sends clients away (`reconnect`, then 1012), spread over `time`; `done` runs once none is left.
  void drain(std::chrono::milliseconds time, std::function<void()> done);
  // Closes everything at once and ends the thread; join() waits for it.
  void stop();

  void join();

 private:
  std::unique_ptr<ws::LinkHandler> on_open(ws::Link& link, const access::Admission& admission, const Now& now) override;
  // shard_http.cpp
  ws::HttpAnswerer::Answer on_get(const access::Admission& request, const Now& now, Done done) override;
  ws::HttpAnswerer::Answer take_snapshot(const access::Admission& request, Done done);
  ws::HttpAnswerer::Answer ask_history(const access::Admission& request, const Now& now, Done done);
  // bus::EventSink: all of it is the hub's; the endpoint is told what is an event.
  void on_event(std::string_view topic, std::string_view payload) override;
  void on_subscribed(std::string_view topic) override {
    if (topic != canary_topic_) hub_->on_subscribed(topic);
  }
  void on_bus_up() override { hub_->on_bus_up(); }
  void on_bus_down(std::string_view reason) override { hub_->on_bus_down(reason); }
  void on_topic_lost(std::string_view topic) override { hub_->on_topic_lost(topic); }
  void on_batch_end(bool more_waiting) override { hub_->on_batch_end(more_waiting); }
  void on_canary(std::string_view payload);
  void write_notice(devices::Notice notice, std::string_view detail);
  void write_trace(std::string_view topic, std::uint64_t messages) const;
  void drain_step();
  void tick();
  void end_when_idle();
  void arm(SteadyTime due);
  void arm_throttles(SteadyTime due);

  const std::size_t number_;
  const ShardParts parts_;
  asio::io_context io_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_;
  SessionCounters session_counters_;
  access::Gate gate_;
  log::RateLimited repeated_;  // lines that one device or one fault could write without end

  asio::steady_timer hub_timer_;
  asio::steady_timer throttle_timer_;
  ws::ThrottleQueue throttles_;
  const ws::ReplayRules replay_rules_;
  asio::steady_timer stop_deadline_;
  RepeatingTimer tick_;
  RepeatingTimer drain_steps_;
  RepeatingTimer idle_check_;
  SteadyTime drain_end_{};
  std::function<void()> drained_;
  std::uint64_t random_state_;
  bool stopped_ = false;
  std::string canary_topic_;  // empty: none is listened to
  LagHistogram canary_round_trip_;
  std::size_t adopted_ = 0;  // sockets that the endpoint has taken over

  // After what their ends still call upon: timers, counters, logs.
  std::unique_ptr<bus::Subscriber> subscriber_;
  std::unique_ptr<bus::StreamSource> stream_;  // null: `--stream-key none`
  std::unique_ptr<devices::Hub> hub_;
  std::unique_ptr<ws::Endpoint> endpoint_;

  std::atomic<std::size_t> handed_over_{0};      // written by the listener's thread
  std::atomic<std::size_t> released_{0};         // written by the shard's tick
  std::atomic<bool> bus_up_{false};              // written by the shard
  std::atomic<SteadyTime::rep> canary_seen_{0};  // … too
  std::thread thread_;
};

}  // namespace pulsegate
