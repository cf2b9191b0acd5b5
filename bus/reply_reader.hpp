// What a reader of a connection's bytes gives: replies, one at a time. RespReader reads those of a subscriber's
// connection, StreamReplyReader those of one that reads streams, ValueReader any; RedisLink works with each.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace pulsegate::bus {

struct RedisValue;
struct StreamRange;

enum class ReplyKind : std::uint8_t {
  message,       // `topic`, `text` = payload (of message, pmessage and smessage)
  oversized,     // `topic`, `number` = size of the payload in bytes; the payload itself is skipped
  subscribed,    // `topic`, `number` = subscriptions of this connection
  unsubscribed,  // the same; `topic` is empty when there was nothing to unsubscribe from
  pong,          // +PONG, or ["pong", ""] while subscribed
  status,        // `text`
  error,         // `text` without the leading '-'
  integer,       // `number`; from a StreamReplyReader only
  range,         // `range`; from a StreamReplyReader only
  other,         // any other reply: well-formed, of no use here
};

// What it refers to is valid until the handler returns.
struct Reply {
  ReplyKind kind = ReplyKind::other;
  std::string_view topic;
  std::string_view text;
  std::int64_t number = 0;
  StreamRange* range = nullptr;       // may be moved from
  const RedisValue* value = nullptr;  // the whole reply; from a ValueReader only
};

class ReplyHandler {
 public:
  virtual ~ReplyHandler() = default;
  // false: feed() returns at once; the reader must not be fed again. The same when it throws: the exception leaves
  // feed(). Must not feed the reader.
  virtual bool on_reply(const Reply& reply) = 0;
};

// Thread: one at a time.
// Owner: one connection; a new connection needs a new reader.
class ReplyReader {
 public:
  enum class Outcome : std::uint8_t { ok, stopped, failed };

  virtual ~ReplyReader() = default;

  // Calls `handler` for each reply that `bytes` complete. `failed`: the stream is unreadable, see error(); it stays so.
  virtual Outcome feed(std::string_view bytes, ReplyHandler& handler) = 0;

  // One sentence, empty until feed() has failed.
  virtual const std::string& error() const noexcept = 0;
};

}  // namespace pulsegate::bus
