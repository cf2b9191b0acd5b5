// The WebSocket frame codec of the test client (RFC 6455, section 5), written apart from the gateway's so that a
// mistake of one is not made by the other. It can also write what the RFC forbids.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::test {

enum class Opcode : std::uint8_t { continuation = 0, text = 1, binary = 2, close = 8, ping = 9, pong = 10 };

struct WsFrame {
  bool fin = true;
  std::uint8_t rsv = 0;  // bits 4 (RSV1), 2, 1
  Opcode opcode = Opcode::text;
  bool masked = false;
  std::string payload;  // unmasked
};

// Clients mask; a test may leave it out to see the refusal.
std::string encode_frame(const WsFrame& frame);
// Takes one whole frame off the front of `buffer`; nullopt when more bytes are needed.
std::optional<WsFrame> decode_frame(std::string& buffer);

// Payload of a close frame.
std::string close_payload(std::uint16_t code, std::string_view reason = {});

// The Sec-WebSocket-Accept that belongs to a Sec-WebSocket-Key.
std::string accept_key(const std::string& key);

}  // namespace pulsegate::test
