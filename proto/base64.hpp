// Base64 (RFC 4648, section 4), by OpenSSL.
#pragma once

#include <string>
#include <string_view>

namespace pulsegate::proto {

void append_base64(std::string& out, std::string_view bytes);

// False, and `out` as it was: not the encoding of anything. White space is not allowed.
bool decode_base64(std::string& out, std::string_view text);

}  // namespace pulsegate::proto
