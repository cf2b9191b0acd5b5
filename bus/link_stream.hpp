// The bytes of a RedisLink: a TCP or unix socket, and TLS on it where that is asked for. Only redis_link.cpp includes
// this; TLS costs the plain path one branch a read.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>
#include <memory>
#include <string>
#include <utility>

#include "bus/tls_context.hpp"

namespace pulsegate::bus {

// Thread: the io_context's thread only.
// Owner: a RedisLink, which lives until every handler has run.
class LinkStream {
 public:
  using Socket = asio::generic::stream_protocol::socket;

  explicit LinkStream(asio::io_context& io) : socket_(io) {}

  Socket& socket() noexcept { return socket_; }
  bool encrypted() const noexcept { return tls_ != nullptr; }

  // From here on everything is encrypted. `name`: whose certificate is accepted. Empty, or why it cannot be.
  std::string encrypt(const RedisTls& config, const std::string& name) {
    std::string error;
    context_ = make_tls_context(config, error);
    if (!context_) return error;
    tls_ = std::make_unique<Tls>(socket_, *context_);
    return expect_peer(tls_->native_handle(), name) ? std::string()
                                                    : "the Redis host is no name that a certificate can be for";
  }

  template <class Handler>
  void async_handshake(Handler&& handler) {
    tls_->async_handshake(Tls::client, std::forward<Handler>(handler));
  }
  template <class Buffer, class Handler>
  void async_read_some(const Buffer& buffer, Handler&& handler) {
    tls_ ? tls_->async_read_some(buffer, std::forward<Handler>(handler))
         : socket_.async_read_some(buffer, std::forward<Handler>(handler));
  }
  template <class Buffer, class Handler>
  void async_write(const Buffer& buffer, Handler&& handler) {
    tls_ ? asio::async_write(*tls_, buffer, std::forward<Handler>(handler))
         : asio::async_write(socket_, buffer, std::forward<Handler>(handler));
  }

  // Requires encrypted().
  std::string explain(const std::error_code& error, const std::string& name) {
    return explain_tls_error(tls_->native_handle(), error, name);
  }

 private:
  using Tls = asio::ssl::stream<Socket&>;

  Socket socket_;
  std::unique_ptr<asio::ssl::context> context_;
  std::unique_ptr<Tls> tls_;  // null: plain
};

}  // namespace pulsegate::bus
