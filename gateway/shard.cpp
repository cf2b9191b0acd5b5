#include "gateway/shard.hpp"

#include <algorithm>
#include <random>
#include <utility>

#include <asio/post.hpp>

#include "gateway/log.hpp"
#include "gateway/ws/fleet_session.hpp"
#include "gateway/ws/session.hpp"

namespace pulsegate {

namespace {

// How often is looked whether a drain is over, and the shard's own numbers are published.
constexpr std::chrono::milliseconds kDrainStep{50};
constexpr std::chrono::milliseconds kTick{250};
constexpr std::chrono::milliseconds kIdleCheck{10};
constexpr std::chrono::milliseconds kStopDeadline{2'000};
// Clients of the process that are sent away in a second since they have reached their age: few enough for the replicas
// that they go to, enough for 300 000 clients and an age of an hour.
constexpr std::size_t kDeparturesPerSecond = 100;
// So much of --backlog-limit may wait for the time that a `maxRate` allows, beside what the outboxes hold.
constexpr std::size_t kHeldPart = 4;

devices::DeviceConfig device_config(const Config& config, const proto::ChannelTable& channels) {
  devices::DeviceConfig result;
  result.linger = config.linger;
  result.row_lag = config.row_lag;
  result.gap_tolerance = config.gap_tolerance;
  result.stale_after = config.stale_after;
  result.reread = config.reread;
  result.history_points = config.history_points;
  result.history_min_interval = config.history_min_interval;
  for (const auto& [name, interval] : config.refresh)
    if (const auto channel = channels.find(name); channel && index(*channel) < proto::kBuiltInChannels)
      result.refresh[index(*channel)] = interval;
  result.repair_rate = config.repair_rate / static_cast<double>(config.shards);
  result.resume_events = config.resume_events;
  result.resume_bytes = config.resume_bytes;
  result.resume_memory = config.resume_memory / config.shards;
  // A client's backlog must have room for it.
  result.replay_bytes = std::min(result.replay_bytes, config.close_above / 2);
  result.resume_hold = config.resume_hold;
  result.tail_check = config.tail_check;
  result.max_reads_in_flight = std::max<std::size_t>(1, config.snapshot_queue / 2 / config.shards);
  result.max_devices = std::max<std::size_t>(1, config.max_devices / config.shards);
  result.max_bus_payload = config.max_bus_payload;
  result.trace_context = config.trace_context;
  return result;
}

ws::ReplayRules replay_rules(const Config& config) {
  ws::ReplayRules result;
  result.right = config.replay == "off"   ? ws::ReplayRight::nobody
                 : config.replay == "all" ? ws::ReplayRight::all
                                          : ws::ReplayRight::debug;
  result.max_span = config.replay_span;
  result.max_open = std::max<std::size_t>(1, config.max_replays / config.shards);
  result.max_held = std::min(result.max_held, config.close_above / 4);
  result.row_lag = config.row_lag;
  // What is replayed must never be the reason why live messages are conflated.
  result.much_to_take = std::min(result.much_to_take, config.conflate_above / 2);
  return result;
}

ws::EndpointConfig endpoint_config(const Config& config, const web::Page* page) {
  ws::EndpointConfig result;
  result.page = page;
  result.max_message = config.max_message_size;
  result.handshake_timeout = config.handshake_timeout;
  result.answer_timeout = config.answer_timeout;
  result.ping_interval = config.ping_interval;
  result.idle_timeout = config.idle_timeout;
  result.coalesce = std::chrono::milliseconds(config.coalesce_ms);
  result.backlog_limit = config.backlog_limit / config.shards;
  result.max_age = config.max_connection_age;
  result.departures_per_second = std::max<std::size_t>(1, kDeparturesPerSecond / config.shards);
  result.outbox.conflate_above = config.conflate_above;
  result.outbox.close_above = config.close_above;
  result.outbox.stalled_after = config.stalled_after;
  result.compress = config.compress;
  return result;
}

}  // namespace

Shard::Shard(std::size_t number, const ShardParts& parts)
    : number_(number),
      parts_(parts),
      work_(asio::make_work_guard(io_)),
      gate_(parts.policy, parts.config.jwt_check_rate),
      hub_timer_(io_),
      throttle_timer_(io_),
      throttles_(parts.clock, parts.config.backlog_limit / parts.config.shards / kHeldPart,
                 [this](SteadyTime due) { arm_throttles(due); }),
      replay_rules_(replay_rules(parts.config)),
      stop_deadline_(io_),
      tick_(io_, kTick, [this] { tick(); }),
      drain_steps_(io_, kDrainStep, [this] { drain_step(); }),
      idle_check_(io_, kIdleCheck, [this] { end_when_idle(); }),
      random_state_(std::random_device{}()) {
  subscriber_ = parts_.subscriber(io_);
  if (parts_.stream) stream_ = parts_.stream(io_);
  endpoint_ = std::make_unique<ws::Endpoint>(
      io_, endpoint_config(parts_.config, parts_.page), static_cast<ws::LinkFactory&>(*this),
      static_cast<ws::HttpAnswerer&>(*this), gate_, parts_.clock, &parts_.limiter);
  devices::HubParts hub{parts_.channels,
                        parts_.topics,
                        parts_.clock_format,
                        parts_.clock,
                        *subscriber_,
                        parts_.source,
                        parts_.history,
                        [this](std::function<void()> task) { post(std::move(task)); },
                        [this](bool more_waiting) { endpoint_->end_batch(more_waiting); },
                        [this](SteadyTime due) { arm(due); },
                        [this](devices::Notice notice, std::string_view detail) { write_notice(notice, detail); },
                        stream_.get()};
  hub_ = std::make_unique<devices::Hub>(device_config(parts_.config, parts_.channels), std::move(hub), random_state_);
}

Shard::~Shard() {
  join();
}

void Shard::start() {
  thread_ = std::thread([this] {
    subscriber_->start(*this);
    tick_.start();
    for (;;) {
      try {
        io_.run();
        return;
      } catch (const std::exception& error) {
        // Every handler catches what it can; this is the net below, and a fault of ours.
        log::write_bounded(log::Level::error, "shard.exception", {{"shard", number_}, {"what", error.what()}});
      }
    }
  });
}

void Shard::post(std::function<void()> task) {
  asio::post(io_, std::move(task));
}

void Shard::adopt(asio::ip::tcp::socket socket, ws::Arrival arrival) {
  asio::error_code error;
  const auto local = socket.local_endpoint(error);
  const int descriptor = error ? -1 : socket.release(error);
  if (error) return;
  ++handed_over_;
  // Shared only since a task must be copyable.
  post([this, descriptor, protocol = local.protocol(), known = std::make_shared<ws::Arrival>(std::move(arrival))] {
    ++adopted_;
    endpoint_->adopt(protocol, descriptor, std::move(*known));
  });
}

void Shard::write_notice(devices::Notice notice, std::string_view detail) {
  switch (notice) {
    case devices::Notice::bus_up:
      bus_up_ = true;
      return log::info("bus.up", {{"shard", number_}});
    case devices::Notice::bus_down:
      bus_up_ = false;
      return log::warn("bus.down", {{"shard", number_}, {"reason", detail}});
    case devices::Notice::database_up:
      return log::info("database.up", {{"shard", number_}});
    case devices::Notice::database_down:
      return log::warn("database.down", {{"shard", number_}, {"reason", detail}});
    case devices::Notice::read_failed:
      return repeated_.write(detail, parts_.clock.now().steady, log::Level::warn, "snapshot.failed",
                             {{"shard", number_}, {"reason", detail}});
    case devices::Notice::silent_loss:
      return repeated_.write(detail, parts_.clock.now().steady, log::Level::warn, "bus.silent-loss",
                             {{"shard", number_}, {"device", detail}});
    case devices::Notice::bad_event:
      // Once a minute per topic: a device that sends rubbish must not fill the disk.
      return repeated_.write(detail, parts_.clock.now().steady, log::Level::warn, "event.dropped",
                             {{"shard", number_}, {"topic", detail}});
  }
}

std::unique_ptr<ws::LinkHandler> Shard::on_open(ws::Link& link, const access::Admission& admission, const Now& now) {
  const ws::SessionConfig config{parts_.config.max_message_size, parts_.config.command_rate,
                                 parts_.config.command_burst, parts_.config.legacy_append,
                                 parts_.config.max_fleet_devices};
  const ws::SessionParts parts{gate_,      *hub_,         parts_.channels,    session_counters_,
                               throttles_, replay_rules_, parts_.clock_format};
  if (admission.route == access::Route::fleet)
    return std::make_unique<ws::FleetSession>(link, admission, config, parts, now);
  return std::make_unique<ws::Session>(link, admission, config, parts, now);
}

void Shard::on_event(std::string_view topic, std::string_view payload) {
  if (topic == canary_topic_) return on_canary(payload);
  ws::Endpoint::EventScope scope(*endpoint_);
  hub_->on_event(topic, payload);
  scope.measure(hub_->event_time(), hub_->batch_time());
  if (!hub_->event_trace().empty() && log::enabled(log::Level::debug)) write_trace(topic, scope.frames());
}

// So that a trace can be followed from the publisher's log to the number of clients that were sent the event.
void Shard::write_trace(std::string_view topic, std::uint64_t messages) const {
  const proto::TraceContext& trace = hub_->event_trace();
  log::debug("event.traced", {{"shard", number_},
                              {"topic", topic},
                              {"trace_id", trace.trace_id()},
                              {"parent_id", trace.parent_id()},
                              {"messages", messages}});
}

void Shard::tick() {
  const ws::EndpointCounters& counters = endpoint_->counters();
  // Sockets that were handed over but whose post has not run yet count as occupied.
  released_ = adopted_ - std::min<std::size_t>(adopted_, counters.sockets);
}

void Shard::arm(SteadyTime due) {
  hub_timer_.expires_at(due);
  hub_timer_.async_wait([this](const asio::error_code& error) {
    // Cancelling does not reach a handler that is queued already.
    if (!error && !stopped_) hub_->advance();
  });
}

void Shard::arm_throttles(SteadyTime due) {
  throttle_timer_.expires_at(due);
  throttle_timer_.async_wait([this](const asio::error_code& error) {
    if (!error && !stopped_) throttles_.advance();
  });
}

ShardReport Shard::report() const {
  ShardReport report;
  report.bus_up = hub_->bus_up();
  report.database_up = hub_->database_up();
  report.endpoint = endpoint_->counters();
  report.hub = hub_->counters();
  report.sessions = session_counters_;
  report.access = gate_.counters();
  report.bus = subscriber_->counters();
  report.canary_round_trip = canary_round_trip_;
  if (stream_) report.stream = stream_->counters();
  // The subscriber drops what is too big before the hub sees it; to an operator it is one reason.
  report.hub.dropped[static_cast<std::size_t>(EventDrop::too_big)] += report.bus.oversized;
  return report;
}

void Shard::set_accepting(bool accepting) {
  endpoint_->set_accepting(accepting);
}

std::size_t Shard::client_count(const std::optional<proto::DeviceId>& device) const {
  return device ? hub_->client_count(*device) : static_cast<std::size_t>(endpoint_->counters().connections);
}

std::size_t Shard::broadcast(const proto::DeviceId& device, std::string_view json) {
  return hub_->broadcast(device, json);
}

std::optional<devices::DeviceReport> Shard::device_report(const proto::DeviceId& device) const {
  auto report = hub_->report(device);
  if (report) report->shard = number_;
  return report;
}

std::optional<ws::SessionReport> Shard::session_report(std::string_view id) const {
  auto report = endpoint_->report(id);
  if (!report) return report;
  report->shard = number_;
  for (ws::SessionReport::Feed& feed : report->feeds) feed.report = device_report(feed.device);
  return report;
}

std::vector<ws::SessionReport> Shard::session_reports(std::size_t most) const {
  auto reports = endpoint_->reports(most);
  for (ws::SessionReport& report : reports) report.shard = number_;
  return reports;
}

void Shard::drain(std::chrono::milliseconds time, std::function<void()> done) {
  endpoint_->drain(time);
  drained_ = std::move(done);
  drain_end_ = std::chrono::steady_clock::now() + time;
  drain_steps_.start();
  drain_step();
}

// Whoever has just come in is sent away, too, so it is over only when nobody is left.
void Shard::drain_step() {
  const auto left = drain_end_ - std::chrono::steady_clock::now();
  // Those that are closing have their time for the closing handshake; the endpoint cuts it off. An answer over plain
  // HTTP may take longer than anybody waits for a stop, so it has no more than that time either.
  const bool answering = endpoint_->counters().answering > 0 && left > -ws::EndpointConfig().close_timeout;
  if (endpoint_->counters().connections == 0 && !answering) {
    drain_steps_.stop();
    if (drained_) std::exchange(drained_, nullptr)();
  }
}

void Shard::stop() {
  if (std::exchange(stopped_, true)) return;
  drained_ = nullptr;
  endpoint_->abort_all();
  endpoint_->stop();
  subscriber_->stop();
  if (stream_) stream_->stop();
  hub_->stop();
  hub_timer_.cancel();
  throttle_timer_.cancel();
  tick_.stop();
  drain_steps_.stop();
  work_.reset();
  // The thread ends when the last aborted operation has been told so; should one be left behind, it must not hold us
  // up.
  stop_deadline_.expires_after(kStopDeadline);
  stop_deadline_.async_wait([this](const asio::error_code& error) {
    if (!error) io_.stop();
  });
  idle_check_.start();
  asio::post(io_, [this] { end_when_idle(); });
}

// The deadline itself is work, so it is cancelled once nothing else is left to do.
void Shard::end_when_idle() {
  if (endpoint_->counters().sockets > 0) return;
  stop_deadline_.cancel();
  idle_check_.stop();
}

void Shard::join() {
  if (thread_.joinable()) thread_.join();
}

}  // namespace pulsegate
