// The states of a connection and what ends each of them.
#include "gateway/ops/http_connection.hpp"

#include <ctime>
#include <exception>
#include <utility>

#include <asio/buffer.hpp>
#include <asio/write.hpp>

#include "gateway/log.hpp"
#include "gateway/ops/http_response.hpp"

namespace pulsegate::ops {

namespace {
constexpr std::chrono::milliseconds kLinger{1'000};
constexpr std::string_view kContinue = "HTTP/1.1 100 Continue\r\n\r\n";
}  // namespace

HttpConnection::HttpConnection(asio::ip::tcp::socket socket, HttpConnectionHost& host, const HttpPortLimits& limits)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      host_(&host),
      limits_(limits),
      parser_(limits.request) {}

void HttpConnection::start() {
  guarded([this] {
    enter(State::reading, limits_.read);
    read();
  });
}

void HttpConnection::close() noexcept {
  state_ = State::closed;
  host_ = nullptr;
  asio::error_code ignored;
  socket_.close(ignored);
  try {
    timer_.cancel();
  } catch (...) {
    // The timer then fires once, and finds the state closed.
  }
}

// Nothing that a client does may reach the loop as an exception.
template <typename Body>
void HttpConnection::guarded(Body&& body) noexcept {
  if (state_ == State::closed) return;
  try {
    body();
  } catch (const std::exception& fault) {
    log::write_bounded(log::Level::error, "http.exception", {{"what", fault.what()}});
    finish();
  } catch (...) {
    finish();
  }
}

void HttpConnection::enter(State state, std::chrono::milliseconds deadline) {
  state_ = state;
  timer_.expires_after(deadline);
  timer_.async_wait([self = shared_from_this()](const asio::error_code& error) {
    // A timer that was set anew just as it expired still calls back without an error.
    if (!error && self->timer_.expiry() <= std::chrono::steady_clock::now())
      self->guarded([&] { self->on_deadline(); });
  });
}

void HttpConnection::on_deadline() {
  keep_alive_ = false;
  if (state_ == State::reading && parser_.started())
    return answer(http_error(408, "The request did not arrive in time."));
  if (state_ == State::responding) return answer(http_error(503, "The answer did not come in time."));
  finish();
}

void HttpConnection::read() {
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](const asio::error_code& error, std::size_t n) {
                            self->guarded([&] {
                              // Only the states that read: an answer to a request that came too late may be on its way
                              // already.
                              if (self->state_ != State::idle && self->state_ != State::reading) return;
                              if (error) return self->finish();
                              self->parser_.append(std::string_view(self->chunk_.data(), n));
                              self->advance();
                            });
                          });
}

void HttpConnection::advance() {
  HttpRequest request;
  switch (parser_.next(request)) {
    case HttpRequestParser::Result::complete:
      return ask_handler(request);
    case HttpRequestParser::Result::refused:
      keep_alive_ = head_only_ = false;
      return answer(http_error(parser_.refusal().status, parser_.refusal().reason));
    case HttpRequestParser::Result::incomplete:
      break;
  }
  // Once per request, not per byte: a client that drips must not extend its deadline.
  if (state_ != State::reading && parser_.started()) enter(State::reading, limits_.read);
  if (!parser_.take_expects_continue()) return read();
  asio::async_write(socket_, asio::buffer(kContinue),
                    [self = shared_from_this()](const asio::error_code& error, std::size_t) {
                      self->guarded([&] {
                        if (self->state_ != State::reading) return;
                        error ? self->finish() : self->read();
                      });
                    });
}

void HttpConnection::ask_handler(const HttpRequest& request) {
  keep_alive_ = request.keep_alive;
  head_only_ = request.method == "HEAD";
  enter(State::responding, limits_.respond);
  const std::uint64_t number = ++requests_;
  const Respond respond = [weak = weak_from_this(), number](const HttpResponse& response) {
    const auto self = weak.lock();
    if (!self || self->state_ != State::responding || self->requests_ != number) return;
    self->guarded([&] { self->answer(response); });
  };
  try {
    host_->handle(request, respond);
  } catch (const std::exception& fault) {
    log::write_bounded(log::Level::error, "http.handler", {{"path", request.path}, {"what", fault.what()}});
    respond(http_error(500, "The request could not be carried out; the log says more."));
  }
}

void HttpConnection::answer(const HttpResponse& response) {
  enter(State::writing, limits_.write);
  out_.clear();
  append_response(out_, response, keep_alive_, head_only_, std::time(nullptr));
  asio::async_write(socket_, asio::buffer(out_),
                    [self = shared_from_this()](const asio::error_code& error, std::size_t) {
                      self->guarded([&] {
                        if (self->state_ != State::writing) return;
                        error ? self->finish() : self->after_answer();
                      });
                    });
}

void HttpConnection::after_answer() {
  if (!keep_alive_) {
    asio::error_code error;
    socket_.shutdown(asio::ip::tcp::socket::shutdown_send, error);
    if (error) return finish();
    enter(State::lingering, kLinger);
    return linger();
  }
  idle_since_ = std::chrono::steady_clock::now();
  enter(State::idle, limits_.idle);
  advance();  // the next request may have come with the last one
}

// Closing while bytes of the client are unread would reset the connection, and the client might never see the answer.
void HttpConnection::linger() {
  socket_.async_read_some(asio::buffer(chunk_),
                          [self = shared_from_this()](const asio::error_code& error, std::size_t) {
                            self->guarded([&] { error ? self->finish() : self->linger(); });
                          });
}

void HttpConnection::finish() noexcept {
  HttpConnectionHost* const host = host_;
  const auto self = weak_from_this().lock();  // the host drops its reference
  close();
  if (host != nullptr) host->on_closed(*this);
}

}  // namespace pulsegate::ops
