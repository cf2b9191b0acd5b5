#include "gateway/ws/listener.hpp"

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "gateway/access/admission.hpp"
#include "gateway/log.hpp"
#include "gateway/ws/endpoint.hpp"

namespace pulsegate::ws {

using asio::ip::tcp;

namespace {

// A partial request line is looked at again after so long, since the kernel does not tell when more has come to be
// peeked at. Each time twice as long, so that peers who never end their line cost next to nothing.
constexpr std::chrono::milliseconds kFirstPause{10};
constexpr std::chrono::milliseconds kLongestPause{500};

tcp::endpoint resolve(asio::io_context& io, const ListenerConfig& config) {
  asio::error_code error;
  const auto address = asio::ip::make_address(config.host, error);
  if (!error) return {address, config.port};
  tcp::resolver resolver(io);
  const auto results = resolver.resolve(config.host, std::to_string(config.port), tcp::resolver::passive, error);
  if (error || results.empty())
    throw std::runtime_error("cannot resolve the listen address \"" + config.host + "\": " + error.message());
  return results.begin()->endpoint();
}

}  // namespace

std::size_t shard_of_request_line(std::string_view line, std::size_t shards) noexcept {
  const std::size_t first = line.find(' ');
  if (shards <= 1 || first == std::string_view::npos) return 0;
  const std::string_view rest = line.substr(first + 1);
  const std::optional<proto::DeviceId> device = access::device_of(rest.substr(0, rest.find(' ')));
  return device ? static_cast<std::size_t>(device->hash() % shards) : 0;
}

// One accepted socket whose request line is still to come. Owner: the listener; operations in flight keep it alive.
struct Listener::Steering {
  Steering(asio::io_context& io, tcp::socket s) : socket(std::move(s)), timer(io) {}
  tcp::socket socket;
  asio::steady_timer timer;
  std::chrono::steady_clock::time_point deadline{};
  std::chrono::milliseconds pause = kFirstPause;
  std::list<SteeringPtr>::iterator place;  // in steering_, unless ended
  bool ended = false;
};

Listener::Listener(asio::io_context& io, const ListenerConfig& config, HandOver hand_over)
    : io_(io), config_(config), hand_over_(std::move(hand_over)), acceptor_(io), pause_(io) {
  const tcp::endpoint endpoint = resolve(io, config_);
  asio::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(config_.backlog, error);
  if (error)
    throw std::runtime_error("cannot listen on " + config_.host + ":" + std::to_string(config_.port) + ": " +
                             error.message());
  if (config_.shards > 1) peeked_.resize(kMaxRequestHead);
  accept();
}

Listener::~Listener() {
  close();
}

std::string Listener::address() const {
  asio::error_code error;
  const auto endpoint = acceptor_.local_endpoint(error);
  if (error) return config_.host + ":" + std::to_string(config_.port);
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

void Listener::close() {
  *alive_ = false;
  asio::error_code ignored;
  acceptor_.close(ignored);
  pause_.cancel();
  while (!steering_.empty()) forget(SteeringPtr(steering_.front()));
}

void Listener::accept() {
  acceptor_.async_accept([this, alive = alive_](const asio::error_code& error, tcp::socket socket) {
    if (!*alive || error == asio::error::operation_aborted) return;
    if (error) {
      ++counters_.failures;
      // The client was faster; whatever else it is (mostly a lack of descriptors) would come again at once, for ever.
      if (error == asio::error::connection_aborted) return accept();
      log::warn("listener.pause", {{"error", error.message()}});
      pause_.expires_after(config_.accept_pause);
      pause_.async_wait([this, alive](const asio::error_code& cancelled) {
        if (!cancelled && *alive) accept();
      });
      return;
    }
    ++counters_.accepted;
    if (config_.shards > 1) {
      steer(std::move(socket));
    } else {
      hand_over_(std::move(socket), 0);
    }
    accept();
  });
}

void Listener::steer(tcp::socket socket) {
  if (steering_.size() >= config_.max_steering) {
    ++counters_.steer_failures;
    return;
  }
  const auto steering = std::make_shared<Steering>(io_, std::move(socket));
  steering->deadline = std::chrono::steady_clock::now() + config_.steer_timeout;
  steering->place = steering_.insert(steering_.end(), steering);
  peek(steering);
}

// Looks at what has come without taking it, so that the shard's endpoint reads the request from its first byte.
void Listener::peek(const SteeringPtr& steering) {
  const ssize_t got = ::recv(steering->socket.native_handle(), peeked_.data(), peeked_.size(), MSG_PEEK | MSG_DONTWAIT);
  if (got == 0 || (got < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR)) return forget(steering);
  if (got <= 0) return wait_for_first_byte(steering);

  const std::string_view text(peeked_.data(), static_cast<std::size_t>(got));
  const std::size_t end = text.find("\r\n");
  if (end == std::string_view::npos && text.size() < peeked_.size()) return look_again_later(steering);
  // What is too long for the endpoint is refused by that of shard 0.
  const std::size_t shard =
      end == std::string_view::npos ? 0 : shard_of_request_line(text.substr(0, end), config_.shards);
  tcp::socket socket = std::move(steering->socket);
  forget(steering);
  hand_over_(std::move(socket), shard);
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
  ++counters_.steer_failures;
  forget(steering);
}

void Listener::forget(const SteeringPtr& steering) {
  steering->ended = true;
  steering->timer.cancel();
  asio::error_code ignored;
  steering->socket.close(ignored);
  steering_.erase(steering->place);
}

}  // namespace pulsegate::ws
