// Pieces of an URL: percent encoding (RFC 3986 section 2.1), numbers, and host[:port]. Pure text.
#pragma once

#include <charconv>
#include <cstdint>
#include <string>
#include <string_view>
#include <system_error>

namespace pulsegate::bus {

// A host and its port: numeric or a name, IPv6 without brackets.
struct RedisAddress {
  std::string host;
  std::uint16_t port = 0;

  // host:port, with brackets around IPv6.
  std::string text() const;
  bool operator==(const RedisAddress& other) const noexcept { return port == other.port && host == other.host; }
  bool operator!=(const RedisAddress& other) const noexcept { return !(*this == other); }
  bool operator<(const RedisAddress& other) const noexcept {
    return host != other.host ? host < other.host : port < other.port;
  }
};

// False: a '%' without two hexadecimal digits, or a zero byte, which no field of an URL can hold.
bool percent_decode(std::string_view text, std::string& out);
// Letters, digits and what stands in `keep` stay.
std::string percent_encode(std::string_view text, std::string_view keep);

template <class Number>
bool parse_number(std::string_view text, Number& out) noexcept {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return error == std::errc() && end == text.data() + text.size() && !text.empty();
}

// host[:port], [IPv6][:port]; without a port out.port stays. False: `error` is one sentence for the operator.
bool parse_address(std::string_view text, RedisAddress& out, std::string& error);

}  // namespace pulsegate::bus
