// Commands wait in one text until the connection is there, and for one read of answers at a time after that.
#include "bus/redis_pipeline.hpp"

#include <asio/post.hpp>
#include <utility>

#include "bus/node_connection.hpp"
#include "bus/redis_error.hpp"
#include "bus/redis_link.hpp"
#include "bus/resp_command.hpp"
#include "bus/resp_reader.hpp"

namespace pulsegate::bus {

class RedisPipeline::Core final : public std::enable_shared_from_this<Core>, public RedisLink::Owner {
 public:
  Core(asio::io_context& io, const RedisConfig& config, Calls calls)
      : io_(io),
        calls_(std::move(calls)),
        connection_(io, config, *this, [most = config.max_payload] { return std::make_unique<RespReader>(most); }) {}

  void start() {
    asio::post(io_, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && !self->over_) self->connection_.open();
    });
  }
  void publish(std::string_view topic, std::string_view payload) {
    if (over_) return;
    append_command(waiting_, {"PUBLISH", topic, payload});
    if (ready_ && !std::exchange(scheduled_, true))
      asio::post(io_, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->send();
      });
  }
  void stop() {
    over_ = true;
    connection_.close();
  }

 private:
  void on_link_ready() override {
    connection_.ready();
    ready_ = true;
    if (calls_.ready) calls_.ready();
    send();
  }
  void on_link_reply(const Reply& reply) override {
    const auto keep = shared_from_this();
    if (reply.kind == ReplyKind::error) return fail(explain_redis_error(reply.text));
    if (reply.kind == ReplyKind::integer || reply.kind == ReplyKind::other) ++answered_;
  }
  void on_link_read_end(bool) override {
    if (answered_ > 0 && !over_) calls_.answered(std::exchange(answered_, 0));
  }
  void on_link_lost(RedisLink::Loss, const std::string& reason) override {
    const auto keep = shared_from_this();
    fail(reason);
  }

  void send() {
    scheduled_ = false;
    if (over_ || waiting_.empty()) return;
    connection_.send(std::exchange(waiting_, {}));
  }
  void fail(const std::string& reason) {
    if (over_) return;
    stop();
    if (answered_ > 0) calls_.answered(std::exchange(answered_, 0));
    calls_.failed(reason);
  }

  asio::io_context& io_;
  const Calls calls_;
  NodeConnection connection_;
  std::string waiting_;
  std::size_t answered_ = 0;
  bool ready_ = false;
  bool scheduled_ = false;
  bool over_ = false;
};

RedisPipeline::RedisPipeline(asio::io_context& io, const RedisConfig& config, Calls calls)
    : core_(std::make_shared<Core>(io, config, std::move(calls))) {
  core_->start();
}
RedisPipeline::~RedisPipeline() {
  core_->stop();
}
void RedisPipeline::publish(std::string_view topic, std::string_view payload) {
  core_->publish(topic, payload);
}
void RedisPipeline::stop() {
  core_->stop();
}

}  // namespace pulsegate::bus
