// Addresses of clients and the networks that an operator names. Values: no socket, no resolver.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::access {

// An IPv4 or IPv6 address. IPv4 in IPv6 (::ffff:192.0.2.1), as a socket for both families gives it, is the IPv4
// address: so a network is written once, and nobody has two addresses. Thread: value.
class IpAddress {
 public:
  enum class Family : std::uint8_t { none, v4, v6 };

  IpAddress() = default;  // of nobody
  // Without port, brackets, zone and blanks; nullopt: anything else.
  static std::optional<IpAddress> parse(std::string_view text);
  // In network byte order, as sockets and the PROXY protocol have them.
  static IpAddress v4(const unsigned char* four_bytes) noexcept;
  static IpAddress v6(const unsigned char* sixteen_bytes) noexcept;

  bool known() const noexcept { return family_ != Family::none; }
  Family family() const noexcept { return family_; }
  std::string text() const;  // empty: of nobody
  // Who is counted together: an IPv4 address, or the /64 of an IPv6 one, since a single host has all of that. 5 or 9
  // bytes, no text. Requires: known().
  std::string client() const;

  friend bool operator==(const IpAddress& a, const IpAddress& b) noexcept {
    return a.family_ == b.family_ && a.bytes_ == b.bytes_;
  }

 private:
  friend class Network;
  std::size_t size() const noexcept { return family_ == Family::v4 ? 4 : 16; }

  std::array<unsigned char, 16> bytes_{};  // the first four of them for IPv4
  Family family_ = Family::none;
};

// "192.0.2.0/24", "2001:db8::/32", or one address. Thread: value.
class Network {
 public:
  // nullopt: neither, a prefix that is too long, or bits set behind it (mostly a typing error).
  static std::optional<Network> parse(std::string_view text);
  bool contains(const IpAddress& address) const noexcept;

 private:
  IpAddress base_;
  unsigned prefix_ = 0;  // bits
};

// Thread: immutable.
class NetworkList {
 public:
  NetworkList() = default;
  // Requires: check_network() finds nothing wrong with any of them.
  explicit NetworkList(const std::vector<std::string>& networks);
  bool contains(const IpAddress& address) const noexcept;
  bool empty() const noexcept { return networks_.empty(); }

 private:
  std::vector<Network> networks_;
};

// One sentence without subject, or empty: what is wrong with an option's value.
std::string check_network(std::string_view text);

}  // namespace pulsegate::access
