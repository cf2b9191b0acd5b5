// Values that the tests of proto/ share.
#pragma once

#include <stdexcept>
#include <string>
#include <string_view>

#include "proto/device_id.hpp"
#include "proto/time.hpp"

namespace pulsegate::proto::test {

inline constexpr std::string_view kUuid = "0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f";

inline DeviceId device(std::string_view text = kUuid) {
  const auto id = DeviceId::parse(text);
  if (!id) throw std::invalid_argument("not a UUID: " + std::string(text));
  return *id;
}

inline Timestamp at(std::string_view text) {
  const auto time = parse_iso8601(text);
  if (!time) throw std::invalid_argument("not a time: " + std::string(text));
  return *time;
}

inline std::string iso(Timestamp time) {
  std::string out;
  append_iso8601(out, time);
  return out;
}

}  // namespace pulsegate::proto::test
