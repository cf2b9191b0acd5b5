// Reads the header from its right end, so that its length, which the client decides, costs nothing.
#include "gateway/access/forwarded.hpp"

#include <algorithm>
#include <cctype>
#include <string>

namespace pulsegate::access {
namespace {

std::string_view trimmed(std::string_view text) noexcept {
  const std::size_t first = text.find_first_not_of(" \t");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

bool is_for(std::string_view name) noexcept {
  static constexpr std::string_view kFor = "for";
  return name.size() == kFor.size() && std::equal(name.begin(), name.end(), kFor.begin(), [](char a, char b) {
           return std::tolower(static_cast<unsigned char>(a)) == b;
         });
}

// Where the last `separator` outside of quotes stands, npos: nowhere. An odd number of quotes leaves one open, and
// then nothing behind it is a separator.
std::size_t last_separator(std::string_view text, char separator) noexcept {
  bool quoted = false;
  for (std::size_t i = text.size(); i-- > 0;) {
    if (text[i] == '"' && (i == 0 || text[i - 1] != '\\')) quoted = !quoted;
    if (text[i] == separator && !quoted) return i;
  }
  return std::string_view::npos;
}

// Takes what stands behind the last separator off the end; `more` becomes false with the leftmost.
std::string_view take_last(std::string_view& text, char separator, bool& more) noexcept {
  const std::size_t at = last_separator(text, separator);
  more = at != std::string_view::npos;
  const std::string_view last = more ? text.substr(at + 1) : text;
  text = more ? text.substr(0, at) : std::string_view();
  return trimmed(last);
}

// The value of `for` in one element: for=192.0.2.60;proto=http;by=203.0.113.43. Empty: there is none.
std::string_view for_of(std::string_view element) noexcept {
  for (bool more = true; more;) {
    const std::string_view pair = take_last(element, ';', more);
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && is_for(trimmed(pair.substr(0, equals))))
      return trimmed(pair.substr(equals + 1));
  }
  return {};
}

}  // namespace

std::optional<IpAddress> forwarded_address(std::string_view entry) {
  if (entry.size() >= 2 && entry.front() == '"' && entry.back() == '"') entry = entry.substr(1, entry.size() - 2);
  if (!entry.empty() && entry.front() == '[') {
    const std::size_t end = entry.find(']');
    if (end == std::string_view::npos) return std::nullopt;
    const std::string_view rest = entry.substr(end + 1);
    if (!rest.empty() && rest.front() != ':') return std::nullopt;
    return IpAddress::parse(entry.substr(1, end - 1));
  }
  if (const auto address = IpAddress::parse(entry)) return address;
  // 192.0.2.1:4711; with more than one colon it would be a broken IPv6 address.
  const std::size_t colon = entry.find(':');
  if (colon == std::string_view::npos || entry.find(':', colon + 1) != std::string_view::npos) return std::nullopt;
  return IpAddress::parse(entry.substr(0, colon));
}

IpAddress client_address(const IpAddress& peer, ForwardedHeader form, std::string_view header,
                         const NetworkList& trusted) {
  IpAddress client = peer;
  if (!trusted.contains(peer)) return client;
  bool more = !trimmed(header).empty();
  while (more) {
    std::string_view entry = take_last(header, ',', more);
    if (form == ForwardedHeader::forwarded) entry = for_of(entry);
    const auto address = forwarded_address(entry);
    if (!address) return client;
    client = *address;
    if (!trusted.contains(client)) return client;
  }
  return client;
}

}  // namespace pulsegate::access
