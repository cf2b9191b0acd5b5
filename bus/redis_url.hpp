// Where a Redis is: `redis://[user[:password]@]host[:port][/db]` or `unix://[user:password@]/path?db=N`.
// Pure text; connecting is the business of RedisSubscriber.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::bus {

// Thread: any (a value).
// Owner: whoever holds it. It holds a secret: write `redacted()` to logs, nothing else.
struct RedisUrl {
  std::string host = "127.0.0.1";  // numeric or a name; IPv6 without brackets; unused when `path` is set
  std::uint16_t port = 6379;
  std::string path;      // of a unix socket; empty: TCP
  std::string user;      // empty: the default user
  std::string password;  // empty: no AUTH
  std::uint32_t db = 0;  // pub/sub ignores it, keys do not

  bool is_unix() const noexcept { return !path.empty(); }

  // The URL in its canonical form with `***` for the password: safe to log.
  std::string redacted() const;
};

// nullopt: not usable, and `error` is one sentence that says what to change. The sentence never holds any part of the
// text that could be a secret.
std::optional<RedisUrl> parse_redis_url(std::string_view text, std::string& error);

}  // namespace pulsegate::bus
