// Bytes from a Redis connection become RedisValues. Around hiredis' parser, with objects of our own: what an array
// header declares reserves nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "bus/redis_value.hpp"
#include "bus/reply_reader.hpp"

namespace pulsegate::bus {

struct ValueLimits {
  std::size_t max_reply = 8 * 1024 * 1024;  // bytes of one reply: CLUSTER SLOTS of a cluster cut into single slots
  std::size_t max_items = 400'000;          // elements of one reply
};

// Thread: one at a time.
// Owner: one connection; a new connection needs a new reader.
// 1. A reply beyond the limits is an error.
// 2. No input aborts or throws.
class ValueReader final : public ReplyReader {
 public:
  static constexpr std::size_t kSlice = 16 * 1024;  // bytes handed to the parser at once

  explicit ValueReader(const ValueLimits& limits = {});
  ~ValueReader() override;
  ValueReader(const ValueReader&) = delete;
  ValueReader& operator=(const ValueReader&) = delete;

  // Each reply has `value` set; +PONG is a `pong` and -… an `error` as well.
  Outcome feed(std::string_view bytes, ReplyHandler& handler) override;
  const std::string& error() const noexcept override { return error_; }

 private:
  struct Parser;  // hiredis' reader and the value in progress

  Outcome drain(ReplyHandler& handler);
  Outcome fail(std::string reason);

  const ValueLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::size_t since_reply_ = 0;  // bytes fed since the last complete reply
  std::string error_;
};

}  // namespace pulsegate::bus
