// See url_text.hpp. Sentences never quote what they are about: it may be a misplaced password.
#include "bus/url_text.hpp"

#include <algorithm>
#include <cctype>

namespace pulsegate::bus {
namespace {

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

bool is_address_character(char c) {
  return hex_digit(c) >= 0 || c == ':' || c == '.';
}

bool is_name_character(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '.' || c == '-' || c == '_';
}

bool parse_port(std::string_view text, RedisAddress& out, std::string& error) {
  if (parse_number(text, out.port) && out.port != 0) return true;
  error =
      "the port in the Redis URL must be a number from 1 to 65535 (write %2F, %3A and %40 for '/', ':' and '@' in a "
      "password)";
  return false;
}

}  // namespace

std::string RedisAddress::text() const {
  const bool ipv6 = host.find(':') != std::string::npos;
  return (ipv6 ? "[" + host + "]" : host) + ":" + std::to_string(port);
}

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

bool parse_address(std::string_view text, RedisAddress& out, std::string& error) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
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
  out.host = std::string(host);
  return !has_port || parse_port(port, out, error);
}

}  // namespace pulsegate::bus
