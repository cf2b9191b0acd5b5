#include "gateway/server.hpp"

#include <csignal>
#include <numeric>
#include <utility>

#include <asio/post.hpp>

#include "gateway/log.hpp"
#include "gateway/ops/routes.hpp"
#include "gateway/server_limits.hpp"
#include "gateway/version.hpp"

namespace pulsegate {

namespace {

// How soon a changed key or revocation counts, at most; looking costs one stat() a file.
constexpr std::chrono::milliseconds kAccessPoll{1'000};

// How soon a lack of memory is noticed, at most. A look costs some 30 us.
constexpr std::chrono::milliseconds kMemoryPoll{500};
// Answers of 429 a second. Beyond that a connection above its limit is reset without a word.
constexpr double kRefusalRate = 100;

MemoryBound memory_bound(const Config& config) {
  if (!config.memory_limit) return find_cgroup_bound();
  if (*config.memory_limit == 0) return {};
  return {MemoryBound::Source::option, *config.memory_limit, {}};
}

}  // namespace

Server::Server(const Config& config, ServerParts parts)
    : config_(config),
      max_connections_(fit_connections(config)),
      channels_(config.pass_through),
      topics_(config.topic_prefix, channels_),
      clock_format_(config.time_zone,
                    config.history_time_iso ? proto::ClockFormat::Style::iso : proto::ClockFormat::Style::clock12),
      parts_(std::move(parts)),
      access_files_(config_),
      limiter_(limit_rules(config_)),
      memory_bound_(memory_bound(config_)),
      memory_(memory_bound_.bytes, config_.memory_soft_limit),
      refusals_(kRefusalRate, kRefusalRate),
      signals_(io_),
      access_poll_(io_, kAccessPoll, [this] { poll_access_files(); }),
      memory_poll_(io_, kMemoryPoll, [this] { look_at_memory(); }),
      canary_ticks_(io_, Canary::kTick, [this] { canary_->tick(clock_.now().steady); }),
      drain_delay_(io_) {
  const ShardParts shard_parts{config_,        channels_,
                               topics_,        clock_format_,
                               clock_,         parts_.source.get(),
                               parts_.history, parts_.subscriber,
                               parts_.stream,  access_files_.policy(),
                               limiter_,       config_.no_dashboard ? nullptr : parts_.page};
  for (std::size_t i = 0; i < config_.shards; ++i) shards_.push_back(std::make_unique<Shard>(i, shard_parts));
  if (parts_.publisher) publisher_ = parts_.publisher(io_);
  canary_ = make_canary();
  listener_ = std::make_unique<ws::Listener>(io_, listener_config(), listener_calls());
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
  if (parts_.reload) signals_.add(SIGHUP);
  wait_for_signal();
  if (!access_files_.empty()) access_poll_.start();
  if (memory_bound_.bytes > 0) memory_poll_.start();
  for (const auto& shard : shards_) shard->start();
  started_ = clock_.now().steady;
  if (publisher_) canary_ticks_.start();
  log::info("serving", {{"version", kVersion},
                        {"listen", listener_->address()},
                        {"health", health_->address()},
                        {"admin", admin_->address()},
                        {"shards", config_.shards},
                        {"max_connections", max_connections_},
                        {"memory_limit", memory_bound_.bytes},
                        {"database", parts_.source != nullptr}});
  io_.run();
  log::info("stopped", {});
  return 0;
}

void Server::poll_access_files() {
  if (!access_files_.poll()) return;
  for (const auto& shard : shards_)
    shard->post([s = shard.get(), policy = access_files_.policy()] { s->set_policy(policy); });
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
                            report.listener = listener_->counters();
                            report.limits = limiter_.counters();
                            report.refused_full = refused_full_;
                            report.dropped_full = dropped_full_;
                            report.dropped_limited = dropped_limited_;
                            report.memory = {memory_bound_.bytes, memory_used_, memory_.high()};
                            report.access_reloads = access_files_.reloads();
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
                            done(std::accumulate(counts.begin(), counts.end(), std::size_t{0}));
                          });
}

void Server::broadcast(const proto::DeviceId& device, std::string json, std::function<void(std::size_t)> done) {
  // Of all of them: a connection of many devices watches each on its own shard.
  ask_shards<std::size_t>([device, json = std::move(json)](Shard& shard) { return shard.broadcast(device, json); },
                          [done = std::move(done)](const std::vector<std::size_t>& receivers) {
                            done(std::accumulate(receivers.begin(), receivers.end(), std::size_t{0}));
                          });
}

void Server::report_device(const proto::DeviceId& device,
                           std::function<void(std::vector<devices::DeviceReport>)> done) {
  using Report = std::optional<devices::DeviceReport>;
  ask_shards<Report>([device](Shard& shard) { return shard.device_report(device); },
                     [done = std::move(done)](std::vector<Report> answers) {
                       std::vector<devices::DeviceReport> found;
                       for (Report& answer : answers)
                         if (answer) found.push_back(std::move(*answer));
                       done(std::move(found));
                     });
}

void Server::report_session(std::string id, std::function<void(std::optional<ws::SessionReport>)> done) {
  using Report = std::optional<ws::SessionReport>;
  ask_shards<Report>([id = std::move(id)](Shard& shard) { return shard.session_report(id); },
                     [done = std::move(done)](std::vector<Report> answers) {
                       for (Report& answer : answers)
                         if (answer) return done(std::move(answer));
                       done(std::nullopt);
                     });
}

void Server::report_sessions(std::size_t most, std::function<void(std::vector<ws::SessionReport>)> done) {
  using Reports = std::vector<ws::SessionReport>;
  ask_shards<Reports>([most](Shard& shard) { return shard.session_reports(most); },
                      [done = std::move(done)](std::vector<Reports> answers) {
                        Reports all;
                        for (Reports& answer : answers)
                          for (ws::SessionReport& report : answer) all.push_back(std::move(report));
                        done(std::move(all));
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
  if (signal == SIGHUP) return parts_.reload();
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
  access_poll_.stop();
  memory_poll_.stop();
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
