// Base64 (RFC 4648, section 4). Our own, since proto/ links no library that has it.
#pragma once

#include <string>
#include <string_view>

namespace pulsegate::proto {

void append_base64(std::string& out, std::string_view bytes);

// False, and `out` as it was: not what append_base64() writes of any bytes. So no white space, no missing padding, no
// bits beyond the last byte.
bool decode_base64(std::string& out, std::string_view text);

}  // namespace pulsegate::proto
