// Reads wait in one queue and, once sent, in another, both oldest first; Redis answers each with an integer (EXISTS)
// and an array (XRANGE), in that order. Core is shared with its handlers, so that the reader can be destroyed at any
// time.
#include "bus/redis_stream_reader.hpp"

#include <algorithm>
#include <asio/post.hpp>
#include <asio/steady_timer.hpp>
#include <chrono>
#include <deque>
#include <string>
#include <utility>

#include "bus/node_connection.hpp"
#include "bus/redis_error.hpp"
#include "bus/redis_link.hpp"
#include "bus/resp_command.hpp"
#include "bus/stream_key.hpp"
#include "bus/stream_reply_reader.hpp"

namespace pulsegate::bus {

class RedisStreamReader::Core final : public std::enable_shared_from_this<Core>, public RedisLink::Owner {
 public:
  Core(asio::io_context& io, RedisStreamConfig config)
      : io_(io),
        config_(bounded(std::move(config))),
        backoff_(config_.backoff),
        retry_(io),
        connection_(io, config_.redis, *this,
                    [limits = reply_limits(config_)] { return std::make_unique<StreamReplyReader>(limits); }),
        watch_(io) {}

  void read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                 std::chrono::steady_clock::time_point deadline, bool asking, Callback done);
  void stop();
  std::chrono::milliseconds time_to_answer() const noexcept { return config_.deadline; }
  StreamCounters counters() const;

 private:
  using Clock = std::chrono::steady_clock;

  struct Read {
    std::string key;
    std::string from;  // as XRANGE wants it: milliseconds
    std::size_t limit = 0;
    Callback done;  // empty: answered already, but Redis' own answers are still to come
    Clock::time_point deadline;
    Clock::time_point sent;
    bool asking = false;   // each command follows an ASKING
    bool was_due = false;  // its answer was due next when a connection was lost
    bool exists_answered = false;
    bool exists = false;
    std::string refused;  // the reply to the first command, when it was an error
  };

  // An attempt to connect that outlasts the reads that wait for it is of no use to them, and an entry that is small
  // enough must not be too large for a reply.
  static RedisStreamConfig bounded(RedisStreamConfig config) {
    config.redis.connect_timeout = std::min(config.redis.connect_timeout, config.deadline);
    config.max_reply = std::max(config.max_reply, 2 * config.redis.max_payload);
    return config;
  }

  static StreamReplyLimits reply_limits(const RedisStreamConfig& config) {
    StreamReplyLimits limits;
    limits.max_payload = config.redis.max_payload;
    limits.max_reply = config.max_reply;
    return limits;
  }

  void on_link_ready() override;
  void on_link_reply(const Reply& reply) override;
  void on_link_read_end(bool) override { pump(); }
  void on_link_lost(RedisLink::Loss loss, const std::string& reason) override;

  void connect();
  void pump();
  void finish(const Reply& reply);
  void take_back_unanswered(RedisLink::Loss loss, const std::string& reason);
  void answer(Read& read, StreamAnswer answer);
  void fail(Read& read, const std::string& reason, std::string redirect = {});
  void refuse(Read& read, const std::string& reply);
  void watch();
  void on_watch();

  // Constant after construction.
  asio::io_context& io_;
  const RedisStreamConfig config_;

  bool stopped_ = false;
  Backoff backoff_;
  asio::steady_timer retry_;
  bool retrying_ = false;      // retry_ runs
  NodeConnection connection_;  // not opened: not asked for yet, or waiting for the next attempt
  bool up_ = false;
  bool was_up_ = false;
  Clock::time_point up_since_{};
  std::deque<Read> waiting_;  // not sent
  std::deque<Read> sent_;
  asio::steady_timer watch_;  // for the earliest deadline
  bool watching_ = false;
  StreamCounters counters_;
};

void RedisStreamReader::Core::read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                                        Clock::time_point deadline, bool asking, Callback done) {
  if (stopped_) return;
  Read read;
  read.done = std::move(done);
  ++counters_.in_flight;
  if (waiting_.size() + sent_.size() >= config_.max_reads) {
    return fail(read, "there are too many reads of streams at once: " + std::to_string(config_.max_reads));
  }
  const auto since_epoch = std::chrono::floor<std::chrono::milliseconds>(from.time_since_epoch()).count();
  read.key = stream_key(config_.key, device);
  read.from = std::to_string(std::max<decltype(since_epoch)>(since_epoch, 0));
  read.limit = std::clamp<std::size_t>(limit, 1, kMaxStreamRead);
  read.deadline = deadline;
  read.asking = asking;
  waiting_.push_back(std::move(read));
  watch();
  if (!connection_.opened() && !retrying_) connect();
  pump();
}

