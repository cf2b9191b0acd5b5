// See redis_client.hpp.
#include "tests/support/redis_client.hpp"

#include <hiredis/hiredis.h>

#include <stdexcept>
#include <utility>

namespace pulsegate::test {
namespace {

timeval to_timeval(Millis time) {
  return {static_cast<time_t>(time.count() / 1000), static_cast<suseconds_t>(time.count() % 1000 * 1000)};
}

RedisReply copy(const redisReply& reply) {
  RedisReply result;
  switch (reply.type) {
    case REDIS_REPLY_ERROR:
      throw std::runtime_error("Redis: " + std::string(reply.str, reply.len));
    case REDIS_REPLY_STRING:
    case REDIS_REPLY_STATUS:
      result.type = RedisReply::Type::string;
      result.string.assign(reply.str, reply.len);
      break;
    case REDIS_REPLY_INTEGER:
      result.type = RedisReply::Type::integer;
      result.integer = reply.integer;
      break;
    case REDIS_REPLY_ARRAY:
      result.type = RedisReply::Type::array;
      for (std::size_t i = 0; i < reply.elements; ++i) result.array.push_back(copy(*reply.element[i]));
      break;
    default:
      break;
  }
  return result;
}

void append(redisContext* context, const std::vector<std::string>& args) {
  std::vector<const char*> words;
  std::vector<std::size_t> sizes;
  for (const auto& arg : args) {
    words.push_back(arg.data());
    sizes.push_back(arg.size());
  }
  redisAppendCommandArgv(context, static_cast<int>(words.size()), words.data(), sizes.data());
}

}  // namespace

void RedisClient::Free::operator()(redisContext* context) const {
  redisFree(context);
}

RedisClient::RedisClient(const std::string& host, std::uint16_t port, const std::string& password, Millis deadline)
    : context_(redisConnectWithTimeout(host.c_str(), port, to_timeval(deadline))) {
  if (context_) redisSetTimeout(context_.get(), to_timeval(deadline));
  authenticate(password);
}

RedisClient::RedisClient(const std::string& unix_socket, const std::string& password, Millis deadline)
    : context_(redisConnectUnixWithTimeout(unix_socket.c_str(), to_timeval(deadline))) {
  if (context_) redisSetTimeout(context_.get(), to_timeval(deadline));
  authenticate(password);
}

RedisClient::~RedisClient() = default;
RedisClient::RedisClient(RedisClient&&) noexcept = default;

void RedisClient::authenticate(const std::string& password) {
  if (!context_ || context_->err != 0) {
    throw std::runtime_error(std::string("cannot connect to Redis: ") + (context_ ? context_->errstr : "no memory"));
  }
  if (!password.empty()) command("AUTH", password);
}

RedisReply RedisClient::read_reply() {
  void* raw = nullptr;
  if (redisGetReply(context_.get(), &raw) != REDIS_OK) {
    throw std::runtime_error(std::string("Redis connection lost: ") + context_->errstr);
  }
  const std::unique_ptr<void, decltype(&freeReplyObject)> reply(raw, &freeReplyObject);
  return copy(*static_cast<const redisReply*>(raw));
}

RedisReply RedisClient::command(const std::vector<std::string>& args) {
  append(context_.get(), args);
  return read_reply();
}

std::int64_t RedisClient::publish(const std::string& channel, const std::string& payload) {
  return command("PUBLISH", channel, payload).integer;
}

void RedisClient::publish_all(const std::vector<std::pair<std::string, std::string>>& messages) {
  for (const auto& [channel, payload] : messages) append(context_.get(), {"PUBLISH", channel, payload});
  for (std::size_t i = 0; i < messages.size(); ++i) read_reply();
}

std::int64_t RedisClient::subscribers(const std::string& channel) {
  const RedisReply reply = command("PUBSUB", "NUMSUB", channel);
  return reply.array.at(1).integer;
}

}  // namespace pulsegate::test
