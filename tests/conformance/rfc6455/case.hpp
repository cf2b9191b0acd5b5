// One case of RFC 6455: what a client sends once its WebSocket is open, and what it must get. In the shape of the
// Autobahn suite; numbers are those of its sections where it has the like.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/support/ws_frame.hpp"

namespace pulsegate::test {

struct Echo {
  Opcode opcode;
  std::string payload;
};

struct Case {
  std::string id;                   // "2.4": section and number
  std::string name;                 // a sentence without a full stop
  std::vector<std::string> writes;  // bytes, each piece in a write of its own
  // Either the connection lives, after these answers …
  std::vector<Echo> echoes;        // data messages; the gateway, which does not echo, gives one answer to each
  std::vector<std::string> pongs;  // payloads
  // … or it is closed with one of these codes (1005: a close frame without a code).
  std::vector<std::uint16_t> codes;
  bool wait_for_pongs = false;  // each write is a ping whose pong is waited for before the next one
  bool only_last_pong = false;  // earlier ones may be left out (RFC 6455, section 5.5.3)
};

// Client frames, masked.
std::string client_frame(Opcode opcode, const std::string& payload, bool fin = true, int rsv = 0);
// A header with a length that says `size` in `length_bytes` (0, 2 or 8), a mask that changes nothing, and the payload.
std::string frame_with_length(Opcode opcode, std::uint64_t size, int length_bytes, const std::string& payload,
                              bool masked = true);
std::string close_frame(std::uint16_t code, const std::string& reason = {});
std::vector<std::string> in_bytes(const std::string& text);

std::vector<Case> framing_cases();        // 1
std::vector<Case> ping_cases();           // 2
std::vector<Case> reserved_bit_cases();   // 3
std::vector<Case> opcode_cases();         // 4
std::vector<Case> fragmentation_cases();  // 5
std::vector<Case> utf8_cases();           // 6
std::vector<Case> close_cases();          // 7
std::vector<Case> encoding_cases();       // 8: masks and lengths
std::vector<Case> limit_cases();          // 9: with a limit of 16 KiB a message

}  // namespace pulsegate::test
