// hiredis calls back for every element; only what a pub/sub reply needs is kept, in buffers that live as long as the
// reader. Its own reply objects would cost five allocations a message, and reserve what an untrusted array header
// declares.
#include "bus/resp_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <new>
#include <utility>

namespace pulsegate::bus {
namespace {

constexpr int kMaxFields = 4;  // pmessage has four

// What the callbacks of one reply in progress have seen. Elements deeper than one level are parsed and forgotten.
struct Collected {
  int root = 0;      // REDIS_REPLY_* of the reply itself
  int elements = 0;  // of the root array
  std::array<std::string, kMaxFields> fields;
  std::int64_t number = 0;      // the last integer of the root level
  std::uint64_t oversized = 0;  // bytes of a payload that was too large to keep
  std::size_t max_payload = 0;  // bytes; constant

  void clear() noexcept {
    root = 0;
    elements = 0;
    for (std::string& field : fields) field.clear();
    number = 0;
    oversized = 0;
  }
};

// Index of the field that `task` fills, or -1.
int field_of(const redisReadTask* task) noexcept {
  if (task->parent == nullptr) return 0;
  if (task->parent->parent != nullptr || task->idx >= kMaxFields) return -1;
  return task->idx;
}

Collected& collected(const redisReadTask* task) noexcept {
  return *static_cast<Collected*>(task->privdata);
}

bool is_message(const Collected& reply) noexcept {
  const std::string& verb = reply.fields[0];
  return (reply.elements == 3 && (verb == "message" || verb == "smessage")) ||
         (reply.elements == 4 && verb == "pmessage");
}

// hiredis wants a non-null pointer for every object and gives it back only to free_object.
void* accepted(const redisReadTask* task) noexcept {
  if (task->parent == nullptr) collected(task).root = task->type;
  return task->privdata;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  Collected& reply = collected(task);
  const int field = field_of(task);
  if (field >= 0) {
    if (size > reply.max_payload && is_message(reply) && field == reply.elements - 1) {
      reply.oversized = size;  // a small one that arrived whole, so that there was nothing to skip
    } else {
      try {
        reply.fields[static_cast<std::size_t>(field)].assign(text, size);
      } catch (...) {
        return nullptr;  // hiredis reports "out of memory"; an exception must not cross its frames
      }
    }
  }
  return accepted(task);
}

void* create_array(const redisReadTask* task, int elements) noexcept {
  if (task->parent == nullptr) collected(task).elements = elements;
  return accepted(task);
}

void* create_integer(const redisReadTask* task, long long value) noexcept {
  if (field_of(task) >= 0) collected(task).number = value;
  return accepted(task);
}

void* create_nil(const redisReadTask* task) noexcept {
  return accepted(task);
}

void free_object(void*) noexcept {}

Reply to_reply(const Collected& from) noexcept {
  Reply reply;
  if (from.root == REDIS_REPLY_STATUS) {
    reply.text = from.fields[0];
    reply.kind = reply.text == "PONG" ? ReplyKind::pong : ReplyKind::status;
  } else if (from.root == REDIS_REPLY_ERROR) {
    reply.kind = ReplyKind::error;
    reply.text = from.fields[0];
  } else if (from.root == REDIS_REPLY_ARRAY) {
    const std::string& verb = from.fields[0];
    if (is_message(from)) {
      const auto last = static_cast<std::size_t>(from.elements - 1);
      reply.kind = from.oversized != 0 ? ReplyKind::oversized : ReplyKind::message;
      reply.topic = from.fields[last - 1];
      reply.text = from.fields[last];
      reply.number = static_cast<std::int64_t>(from.oversized);
    } else if (from.elements == 3 && (verb == "subscribe" || verb == "ssubscribe" || verb == "psubscribe")) {
      reply.kind = ReplyKind::subscribed;
    } else if (from.elements == 3 && (verb == "unsubscribe" || verb == "sunsubscribe" || verb == "punsubscribe")) {
      reply.kind = ReplyKind::unsubscribed;
    } else if (from.elements == 2 && verb == "pong") {
      reply.kind = ReplyKind::pong;
    }
    if (reply.kind == ReplyKind::subscribed || reply.kind == ReplyKind::unsubscribed) {
      reply.topic = from.fields[1];
      reply.number = from.number;
    }
  }
  return reply;
}

}  // namespace

struct RespReader::Parser {
  explicit Parser(std::size_t max_payload) {
    reply.max_payload = max_payload;
    restart();
  }

