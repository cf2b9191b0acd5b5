// Under which key the API server keeps a device's stream: `metrics:{uuid}`, or what the operator says. Pure text.
#pragma once

#include <string>
#include <string_view>

#include "proto/device_id.hpp"

namespace pulsegate::bus {

// One sentence without a subject ("must …") when `pattern` cannot name keys, else empty.
std::string check_stream_key(std::string_view pattern);

// `pattern` with the device's UUID in canonical small letters for each `{uuid}`. All else is literal, braces too.
std::string stream_key(std::string_view pattern, const proto::DeviceId& device);

// What an ACL rule needs to name all these keys: "~metrics:*".
std::string stream_key_rule(std::string_view pattern);

}  // namespace pulsegate::bus
