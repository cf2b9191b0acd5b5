// hiredis calls back for every element of
//   [[id, [name, value, name, value, …]], [id, […]], …]
// and each is put where it belongs by its depth and index. An entry is complete when the next one begins.
#include "bus/stream_reply_reader.hpp"

#include <hiredis/hiredis.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <new>
#include <optional>
#include <utility>

namespace pulsegate::bus {
namespace {

// An ID may hold any 64-bit number of milliseconds; none of ours is beyond the years that can be printed.
constexpr std::uint64_t kLastMillisecond = 253'402'300'799'999;  // 9999-12-31T23:59:59.999Z

std::optional<proto::Timestamp> time_of_id(std::string_view id) noexcept {
  std::uint64_t millis = 0;
  const auto [end, error] = std::from_chars(id.data(), id.data() + id.size(), millis);
  const bool dash = end != id.data() + id.size() && *end == '-';
  if (error != std::errc() || !dash) return std::nullopt;
  return proto::Timestamp(std::chrono::milliseconds(std::min(millis, kLastMillisecond)));
}

int depth_of(const redisReadTask* task) noexcept {
  int depth = 0;
  for (; task->parent != nullptr; task = task->parent) ++depth;
  return depth;
}

// What the callbacks of one reply in progress have seen.
class Collected {
 public:
  explicit Collected(const StreamReplyLimits& limits) : limits_(limits) {}

  void clear() noexcept {
    root = 0;
    text.clear();
    number = 0;
    range = StreamRange();
    in_entry_ = false;
  }

  // One for each element, in the order in which hiredis meets them. May throw std::bad_alloc.
  void on_string(const redisReadTask* task, std::string_view value) {
    switch (depth_of(task)) {
      case 0:
        text.assign(value);
        break;
      case 2:
        if (task->idx == 0) set_id(value);
        break;
      case 3:
        task->idx % 2 == 0 ? set_name(value) : set_value(value);
        break;
      default:
        misplaced(task);
    }
  }
  void on_array(const redisReadTask* task, int elements) {
    const int depth = depth_of(task);
    if (depth == 1) return begin_entry(elements);
    if (depth == 2 && task->idx == 0) fault = "a stream entry without an ID";
    if (depth > 2) misplaced(task);
  }
  void on_integer(const redisReadTask* task, std::int64_t value) {
    if (task->parent == nullptr) number = value;
    misplaced(task);
  }
  void misplaced(const redisReadTask* task) noexcept {
    const int depth = depth_of(task);
    if (depth == 1 || (depth == 2 && task->idx == 0)) fault = "something that is no stream entry";
    if (depth == 3 && task->idx % 2 == 0) field_ = Field::other;
  }

  // Requires that the reply is complete.
  void finish() {
    if (std::exchange(in_entry_, false)) end_entry();
  }

  int root = 0;      // REDIS_REPLY_* of the reply itself
  std::string text;  // of a status or an error
  std::int64_t number = 0;
  StreamRange range;
  const char* fault = nullptr;  // why the reply cannot be used

 private:
  enum class Field : std::uint8_t { other, timestamp, data };

  void begin_entry(int elements) {
    if (std::exchange(in_entry_, true)) end_entry();
    if (elements != 2) fault = "a stream entry of another shape";
    if (range.returned == limits_.max_entries) fault = "more stream entries than were asked for";
    entry_ = StreamEntry();
    own_time_.reset();
    too_large_ = false;
    field_ = Field::other;
    ++range.returned;
  }

  void end_entry() {
    if (fault != nullptr) return;
    if (too_large_) {
      ++range.oversized;
      return;
    }
    entry_.time = own_time_.value_or(entry_.added);
    range.entries.push_back(std::move(entry_));
  }

  void set_id(std::string_view id) noexcept {
    const auto added = time_of_id(id);
    if (added) {
      entry_.added = *added;
    } else {
      fault = "a stream entry without an ID";
    }
  }

  void set_name(std::string_view name) noexcept {
    field_ = name == "data" ? Field::data : name == "timestamp" ? Field::timestamp : Field::other;
  }

