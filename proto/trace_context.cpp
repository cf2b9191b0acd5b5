// The grammar of W3C Trace Context, sections 3.2 and 3.3.
#include "proto/trace_context.hpp"

#include <algorithm>
#include <array>

namespace pulsegate::proto {
namespace {

constexpr std::size_t kMaxMembers = 32;
constexpr std::size_t kMaxKey = 256, kMaxTenant = 241, kMaxSystem = 14, kMaxValue = 256;

bool is_lower(char c) noexcept {
  return c >= 'a' && c <= 'z';
}

bool is_digit(char c) noexcept {
  return c >= '0' && c <= '9';
}

bool is_hex(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(), [](char c) { return is_digit(c) || (c >= 'a' && c <= 'f'); });
}

bool is_zero(std::string_view text) noexcept {
  return text.find_first_not_of('0') == std::string_view::npos;
}

bool is_key_tail(std::string_view text) noexcept {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return is_lower(c) || is_digit(c) || c == '_' || c == '-' || c == '*' || c == '/'; });
}

// A name, or "tenant@system".
bool is_key(std::string_view key) noexcept {
  const std::size_t at = key.find('@');
  if (at == std::string_view::npos)
    return !key.empty() && key.size() <= kMaxKey && is_lower(key[0]) && is_key_tail(key.substr(1));
  const std::string_view tenant = key.substr(0, at), system = key.substr(at + 1);
  return !tenant.empty() && tenant.size() <= kMaxTenant && (is_lower(tenant[0]) || is_digit(tenant[0])) &&
         is_key_tail(tenant.substr(1)) && !system.empty() && system.size() <= kMaxSystem && is_lower(system[0]) &&
         is_key_tail(system.substr(1));
}

// Blanks at its end are those around the member.
bool is_value(std::string_view value) noexcept {
  return !value.empty() && value.size() <= kMaxValue &&
         std::all_of(value.begin(), value.end(), [](char c) { return c >= ' ' && c <= '~' && c != ',' && c != '='; });
}

std::string_view trimmed(std::string_view text) noexcept {
  constexpr std::string_view kBlanks = " \t";
  const std::size_t begin = text.find_first_not_of(kBlanks);
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

}  // namespace

bool is_traceparent(std::string_view text) noexcept {
  if (text.size() != kTraceparentSize || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
  const std::string_view version = text.substr(0, 2), trace = text.substr(3, 32), parent = text.substr(36, 16);
  return is_hex(version) && version != "ff" && is_hex(trace) && !is_zero(trace) && is_hex(parent) && !is_zero(parent) &&
         is_hex(text.substr(53));
}

bool is_tracestate(std::string_view text) {
  if (text.size() > kMaxTracestateSize) return false;
  std::array<std::string_view, kMaxMembers> keys;
  std::size_t count = 0;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(',', begin), text.size());
    const std::string_view member = trimmed(text.substr(begin, end - begin));
    begin = end + 1;
    if (member.empty()) continue;
    const std::size_t equals = member.find('=');
    if (equals == std::string_view::npos || count == kMaxMembers) return false;
    const std::string_view key = member.substr(0, equals);
    if (!is_key(key) || !is_value(member.substr(equals + 1))) return false;
    if (std::find(keys.begin(), keys.begin() + count, key) != keys.begin() + count) return false;
    keys[count++] = key;
  }
  return count > 0;
}

}  // namespace pulsegate::proto
