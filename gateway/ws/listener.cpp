// The accept loop: how fast, from whom, and what happens when descriptors run out.
#include "gateway/ws/listener.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>

#include "gateway/log.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/http_answer.hpp"

namespace pulsegate::ws {

using asio::ip::tcp;

namespace {

// Above the rate accepting rests for so long: then it takes what has gathered meanwhile.
constexpr std::chrono::milliseconds kRatePause{10};
// Refusals by means of the reserve after one failure; the rest of a flood waits in the kernel.
constexpr int kReserveRefusals = 16;

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

access::IpAddress ip_address(const tcp::endpoint& endpoint) {
  const asio::ip::address address = endpoint.address();
  return address.is_v4() ? access::IpAddress::v4(address.to_v4().to_bytes().data())
                         : access::IpAddress::v6(address.to_v6().to_bytes().data());
}

// Whoever is refused unheard gets a reset: it costs nothing afterwards, while an orderly end stays in TIME_WAIT.
void reset(tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::socket_base::linger(true, 0), ignored);
  socket.close(ignored);
}

bool no_descriptors(const asio::error_code& error) {
  return error.value() == EMFILE || error.value() == ENFILE;
}

std::string unavailable_response() {
  const HttpAnswer answer = http_error(503, proto::ErrorCode::unavailable, "This gateway is full; try again later.");
  std::string text = "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Type: application/json\r\n";
  for (const auto& [name, value] : answer.headers) text.append(name).append(": ").append(value).append("\r\n");
  text.append("Content-Length: ").append(std::to_string(answer.body.size())).append("\r\n\r\n");
  return text.append(answer.body);
}

}  // namespace

Listener::Listener(asio::io_context& io, const ListenerConfig& config, ListenerCalls calls)
    : io_(io),
      config_(config),
      calls_(std::move(calls)),
      acceptor_(io),
      pause_(io),
      rate_(config.accept_rate, std::max(1.0, config.accept_rate)) {
  const tcp::endpoint endpoint = resolve(io, config_);
  asio::error_code error;
  acceptor_.open(endpoint.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(endpoint, error);
  if (!error) acceptor_.listen(config_.backlog, error);
  if (error)
    throw std::runtime_error("cannot listen on " + config_.host + ":" + std::to_string(config_.port) + ": " +
                             error.message());
  if (config_.shards > 1 || !config_.proxy_protocol.empty()) peeked_.resize(kMaxRequestHead);
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
    if (error) return on_accept_failed(error);
    ++counters_.accepted;
    asio::error_code gone;
    const tcp::endpoint peer = socket.remote_endpoint(gone);
    if (!gone) take(std::move(socket), ip_address(peer));
    if (*alive) accept_at_rate();
  });
}

void Listener::accept_at_rate() {
  if (rate_.take(std::chrono::steady_clock::now())) return accept();
  ++counters_.rate_pauses;
  rest(kRatePause, &Listener::accept_at_rate);
}

void Listener::rest(std::chrono::milliseconds pause, void (Listener::*then)()) {
  pause_.expires_after(pause);
  pause_.async_wait([this, alive = alive_, then](const asio::error_code& cancelled) {
    if (cancelled || !*alive) return;
    reserve_.restock();
    (this->*then)();
  });
}

void Listener::on_accept_failed(const asio::error_code& error) {
  ++counters_.failures;
  // The client was faster; whatever else it is (mostly a lack of descriptors) would come again at once, for ever.
  if (error == asio::error::connection_aborted) return accept();
  log_.write("pause", std::chrono::steady_clock::now(), log::Level::warn, "listener.pause",
             {{"error", error.message()}});
  if (no_descriptors(error)) refuse_by_reserve();
  rest(config_.accept_pause, &Listener::accept);
}

// Tells some of those who wait that there is no room, one after the other on the same descriptor. Their requests are
// read as far as they are there, since a socket that is closed with unread bytes takes the answer away from its peer.
void Listener::refuse_by_reserve() {
  static const std::string response = unavailable_response();
  std::vector<char> request(kMaxRequestHead);
  for (int i = 0; i < kReserveRefusals && reserve_.release(); ++i) {
    const int socket = ::accept4(acceptor_.native_handle(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      ++counters_.without_descriptor;
      [[maybe_unused]] const ssize_t sent = ::send(socket, response.data(), response.size(), MSG_NOSIGNAL);
      ::shutdown(socket, SHUT_WR);
      [[maybe_unused]] const ssize_t got = ::recv(socket, request.data(), request.size(), 0);
      ::close(socket);
    }
    reserve_.restock();
    if (socket < 0) return;
  }
}

void Listener::take(tcp::socket socket, const access::IpAddress& peer) {
  Arrival arrival;
  if (config_.proxy_protocol.contains(peer)) return wait(std::move(socket), std::move(arrival), true);
  arrival.source = peer;
  if (calls_.admit && !calls_.admit(arrival)) return reset(socket);
  if (config_.shards == 1 || arrival.limited != access::Limit::none)
    return calls_.hand_over(std::move(socket), 0, std::move(arrival));
  wait(std::move(socket), std::move(arrival), false);
}

}  // namespace pulsegate::ws
