// Bytes from a Redis connection in subscriber mode become replies: pub/sub messages, confirmations, pongs, errors.
// Around hiredis' parser, without its reply objects: nothing is allocated per message, and memory has one bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace pulsegate::bus {

enum class ReplyKind : std::uint8_t {
  message,       // `topic`, `text` = payload (of message, pmessage and smessage)
  oversized,     // `topic`, `number` = size of the payload in bytes; the payload itself is skipped
  subscribed,    // `topic`, `number` = subscriptions of this connection
  unsubscribed,  // the same; `topic` is empty when there was nothing to unsubscribe from
  pong,          // +PONG, or ["pong", ""] while subscribed
  status,        // `text`
  error,         // `text` without the leading '-'
  other,         // any other reply: well-formed, of no use here
};

// The views are valid until the handler returns.
struct Reply {
  ReplyKind kind = ReplyKind::other;
  std::string_view topic;
  std::string_view text;
  std::int64_t number = 0;
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
// 1. At most max_payload + kSlack + one slice of bytes are held for an incomplete reply; beyond that it is an error.
// 2. A message whose payload exceeds max_payload is reported as `oversized` and its bytes are skipped as they arrive.
// 3. No input aborts or throws.
class RespReader {
 public:
  enum class Outcome : std::uint8_t { ok, stopped, failed };

  static constexpr std::size_t kSlice =
      16 * 1024;  // bytes handed to the parser at once: it moves the rest at each reply
  static constexpr std::size_t kSlack = 64 * 1024;  // bytes that a reply may have besides its payload
  static constexpr std::uint64_t kMaxSkipped = std::uint64_t{1} << 30;  // a longer declared payload cannot be Redis

  explicit RespReader(std::size_t max_payload);
  ~RespReader();
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  // Calls `handler` for each reply that `bytes` complete. `failed`: the stream is unreadable, see error(); it stays so.
  Outcome feed(std::string_view bytes, ReplyHandler& handler);

  // One sentence, empty until feed() has failed.
  const std::string& error() const noexcept { return error_; }
  // Bytes held for the reply in progress.
  std::size_t buffered() const noexcept;

 private:
  struct Parser;  // hiredis' reader and what its callbacks collect

  Outcome drain(ReplyHandler& handler);
  Outcome begin_skip(ReplyHandler& handler);
  Outcome fail(std::string reason);

  const std::size_t max_payload_;
  std::unique_ptr<Parser> parser_;
  std::uint64_t skip_ = 0;       // bytes of an oversized payload still to come
  std::size_t since_reply_ = 0;  // bytes fed since the last complete reply
  std::string error_;
};

}  // namespace pulsegate::bus