  // hiredis cannot leave a reply halfway, so skipping one takes a fresh reader.
  void restart() {
    reader.reset(redisReaderCreateWithFunctions(&callbacks));
    if (!reader) throw std::bad_alloc();
    reader->privdata = &reply;
    reply.clear();
  }

  std::string_view unparsed() const noexcept { return {reader->buf + reader->pos, reader->len - reader->pos}; }

  // The parser stands inside the payload of a message: its type byte is read, its length line follows.
  bool awaits_payload() const noexcept {
    const redisReader& r = *reader;
    return r.ridx == 1 && r.rstack[1].type == REDIS_REPLY_STRING && is_message(reply) &&
           r.rstack[1].idx == reply.elements - 1;
  }

  struct Free {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };
  redisReplyObjectFunctions callbacks{create_string, create_array, create_integer, create_nil, free_object};
  Collected reply;
  std::unique_ptr<redisReader, Free> reader;
};

RespReader::RespReader(std::size_t max_payload)
    : max_payload_(max_payload), parser_(std::make_unique<Parser>(max_payload)) {}

RespReader::~RespReader() = default;

std::size_t RespReader::buffered() const noexcept {
  return parser_->unparsed().size();
}

RespReader::Outcome RespReader::fail(std::string reason) {
  error_ = std::move(reason);
  return Outcome::failed;
}

RespReader::Outcome RespReader::feed(std::string_view bytes, ReplyHandler& handler) {
  if (!error_.empty()) return Outcome::failed;
  while (!bytes.empty()) {
    if (skip_ > 0) {
      const auto skipped = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, bytes.size()));
      bytes.remove_prefix(skipped);
      skip_ -= skipped;
      continue;
    }
    const std::string_view slice = bytes.substr(0, kSlice);
    bytes.remove_prefix(slice.size());
    if (redisReaderFeed(parser_->reader.get(), slice.data(), slice.size()) != REDIS_OK) {
      return fail(std::string("an unreadable reply: ") + parser_->reader->errstr);
    }
    since_reply_ += slice.size();
    const Outcome outcome = drain(handler);
    if (outcome != Outcome::ok) return outcome;
  }
  return Outcome::ok;
}

RespReader::Outcome RespReader::drain(ReplyHandler& handler) {
  for (;;) {
    void* object = nullptr;
    if (redisReaderGetReply(parser_->reader.get(), &object) != REDIS_OK)
      return fail(std::string("an unreadable reply: ") + parser_->reader->errstr);
    if (object == nullptr) break;
    since_reply_ = buffered();
    const bool proceed = handler.on_reply(to_reply(parser_->reply));
    parser_->reply.clear();
    if (!proceed) return Outcome::stopped;
  }
  if (parser_->awaits_payload()) {
    const Outcome outcome = begin_skip(handler);
    if (outcome != Outcome::ok || skip_ > 0) return outcome;
  }
  // Counts what the parser has consumed of the reply, too: an endless array would else be read for ever.
  if (since_reply_ > max_payload_ + kSlack) {
    return fail("a reply of Redis exceeds " + std::to_string(max_payload_ + kSlack) + " bytes");
  }
  return Outcome::ok;
}

// Nothing happens while the payload fits, or its length line is not complete.
RespReader::Outcome RespReader::begin_skip(ReplyHandler& handler) {
  const std::string_view rest = parser_->unparsed();
  const auto line_end = rest.find("\r\n");
  if (line_end == std::string_view::npos) return Outcome::ok;
  std::uint64_t size = 0;
  const auto [end, error] = std::from_chars(rest.data(), rest.data() + line_end, size);
  if (error != std::errc() || end != rest.data() + line_end || size <= max_payload_) return Outcome::ok;
  if (size > kMaxSkipped) return fail("a message of Redis declares " + std::to_string(size) + " bytes");

  skip_ = size + 2 - (rest.size() - line_end - 2);
  parser_->reply.oversized = size;
  parser_->reply.root = REDIS_REPLY_ARRAY;
  const bool proceed = handler.on_reply(to_reply(parser_->reply));
  parser_->restart();
  since_reply_ = 0;
  return proceed ? Outcome::ok : Outcome::stopped;
}

}  // namespace pulsegate::bus