void RedisStreamReader::Core::stop() {
  stopped_ = true;
  up_ = false;
  retry_.cancel();
  watch_.cancel();
  connection_.close();
  // Moved out first: what the callbacks hold may call the reader when it is destroyed.
  const auto waiting = std::move(waiting_);
  const auto sent = std::move(sent_);
  waiting_.clear();
  sent_.clear();
  counters_.in_flight = 0;
}

StreamCounters RedisStreamReader::Core::counters() const {
  return counters_;
}

void RedisStreamReader::Core::connect() {
  if (!stopped_) connection_.open();
}

void RedisStreamReader::Core::on_link_ready() {
  connection_.ready();
  if (std::exchange(was_up_, true)) ++counters_.reconnects;
  up_ = true;
  up_since_ = Clock::now();
  pump();
}

void RedisStreamReader::Core::pump() {
  if (!up_) return;
  std::string commands;
  while (!waiting_.empty() && sent_.size() < config_.window) {
    Read& read = waiting_.front();
    if (read.asking) append_command(commands, {"ASKING"});
    append_command(commands, {"EXISTS", read.key});
    if (read.asking) append_command(commands, {"ASKING"});
    append_command(commands, {"XRANGE", read.key, read.from, "+", "COUNT", std::to_string(read.limit + 1)});
    read.sent = Clock::now();
    sent_.push_back(std::move(read));
    waiting_.pop_front();
  }
  if (!commands.empty()) connection_.send(commands);
}

void RedisStreamReader::Core::on_link_reply(const Reply& reply) {
  const bool error = reply.kind == ReplyKind::error;
  if (sent_.empty()) {
    return on_link_lost(RedisLink::Loss::protocol, error
                                                       ? explain_redis_error(reply.text)
                                                       : "Redis answered a read of a stream that nobody has asked for");
  }
  Read& read = sent_.front();
  if (read.asking && reply.kind == ReplyKind::status) return;
  const ReplyKind expected = read.exists_answered ? ReplyKind::range : ReplyKind::integer;
  if (reply.kind != expected && !error) {
    return on_link_lost(RedisLink::Loss::protocol, "Redis answered a read of a stream with something else");
  }
  if (read.exists_answered) return finish(reply);
  read.exists_answered = true;
  read.exists = reply.number != 0;
  if (error) read.refused = reply.text;
}

void RedisStreamReader::Core::finish(const Reply& reply) {
  Read read = std::move(sent_.front());
  sent_.pop_front();
  if (!read.refused.empty()) return refuse(read, read.refused);
  if (reply.kind == ReplyKind::error) return refuse(read, std::string(reply.text));
  counters_.oversized += reply.range->oversized;
  StreamAnswer result;
  result.ok = true;
  // The stream may have come into being between the two commands.
  result.exists = read.exists || reply.range->returned > 0;
  result.more = reply.range->returned > read.limit;
  result.entries = std::move(reply.range->entries);
  if (result.entries.size() > read.limit) result.entries.resize(read.limit);
  answer(read, std::move(result));
}

void RedisStreamReader::Core::on_link_lost(RedisLink::Loss loss, const std::string& reason) {
  connection_.close();
  if (std::exchange(up_, false)) {
    const auto lasted = Clock::now() - up_since_;
    backoff_.connection_lasted(std::chrono::duration_cast<std::chrono::milliseconds>(lasted));
    take_back_unanswered(loss, reason);
  } else {
    for (Read& read : std::exchange(waiting_, {})) fail(read, reason, kNodeLost);
  }
  retrying_ = true;
  retry_.expires_after(backoff_.next());
  retry_.async_wait([self = shared_from_this()](const std::error_code& error) {
    self->retrying_ = false;
    if (!error) self->connect();
  });
}

