// UUIDs as bytes: parsing, printing, hashing.
#include "proto/device_id.hpp"

namespace pulsegate::proto {
namespace {

// Where the two digits of each byte stand in the text.
constexpr std::uint8_t kDigitsAt[16] = {0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34};
constexpr std::size_t kDashesAt[] = {8, 13, 18, 23};

constexpr std::array<std::int8_t, 256> hex_values() {
  std::array<std::int8_t, 256> values{};
  for (std::int8_t& value : values) value = -1;
  for (std::int8_t i = 0; i < 10; ++i) values['0' + i] = i;
  for (std::int8_t i = 0; i < 6; ++i) values['a' + i] = values['A' + i] = static_cast<std::int8_t>(10 + i);
  return values;
}
constexpr std::array<std::int8_t, 256> kHexValues = hex_values();  // -1: no digit

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
  for (const std::size_t at : kDashesAt)
    if (text[at] != '-') return std::nullopt;
  DeviceId id;
  int seen = 0;  // negative as soon as one digit is
  for (std::size_t i = 0; i < id.bytes_.size(); ++i) {
    const std::int8_t high = kHexValues[static_cast<unsigned char>(text[kDigitsAt[i]])];
    const std::int8_t low = kHexValues[static_cast<unsigned char>(text[kDigitsAt[i] + 1u])];
    seen |= high | low;
    id.bytes_[i] = static_cast<std::uint8_t>(high * 16 + low);
  }
  if (seen < 0) return std::nullopt;
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
  for (const std::size_t at : kDashesAt) buffer[at] = '-';
  for (std::size_t i = 0; i < bytes_.size(); ++i) {
    buffer[kDigitsAt[i]] = kHex[bytes_[i] >> 4];
    buffer[kDigitsAt[i] + 1u] = kHex[bytes_[i] & 15];
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
