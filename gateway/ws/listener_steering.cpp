// What happens between accepting a socket and handing it over, where its first bytes decide: a PROXY header is taken
// off it, and the request line is looked at.
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "gateway/access/admission.hpp"
#include "gateway/access/proxy_header.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/listener.hpp"

namespace pulsegate::ws {

using asio::ip::tcp;

namespace {

// What is partly there is looked at again after so long, since the kernel does not tell when more has come to be peeked
// at. Each time twice as long, so that peers who never go on cost next to nothing.
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{500};

static_assert(access::kMaxProxyHeader <= kMaxRequestHead);

}  // namespace

std::size_t shard_of_request_line(std::string_view line, std::size_t shards, std::size_t& next_fleet) {
  const std::size_t first = line.find(' ');
  if (shards <= 1 || first == std::string_view::npos) return 0;
  const std::string_view rest = line.substr(first + 1);
  const std::string_view target = rest.substr(0, rest.find(' '));
  if (access::is_fleet(target)) return next_fleet++ % shards;
  const std::optional<proto::DeviceId> device = access::device_of(target);
  return device ? static_cast<std::size_t>(device->hash() % shards) : 0;
}

// One accepted socket whose first bytes are still to come. Owner: the listener; operations in flight keep it alive.
struct Listener::Steering {
  Steering(asio::io_context& io, tcp::socket s, Arrival a) : socket(std::move(s)), arrival(std::move(a)), timer(io) {}
  tcp::socket socket;
  Arrival arrival;
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point deadline{};
  std::chrono::milliseconds pause = kFirstPause;
  std::list<SteeringPtr>::iterator place;  // in steering_, unless ended
  bool proxy_header = false;               // that comes first
  bool ended = false;
};

void Listener::wait(tcp::socket socket, Arrival arrival, bool proxy_header) {
  if (steering_.size() >= config_.max_steering) {
    ++counters_.steer_failures;
    return;
  }
  const auto steering = std::make_shared<Steering>(io_, std::move(socket), std::move(arrival));
  steering->proxy_header = proxy_header;
  steering->deadline = std::chrono::steady_clock::now() + config_.steer_timeout;
  steering->place = steering_.insert(steering_.end(), steering);
  peek(steering);
}

// Looks at what has come without taking it, so that the shard's endpoint reads the request from its first byte.
void Listener::peek(const SteeringPtr& steering) {
  const ssize_t got = ::recv(steering->socket.native_handle(), peeked_.data(), peeked_.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return forget(steering);
  if (got <= 0) return wait_for_first_byte(steering);
  const std::string_view bytes(peeked_.data(), static_cast<std::size_t>(got));
  steering->proxy_header ? read_proxy_header(steering, bytes) : read_request_line(steering, bytes);
}

void Listener::read_proxy_header(const SteeringPtr& steering, std::string_view bytes) {
  const access::ProxyHeader header = access::parse_proxy_header(bytes);
  if (header.status == access::ProxyHeader::Status::incomplete) return look_again_later(steering);
  if (header.status == access::ProxyHeader::Status::malformed) return fail(steering);
  // All of it is there, so all of it is taken.
  if (::recv(steering->socket.native_handle(), peeked_.data(), header.size, MSG_DONTWAIT) !=
      static_cast<ssize_t>(header.size))
    return fail(steering);
  steering->proxy_header = false;
  steering->arrival.source = header.source;
  if (calls_.admit && !calls_.admit(steering->arrival)) return forget(steering);
  if (config_.shards == 1 || steering->arrival.limited != access::Limit::none) return hand_over(steering, 0);
  steering->pause = kFirstPause;
  peek(steering);
}

void Listener::read_request_line(const SteeringPtr& steering, std::string_view bytes) {
  const std::size_t end = bytes.find("\r\n");
  if (end == std::string_view::npos && bytes.size() < peeked_.size()) return look_again_later(steering);
  // What is too long for the endpoint is refused by that of shard 0.
  hand_over(steering, end == std::string_view::npos
                          ? 0
                          : shard_of_request_line(bytes.substr(0, end), config_.shards, next_fleet_));
}

void Listener::hand_over(const SteeringPtr& steering, std::size_t shard) {
  tcp::socket socket = std::move(steering->socket);
  Arrival arrival = std::move(steering->arrival);
  forget(steering);
  calls_.hand_over(std::move(socket), shard, std::move(arrival));
}

void Listener::wait_for_first_byte(const SteeringPtr& steering) {
  steering->timer.expires_at(steering->deadline);
  steering->timer.async_wait([this, steering](const asio::error_code& error) {
    if (!error && !steering->ended) fail(steering);
  });
  steering->socket.async_wait(tcp::socket::wait_read, [this, steering](const asio::error_code& error) {
    if (steering->ended) return;
    if (error) return forget(steering);
    steering->timer.cancel();
    peek(steering);
  });
}

void Listener::look_again_later(const SteeringPtr& steering) {
  const auto now = std::chrono::steady_clock::now();
  if (now >= steering->deadline) return fail(steering);
  steering->timer.expires_at(std::min(now + steering->pause, steering->deadline));
  steering->pause = std::min(steering->pause * 2, kLongestPause);
  steering->timer.async_wait([this, steering](const asio::error_code& error) {
    if (!error && !steering->ended) peek(steering);
  });
}

void Listener::fail(const SteeringPtr& steering) {
  if (steering->proxy_header) {
    ++counters_.proxy_failures;
  } else {
    ++counters_.steer_failures;
    if (calls_.blame) calls_.blame(steering->arrival.source);
  }
  forget(steering);
}

void Listener::forget(const SteeringPtr& steering) {
  steering->ended = true;
  steering->timer.cancel();
  steering->arrival.place.release();
  asio::error_code ignored;
  steering->socket.close(ignored);
  steering_.erase(steering->place);
}

}  // namespace pulsegate::ws
