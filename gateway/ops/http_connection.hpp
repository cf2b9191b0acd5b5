// One connection of an HttpPort: reads a request, asks the handler, writes the answer, and again; with one timer for
// whatever it is waiting for. Private to http_port.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include <asio/error_code.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>

#include "gateway/ops/http_port.hpp"
#include "gateway/ops/http_request.hpp"

namespace pulsegate::ops {

class HttpConnection;

// What a connection needs of its port. Thread: the loop's.
class HttpConnectionHost {
 public:
  virtual void handle(const HttpRequest& request, Respond respond) = 0;
  virtual void on_closed(HttpConnection& connection) = 0;

 protected:
  ~HttpConnectionHost() = default;
};

// Thread: the loop's. Owner: the port's list, and every operation in flight.
// Invariants: 1. at most one read or write is in flight, and nothing is read while an answer is awaited, so that what
// is buffered stays bounded. 2. After close() the host is never touched again.
class HttpConnection : public std::enable_shared_from_this<HttpConnection> {
 public:
  HttpConnection(asio::ip::tcp::socket socket, HttpConnectionHost& host, const HttpPortLimits& limits);

  void start();
  // Closes the socket and cancels the timer. Does not tell the host. Idempotent.
  void close() noexcept;

  bool idle() const noexcept { return state_ == State::idle; }
  std::chrono::steady_clock::time_point idle_since() const noexcept { return idle_since_; }

 private:
  enum class State : std::uint8_t { idle, reading, responding, writing, lingering, closed };

  template <typename Body>
  void guarded(Body&& body) noexcept;
  void enter(State state, std::chrono::milliseconds deadline);
  void on_deadline();
  void read();
  void advance();
  void ask_handler(const HttpRequest& request);
  void answer(const HttpResponse& response);
  void after_answer();
  void linger();
  void finish() noexcept;

  asio::ip::tcp::socket socket_;
  asio::steady_timer timer_;
  HttpConnectionHost* host_;
  const HttpPortLimits limits_;
  HttpRequestParser parser_;
  State state_ = State::reading;
  bool keep_alive_ = false;
  bool head_only_ = false;
  std::uint64_t requests_ = 0;  // tells a late answer from the one that is awaited
  std::chrono::steady_clock::time_point idle_since_{};
  std::array<char, 4096> chunk_;
  std::string out_;
};

}  // namespace pulsegate::ops
