// UUIDs as bytes: parsing, printing, hashing.
#include "proto/device_id.hpp"

namespace pulsegate::proto {
namespace {

constexpr bool is_dash_position(std::size_t i) noexcept {
  return i == 8 || i == 13 || i == 18 || i == 23;
}

int hex_value(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// The finaliser of MurmurHash3: every input bit changes every output bit with probability close to one half.
constexpr std::uint64_t mix(std::uint64_t x) noexcept {
  x ^= x >> 33;
  x *= 0xff51afd7ed558ccdULL;
  x ^= x >> 33;
  x *= 0xc4ceb9fe1a85ec53ULL;
  x ^= x >> 33;
  return x;
}

}  // namespace

std::optional<DeviceId> DeviceId::parse(std::string_view text) noexcept {
  if (text.size() != kTextSize) return std::nullopt;
  DeviceId id;
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_position(i)) {
      if (text[i] != '-') return std::nullopt;
      continue;
    }
    const int value = hex_value(text[i]);
    if (value < 0) return std::nullopt;
    std::uint8_t& byte = id.bytes_[nibble / 2];
    byte = static_cast<std::uint8_t>((byte << 4) | value);
    ++nibble;
  }
  return id;
}

std::string DeviceId::text() const {
  std::string out;
  append_to(out);
  return out;
}

void DeviceId::append_to(std::string& out) const {
  static constexpr char kHex[] = "0123456789abcdef";
  char buffer[kTextSize];
  std::size_t nibble = 0;
  for (std::size_t i = 0; i < kTextSize; ++i) {
    if (is_dash_position(i)) {
      buffer[i] = '-';
      continue;
    }
    const std::uint8_t byte = bytes_[nibble / 2];
    buffer[i] = kHex[nibble % 2 == 0 ? byte >> 4 : byte & 15];
    ++nibble;
  }
  out.append(buffer, kTextSize);
}

std::uint64_t DeviceId::hash() const noexcept {
  // Assembled byte by byte, so that machines of either byte order agree on a device's shard.
  std::uint64_t high = 0;
  std::uint64_t low = 0;
  for (std::size_t i = 0; i < 8; ++i) {
    high = (high << 8) | bytes_[i];
    low = (low << 8) | bytes_[i + 8];
  }
  return mix(mix(high + 0x9e3779b97f4a7c15ULL) ^ low);
}

}  // namespace pulsegate::proto