// What was due next may be the reason of the loss. Unreadable answers are; a closed connection may have nothing to do
// with it, but not twice. So no answer can make the same loss again and again.
void RedisStreamReader::Core::take_back_unanswered(RedisLink::Loss loss, const std::string& reason) {
  if (sent_.empty()) return;
  Read& due = sent_.front();
  if (std::exchange(due.was_due, true) || loss == RedisLink::Loss::protocol)
    fail(due, reason, loss == RedisLink::Loss::protocol ? "" : kNodeLost);
  for (; !sent_.empty(); sent_.pop_back()) {
    Read& read = sent_.back();
    if (!read.done) continue;
    read.exists_answered = false;
    read.refused.clear();
    waiting_.push_front(std::move(read));
  }
}

// Through the io_context, so that no callback comes from inside a call, and what one throws is none of the link's
// business.
void RedisStreamReader::Core::answer(Read& read, StreamAnswer answer) {
  if (!read.done) return;
  asio::post(
      io_, [self = shared_from_this(), done = std::exchange(read.done, nullptr), answer = std::move(answer)]() mutable {
        if (self->stopped_) return;
        StreamCounters& counters = self->counters_;
        --counters.in_flight;
        ++counters.reads;
        if (!answer.ok) ++counters.failures;
        if (answer.ok && !answer.exists) ++counters.missing;
        counters.entries += answer.entries.size();
        done(std::move(answer));
      });
}

void RedisStreamReader::Core::fail(Read& read, const std::string& reason, std::string redirect) {
  StreamAnswer failed;
  failed.detail = reason;
  failed.redirect = std::move(redirect);
  answer(read, std::move(failed));
}

void RedisStreamReader::Core::refuse(Read& read, const std::string& reply) {
  fail(read, explain_stream_error(reply, stream_key_rule(config_.key)),
       reply.rfind("MOVED ", 0) == 0 || reply.rfind("ASK ", 0) == 0 ? reply : std::string());
}

void RedisStreamReader::Core::watch() {
  if (watching_) return;
  auto due = Clock::time_point::max();
  for (const std::deque<Read>* reads : {&waiting_, &sent_})
    for (const Read& read : *reads)
      if (read.done) due = std::min(due, read.deadline);
  if (!sent_.empty()) due = std::min(due, sent_.front().sent + config_.deadline);
  if (due == Clock::time_point::max()) return;
  watching_ = true;
  watch_.expires_at(due);
  watch_.async_wait([self = shared_from_this()](const std::error_code& error) {
    self->watching_ = false;
    if (!error && !self->stopped_) self->on_watch();
  });
}

// A read is answered in time whatever it waits for. The connection goes only when Redis itself is silent: with long
// queues most of a read's time is gone before it is sent.
void RedisStreamReader::Core::on_watch() {
  const auto now = Clock::now();
  const std::string time = std::to_string(config_.deadline.count()) + " ms";
  for (Read& read : sent_)
    if (read.deadline <= now) fail(read, "Redis did not answer a read of a stream within " + time);
  const auto late =
      std::stable_partition(waiting_.begin(), waiting_.end(), [now](const Read& read) { return read.deadline > now; });
  for (auto read = late; read != waiting_.end(); ++read)
    fail(*read, up_ ? "a read of a stream waited longer than " + time + " for those before it"
                    : "there was no connection to Redis for " + time);
  waiting_.erase(late, waiting_.end());
  if (!sent_.empty() && sent_.front().sent + config_.deadline <= now) {
    on_link_lost(RedisLink::Loss::connection, "Redis did not answer a read of a stream within " + time);
  }
  watch();
}

RedisStreamReader::RedisStreamReader(asio::io_context& io, RedisStreamConfig config)
    : core_(std::make_shared<Core>(io, std::move(config))) {}

RedisStreamReader::~RedisStreamReader() {
  core_->stop();
}

void RedisStreamReader::read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                                  Callback done) {
  const auto deadline = std::chrono::steady_clock::now() + core_->time_to_answer();
  core_->read_from(device, from, limit, deadline, false, std::move(done));
}
void RedisStreamReader::read_from(const proto::DeviceId& device, proto::Timestamp from, std::size_t limit,
                                  std::chrono::steady_clock::time_point deadline, bool asking, Callback done) {
  core_->read_from(device, from, limit, deadline, asking, std::move(done));
}
void RedisStreamReader::stop() {
  core_->stop();
}
StreamCounters RedisStreamReader::counters() const {
  return core_->counters();
}

}  // namespace pulsegate::bus
