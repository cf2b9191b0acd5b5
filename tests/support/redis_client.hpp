// A blocking Redis client for tests: plays the API server that publishes. One connection, no reconnect.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"

struct redisContext;

namespace pulsegate::test {

// A reply, by value. An error reply is thrown instead.
struct RedisReply {
  enum class Type : std::uint8_t { string, integer, array, nil } type = Type::nil;
  std::string string;
  std::int64_t integer = 0;
  std::vector<RedisReply> array;
};

// Thread: one at a time.
class RedisClient {
 public:
  // Throw std::runtime_error when nobody answers, or the password is refused.
  RedisClient(const std::string& host, std::uint16_t port, const std::string& password = {},
              Millis deadline = kDeadline);
  explicit RedisClient(const std::string& unix_socket, const std::string& password = {}, Millis deadline = kDeadline);
  ~RedisClient();
  RedisClient(RedisClient&&) noexcept;

  // Arguments may hold any bytes. Throws std::runtime_error for an error reply and for a lost connection.
  RedisReply command(const std::vector<std::string>& args);
  template <typename... Args>
  RedisReply command(const std::string& name, const Args&... args) {
    return command(std::vector<std::string>{name, std::string(args)...});
  }

  // Number of subscribers that got it.
  std::int64_t publish(const std::string& channel, const std::string& payload);
  // Many publications in one round trip.
  void publish_all(const std::vector<std::pair<std::string, std::string>>& messages);
  // Number of subscribers of that channel: PUBSUB NUMSUB.
  std::int64_t subscribers(const std::string& channel);

 private:
  void authenticate(const std::string& password);
  RedisReply read_reply();

  struct Free {
    void operator()(redisContext* context) const;
  };
  std::unique_ptr<redisContext, Free> context_;
};

}  // namespace pulsegate::test
