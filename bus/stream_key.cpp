#include "bus/stream_key.hpp"

namespace pulsegate::bus {
namespace {

constexpr std::string_view kPlaceholder = "{uuid}";

std::string with(std::string_view pattern, std::string_view replacement) {
  std::string out;
  for (;;) {
    const auto at = pattern.find(kPlaceholder);
    out += pattern.substr(0, at);
    if (at == std::string_view::npos) return out;
    out += replacement;
    pattern.remove_prefix(at + kPlaceholder.size());
  }
}

}  // namespace

std::string check_stream_key(std::string_view pattern) {
  if (pattern.find(kPlaceholder) == std::string_view::npos)
    return "must hold {uuid}, for which each device's UUID is put in; none if there are no streams";
  // Redis keys may hold any byte, but a line break or blank here is a mistake of quoting.
  if (pattern.find_first_of(" \t\r\n") != std::string_view::npos) return "must not hold blanks";
  return {};
}

std::string stream_key(std::string_view pattern, const proto::DeviceId& device) {
  return with(pattern, device.text());
}

std::string stream_key_rule(std::string_view pattern) {
  return "~" + with(pattern, "*");
}

}  // namespace pulsegate::bus
