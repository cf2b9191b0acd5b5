// hiredis calls back for every element, parents first; it keeps the object of each open array and hands it to its
// elements. An element is appended to its parent's items, which do not grow any more while one of them is open.
#include "bus/value_reader.hpp"

#include <hiredis/hiredis.h>

#include <new>
#include <utility>

namespace pulsegate::bus {
namespace {

struct Building {
  RedisValue root;
  std::size_t items = 0;
  std::size_t max_items = 0;
};

// Null, which hiredis reports as "out of memory": too many elements, or there is no memory. An exception must not cross
// its frames.
RedisValue* place(const redisReadTask* task, RedisValue::Type type) noexcept {
  auto& building = *static_cast<Building*>(task->privdata);
  if (++building.items > building.max_items) return nullptr;
  RedisValue* value = &building.root;
  if (task->parent != nullptr) {
    try {
      value = &static_cast<RedisValue*>(task->parent->obj)->items.emplace_back();
    } catch (...) {
      return nullptr;
    }
  }
  value->type = type;
  return value;
}

void* create_string(const redisReadTask* task, char* text, std::size_t size) noexcept {
  RedisValue* const value =
      place(task, task->type == REDIS_REPLY_ERROR ? RedisValue::Type::error : RedisValue::Type::text);
  try {
    if (value != nullptr) value->text.assign(text, size);
  } catch (...) {
    return nullptr;
  }
  return value;
}

void* create_array(const redisReadTask* task, int) noexcept {
  return place(task, RedisValue::Type::array);
}

void* create_integer(const redisReadTask* task, long long number) noexcept {
  RedisValue* const value = place(task, RedisValue::Type::integer);
  if (value != nullptr) value->integer = number;
  return value;
}

void* create_nil(const redisReadTask* task) noexcept {
  return place(task, RedisValue::Type::nil);
}

void free_object(void*) noexcept {}

Reply to_reply(const RedisValue& value) noexcept {
  Reply reply;
  reply.value = &value;
  reply.text = value.text;
  if (value.is(RedisValue::Type::error)) reply.kind = ReplyKind::error;
  if (value.is(RedisValue::Type::text) && value.text == "PONG") reply.kind = ReplyKind::pong;
  return reply;
}

}  // namespace

struct ValueReader::Parser {
  explicit Parser(const ValueLimits& limits) {
    reader.reset(redisReaderCreateWithFunctions(&callbacks));
    if (!reader) throw std::bad_alloc();
    reader->privdata = &building;
    building.max_items = limits.max_items;
  }

  struct Free {
    void operator()(redisReader* r) const noexcept { redisReaderFree(r); }
  };
  redisReplyObjectFunctions callbacks{create_string, create_array, create_integer, create_nil, free_object};
  Building building;
  std::unique_ptr<redisReader, Free> reader;
};

ValueReader::ValueReader(const ValueLimits& limits) : limits_(limits), parser_(std::make_unique<Parser>(limits)) {}

ValueReader::~ValueReader() = default;

ReplyReader::Outcome ValueReader::fail(std::string reason) {
  error_ = std::move(reason);
  return Outcome::failed;
}

ReplyReader::Outcome ValueReader::feed(std::string_view bytes, ReplyHandler& handler) {
  if (!error_.empty()) return Outcome::failed;
  while (!bytes.empty()) {
    const std::string_view slice = bytes.substr(0, kSlice);
    bytes.remove_prefix(slice.size());
    if (redisReaderFeed(parser_->reader.get(), slice.data(), slice.size()) != REDIS_OK)
      return fail(std::string("an unreadable reply: ") + parser_->reader->errstr);
    since_reply_ += slice.size();
    const Outcome outcome = drain(handler);
    if (outcome != Outcome::ok) return outcome;
  }
  return Outcome::ok;
}

ReplyReader::Outcome ValueReader::drain(ReplyHandler& handler) {
  Building& building = parser_->building;
  for (;;) {
    void* object = nullptr;
    if (redisReaderGetReply(parser_->reader.get(), &object) != REDIS_OK) {
      if (building.items > limits_.max_items)
        return fail("a reply of more than " + std::to_string(limits_.max_items) + " elements");
      return fail(std::string("an unreadable reply: ") + parser_->reader->errstr);
    }
    if (object == nullptr) break;
    since_reply_ = parser_->reader->len - parser_->reader->pos;
    const bool proceed = handler.on_reply(to_reply(building.root));
    building.root = RedisValue();
    building.items = 0;
    if (!proceed) return Outcome::stopped;
  }
  if (since_reply_ > limits_.max_reply)
    return fail("a reply that exceeds " + std::to_string(limits_.max_reply) + " bytes");
  return Outcome::ok;
}

}  // namespace pulsegate::bus
