// Both versions, told apart by their first bytes. Everything in them is checked though the sender is trusted: what is
// malformed comes from something that is no proxy.
#include "gateway/access/proxy_header.hpp"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <optional>

namespace pulsegate::access {
namespace {

using Status = ProxyHeader::Status;

constexpr std::string_view kSignature1("PROXY ");
constexpr std::string_view kSignature2("\r\n\r\n\0\r\nQUIT\n", 12);
constexpr std::size_t kMaxVersion1 = 107;  // with CRLF
constexpr std::size_t kFixedPart2 = 16;    // signature, version and command, family, length
static_assert(kMaxVersion1 <= kMaxProxyHeader);

constexpr ProxyHeader kIncomplete{Status::incomplete, 0, {}};
constexpr ProxyHeader kMalformed{Status::malformed, 0, {}};

// Up to the next blank, which is removed with it.
std::string_view take_word(std::string_view& text) noexcept {
  const std::size_t end = std::min(text.find(' '), text.size());
  const std::string_view word = text.substr(0, end);
  text.remove_prefix(std::min(end + 1, text.size()));
  return word;
}

bool is_port(std::string_view text) noexcept {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return !text.empty() && error == std::errc() && end == text.data() + text.size();
}

// "PROXY TCP4 192.0.2.1 198.51.100.1 4711 443\r\n"
ProxyHeader parse_version1(std::string_view bytes) {
  const std::size_t end = bytes.substr(0, kMaxVersion1).find("\r\n");
  if (end == std::string_view::npos) return bytes.size() >= kMaxVersion1 ? kMalformed : kIncomplete;
  std::string_view line = bytes.substr(kSignature1.size(), end - kSignature1.size());
  const std::string_view protocol = take_word(line);
  if (protocol == "UNKNOWN") return {Status::complete, end + 2, {}};  // whatever follows is to be passed over
  const bool v4 = protocol == "TCP4";
  if (!v4 && protocol != "TCP6") return kMalformed;
  const std::string_view source_text = take_word(line);
  const std::string_view destination_text = take_word(line);
  const std::string_view source_port = take_word(line);
  const auto source = IpAddress::parse(source_text);
  const auto destination = IpAddress::parse(destination_text);
  if (!source || !destination || !is_port(source_port) || !is_port(line)) return kMalformed;
  const auto written_as_v6 = [](std::string_view text) { return text.find(':') != std::string_view::npos; };
  if (written_as_v6(source_text) == v4 || written_as_v6(destination_text) == v4) return kMalformed;
  return {Status::complete, end + 2, *source};
}

ProxyHeader parse_version2(std::string_view bytes) {
  if (bytes.size() < kFixedPart2) {
    // What is there already must be right, so that nobody is waited for in vain.
    return bytes.size() > 12 && (static_cast<unsigned char>(bytes[12]) >> 4) != 2 ? kMalformed : kIncomplete;
  }
  const auto at = [&bytes](std::size_t i) { return static_cast<unsigned char>(bytes[i]); };
  const unsigned command = at(12) & 0x0fU;
  const unsigned family = at(13) >> 4;
  const std::size_t length = static_cast<std::size_t>(at(14)) << 8 | at(15);
  if (at(12) >> 4 != 2 || command > 1 || family > 3 || (at(13) & 0x0fU) > 2) return kMalformed;
  if (kFixedPart2 + length > kMaxProxyHeader) return kMalformed;
  constexpr std::size_t kAddresses[] = {0, 12, 36, 216};  // of AF_UNSPEC, AF_INET, AF_INET6, AF_UNIX
  if (command == 1 && length < kAddresses[family]) return kMalformed;
  if (bytes.size() < kFixedPart2 + length) return kIncomplete;
  ProxyHeader header{Status::complete, kFixedPart2 + length, {}};
  const auto* const address = reinterpret_cast<const unsigned char*>(bytes.data()) + kFixedPart2;
  if (command == 1 && family == 1) header.source = IpAddress::v4(address);
  if (command == 1 && family == 2) header.source = IpAddress::v6(address);
  return header;
}

// Whether `bytes` begin as `signature` does, as far as they go.
bool may_be(std::string_view bytes, std::string_view signature) noexcept {
  const std::size_t both = std::min(bytes.size(), signature.size());
  return bytes.substr(0, both) == signature.substr(0, both);
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
  for (const auto& [signature, parse] :
       {std::pair(kSignature1, &parse_version1), std::pair(kSignature2, &parse_version2)})
    if (may_be(bytes, signature)) return bytes.size() < signature.size() ? kIncomplete : parse(bytes);
  return kMalformed;
}

}  // namespace pulsegate::access
