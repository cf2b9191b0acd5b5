// What is known of a device's system: the six fields of the guide's `system-info`, each as JSON text.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace pulsegate::proto {

enum class SystemField : std::uint8_t { os, architecture, uptime, hostname, ip_address, mac_address };
inline constexpr std::size_t kSystemFieldCount = 6;

// The wire key ("ipAddress") of a field.
std::string_view system_field_key(SystemField field) noexcept;

struct SystemInfo {
  std::array<std::string, kSystemFieldCount> json;  // a JSON scalar ("\"Debian\"", "3600"); empty: unknown

  bool empty() const noexcept;
  // Takes every field that `newer` knows. Returns whether anything changed.
  bool merge_newer(const SystemInfo& newer);
  // Fills only the fields that are unknown here. Returns whether anything changed.
  bool fill_from_older(const SystemInfo& older);
};

}  // namespace pulsegate::proto
