// Parsing of Redis URLs. Errors never quote the user-info part, since a mistyped URL still holds the password.
#include "bus/redis_url.hpp"

#include <algorithm>
#include <cctype>

namespace pulsegate::bus {
namespace {

constexpr std::size_t kMaxUnixPath = 107;  // sun_path holds 108 bytes with the terminating zero
constexpr std::uint16_t kRedisPort = 6379;
constexpr std::uint16_t kSentinelPort = 26379;

bool parse_db(std::string_view text, RedisUrl& url, std::string& error) {
  if (parse_number(text, url.db) && url.db <= 0x7FFFFFFF) return true;
  error = "the database in the Redis URL must be a number, for instance /0";
  return false;
}

bool parse_user_info(std::string_view text, RedisUrl& url, std::string& error) {
  const auto colon = text.find(':');
  const bool decoded = percent_decode(text.substr(0, colon), url.user) &&
                       (colon == std::string_view::npos || percent_decode(text.substr(colon + 1), url.password));
  if (!decoded) {
    error =
        "the user or password in the Redis URL has a '%' that is not followed by two hexadecimal digits (write %25 for "
        "'%')";
    return false;
  }
  // AUTH with a name needs a password; a lone name is nearly always a password in the wrong place.
  if (!url.user.empty() && url.password.empty()) {
    error =
        "the Redis URL names a user without a password: write user:password@host, or :password@host for the default "
        "user";
    return false;
  }
  return true;
}

// Takes user:password@ off the beginning. The last '@' ends it: a password with a raw '@' is then still read as it was
// meant.
bool take_user_info(std::string_view& authority, RedisUrl& url, std::string& error) {
  const auto at = authority.rfind('@');
  if (at == std::string_view::npos) return true;
  if (!parse_user_info(authority.substr(0, at), url, error)) return false;
  authority = authority.substr(at + 1);
  return true;
}

// What follows the scheme of redis://.
bool parse_tcp(std::string_view rest, RedisUrl& url, std::string& error) {
  if (rest.find_first_of("?#") != std::string_view::npos) {
    error = "a redis:// URL takes no '?' or '#' (the database follows the host as /0; write %3F and %23 in a password)";
    return false;
  }
  const auto slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  const std::string_view db = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  if (!take_user_info(authority, url, error)) return false;
  RedisAddress address{{}, kRedisPort};
  if (!parse_address(authority, address, error)) return false;
  url.host = address.host;
  url.port = address.port;
  return db.empty() || parse_db(db, url, error);
}

// host[:port],host[:port]…
bool parse_seeds(std::string_view text, std::uint16_t port, RedisUrl& url, std::string& error) {
  for (;;) {
    const auto comma = text.find(',');
    RedisAddress address{{}, port};
    if (!parse_address(text.substr(0, comma), address, error)) return false;
    if (std::find(url.seeds.begin(), url.seeds.end(), address) == url.seeds.end()) url.seeds.push_back(address);
    if (url.seeds.size() > RedisUrl::kMaxSeeds) {
      error = "the Redis URL names more than " + std::to_string(RedisUrl::kMaxSeeds) + " hosts: some of them will do";
      return false;
    }
    if (comma == std::string_view::npos) return true;
    text.remove_prefix(comma + 1);
  }
}

bool parse_sentinel_parameter(std::string_view name, std::string_view value, RedisUrl& url, std::string& error) {
  if (name == "db") return parse_db(value, url, error);
  std::string* const target = name == "sentinel-user"       ? &url.sentinel_user
                              : name == "sentinel-password" ? &url.sentinel_password
                                                            : nullptr;
  if (target == nullptr) {
    error = "a redis-sentinel:// URL takes only the parameters db, sentinel-user and sentinel-password";
    return false;
  }
  if (percent_decode(value, *target)) return true;
  error = "a parameter of the redis-sentinel:// URL has a '%' that is not followed by two hexadecimal digits";
  return false;
}

// What follows the scheme of redis-sentinel://.
bool parse_sentinel(std::string_view rest, RedisUrl& url, std::string& error) {
  const auto slash = rest.find('/');
  std::string_view authority = rest.substr(0, slash);
  std::string_view name = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  const auto question = name.find('?');
  std::string_view query = question == std::string_view::npos ? std::string_view() : name.substr(question + 1);
  name = name.substr(0, question);
  if (!take_user_info(authority, url, error) || !parse_seeds(authority, kSentinelPort, url, error)) return false;
  if (!percent_decode(name, url.master) || url.master.empty() || name.find('/') != std::string_view::npos) {
    error =
        "a redis-sentinel:// URL needs the name of the master behind the hosts, for instance "
        "redis-sentinel://10.0.0.1,10.0.0.2/mymaster?db=0";
    return false;
  }
  while (!query.empty()) {
    const auto end = query.find('&');
    const std::string_view parameter = query.substr(0, end);
    const auto equals = std::min(parameter.find('='), parameter.size());
    const std::string_view value = parameter.substr(std::min(equals + 1, parameter.size()));
    if (!parse_sentinel_parameter(parameter.substr(0, equals), value, url, error)) return false;
    query = end == std::string_view::npos ? std::string_view() : query.substr(end + 1);
  }
  if (!url.sentinel_user.empty() && url.sentinel_password.empty()) {
    error = "the redis-sentinel:// URL names a sentinel-user without a sentinel-password";
    return false;
  }
  return true;
}

// What follows the scheme of redis-cluster://.
bool parse_cluster(std::string_view rest, RedisUrl& url, std::string& error) {
  const auto slash = rest.find('/');
  const std::string_view behind = slash == std::string_view::npos ? std::string_view() : rest.substr(slash + 1);
  std::string_view authority = rest.substr(0, slash);
  if (!behind.empty() && behind != "0") {
    error = "a Redis Cluster has no databases but 0: nothing may follow the hosts of a redis-cluster:// URL";
    return false;
  }
  return take_user_info(authority, url, error) && parse_seeds(authority, kRedisPort, url, error);
}

// What follows the scheme of unix://.
bool parse_unix(std::string_view rest, RedisUrl& url, std::string& error) {
  const auto question = rest.find('?');
  const std::string_view query = question == std::string_view::npos ? std::string_view() : rest.substr(question + 1);
  std::string_view location = rest.substr(0, question);
  const auto slash = location.find('/');
  if (slash == std::string_view::npos) {
    error = "a unix:// URL needs the absolute path of the socket, for instance unix:///run/redis/redis.sock?db=0";
    return false;
  }
  if (slash > 0) {
    if (location[slash - 1] != '@') {
      error = "a unix:// URL takes only user:password@ before the path (write %2F for '/' in a password)";
      return false;
    }
    if (!parse_user_info(location.substr(0, slash - 1), url, error)) return false;
  }
  if (!percent_decode(location.substr(slash), url.path)) {
    error = "the path in the unix:// URL has a '%' that is not followed by two hexadecimal digits (write %25 for '%')";
    return false;
  }
  if (url.path.size() > kMaxUnixPath || url.path.size() < 2) {
    error = "the path in the unix:// URL must have 2 to 107 bytes, as the system allows no more for a socket";
    return false;
  }
  if (query.empty()) return true;
  if (query.substr(0, 3) != "db=") {
    error = "a unix:// URL takes only the parameter db, for instance ?db=0";
    return false;
  }
  return parse_db(query.substr(3), url, error);
}

struct Scheme {
  std::string_view name;
  bool (*parse)(std::string_view rest, RedisUrl& url, std::string& error);
  Topology topology = Topology::standalone;
  bool tls = false;
};

constexpr Scheme kSchemes[] = {
    {"redis", parse_tcp},
    {"rediss", parse_tcp, Topology::standalone, true},
    {"unix", parse_unix},
    {"redis-sentinel", parse_sentinel, Topology::sentinel, false},
    {"rediss-sentinel", parse_sentinel, Topology::sentinel, true},
    {"redis-cluster", parse_cluster, Topology::cluster, false},
    {"rediss-cluster", parse_cluster, Topology::cluster, true},
};

constexpr std::string_view kSchemeError =
    "the Redis URL must start with redis://, rediss://, unix://, redis-sentinel:// or redis-cluster://";

std::string scheme_of(const RedisUrl& url) {
  if (url.is_unix()) return "unix://";
  const std::string begin = url.tls ? "rediss" : "redis";
  if (url.topology == Topology::sentinel) return begin + "-sentinel://";
  return begin + (url.topology == Topology::cluster ? "-cluster://" : "://");
}

}  // namespace

RedisUrl RedisUrl::at(const RedisAddress& address) const {
  RedisUrl node = *this;
  node.topology = Topology::standalone;
  node.host = address.host;
  node.port = address.port;
  node.seeds.clear();
  return node;
}

RedisUrl RedisUrl::sentinel_at(const RedisAddress& address) const {
  RedisUrl node = at(address);
  node.user = sentinel_user;
  node.password = sentinel_password;
  node.db = 0;
  return node;
}

std::string RedisUrl::redacted() const {
  std::string out = scheme_of(*this);
  if (!password.empty()) out += percent_encode(user, "-._~") + ":***@";
  if (is_unix()) return out + percent_encode(path, "/-._~") + "?db=" + std::to_string(db);
  if (topology == Topology::standalone) return out + RedisAddress{host, port}.text() + "/" + std::to_string(db);
  for (const RedisAddress& seed : seeds) out += (&seed == seeds.data() ? "" : ",") + seed.text();
  if (topology == Topology::cluster) return out;
  out += "/" + percent_encode(master, "-._~") + "?db=" + std::to_string(db);
  if (!sentinel_user.empty()) out += "&sentinel-user=" + percent_encode(sentinel_user, "-._~");
  if (!sentinel_password.empty()) out += "&sentinel-password=***";
  return out;
}

std::optional<RedisUrl> parse_redis_url(std::string_view text, std::string& error) {
  // The path of a socket would end there for the system, and not for our log.
  if (text.find('\0') != std::string_view::npos) {
    error = "the Redis URL holds a zero byte";
    return std::nullopt;
  }
  const auto separator = text.find("://");
  std::string name(text.substr(0, std::min(separator, text.size())));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  const auto* const scheme =
      std::find_if(std::begin(kSchemes), std::end(kSchemes), [&](const Scheme& known) { return known.name == name; });
  if (separator == std::string_view::npos || scheme == std::end(kSchemes)) {
    error = kSchemeError;
    return std::nullopt;
  }
  RedisUrl url;
  url.topology = scheme->topology;
  url.tls = scheme->tls;
  if (!scheme->parse(text.substr(separator + 3), url, error)) return std::nullopt;
  return url;
}

}  // namespace pulsegate::bus
