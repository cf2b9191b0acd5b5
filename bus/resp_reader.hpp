// Bytes from a Redis connection in subscriber mode become replies: pub/sub messages, confirmations, pongs, errors.
// Around hiredis' parser, without its reply objects: nothing is allocated per message, and memory has one bound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "bus/reply_reader.hpp"

namespace pulsegate::bus {

// Thread: one at a time.
// Owner: one connection; a new connection needs a new reader.
// 1. At most max_payload + kSlack + one slice of bytes are held for an incomplete reply; beyond that it is an error.
// 2. A message whose payload exceeds max_payload is reported as `oversized` and its bytes are skipped as they arrive.
// 3. No input aborts or throws.
class RespReader final : public ReplyReader {
 public:
  static constexpr std::size_t kSlice =
      16 * 1024;  // bytes handed to the parser at once: it moves the rest at each reply
  static constexpr std::size_t kSlack = 64 * 1024;  // bytes that a reply may have besides its payload
  static constexpr std::uint64_t kMaxSkipped = std::uint64_t{1} << 30;  // a longer declared payload cannot be Redis

  explicit RespReader(std::size_t max_payload);
  ~RespReader() override;
  RespReader(const RespReader&) = delete;
  RespReader& operator=(const RespReader&) = delete;

  Outcome feed(std::string_view bytes, ReplyHandler& handler) override;
  const std::string& error() const noexcept override { return error_; }
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
