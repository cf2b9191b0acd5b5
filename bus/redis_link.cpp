// The I/O shell around a ReplyReader. Reasons of failure are sentences for an operator's log.
#include "bus/redis_link.hpp"

#include <algorithm>
#include <asio/buffer.hpp>
#include <asio/connect.hpp>
#include <asio/error.hpp>
#include <asio/ip/address.hpp>
#include <asio/local/stream_protocol.hpp>
#include <asio/post.hpp>
#include <exception>
#include <utility>

#include "bus/link_stream.hpp"
#include "bus/redis_error.hpp"
#include "bus/resp_command.hpp"

namespace pulsegate::bus {

RedisLink::RedisLink(asio::io_context& io, const RedisConfig& config, Owner& owner, std::unique_ptr<ReplyReader> reader)
    : io_(io),
      config_(config),
      owner_(&owner),
      stream_(std::make_unique<LinkStream>(io)),
      resolver_(io),
      timer_(io),
      reader_(std::move(reader)) {}

RedisLink::~RedisLink() = default;

void RedisLink::open() {
  arm(Clock::now() + config_.connect_timeout);
  const RedisUrl& url = config_.url;
  if (url.is_unix()) {
    // The endpoint's constructor throws when the path is too long; parse_redis_url() has refused that already.
    return connect({asio::local::stream_protocol::endpoint(url.path)});
  }
  std::error_code not_numeric;
  const auto address = asio::ip::make_address(url.host, not_numeric);
  if (!not_numeric) return connect({asio::ip::tcp::endpoint(address, url.port)});
  resolve();
}

void RedisLink::close() noexcept {
  owner_ = nullptr;
  ready_ = false;
  std::error_code ignored;
  stream_->socket().close(ignored);
  resolver_.cancel();
  try {
    timer_.cancel();
  } catch (...) {  // the overload with an error code is gone from newer Asio; the handler checks owner_ anyway
  }
}

void RedisLink::resolve() {
  resolver_.async_resolve(
      config_.url.host, std::to_string(config_.url.port), asio::ip::tcp::resolver::numeric_service,
      [self = shared_from_this()](const std::error_code& error, const asio::ip::tcp::resolver::results_type& results) {
        if (self->owner_ == nullptr) return;
        if (error)
          return self->fail(Loss::connection, "the name of the Redis host does not resolve: " + error.message());
        Endpoints endpoints;
        for (const auto& result : results) endpoints.emplace_back(result.endpoint());
        self->connect(std::move(endpoints));
      });
}

void RedisLink::connect(Endpoints endpoints) {
  // async_connect keeps only iterators of the range, hence the shared copy.
  auto targets = std::make_shared<const Endpoints>(std::move(endpoints));
  asio::async_connect(stream_->socket(), targets->begin(), targets->end(),
                      [self = shared_from_this(), targets](const std::error_code& error, Endpoints::const_iterator) {
                        if (self->owner_ == nullptr) return;
                        if (error) return self->fail(Loss::connection, "cannot connect to Redis: " + error.message());
                        self->connected();
                      });
}

void RedisLink::connected() {
  auto& socket = stream_->socket();
  std::error_code ignored;  // neither option is vital
  if (!config_.url.is_unix()) {
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    socket.set_option(asio::socket_base::keep_alive(true), ignored);
  }
  std::error_code error;
  socket.non_blocking(true, error);  // for read_on()
  if (error) return fail(Loss::connection, "cannot set up the connection to Redis: " + error.message());
  config_.url.tls ? encrypt() : established();
}

const std::string& RedisLink::server_name() const noexcept {
  return config_.tls.server_name.empty() ? config_.url.host : config_.tls.server_name;
}

void RedisLink::encrypt() {
  const std::string fault = stream_->encrypt(config_.tls, server_name());
  if (!fault.empty()) return fail(Loss::connection, fault);
  stream_->async_handshake([self = shared_from_this()](const std::error_code& error) {
    if (self->owner_ == nullptr) return;
    if (error) return self->fail(Loss::connection, self->stream_->explain(error, self->server_name()));
    self->established();
  });
}

void RedisLink::established() {
  buffer_.reset(new char[config_.read_buffer]);
  last_received_ = Clock::now();
  handshake();
  read();
}

// One write for everything, since each command's error is told apart by its place. PING shows LOADING and a missing
// +ping before the first keepalive would; CLIENT SETNAME comes last, as its failure alone is no reason to give up.
void RedisLink::handshake() {
  const RedisUrl& url = config_.url;
  std::string commands;
  if (!url.password.empty()) {
    if (url.user.empty()) {
      append_command(commands, {"AUTH", url.password});
    } else {
      append_command(commands, {"AUTH", url.user, url.password});
    }
    handshake_.push_back(Step::auth);
  }
  if (url.db != 0) {
    append_command(commands, {"SELECT", std::to_string(url.db)});
    handshake_.push_back(Step::select);
  }
  append_command(commands, {"PING"});
  handshake_.push_back(Step::ping);
  append_command(commands, {"CLIENT", "SETNAME", config_.client_name});
  handshake_.push_back(Step::set_name);
  queued_ += commands;
  write();
}

void RedisLink::on_handshake_reply(const Reply& reply) {
  const Step step = handshake_.front();
  handshake_.erase(handshake_.begin());
  if (reply.kind == ReplyKind::error && step != Step::set_name) {
    return fail(Loss::protocol, explain_redis_error(reply.text));
  }
  if (!handshake_.empty()) return;
  ready_ = true;
  arm(Clock::now() + config_.ping_interval);
  owner_->on_link_ready();
}

bool RedisLink::on_reply(const Reply& reply) {
  if (!ready_) {
    on_handshake_reply(reply);
  } else if (reply.kind != ReplyKind::pong) {
    owner_->on_link_reply(reply);
  }
  return owner_ != nullptr;
}

// Each turn of this loop goes through the io_context's queue, even when data is ready at once: other handlers run
// between. Asio tries recv() first and asks epoll only when there was nothing. Waiting for readability instead would
// save that recv(), but costs an epoll_ctl() each time.
void RedisLink::read() {
  stream_->async_read_some(asio::buffer(buffer_.get(), config_.read_buffer),
                           [self = shared_from_this()](const std::error_code& error, std::size_t size) {
                             if (self->owner_ != nullptr) self->received(error, size);
                           });
}

// After a read that says that there is more. Whether it was right shows at once, since the owner waits for the answer.
void RedisLink::read_on() {
  asio::post(io_, [self = shared_from_this()] {
    if (self->owner_ == nullptr) return;
    std::error_code error;
    const std::size_t size =
        self->stream_->socket().read_some(asio::buffer(self->buffer_.get(), self->config_.read_buffer), error);
    if (error == asio::error::would_block || error == asio::error::try_again) error.clear();
    self->received(error, size);
  });
}

// `size` is 0 when read_on() found nothing.
void RedisLink::received(const std::error_code& error, std::size_t size) {
  if (error == asio::error::eof || error == asio::ssl::error::stream_truncated) {
    return fail(Loss::connection, ready_
                                      ? "Redis closed the connection (under load, see its client-output-buffer-limit)"
                                      : "Redis closed the connection before it was authenticated");
  }
  // With TLS 1.3 a server refuses our certificate only after its part of the handshake.
  if (error && stream_->encrypted() && !ready_) return fail(Loss::connection, stream_->explain(error, server_name()));
  if (error) return fail(Loss::connection, "the connection to Redis broke: " + error.message());
  if (size > 0) last_received_ = Clock::now();
  // Half a buffer at once is more than comes while this thread keeps up. TLS gives one record at a time, 16 KiB, and
  // whether another one is complete nobody knows before it is read.
  const bool more_waiting = size >= config_.read_buffer / 2 && !stream_->encrypted();
  try {
    deliver(size, more_waiting);
  } catch (const std::exception& fault) {
    return give_up(fault.what());
  }
  if (owner_ == nullptr) return;
  more_waiting ? read_on() : read();
}

void RedisLink::deliver(std::size_t size, bool more_waiting) {
  const auto outcome = reader_->feed({buffer_.get(), size}, *this);
  if (owner_ == nullptr) return;
  const bool failed = outcome == ReplyReader::Outcome::failed;
  owner_->on_link_read_end(more_waiting && !failed);
  if (owner_ == nullptr || !failed) return;
  fail(Loss::protocol, "what answers at " + config_.url.redacted() + " sent " + reader_->error());
}

// The rest of that read is gone, so something is missing that only a new subscription shows. Called while the exception
// is handled.
void RedisLink::give_up(const std::string& fault) {
  if (owner_ == nullptr) throw;
  fail(Loss::connection, "what Redis sent could not be taken: " + fault);
}

void RedisLink::send(std::string_view commands) {
  queued_ += commands;
  write();
}

void RedisLink::write() {
  if (!writing_.empty() || queued_.empty()) return;
  writing_.swap(queued_);
  stream_->async_write(asio::buffer(writing_), [self = shared_from_this()](const std::error_code& error, std::size_t) {
    if (self->owner_ == nullptr) return;
    self->writing_.clear();
    // The reading side tells the reason better, and may still hold an error reply: a failed write only stops writing.
    if (!error) self->write();
  });
}

void RedisLink::arm(Clock::time_point when) {
  timer_.expires_at(when);
  timer_.async_wait([self = shared_from_this()](const std::error_code& error) {
    if (!error && self->owner_ != nullptr) self->on_timer();
  });
}

// Silence of ping_interval: PING. Silence of read_deadline: dead. Anything received counts, not only a pong.
// The timer is not moved by each read (that would cost more than the read): it looks back when it fires.
void RedisLink::on_timer() {
  if (!ready_) {
    // A Redis without TLS takes our greeting for a command that is not complete yet.
    const bool in_handshake = stream_->encrypted() && !buffer_;
    return fail(Loss::connection, std::string("Redis did not answer within the connect timeout") +
                                      (in_handshake ? ": does that port speak TLS?" : ""));
  }
  const auto now = Clock::now();
  std::error_code ignored;
  if (stream_->socket().available(ignored) > 0) {
    // This thread was late, not Redis: what it sent is still unread.
    return arm(now + config_.ping_interval);
  }
  const auto grace = config_.read_deadline - config_.ping_interval;  // for the answer to a PING
  if (pinged_ > last_received_) {
    if (now - pinged_ >= grace) return fail(Loss::connection, "Redis did not answer a PING in time");
    return arm(std::min(now + config_.ping_interval, pinged_ + grace));
  }
  if (now - last_received_ < config_.ping_interval) return arm(last_received_ + config_.ping_interval);
  pinged_ = now;
  std::string ping;
  append_command(ping, {"PING"});
  send(ping);
  arm(now + std::min(config_.ping_interval, grace));
}

void RedisLink::fail(Loss loss, const std::string& reason) {
  Owner* const owner = owner_;
  close();
  owner->on_link_lost(loss, reason);
}

}  // namespace pulsegate::bus
