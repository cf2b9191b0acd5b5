// Merging what is known of a device's system, field by field.
#include "proto/system_info.hpp"

#include <algorithm>

namespace pulsegate::proto {

std::string_view system_field_key(SystemField field) noexcept {
  static constexpr std::array<std::string_view, kSystemFieldCount> kKeys = {"os",       "architecture", "uptime",
                                                                            "hostname", "ipAddress",    "macAddress"};
  return kKeys[static_cast<std::size_t>(field)];
}

bool SystemInfo::empty() const noexcept {
  return std::all_of(json.begin(), json.end(), [](const std::string& field) { return field.empty(); });
}

bool SystemInfo::merge_newer(const SystemInfo& newer) {
  bool changed = false;
  for (std::size_t i = 0; i < kSystemFieldCount; ++i) {
    if (newer.json[i].empty() || newer.json[i] == json[i]) continue;
    json[i] = newer.json[i];
    changed = true;
  }
  return changed;
}

bool SystemInfo::fill_from_older(const SystemInfo& older) {
  bool changed = false;
  for (std::size_t i = 0; i < kSystemFieldCount; ++i) {
    if (!json[i].empty() || older.json[i].empty()) continue;
    json[i] = older.json[i];
    changed = true;
  }
  return changed;
}

}  // namespace pulsegate::proto
