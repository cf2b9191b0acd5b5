#include "gateway/server.hpp"

#include <sys/resource.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include <asio/post.hpp>

#include "gateway/log.hpp"
#include "gateway/ops/routes.hpp"
#include "gateway/version.hpp"

namespace pulsegate {

namespace {

// Descriptors kept for everything that is not a client: Redis, PostgreSQL, the ports of operators, logs.
constexpr std::size_t kReservedDescriptors = 128;
// Beyond the limit so many more are taken on, to be told 503 instead of being left in the dark.
constexpr std::size_t kRefusalHeadroom = 256;

// Raises the soft limit of descriptors to the hard one. Returns how many clients fit.
std::size_t fit_connections(std::size_t wanted) {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return wanted;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  ::getrlimit(RLIMIT_NOFILE, &limit);
  const std::size_t descriptors = static_cast<std::size_t>(limit.rlim_cur);
  const std::size_t reserved = kReservedDescriptors + kRefusalHeadroom;
  const std::size_t fit = descriptors > 2 * reserved ? descriptors - reserved : descriptors / 2;
  if (fit < wanted)
    log::warn("limit.descriptors", {{"max_connections", fit},
                                    {"wanted", wanted},
                                    {"hint", "raise the limit of open files (ulimit -n, LimitNOFILE)"}});
  return std::min(fit, wanted);
}

}  // namespace

Server::Server(const Config& config, ServerParts parts)
    : config_(config),
      max_connections_(fit_connections(config.max_connections)),
      channels_(config.pass_through),
      topics_(config.topic_prefix, channels_),
      clock_format_(config.time_zone,
                    config.history_time_iso ? proto::ClockFormat::Style::iso : proto::ClockFormat::Style::clock12),
      parts_(std::move(parts)),
      signals_(io_),
      canary_ticks_(io_, Canary::kTick, [this] { canary_->tick(clock_.now().steady); }),
      drain_delay_(io_) {
  const ShardParts shard_parts{config_,      channels_,           topics_,        clock_format_,
                               clock_,       parts_.source.get(), parts_.history, parts_.subscriber,
                               parts_.stream};
  for (std::size_t i = 0; i < config_.shards; ++i) shards_.push_back(std::make_unique<Shard>(i, shard_parts));
  if (parts_.publisher) publisher_ = parts_.publisher(io_);
  canary_ = make_canary();
  ws::ListenerConfig listener;
  listener.host = config_.listen.host;
  listener.port = config_.listen.port;
  listener.shards = config_.shards;
  listener.steer_timeout = config_.handshake_timeout;
  listener_ = std::make_unique<ws::Listener>(
      io_, listener, [this](asio::ip::tcp::socket socket, std::size_t shard) { take(std::move(socket), shard); });
  health_ = std::make_unique<ops::HttpPort>(io_, config_.health, ops::health_routes(*this));
  admin_ = std::make_unique<ops::HttpPort>(io_, config_.admin, ops::admin_routes(*this));
}

Server::~Server() {
  shut_down();
}

int Server::run() {
  std::signal(SIGPIPE, SIG_IGN);  // a log reader that went away must not end the gateway
  signals_.add(SIGTERM);
  signals_.add(SIGINT);
  wait_for_signal();
  for (const auto& shard : shards_) shard->start();
  started_ = clock_.now().steady;
  if (publisher_) canary_ticks_.start();
  log::info("serving", {{"version", kVersion},
                        {"listen", listener_->address()},
                        {"health", health_->address()},
                        {"admin", admin_->address()},
                        {"shards", config_.shards},
                        {"max_connections", max_connections_},
                        {"database", parts_.source != nullptr}});
  io_.run();
  log::info("stopped", {});
  return 0;
}

void Server::take(asio::ip::tcp::socket socket, std::size_t shard) {
  std::size_t occupied = 0;
  for (const auto& each : shards_) occupied += each->occupied();
  const bool full = occupied >= max_connections_;
  if (full != full_) {
    full_ = full;
    log::warn(full ? "full" : "room-again", {{"connections", occupied}});
    if (!draining_)
      for (const auto& each : shards_) each->post([s = each.get(), full] { s->set_accepting(!full); });
  }
  if (full) ++refused_full_;
  // Past the headroom the socket is closed without a word: it goes out of scope here.
  if (occupied >= max_connections_ + kRefusalHeadroom) return;
  shards_[shard]->adopt(std::move(socket));
}

std::size_t Server::shard_of(const proto::DeviceId& device) const noexcept {
  return static_cast<std::size_t>(device.hash() % shards_.size());
}

template <typename Answer>
void Server::ask_shards(std::function<Answer(Shard&)> ask, std::function<void(std::vector<Answer>)> done) {
  struct Round {
    std::vector<Answer> answers;
    std::function<void(std::vector<Answer>)> done;
  };
  auto round = std::make_shared<Round>();
  round->done = std::move(done);
  for (const auto& shard : shards_) {
    shard->post([this, s = shard.get(), ask, round] {
      asio::post(io_, [this, round, answer = ask(*s)]() mutable {
        round->answers.push_back(std::move(answer));
        if (round->answers.size() == shards_.size()) round->done(std::move(round->answers));
      });
    });
  }
}

void Server::report(std::function<void(ops::GatewayReport)> done) {
  ask_shards<ShardReport>([](Shard& shard) { return shard.report(); },
                          [this, done = std::move(done)](std::vector<ShardReport> shards) {
                            ops::GatewayReport report;
                            report.shards = std::move(shards);
                            if (parts_.source) report.storage = parts_.source->counters();
                            report.accepted = listener_->counters().accepted;
                            report.accept_failures = listener_->counters().failures;
                            report.refused_full = refused_full_;
                            report.max_connections = max_connections_;
                            report.canary = canary_report();
                            report.draining = leaving_;
                            report.ready = readiness().ready;
                            report.channels = &channels_;
                            done(std::move(report));
                          });
}

void Server::count_clients(const std::optional<proto::DeviceId>& device, std::function<void(std::size_t)> done) {
  ask_shards<std::size_t>([device](Shard& shard) { return shard.client_count(device); },
                          [done = std::move(done)](const std::vector<std::size_t>& counts) {
                            std::size_t sum = 0;
                            for (const std::size_t count : counts) sum += count;
                            done(sum);
                          });
}

void Server::broadcast(const proto::DeviceId& device, std::string json, std::function<void(std::size_t)> done) {
  Shard& shard = *shards_[shard_of(device)];
  shard.post([this, &shard, device, json = std::move(json), done = std::move(done)] {
    asio::post(io_, [done, receivers = shard.broadcast(device, json)] { done(receivers); });
  });
}

void Server::drain() {
  if (std::exchange(leaving_, true)) return;
  if (config_.drain_delay.count() == 0) return begin_drain();
  log::info("drain.delay", {{"seconds", std::chrono::duration<double>(config_.drain_delay).count()}});
  drain_delay_.expires_after(config_.drain_delay);
  drain_delay_.async_wait([this](const asio::error_code& error) {
    if (!error && !shut_down_) begin_drain();
  });
}

void Server::begin_drain() {
  draining_ = true;
  if (stopping_) listener_->close();
  log::info("drain.begin", {{"seconds", std::chrono::duration<double>(config_.drain_time).count()}});
  draining_shards_ = shards_.size();
  for (const auto& shard : shards_) {
    shard->post([this, s = shard.get()] {
      s->drain(config_.drain_time, [this] {
        asio::post(io_, [this] {
          if (--draining_shards_ > 0) return;
          log::info("drain.done", {});
          if (stopping_) shut_down();
        });
      });
    });
  }
}

void Server::wait_for_signal() {
  signals_.async_wait([this](const asio::error_code& error, int signal) {
    if (error) return;
    on_signal(signal);
    if (!shut_down_) wait_for_signal();
  });
}

void Server::on_signal(int signal) {
  log::info("signal", {{"signal", signal == SIGTERM ? "SIGTERM" : "SIGINT"}});
  if (stopping_) return shut_down();  // a second signal: whoever sent it is in a hurry
  stopping_ = true;
  if (draining_) listener_->close();
  if (draining_ && draining_shards_ == 0) return shut_down();
  drain();
}

// Ends everything; run() returns once the main loop has nothing left to do.
void Server::shut_down() {
  if (std::exchange(shut_down_, true)) return;
  signals_.cancel();
  drain_delay_.cancel();
  canary_ticks_.stop();
  if (publisher_) publisher_->stop();
  listener_->close();
  health_->stop();
  admin_->stop();
  for (const auto& shard : shards_) shard->post([s = shard.get()] { s->stop(); });
  for (const auto& shard : shards_) shard->join();
  // The database last: until here a shard could still be told an answer.
  if (parts_.source) parts_.source->stop();
  // By now nothing should keep run() from returning; should something be left behind, it must not hold up the end.
  io_.stop();
}

}  // namespace pulsegate
