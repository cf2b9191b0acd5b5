// websocketpp as it is used here: one thread, no logs, no timers, and our transport, messages, HTTP types and
// compression.
#pragma once

#include <cstdint>

// The library's configuration header does not pull in the policy for one thread.
#include <websocketpp/concurrency/none.hpp>
#include <websocketpp/config/core.hpp>
#include <websocketpp/logger/stub.hpp>

#include "gateway/ws/connection.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/handshake.hpp"
#include "gateway/ws/inbound_message.hpp"
#include "gateway/ws/permessage_deflate.hpp"
#include "proto/limits.hpp"

namespace pulsegate::ws {

static_assert(websocketpp::http::max_header_size == kMaxRequestHead);

// The names are the library's. NOLINTBEGIN(readability-identifier-naming)
struct Websocket : websocketpp::config::core {
  using type = Websocket;

  using concurrency_type = websocketpp::concurrency::none;
  static const bool enable_multithreading = false;
  using alog_type = websocketpp::log::stub;
  using elog_type = websocketpp::log::stub;
  static const websocketpp::log::level alog_level = 0;
  static const websocketpp::log::level elog_level = 0;

  using request_type = HandshakeRequest;
  using response_type = HandshakeResponse;
  using message_type = InboundMessage;
  using con_msg_manager_type = InboundMessages;
  using permessage_deflate_type = PermessageDeflate;  // the library's inflates without a bound
  struct transport_type {
    using transport_con_type = Connection;
  };

  // The transport has no timers; the endpoint's tick keeps the deadlines.
  static const long timeout_open_handshake = 0;
  static const long timeout_close_handshake = 0;
  static const long timeout_pong = 0;

  static const std::size_t connection_read_buffer_size = 1024;  // bytes, per connection: commands are short
  static const std::size_t max_message_size = proto::limits::kMaxInboundMessage;
  static const std::size_t max_http_body_size = 4 * 1024;  // the default of 32 MB would be read before any refusal
  static const bool enable_extensions = true;              // as far as HandshakeRequest lets the library see any
};
// NOLINTEND(readability-identifier-naming)

}  // namespace pulsegate::ws
