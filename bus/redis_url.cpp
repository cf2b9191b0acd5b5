// Parsing of Redis URLs. Errors never quote the user-info part, since a mistyped URL still holds the password.
#include "bus/redis_url.hpp"

#include <algorithm>
#include <cctype>
#include <charconv>

namespace pulsegate::bus {
namespace {

constexpr std::size_t kMaxUnixPath = 107;  // sun_path holds 108 bytes with the terminating zero

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// RFC 3986 section 2.1. A decoded zero byte is refused: no field of the URL can hold one.
bool percent_decode(std::string_view text, std::string& out) {
  out.clear();
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out.push_back(text[i]);
      continue;
    }
    if (text.size() - i < 3) return false;
    const int high = hex_digit(text[i + 1]);
    const int low = hex_digit(text[i + 2]);
    if (high < 0 || low < 0 || (high == 0 && low == 0)) return false;
    out.push_back(static_cast<char>(high * 16 + low));
    i += 2;
  }
  return true;
}

std::string percent_encode(std::string_view text, std::string_view keep) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (std::isalnum(byte) != 0 || keep.find(c) != std::string_view::npos) {
      out.push_back(c);
    } else {
      out.push_back('%');
      out.push_back(kHex[byte >> 4]);
      out.push_back(kHex[byte & 15]);
    }
  }
  return out;
}

template <class Number>
bool parse_number(std::string_view text, Number& out) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

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

bool parse_port(std::string_view text, RedisUrl& url, std::string& error) {
  if (parse_number(text, url.port) && url.port != 0) return true;
  error =
      "the port in the Redis URL must be a number from 1 to 65535 (write %2F, %3A and %40 for '/', ':' and '@' in a "
      "password)";
  return false;
}

bool parse_host(std::string_view text, RedisUrl& url, std::string& error) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  const auto is_address_character = [](char c) { return hex_digit(c) >= 0 || c == ':' || c == '.'; };
  const auto is_name_character = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
  };
  bool valid = false;
  if (!text.empty() && text.front() == '[') {
    const auto close = text.find(']');
    if (close == std::string_view::npos) {
      error = "the IPv6 address in the Redis URL lacks its closing ']'";
      return false;
    }
    host = text.substr(1, close - 1);
    const std::string_view rest = text.substr(close + 1);
    has_port = !rest.empty() && rest.front() == ':';
    port = has_port ? rest.substr(1) : std::string_view();
    const std::string_view address = host.substr(0, host.find('%'));  // the rest is a zone, for instance %eth0
    valid = (rest.empty() || has_port) && address.find(':') != std::string_view::npos &&
            std::all_of(address.begin(), address.end(), is_address_character);
  } else {
    const auto colon = text.find(':');
    has_port = colon != std::string_view::npos;
    host = text.substr(0, colon);
    if (has_port) port = text.substr(colon + 1);
    if (has_port && port.find(':') != std::string_view::npos) {
      error = "an IPv6 address in the Redis URL must stand in brackets, for instance redis://[::1]:6379";
      return false;
    }
    valid = std::all_of(host.begin(), host.end(), is_name_character);
  }
  if (host.empty()) {
    error = "the Redis URL names no host, for instance redis://127.0.0.1:6379/0";
    return false;
  }
  if (!valid) {
    error = "the host in the Redis URL is neither a name nor an address, for instance redis://127.0.0.1:6379/0";
    return false;
  }
  url.host = std::string(host);
  return !has_port || parse_port(port, url, error);
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
  // The last '@' ends the user-info: a password with a raw '@' is then still read as it was meant.
  const auto at = authority.rfind('@');
  if (at != std::string_view::npos) {
    if (!parse_user_info(authority.substr(0, at), url, error)) return false;
    authority = authority.substr(at + 1);
  }
  if (!parse_host(authority, url, error)) return false;
  return db.empty() || parse_db(db, url, error);
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

}  // namespace

std::string RedisUrl::redacted() const {
  std::string out = is_unix() ? "unix://" : "redis://";
  if (!password.empty()) out += percent_encode(user, "-._~") + ":***@";
  if (is_unix()) return out + percent_encode(path, "/-._~") + "?db=" + std::to_string(db);
  const bool ipv6 = host.find(':') != std::string::npos;
  return out + (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port) + "/" + std::to_string(db);
}

std::optional<RedisUrl> parse_redis_url(std::string_view text, std::string& error) {
  // The path of a socket would end there for the system, and not for our log.
  if (text.find('\0') != std::string_view::npos) {
    error = "the Redis URL holds a zero byte";
    return std::nullopt;
  }
  const auto separator = text.find("://");
  if (separator == std::string_view::npos) {
    error = "the Redis URL must start with redis:// or unix://";
    return std::nullopt;
  }
  std::string scheme(text.substr(0, separator));
  std::transform(scheme.begin(), scheme.end(), scheme.begin(),
                 [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
  const std::string_view rest = text.substr(separator + 3);
  RedisUrl url;
  if (scheme == "redis") {
    if (!parse_tcp(rest, url, error)) return std::nullopt;
  } else if (scheme == "unix") {
    if (!parse_unix(rest, url, error)) return std::nullopt;
  } else if (scheme == "rediss" || scheme == "redis-sentinel" || scheme == "redis-cluster") {
    error = scheme + ":// is not supported by this build yet: use redis:// or unix://";
    return std::nullopt;
  } else {
    error = "the Redis URL must start with redis:// or unix://";
    return std::nullopt;
  }
  return url;
}

}  // namespace pulsegate::bus
