// The connections of one shard: their registry, the list of those that have something to send, and the tick.
#include "gateway/ws/endpoint.hpp"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <random>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>

#include "gateway/ws/connection.hpp"

namespace pulsegate::ws {
namespace {

constexpr std::chrono::milliseconds kTick{1'000};
constexpr std::chrono::milliseconds kShortestTick{10};

// Deadlines are kept to a quarter of the shortest, which matters only where they are set to less than seconds.
std::chrono::milliseconds tick_period(const EndpointConfig& config) {
  const auto shortest = std::min({config.handshake_timeout, config.message_timeout, config.ping_interval,
                                  config.idle_timeout, config.close_timeout, config.outbox.stalled_after});
  return std::clamp(shortest / 4, kShortestTick, kTick);
}

// Unique in the process: all shards draw from one number. Touched once per connection, never on the data path.
std::string connection_id() {
  static const std::uint32_t process = std::random_device{}();
  static std::atomic<std::uint64_t> next{1};
  constexpr std::size_t kPrefix = 8;
  char digits[kPrefix + 16];
  const auto prefix_end = std::to_chars(digits, digits + kPrefix, process, 16).ptr;
  std::string id(static_cast<std::size_t>(digits + kPrefix - prefix_end), '0');
  id.append(digits, prefix_end).push_back('-');
  const auto end = std::to_chars(digits, digits + sizeof digits, next.fetch_add(1, std::memory_order_relaxed), 16).ptr;
  return id.append(digits, end);
}

}  // namespace

class Endpoint::Impl final : public Host {
 public:
  Impl(asio::io_context& io_context, const EndpointConfig& endpoint_config, LinkFactory& link_factory,
       const Clock& shard_clock)
      : Host(io_context, endpoint_config, link_factory, shard_clock),
        timer_(io_context),
        period_(tick_period(endpoint_config)) {
    schedule_tick();
  }
  ~Impl() {
    stop();
    abort_all();
  }

  void adopt(asio::ip::tcp::socket socket) {
    try {
      asio::ip::tcp::socket own = take_over(std::move(socket));
      own.set_option(asio::ip::tcp::no_delay(true));
      if (config.socket_send_buffer > 0) own.set_option(asio::socket_base::send_buffer_size(config.socket_send_buffer));
      const std::shared_ptr<Connection> connection = Connection::create(*this, std::move(own));
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

  void flush() {
    if (flushing_ || waiting_.empty()) return;
    flushing_ = true;
    // What is queued meanwhile goes to the next turn, so that a session that answers every write cannot keep this one.
    batch_.swap(waiting_);
    const SteadyTime now = clock.now().steady;
    for (std::size_t i = 0; i < batch_.size(); ++i) {
      Connection* const connection = batch_[i];
      if (connection == nullptr) continue;
      connection->enlisted = false;
      connection->flush(now);
    }
    batch_.clear();
    flushing_ = false;
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

  void stop() { timer_.cancel(); }

 private:
  // A socket accepted on another thread's io_context moves by its descriptor.
  asio::ip::tcp::socket take_over(asio::ip::tcp::socket socket) {
    const auto protocol = socket.local_endpoint().protocol();
    asio::ip::tcp::socket own(io);
    own.assign(protocol, socket.release());
    return own;
  }

  void enlist(Connection& connection) override {
    waiting_.push_back(&connection);
    connection.enlisted = true;
    if (flush_posted_) return;
    flush_posted_ = true;
    asio::post(io, [this, alive = std::weak_ptr<Impl*>(alive_)] {
      if (alive.expired()) return;
      flush_posted_ = false;
      flush();
    });
  }

  void retire(Connection& connection) noexcept override {
    if (connection.enlisted) {
      std::replace(waiting_.begin(), waiting_.end(), &connection, static_cast<Connection*>(nullptr));
      std::replace(batch_.begin(), batch_.end(), &connection, static_cast<Connection*>(nullptr));
      connection.enlisted = false;
    }
    --counters.sockets;
    const std::size_t slot = connection.slot;
    const std::shared_ptr<Connection> gone = std::exchange(connections_[slot], std::move(connections_.back()));
    connections_.pop_back();
    if (slot < connections_.size()) connections_[slot]->slot = slot;
    // Not destroyed here: the caller is one of its own functions, which hold a reference of their own.
  }

  std::string next_id() override { return connection_id(); }

  void schedule_tick() {
    timer_.expires_after(period_);
    timer_.async_wait([this, alive = std::weak_ptr<Impl*>(alive_)](const std::error_code& error) {
      if (error || alive.expired()) return;
      const Now now = clock.now();
      visit([&now](Connection& connection) { connection.tick(now); });
      schedule_tick();
    });
  }

  asio::steady_timer timer_;
  const std::chrono::milliseconds period_;
  std::vector<std::shared_ptr<Connection>> connections_;  // all that are not closed, at their `slot`
  std::vector<Connection*> waiting_;                      // those with something to send, each once; null: retired
  std::vector<Connection*> batch_;                        // those that flush() is at
  bool flush_posted_ = false;
  bool flushing_ = false;
  const std::shared_ptr<Impl*> alive_ = std::make_shared<Impl*>(this);  // what was posted may come after the endpoint
};

Endpoint::Endpoint(asio::io_context& io, const EndpointConfig& config, LinkFactory& factory, const Clock& clock)
    : impl_(std::make_unique<Impl>(io, config, factory, clock)) {}

Endpoint::~Endpoint() = default;

void Endpoint::adopt(asio::ip::tcp::socket socket) {
  impl_->adopt(std::move(socket));
}

void Endpoint::set_accepting(bool accepting) noexcept {
  impl_->accepting = accepting;
}

void Endpoint::flush() {
  impl_->flush();
}

void Endpoint::for_each(const std::function<void(Link&)>& visit) {
  impl_->visit([&visit](Connection& connection) {
    if (connection.is_open()) visit(connection);
  });
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
