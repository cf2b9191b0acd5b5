// The connections of one shard: their registry, the lists of those that have something to send, and the tick.
#include "gateway/ws/endpoint.hpp"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <random>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "gateway/log.hpp"
#include "gateway/repeating_timer.hpp"
#include "gateway/ws/connection.hpp"
#include "gateway/ws/departures.hpp"
#include "gateway/ws/flush_list.hpp"
#include "gateway/ws/flush_pace.hpp"
#include "gateway/ws/lag_meter.hpp"

namespace pulsegate::ws {
namespace {

constexpr std::chrono::milliseconds kTick{1'000};
constexpr std::chrono::milliseconds kShortestTick{10};
constexpr std::chrono::milliseconds kLongestHurry{50};
// Looking for the slowest visits all connections; where there was nobody to close, not again before.
constexpr std::chrono::milliseconds kReliefPause{100};

// Deadlines are kept to a quarter of the shortest, which matters only where they are set to less than seconds.
std::chrono::milliseconds tick_period(const EndpointConfig& config) {
  const auto shortest =
      std::min({config.handshake_timeout, config.message_timeout, config.ping_interval, config.idle_timeout,
                config.close_timeout, config.answer_timeout, config.outbox.stalled_after});
  return std::clamp(shortest / 4, kShortestTick, kTick);
}

// Unique in the process: all shards draw from one number. Touched once per connection, never on the data path.
std::string connection_id() {
  static const std::uint32_t kProcess = std::random_device{}();
  static std::atomic<std::uint64_t> next{1};
  constexpr std::size_t kPrefix = 8;
  char digits[kPrefix + 16];
  const auto prefix_end = std::to_chars(digits, digits + kPrefix, kProcess, 16).ptr;
  std::string id(static_cast<std::size_t>(digits + kPrefix - prefix_end), '0');
  id.append(digits, prefix_end).push_back('-');
  const auto end = std::to_chars(digits, digits + sizeof digits, next.fetch_add(1, std::memory_order_relaxed), 16).ptr;
  return id.append(digits, end);
}

// Holds nothing: it has no rules.
access::Limiter& nobody_is_limited() {
  static access::Limiter limiter;
  return limiter;
}

}  // namespace

class Endpoint::Impl final : public Host {
 public:
  Impl(asio::io_context& io_context, const EndpointConfig& endpoint_config, LinkFactory& link_factory,
       HttpAnswerer& http_answerer, access::Gate& shard_gate, const Clock& shard_clock, access::Limiter& limits)
      : Host(io_context, endpoint_config, link_factory, http_answerer, shard_gate, shard_clock, limits),
        pace_(endpoint_config.coalesce),
        window_(io_context),
        tick_(io_context, tick_period(endpoint_config), [this] { tick(); }) {
    tick_.start();
  }
  ~Impl() {
    stop();
    abort_all();
  }

  void adopt(const asio::ip::tcp& protocol, int descriptor, Arrival arrival) {
    asio::ip::tcp::socket own(io);
    asio::error_code error;
    own.assign(protocol, descriptor, error);  // may fail: the kernel bounds what a user's epolls watch
    if (error) {
      ::close(descriptor);
      ++counters.handshake_failures;
      return;
    }
    try {
      own.set_option(asio::ip::tcp::no_delay(true), error);  // a socket pair has no such option; broken ones fail below
      if (config.socket_send_buffer > 0) own.set_option(asio::socket_base::send_buffer_size(config.socket_send_buffer));
      const std::shared_ptr<Connection> connection = Connection::create(*this, std::move(own), std::move(arrival));
      connection->slot = connections_.size();
      connections_.push_back(connection);
      ++counters.sockets;
      ++counters.handshaking;
      connection->start();
    } catch (...) {
      // Out of memory or a socket that is broken already: its owner has closed it.
      ++counters.handshake_failures;
    }
  }

  // A client that takes whatever it is offered is not slow: a burst is written before an outbox would conflate it. Not
  // after each event when the bus has more than we read, nor for long in one batch: then it is no burst but an
  // overload.
  void end_event() {
    in_event = false;
    if (much_.empty() || pace_.behind() || hurried_ >= kLongestHurry) return;
    const SteadyTime begin = clock.now().steady;
    much_.write_slice(begin);
    hurried_ += clock.now().steady - begin;
  }

  void end_batch(bool more_waiting) {
    hurried_ = {};
    if (events_.empty()) return pace_.on_empty_batch_end(more_waiting);
    const SteadyTime now = clock.now().steady;
    pace_.on_batch_end(more_waiting, now);
    // Behind a bus that has more, whose outbox fills up gets a slice of the time all the same, some milliseconds a
    // read. But when that goes on we do not keep up: then outboxes conflate, or Redis would cut us off.
    if (more_waiting && !pace_.overloaded() && !much_.empty()) much_.write_slice(now);
    write_events(now);
  }

