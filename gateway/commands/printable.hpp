// Text of a peer, made safe for a terminal.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace pulsegate::commands {

// Drops control characters (C0, DEL, C1), which could move the cursor or rewrite what was printed before. Cuts at
// `max_bytes`, on a character boundary. Requires: valid UTF-8, as everything that a parser of ours let through.
inline std::string printable(std::string_view text, std::size_t max_bytes = 200) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (out.size() >= max_bytes && (byte & 0xC0) != 0x80) break;
    if (byte < 0x20 || byte == 0x7F) continue;
    if (byte == 0xC2 && i + 1 < text.size() && static_cast<unsigned char>(text[i + 1]) < 0xA0) {
      ++i;
      continue;
    }
    out += text[i];
  }
  return out;
}

}  // namespace pulsegate::commands
