// The target of a request line taken apart: path, query and percent-encoding (RFC 3986, RFC 7230 section 5.3). Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::access {

struct Target {
  std::string_view path;   // as sent, begins with '/' where the client sent something sensible
  std::string_view query;  // as sent, without '?'
};

// Also takes the absolute form that proxies send ("http://host/path?query"). A fragment is cut off.
Target split_target(std::string_view target) noexcept;

// Decodes %XX. nullopt: a '%' that is not followed by two hexadecimal digits.
std::optional<std::string> percent_decode(std::string_view text);

// The decoded value of the first parameter called `name`, with '+' as space. nullopt: there is none, or it is
// malformed.
std::optional<std::string> query_parameter(std::string_view query, std::string_view name);

}  // namespace pulsegate::access