  // Not of an event that only blocked sockets wait for: no flush is to come, and how slow they are shows elsewhere.
  void measure(const std::optional<proto::Timestamp>& time, SteadyTime read) {
    if (!events_.empty()) lag_.on_event(time, read);
  }

  // Visiting backwards: whatever the visitor ends is replaced by one that was visited already.
  template <typename Visit>
  void visit(Visit&& visitor) {
    for (std::size_t i = connections_.size(); i-- > 0;) {
      if (i >= connections_.size()) continue;
      const std::shared_ptr<Connection> connection = connections_[i];
      visitor(*connection);
    }
  }

  void abort_all() {
    visit([](Connection& connection) { connection.abort(); });
  }

  void drain(std::chrono::milliseconds time) {
    accepting = false;
    draining = true;
    departures_.drain(time);
  }

  void stop() {
    tick_.stop();
    departures_.stop();
    window_.cancel();
  }

 private:
  // An event's flush is not posted but made by end_batch(): a handler more costs a look at epoll.
  void enlist(Connection& connection) override {
    if (in_event) return events_.add(connection);
    answers_.add(connection);
    post_flush();
  }

  void hurry(Connection& connection) override { much_.add(connection); }

  // In a later loop turn: whoever queues is amid a list of connections, and must find them open.
  void relieve() override {
    if (relief_posted_) return;
    relief_posted_ = true;
    asio::post(io, [this, alive = std::weak_ptr<Impl*>(alive_)] {
      if (alive.expired()) return;
      relief_posted_ = false;
      if (clock.now().steady >= next_relief_) close_slowest(clock.now().steady);
    });
  }

  // Who holds most goes first, until an eighth of the limit is free: so few have to go, and not again with the next
  // event. What those hold who are closing already is on its way out.
  void close_slowest(SteadyTime now) {
    std::vector<std::shared_ptr<Connection>> slow;
    std::uint64_t held = 0;
    for (const auto& each : connections_) {
      if (!each->is_open() || each->backlog() == 0) continue;
      held += each->backlog();
      slow.push_back(each);
    }
    if (held <= config.backlog_limit) {
      next_relief_ = now + kReliefPause;
      return;
    }
    std::sort(slow.begin(), slow.end(), [](const auto& a, const auto& b) { return a->backlog() > b->backlog(); });
    const std::uint64_t before = held;
    std::size_t closed = 0;
    while (closed < slow.size() && held > config.backlog_limit - config.backlog_limit / 8) {
      held -= slow[closed]->backlog();
      slow[closed++]->shed();
    }
    counters.backlog_closed += closed;
    log_.write("backlog", now, log::Level::warn, "backlog.full",
               {{"closed", closed}, {"bytes", before}, {"bytes_left", held}});
  }

  void note_limited(access::Limit limit, const std::string& whose) override {
    log_.write(whose, clock.now().steady, log::Level::warn, "client.limited",
               {{"limit", access::kLimitNames[static_cast<std::size_t>(limit)]}, {"client", whose}});
  }

  void post_flush() {
    if (std::exchange(flush_posted_, true)) return;
    asio::post(io, [this, alive = std::weak_ptr<Impl*>(alive_)] {
      if (alive.expired()) return;
      flush_posted_ = false;
      flush_turn();
    });
  }

  // The end of a loop turn: answers, and the next slice of a long list.
  void flush_turn() {
    const SteadyTime now = clock.now().steady;
    if (!answers_.empty()) answers_.write_slice(now);
    if (!answers_.empty()) post_flush();
    if (!events_.empty()) write_events(now);
  }

  void write_events(SteadyTime now) {
    switch (pace_.verdict(now)) {
      case FlushPace::Verdict::hold:
        return;
      case FlushPace::Verdict::wait:
        return await_window(now);
      case FlushPace::Verdict::write:
        if (!events_.in_pass()) lag_.on_pass_begin();
        const bool pass_over = events_.write_slice(now);
        pace_.on_written(pass_over, !events_.empty(), now);
        if (pass_over) lag_.on_pass_end(events_.empty(), clock.now());
        if (!events_.empty()) post_flush();
    }
  }

  void await_window(SteadyTime now) {
    if (std::exchange(window_open_, true)) return;
    window_.expires_after(pace_.due() - now);
    window_.async_wait([this, alive = std::weak_ptr<Impl*>(alive_)](const std::error_code& error) {
      if (error || alive.expired()) return;
      window_open_ = false;
      if (!events_.empty()) write_events(clock.now().steady);
    });
  }

