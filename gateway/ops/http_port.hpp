// A small HTTP/1.1 server for the health and admin ports, on the main thread's loop. Bounded in everything that a
// client decides: size of a request, time to send it, number of connections. What is answered is the handler's
// business.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <asio/io_context.hpp>

#include "gateway/config.hpp"
#include "gateway/ops/http_request.hpp"
#include "gateway/ops/http_response.hpp"

namespace pulsegate::ops {

// At most one call counts; from the loop's thread, also after the connection or the port is gone. When every copy is
// destroyed without a call, the connection is closed without an answer at its deadline.
using Respond = std::function<void(HttpResponse)>;
// May respond before it returns. An exception becomes 500.
using HttpHandler = std::function<void(const HttpRequest&, Respond)>;

struct HttpPortLimits {
  HttpLimits request;
  std::size_t max_connections = 64;           // one more closes the longest idle one, or is closed itself
  std::chrono::milliseconds read{5'000};      // from the first byte of a request, or from accept, to its last
  std::chrono::milliseconds respond{10'000};  // for the handler
  std::chrono::milliseconds write{5'000};     // for the client to take the answer
  std::chrono::milliseconds idle{60'000};     // between requests of one connection; Prometheus comes every 15 to 60 s
};

// Thread: the io_context's. Owner: the server.
class HttpPort {
 public:
  // Listens. Throws std::runtime_error with one sentence when it cannot.
  HttpPort(asio::io_context& io, const Address& address, HttpHandler handler, const HttpPortLimits& limits = {});
  ~HttpPort();
  HttpPort(const HttpPort&) = delete;
  HttpPort& operator=(const HttpPort&) = delete;

  // Where it listens, with the port that the system chose: "127.0.0.1:9090", "[::1]:9090".
  std::string address() const;
  std::uint16_t port() const;
  std::size_t connections() const noexcept;

  // Closes everything. The handler is not called any more; the loop is left without work of ours. Idempotent.
  void stop();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace pulsegate::ops
