// One command in flight. Whatever goes wrong fails that one command; the next one finds a new connection, at the right
// node of a topology. Only MOVED is followed, once a command.
#include "bus/redis_publisher.hpp"

#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "bus/backoff.hpp"
#include "bus/node_connection.hpp"
#include "bus/redis_error.hpp"
#include "bus/resp_command.hpp"
#include "bus/resp_reader.hpp"
#include "bus/slot_map.hpp"

namespace pulsegate::bus {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kReadBuffer = 16 * 1024;  // answers are integers

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

// What no later attempt would change, short of another configuration of Redis.
bool is_refusal(std::string_view error) {
  return begins_with(error, "NOPERM") || begins_with(error, "ERR unknown command");
}

RedisPublisherConfig with_small_buffer(RedisPublisherConfig config) {
  config.redis.read_buffer = kReadBuffer;
  return config;
}

}  // namespace

class RedisPublisher::Core final : public std::enable_shared_from_this<Core>, public RedisLink::Owner {
 public:
  Core(asio::io_context& io, RedisPublisherConfig config)
      : io_(io),
        config_(with_small_buffer(std::move(config))),
        backoff_(topology_backoff(config_.redis)),
        deadline_(io) {
    use(config_.redis);
  }

  void publish(std::string_view topic, std::string_view payload, Done done);
  void stop();

 private:
  void on_link_ready() override;
  void on_link_reply(const Reply& reply) override;
  void on_link_read_end(bool) override {}
  void on_link_lost(RedisLink::Loss loss, const std::string& reason) override;

  void use(const RedisConfig& config);
  bool follow(std::string_view error);
  void tell_later(Done done, Published outcome, std::string reason);
  void finish(Published outcome, const std::string& reason);
  void lose(const std::string& reason);

  asio::io_context& io_;
  const RedisPublisherConfig config_;
  Backoff backoff_;
  asio::steady_timer deadline_;
  std::optional<NodeConnection> connection_;  // never empty; not opened: none, see retry_at_
  std::optional<RedisAddress> elsewhere_;     // connection_ is to this node, which MOVED named
  bool followed_ = false;                     // the command in flight has followed a MOVED
  bool ready_ = false;
  bool stopped_ = false;
  std::string command_;  // in flight, or waiting for the link
  Done done_;            // its end; null: nothing is in flight
  Clock::time_point ready_since_{};
  Clock::time_point retry_at_{};
  std::string last_error_;
};

void RedisPublisher::Core::publish(std::string_view topic, std::string_view payload, Done done) {
  if (stopped_) return;
  if (done_) return tell_later(std::move(done), Published::failed, "the last message has not been answered yet");
  if (!connection_->opened() && Clock::now() < retry_at_)
    return tell_later(std::move(done), Published::failed, last_error_);
  command_.clear();
  append_command(command_, {config_.sharded ? "SPUBLISH" : "PUBLISH", topic, payload});
  followed_ = false;
  done_ = std::move(done);
  deadline_.expires_after(config_.answer_timeout);
  deadline_.async_wait([weak = weak_from_this()](const std::error_code& error) {
    const auto self = weak.lock();
    if (error || !self || !self->done_ || self->deadline_.expiry() > Clock::now()) return;
    // A late answer would be taken for that of the next command: so no more of this link.
    self->lose("Redis did not answer a PUBLISH in time");
  });
  if (ready_) return connection_->send(command_);
  if (!connection_->opened()) connection_->open();
}

void RedisPublisher::Core::stop() {
  stopped_ = true;
  ready_ = false;
  done_ = nullptr;
  deadline_.cancel();
  connection_->close();
}

void RedisPublisher::Core::use(const RedisConfig& config) {
  connection_.emplace(io_, config, *this,
                      [most = config_.redis.max_payload] { return std::make_unique<RespReader>(most); });
}

void RedisPublisher::Core::on_link_ready() {
  connection_->ready();
  ready_ = true;
  ready_since_ = Clock::now();
  if (done_) connection_->send(command_);
}

void RedisPublisher::Core::on_link_reply(const Reply& reply) {
  const auto keep = shared_from_this();
  if (reply.kind != ReplyKind::error) return finish(Published::taken, {});
  if (follow(reply.text)) return;
  const std::string reason = explain_publish_error(reply.text);
  finish(is_refusal(reply.text) ? Published::refused : Published::failed, reason);
}

// The next command goes there, too: the slot's node is lost or moves seldom.
bool RedisPublisher::Core::follow(std::string_view error) {
  if (!config_.sharded || !done_) return false;
  const auto redirect = parse_redirect(error, elsewhere_.value_or(connection_->node()));
  if (!redirect || redirect->ask || std::exchange(followed_, true)) return false;
  ready_ = false;
  elsewhere_ = redirect->to;
  RedisConfig config = config_.redis;
  config.url = config.url.at(redirect->to);
  use(config);
  connection_->open();
  return true;
}

void RedisPublisher::Core::on_link_lost(RedisLink::Loss, const std::string& reason) {
  const auto keep = shared_from_this();
  lose(reason);
}

void RedisPublisher::Core::lose(const std::string& reason) {
  connection_->close();
  if (std::exchange(elsewhere_, std::nullopt)) use(config_.redis);
  if (std::exchange(ready_, false))
    backoff_.connection_lasted(std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - ready_since_));
  retry_at_ = Clock::now() + backoff_.next();
  last_error_ = reason;
  finish(Published::failed, reason);
}

void RedisPublisher::Core::tell_later(Done done, Published outcome, std::string reason) {
  asio::post(io_, [weak = weak_from_this(), done = std::move(done), outcome, reason = std::move(reason)] {
    const auto self = weak.lock();
    if (self && !self->stopped_) done(outcome, reason);
  });
}

void RedisPublisher::Core::finish(Published outcome, const std::string& reason) {
  if (!done_) return;
  deadline_.cancel();
  const Done done = std::exchange(done_, nullptr);
  done(outcome, reason);
}

RedisPublisher::RedisPublisher(asio::io_context& io, RedisPublisherConfig config)
    : core_(std::make_shared<Core>(io, std::move(config))) {}

RedisPublisher::~RedisPublisher() {
  core_->stop();
}

void RedisPublisher::publish(std::string_view topic, std::string_view payload, Done done) {
  core_->publish(topic, payload, std::move(done));
}

void RedisPublisher::stop() {
  core_->stop();
}

}  // namespace pulsegate::bus