  void retire(Connection& connection) noexcept override {
    answers_.remove(connection);
    events_.remove(connection);
    much_.remove(connection);
    --counters.sockets;
    const std::size_t slot = connection.slot;
    const std::shared_ptr<Connection> gone = std::exchange(connections_[slot], std::move(connections_.back()));
    connections_.pop_back();
    if (slot < connections_.size()) connections_[slot]->slot = slot;
    // Not destroyed here: the caller is one of its own functions, which hold a reference of their own.
  }

  std::string next_id() override { return connection_id(); }

  void opened(Connection& connection, SteadyTime now) override { departures_.on_open(connection, now); }

  void tick() {
    const Now now = clock.now();
    visit([&now](Connection& connection) { connection.tick(now); });
  }

  std::vector<std::shared_ptr<Connection>> connections_;  // all that are not closed, at their `slot`
  FlushList answers_{&Connection::has_answers};           // those to be written at the end of this loop turn
  FlushList events_{&Connection::has_events};             // those to be written when pace_ says so
  FlushList much_{&Connection::has_much};                 // those that cannot wait for that
  SteadyTime::duration hurried_{};                        // time spent on much_ in this batch
  FlushPace pace_;
  LagMeter lag_{counters.bus_lag, counters.fanout};
  asio::steady_timer window_;
  bool window_open_ = false;  // window_ is running
  bool flush_posted_ = false;
  bool relief_posted_ = false;
  SteadyTime next_relief_{};
  log::RateLimited log_;
  RepeatingTimer tick_;
  Departures departures_{*this, [this](const std::function<void(Connection&)>& each) {
                           visit([&each](Connection& connection) {
                             if (connection.is_open()) each(connection);
                           });
                         }};
  const std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);  // what was posted may come after the endpoint
};

Endpoint::Endpoint(asio::io_context& io, const EndpointConfig& config, LinkFactory& factory, HttpAnswerer& answerer,
                   access::Gate& gate, const Clock& clock, access::Limiter* limiter)
    : impl_(std::make_unique<Impl>(io, config, factory, answerer, gate, clock,
                                   limiter == nullptr ? nobody_is_limited() : *limiter)) {}

Endpoint::~Endpoint() = default;

void Endpoint::adopt(const asio::ip::tcp& protocol, int descriptor, Arrival arrival) {
  impl_->adopt(protocol, descriptor, std::move(arrival));
}

void Endpoint::set_accepting(bool accepting) noexcept {
  impl_->accepting = accepting;
}

void Endpoint::drain(std::chrono::milliseconds time) {
  impl_->drain(time);
}

Endpoint::EventScope::EventScope(Endpoint& endpoint) noexcept
    : endpoint_(endpoint), frames_before_(endpoint.counters().frames_sent) {
  endpoint_.impl_->in_event = true;
}

void Endpoint::EventScope::measure(const std::optional<proto::Timestamp>& time, SteadyTime read) {
  if (frames() > 0) endpoint_.impl_->measure(time, read);
}

std::uint64_t Endpoint::EventScope::frames() const noexcept {
  return endpoint_.counters().frames_sent - frames_before_;
}

Endpoint::EventScope::~EventScope() {
  endpoint_.impl_->end_event();
}

void Endpoint::end_batch(bool more_waiting) {
  impl_->end_batch(more_waiting);
}

void Endpoint::for_each(const std::function<void(Link&)>& visit) {
  impl_->visit([&visit](Connection& connection) {
    if (connection.is_open()) visit(connection);
  });
}

std::optional<SessionReport> Endpoint::report(std::string_view id) const {
  std::optional<SessionReport> found;
  impl_->visit([&](const Connection& connection) {
    if (!found && connection.has_session() && connection.id() == id)
      found = connection.report(impl_->clock.now().steady);
  });
  return found;
}

std::vector<SessionReport> Endpoint::reports(std::size_t most) const {
  std::vector<std::pair<std::size_t, const Connection*>> all;  // nobody ends meanwhile: this thread is theirs
  impl_->visit([&all](const Connection& connection) {
    if (connection.has_session()) all.emplace_back(connection.backlog(), &connection);
  });
  const auto kept = all.begin() + static_cast<std::ptrdiff_t>(std::min(most, all.size()));
  std::partial_sort(all.begin(), kept, all.end(), [](const auto& a, const auto& b) { return a.first > b.first; });
  const SteadyTime now = impl_->clock.now().steady;
  std::vector<SessionReport> reports;
  for (auto it = all.begin(); it != kept; ++it) reports.push_back(it->second->report(now));
  return reports;
}

void Endpoint::abort_all() {
  impl_->abort_all();
}

void Endpoint::stop() {
  impl_->stop();
}

const EndpointCounters& Endpoint::counters() const noexcept {
  return impl_->counters;
}

}  // namespace pulsegate::ws
