// Text of addresses by the C library, so that everything reads as everywhere else.
#include "gateway/access/ip_address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace pulsegate::access {
namespace {

constexpr unsigned char kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};

// Whether the first `bits` of both are the same.
bool same_prefix(const unsigned char* a, const unsigned char* b, unsigned bits) noexcept {
  const std::size_t whole = bits / 8;
  if (std::memcmp(a, b, whole) != 0) return false;
  const unsigned rest = bits % 8;
  return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

}  // namespace

std::optional<IpAddress> IpAddress::parse(std::string_view text) {
  char terminated[INET6_ADDRSTRLEN];
  if (text.empty() || text.size() >= sizeof terminated) return std::nullopt;
  if (text.find('\0') != std::string_view::npos) return std::nullopt;
  terminated[text.copy(terminated, text.size())] = '\0';
  unsigned char bytes[16];
  if (::inet_pton(AF_INET, terminated, bytes) == 1) return v4(bytes);
  if (::inet_pton(AF_INET6, terminated, bytes) == 1) return v6(bytes);
  return std::nullopt;
}

IpAddress IpAddress::v4(const unsigned char* four_bytes) noexcept {
  IpAddress address;
  std::memcpy(address.bytes_.data(), four_bytes, 4);
  address.family_ = Family::v4;
  return address;
}

IpAddress IpAddress::v6(const unsigned char* sixteen_bytes) noexcept {
  if (std::memcmp(sixteen_bytes, kMapped, sizeof kMapped) == 0) return v4(sixteen_bytes + sizeof kMapped);
  IpAddress address;
  std::memcpy(address.bytes_.data(), sixteen_bytes, 16);
  address.family_ = Family::v6;
  return address;
}

std::string IpAddress::text() const {
  char text[INET6_ADDRSTRLEN] = "";
  if (known()) ::inet_ntop(family_ == Family::v4 ? AF_INET : AF_INET6, bytes_.data(), text, sizeof text);
  return text;
}

std::string IpAddress::client() const {
  std::string key(1, static_cast<char>(family_));
  return key.append(reinterpret_cast<const char*>(bytes_.data()), family_ == Family::v4 ? 4 : 8);
}

std::optional<Network> Network::parse(std::string_view text) {
  const std::size_t slash = text.find('/');
  const std::string_view base = text.substr(0, slash);
  const auto address = IpAddress::parse(base);
  if (!address) return std::nullopt;
  Network network;
  network.base_ = *address;
  const auto bits = static_cast<unsigned>(address->size() * 8);
  network.prefix_ = bits;
  if (slash == std::string_view::npos) return network;

  const std::string_view digits = text.substr(slash + 1);
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), network.prefix_);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  // ::ffff:10.0.0.0/104 is 10.0.0.0/8.
  if (address->family() == IpAddress::Family::v4 && base.find(':') != std::string_view::npos) {
    if (network.prefix_ < 96) return std::nullopt;
    network.prefix_ -= 96;
  }
  if (network.prefix_ > bits) return std::nullopt;
  std::array<unsigned char, 16> masked = address->bytes_;
  for (unsigned bit = network.prefix_; bit < bits; ++bit)
    masked[bit / 8] = static_cast<unsigned char>(masked[bit / 8] & ~(0x80U >> (bit % 8)));
  if (masked != address->bytes_) return std::nullopt;
  return network;
}

bool Network::contains(const IpAddress& address) const noexcept {
  return address.family_ == base_.family_ && same_prefix(address.bytes_.data(), base_.bytes_.data(), prefix_);
}

NetworkList::NetworkList(const std::vector<std::string>& networks) {
  for (const std::string& text : networks)
    if (const auto network = Network::parse(text)) networks_.push_back(*network);
}

bool NetworkList::contains(const IpAddress& address) const noexcept {
  return std::any_of(networks_.begin(), networks_.end(),
                     [&address](const Network& network) { return network.contains(address); });
}

std::string check_network(std::string_view text) {
  return Network::parse(text) ? "" : "must be an address or a network such as 192.0.2.1, 10.0.0.0/8 or 2001:db8::/32";
}

}  // namespace pulsegate::access
