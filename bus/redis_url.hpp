// Where a Redis is:
//   redis://[user[:password]@]host[:port][/db]      rediss:// the same over TLS
//   unix://[user:password@]/path[?db=N]
//   redis-sentinel://[user:password@]host[:port],…/master[?db=N&sentinel-user=…&sentinel-password=…]
//   redis-cluster://[user:password@]host[:port],…
// and rediss-sentinel://, rediss-cluster:// with TLS everywhere. Pure text; connecting is the business of the adapters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bus/url_text.hpp"

namespace pulsegate::bus {

enum class Topology : std::uint8_t { standalone, sentinel, cluster };

// Thread: any (a value).
// Owner: whoever holds it. It holds secrets: write `redacted()` to logs, nothing else.
struct RedisUrl {
  static constexpr std::size_t kMaxSeeds = 64;  // hosts of one URL

  Topology topology = Topology::standalone;
  bool tls = false;
  std::string host = "127.0.0.1";  // numeric or a name; IPv6 without brackets; unused when `path` is set
  std::uint16_t port = 6379;
  std::string path;      // of a unix socket; empty: TCP
  std::string user;      // empty: the default user
  std::string password;  // empty: no AUTH
  std::uint32_t db = 0;  // pub/sub ignores it, keys do not

  std::vector<RedisAddress> seeds;  // Sentinels, or some nodes of the cluster; not empty but for standalone
  std::string master;               // as the Sentinels call it
  std::string sentinel_user;        // for the Sentinels themselves; empty: the default user
  std::string sentinel_password;    // empty: no AUTH there

  bool is_unix() const noexcept { return !path.empty(); }

  // The same access to one node: standalone, at `address`.
  RedisUrl at(const RedisAddress& address) const;
  // The access to one of the Sentinels.
  RedisUrl sentinel_at(const RedisAddress& address) const;

  // The URL in its canonical form with `***` for passwords: safe to log.
  std::string redacted() const;
};

// nullopt: not usable, and `error` is one sentence that says what to change. The sentence never holds any part of the
// text that could be a secret.
std::optional<RedisUrl> parse_redis_url(std::string_view text, std::string& error);

}  // namespace pulsegate::bus
