// Bytes from a Redis connection that reads streams become replies: what XRANGE returned, integers, pongs, errors.
// Around hiredis' parser, without its reply objects: what an array header declares reserves nothing.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bus/reply_reader.hpp"
#include "bus/stream_source.hpp"

namespace pulsegate::bus {

// What one XRANGE returned.
struct StreamRange {
  std::vector<StreamEntry> entries;  // oldest first
  std::size_t returned = 0;          // entries of the reply, those included that were left out
  std::size_t oversized = 0;         // of those: left out, their data being larger than max_payload
};

struct StreamReplyLimits {
  std::size_t max_payload = 256 * 1024;          // bytes of one entry's data
  std::size_t max_reply = 4 * 1024 * 1024;       // bytes of one reply
  std::size_t max_entries = kMaxStreamRead + 1;  // of one reply
};

// Thread: one at a time.
// Owner: one connection; a new connection needs a new reader.
// 1. A reply that exceeds max_reply or max_entries is an error: at most max_reply and one slice of bytes are held for
// it, and as much for what was made of it.
// 2. An array is taken for what XRANGE returns, and one of another shape is an error. Fields other than `timestamp` and
// `data` may be anything; of a field that stands in an entry twice the last one counts.
// 3. No input aborts or throws.
class StreamReplyReader final : public ReplyReader {
 public:
  static constexpr std::size_t kSlice = 16 * 1024;  // bytes handed to the parser at once

  explicit StreamReplyReader(const StreamReplyLimits& limits = {});
  ~StreamReplyReader() override;
  StreamReplyReader(const StreamReplyReader&) = delete;
  StreamReplyReader& operator=(const StreamReplyReader&) = delete;

  Outcome feed(std::string_view bytes, ReplyHandler& handler) override;
  const std::string& error() const noexcept override { return error_; }

 private:
  struct Parser;  // hiredis' reader and what its callbacks collect

  Outcome drain(ReplyHandler& handler);
  Outcome fail(std::string reason);

  const StreamReplyLimits limits_;
  std::unique_ptr<Parser> parser_;
  std::size_t since_reply_ = 0;  // bytes fed since the last complete reply
  std::string error_;
};

}  // namespace pulsegate::bus
