// The identity of a device: a UUID, held as 16 bytes and printed in canonical lower case.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::proto {

// Thread: immutable value.
class DeviceId {
 public:
  static constexpr std::size_t kTextSize = 36;

  // Accepts exactly the 8-4-4-4-12 form, hexadecimal digits of either case. Anything else: nullopt.
  static std::optional<DeviceId> parse(std::string_view text) noexcept;

  // "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx", lower case, 36 characters.
  std::string text() const;
  void append_to(std::string& out) const;

  // Mixes all 16 bytes, so that sequential UUIDs spread over hash buckets and shards. The same in every process.
  std::uint64_t hash() const noexcept;

  friend bool operator==(const DeviceId& a, const DeviceId& b) noexcept { return a.bytes_ == b.bytes_; }
  friend bool operator!=(const DeviceId& a, const DeviceId& b) noexcept { return !(a == b); }
  friend bool operator<(const DeviceId& a, const DeviceId& b) noexcept { return a.bytes_ < b.bytes_; }

 private:
  std::array<std::uint8_t, 16> bytes_{};
};

struct DeviceIdHash {
  std::size_t operator()(const DeviceId& id) const noexcept { return static_cast<std::size_t>(id.hash()); }
};

}  // namespace pulsegate::proto
