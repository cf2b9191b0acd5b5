// The acceptor and the list of its connections.
#include "gateway/ops/http_port.hpp"

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <utility>
#include <vector>

#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "gateway/log.hpp"
#include "gateway/ops/http_connection.hpp"
#include "gateway/reserve_descriptor.hpp"

namespace pulsegate::ops {

namespace {

using asio::ip::tcp;

// Out of descriptors: accepting again at once would spin.
constexpr std::chrono::milliseconds kAcceptPause{100};

std::string show(const tcp::endpoint& endpoint) {
  const std::string host = endpoint.address().to_string();
  return (endpoint.address().is_v6() ? "[" + host + "]" : host) + ":" + std::to_string(endpoint.port());
}

tcp::acceptor listen_on(asio::io_context& io, const Address& address) {
  const auto check = [&](const asio::error_code& error) {
    if (error)
      throw std::runtime_error("Cannot listen on " + address.host + " port " + std::to_string(address.port) + ": " +
                               error.message() + ".");
  };
  asio::error_code error;
  tcp::resolver resolver(io);
  const auto found = resolver.resolve(address.host, std::to_string(address.port), tcp::resolver::passive, error);
  check(error);
  const tcp::endpoint endpoint = found.begin()->endpoint();
  tcp::acceptor acceptor(io);
  acceptor.open(endpoint.protocol(), error);
  check(error);
  acceptor.set_option(tcp::acceptor::reuse_address(true), error);  // a restart must not wait for TIME_WAIT
  check(error);
  acceptor.bind(endpoint, error);
  check(error);
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  check(error);
  return acceptor;
}

}  // namespace

class HttpPort::Impl final : public HttpConnectionHost, public std::enable_shared_from_this<HttpPort::Impl> {
 public:
  Impl(asio::io_context& io, const Address& address, HttpHandler handler, const HttpPortLimits& limits)
      : acceptor_(listen_on(io, address)),
        pause_(io),
        endpoint_(acceptor_.local_endpoint()),
        handler_(std::move(handler)),
        limits_(limits) {}

  void accept() {
    acceptor_.async_accept([self = shared_from_this()](const asio::error_code& error, tcp::socket socket) {
      if (self->stopped_) return;
      if (error) return self->accept_later(error);
      self->reserve_.restock();
      self->take(std::move(socket));
      self->accept();
    });
  }

  void stop() noexcept {
    if (std::exchange(stopped_, true)) return;
    asio::error_code ignored;
    acceptor_.close(ignored);
    try {
      pause_.cancel();
    } catch (...) {
      // It fires once and finds the port stopped.
    }
    for (const auto& connection : std::exchange(connections_, {})) connection->close();
  }

  void handle(const HttpRequest& request, Respond respond) override { handler_(request, std::move(respond)); }

  void on_closed(HttpConnection& connection) override {
    const auto found = std::find_if(connections_.begin(), connections_.end(),
                                    [&](const auto& each) { return each.get() == &connection; });
    if (found != connections_.end()) connections_.erase(found);
    reserve_.restock();
  }

  const tcp::endpoint& endpoint() const noexcept { return endpoint_; }
  std::size_t connections() const noexcept { return connections_.size(); }

 private:
  // Clients may have taken all descriptors; whoever asks how we are must be answered nevertheless.
  void accept_later(const asio::error_code& error) {
    if ((error.value() == EMFILE || error.value() == ENFILE) && reserve_.release()) return accept();
    log_.write("accept", std::chrono::steady_clock::now(), log::Level::warn, "http.accept",
               {{"port", endpoint_.port()}, {"error", error.message()}});
    pause_.expires_after(kAcceptPause);
    pause_.async_wait([self = shared_from_this()](const asio::error_code& cancelled) {
      if (!cancelled && !self->stopped_) self->accept();
    });
  }

  // A probe must get through although somebody keeps connections open without using them.
  void take(tcp::socket socket) {
    if (connections_.size() >= limits_.max_connections) {
      const auto idlest = std::min_element(connections_.begin(), connections_.end(), [](const auto& a, const auto& b) {
        return a->idle() != b->idle() ? a->idle() : a->idle_since() < b->idle_since();
      });
      if (idlest == connections_.end() || !(*idlest)->idle()) return;  // the socket closes as it goes out of scope
      (*idlest)->close();
      connections_.erase(idlest);
    }
    connections_.push_back(std::make_shared<HttpConnection>(std::move(socket), *this, limits_));
    connections_.back()->start();
  }

  tcp::acceptor acceptor_;
  ReserveDescriptor reserve_;
  asio::steady_timer pause_;
  const tcp::endpoint endpoint_;
  const HttpHandler handler_;
  const HttpPortLimits limits_;
  log::RateLimited log_;
  std::vector<std::shared_ptr<HttpConnection>> connections_;
  bool stopped_ = false;
};

HttpPort::HttpPort(asio::io_context& io, const Address& address, HttpHandler handler, const HttpPortLimits& limits)
    : impl_(std::make_shared<Impl>(io, address, std::move(handler), limits)) {
  impl_->accept();
}

HttpPort::~HttpPort() {
  stop();
}

std::string HttpPort::address() const {
  return show(impl_->endpoint());
}
std::uint16_t HttpPort::port() const {
  return impl_->endpoint().port();
}
std::size_t HttpPort::connections() const noexcept {
  return impl_->connections();
}
void HttpPort::stop() {
  impl_->stop();
}

}  // namespace pulsegate::ops
