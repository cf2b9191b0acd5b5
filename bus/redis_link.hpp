// One connection to Redis, from resolving the name to its loss: connect, TLS, authenticate, read, write, keep alive.
// It never reconnects: its owner makes a new link for each attempt, so a late handler of an old one cannot reach it.
#pragma once

#include <asio/generic/stream_protocol.hpp>
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "bus/redis_config.hpp"
#include "bus/reply_reader.hpp"

namespace pulsegate::bus {

class LinkStream;

// Thread: the io_context's thread only.
// Owner: a RedisSubscriber or a RedisStreamReader; pending handlers share it until they have run.
// 1. The owner is called only between open() and close(), and nothing follows on_link_lost(). What on_link_reply() or
// on_link_read_end() throws is a loss.
// 2. What is queued for writing is bounded by the owner's window of commands in flight plus one PING.
class RedisLink final : public std::enable_shared_from_this<RedisLink>, private ReplyHandler {
 public:
  enum class Loss : std::uint8_t { connection, protocol };  // protocol: an error reply or unreadable bytes

  class Owner {
   public:
    virtual ~Owner() = default;
    virtual void on_link_ready() = 0;                    // authenticated, the database is selected
    virtual void on_link_reply(const Reply& reply) = 0;  // never a pong
    // All replies of one read have been delivered. `more_waiting`: the next read follows at once, and another call.
    virtual void on_link_read_end(bool more_waiting) = 0;
    virtual void on_link_lost(Loss loss, const std::string& reason) = 0;
  };

  // `config` and `owner` must outlive close(). `reader` decides what replies on_link_reply() is given.
  RedisLink(asio::io_context& io, const RedisConfig& config, Owner& owner, std::unique_ptr<ReplyReader> reader);
  ~RedisLink();

  // The owner is not called before it returns.
  void open();
  void close() noexcept;
  // Queues whole commands. Requires on_link_ready().
  void send(std::string_view commands);

 private:
  using Endpoints = std::vector<asio::generic::stream_protocol::endpoint>;
  using Clock = std::chrono::steady_clock;
  enum class Step : std::uint8_t { auth, select, ping, set_name };

  void resolve();
  void connect(Endpoints endpoints);
  void connected();
  void encrypt();
  void established();
  void handshake();
  const std::string& server_name() const noexcept;
  void on_handshake_reply(const Reply& reply);
  bool on_reply(const Reply& reply) override;
  void read();
  void read_on();
  void received(const std::error_code& error, std::size_t size);
  void deliver(std::size_t size, bool more_waiting);
  void give_up(const std::string& fault);
  void write();
  void arm(Clock::time_point when);
  void on_timer();
  void fail(Loss loss, const std::string& reason);

  asio::io_context& io_;
  const RedisConfig& config_;
  Owner* owner_;  // null: closed
  const std::unique_ptr<LinkStream> stream_;
  asio::ip::tcp::resolver resolver_;
  asio::steady_timer timer_;
  const std::unique_ptr<ReplyReader> reader_;
  std::unique_ptr<char[]> buffer_;  // uninitialised on purpose: pages that no read reaches cost nothing
  std::vector<Step> handshake_;     // replies still to come, oldest first
  bool ready_ = false;
  Clock::time_point last_received_{};
  Clock::time_point pinged_{};  // before last_received_: no PING is unanswered
  std::string queued_;
  std::string writing_;  // empty: no write in flight
};

}  // namespace pulsegate::bus