  void set_value(std::string_view value) {
    if (field_ == Field::timestamp) own_time_ = proto::parse_iso8601(value);
    if (field_ != Field::data) return;
    too_large_ = value.size() > limits_.max_payload;
    entry_.data.assign(too_large_ ? std::string_view() : value);
  }

  const StreamReplyLimits& limits_;
  StreamEntry entry_;  // in progress
  std::optional<proto::Timestamp> own_time_;
  Field field_ = Field::other;  // whose value comes next
  bool too_large_ = false;
  bool in_entry_ = false;
};

// Runs one of the functions above for an element. hiredis wants a non-null pointer for every object and gives it back
// only to free_object; null is reported as "out of memory", and an exception must not cross its frames.
template <typename Take>
void* take(const redisReadTask* task, Take&& how) noexcept {
  auto& collected = *static_cast<Collected*>(task->privdata);
  if (task->parent == nullptr) collected.root = task->type;
  try {
    if (collected.fault == nullptr) how(collected);
  } catch (...) {
    return nullptr;
  }
  return task->privdata;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  return take(task, [&](Collected& collected) { collected.on_string(task, {text, size}); });
}

void* create_array(const redisReadTask* task, int elements) noexcept {
  return take(task, [&](Collected& collected) { collected.on_array(task, elements); });
}

void* create_integer(const redisReadTask* task, long long value) noexcept {
  return take(task, [&](Collected& collected) { collected.on_integer(task, value); });
}

void* create_nil(const redisReadTask* task) noexcept {
  return take(task, [&](Collected& collected) { collected.misplaced(task); });
}

void free_object(void*) noexcept {}

Reply to_reply(Collected& from) noexcept {
  Reply reply;
  switch (from.root) {
    case REDIS_REPLY_STATUS:
      reply.text = from.text;
      reply.kind = reply.text == "PONG" ? ReplyKind::pong : ReplyKind::status;
      break;
    case REDIS_REPLY_ERROR:
      reply.kind = ReplyKind::error;
      reply.text = from.text;
      break;
    case REDIS_REPLY_INTEGER:
      reply.kind = ReplyKind::integer;
      reply.number = from.number;
      break;
    case REDIS_REPLY_ARRAY:
      reply.kind = ReplyKind::range;
      reply.range = &from.range;
      break;
    default:
      break;
  }
  return reply;
}

}  // namespace

struct StreamReplyReader::Parser {
  explicit Parser(const StreamReplyLimits& limits) : collected(limits) {
    reader.reset(redisReaderCreateWithFunctions(&callbacks));
    if (!reader) throw std::bad_alloc();
    reader->privdata = &collected;
  }

  struct Free {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };
  redisReplyObjectFunctions callbacks{create_string, create_array, create_integer, create_nil, free_object};
  Collected collected;
  std::unique_ptr<redisReader, Free> reader;
};

StreamReplyReader::StreamReplyReader(const StreamReplyLimits& limits)
    : limits_(limits), parser_(std::make_unique<Parser>(limits_)) {}

StreamReplyReader::~StreamReplyReader() = default;

ReplyReader::Outcome StreamReplyReader::fail(std::string reason) {
  error_ = std::move(reason);
  return Outcome::failed;
}

ReplyReader::Outcome StreamReplyReader::feed(std::string_view bytes, ReplyHandler& handler) {
  if (!error_.empty()) return Outcome::failed;
  while (!bytes.empty()) {
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

ReplyReader::Outcome StreamReplyReader::drain(ReplyHandler& handler) {
  Collected& collected = parser_->collected;
  for (;;) {
    void* object = nullptr;
    if (redisReaderGetReply(parser_->reader.get(), &object) != REDIS_OK)
      return fail(std::string("an unreadable reply: ") + parser_->reader->errstr);
    if (collected.fault != nullptr) return fail(collected.fault);
    if (object == nullptr) break;
    collected.finish();
    since_reply_ = parser_->reader->len - parser_->reader->pos;
    const bool proceed = handler.on_reply(to_reply(collected));
    collected.clear();
    if (!proceed) return Outcome::stopped;
  }
  if (since_reply_ > limits_.max_reply) {
    return fail("a reply that exceeds " + std::to_string(limits_.max_reply) + " bytes");
  }
  return Outcome::ok;
}

}  // namespace pulsegate::bus
