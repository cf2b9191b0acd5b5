// See ws_frame.hpp.
#include "tests/support/ws_frame.hpp"

#include <openssl/evp.h>

#include <random>

namespace pulsegate::test {
namespace {

std::uint8_t byte_at(const std::string& text, std::size_t index) {
  return static_cast<std::uint8_t>(text[index]);
}

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out.push_back(static_cast<char>((value >> shift) & 0xff));
}

std::uint64_t number_at(const std::string& text, std::size_t from, std::size_t bytes) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < bytes; ++i) value = value << 8 | byte_at(text, from + i);
  return value;
}

}  // namespace

std::string encode_frame(const WsFrame& frame) {
  std::string out;
  out.push_back(static_cast<char>((frame.fin ? 0x80 : 0) | (frame.rsv << 4) | static_cast<int>(frame.opcode)));
  const int mask_bit = frame.masked ? 0x80 : 0;
  if (frame.payload.size() < 126) {
    out.push_back(static_cast<char>(mask_bit | static_cast<int>(frame.payload.size())));
  } else if (frame.payload.size() <= 0xffff) {
    out.push_back(static_cast<char>(mask_bit | 126));
    append_number(out, frame.payload.size(), 2);
  } else {
    out.push_back(static_cast<char>(mask_bit | 127));
    append_number(out, frame.payload.size(), 8);
  }
  if (!frame.masked) return out + frame.payload;

  static thread_local std::minstd_rand random{std::random_device{}()};
  std::string key;
  append_number(key, random(), 4);
  out += key;
  for (std::size_t i = 0; i < frame.payload.size(); ++i) {
    out.push_back(static_cast<char>(byte_at(frame.payload, i) ^ byte_at(key, i % 4)));
  }
  return out;
}

std::optional<WsFrame> decode_frame(std::string& buffer) {
  if (buffer.size() < 2) return std::nullopt;
  const bool masked = (byte_at(buffer, 1) & 0x80) != 0;
  std::uint64_t size = byte_at(buffer, 1) & 0x7f;
  const std::size_t extra = size == 126 ? 2 : size == 127 ? 8 : 0;
  const std::size_t header = 2 + extra + (masked ? 4 : 0);
  if (buffer.size() < header) return std::nullopt;
  if (extra != 0) size = number_at(buffer, 2, extra);
  if (buffer.size() - header < size) return std::nullopt;

  WsFrame frame;
  frame.fin = (byte_at(buffer, 0) & 0x80) != 0;
  frame.rsv = static_cast<std::uint8_t>((byte_at(buffer, 0) >> 4) & 7);
  frame.opcode = static_cast<Opcode>(byte_at(buffer, 0) & 0x0f);
  frame.masked = masked;
  frame.payload = buffer.substr(header, size);
  if (masked) {
    for (std::size_t i = 0; i < frame.payload.size(); ++i) {
      frame.payload[i] = static_cast<char>(byte_at(frame.payload, i) ^ byte_at(buffer, header - 4 + i % 4));
    }
  }
  buffer.erase(0, header + size);
  return frame;
}

std::string close_payload(std::uint16_t code, std::string_view reason) {
  std::string payload;
  append_number(payload, code, 2);
  return payload.append(reason);
}

std::string accept_key(const std::string& key) {
  const std::string text = key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
  unsigned char digest[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  EVP_Digest(text.data(), text.size(), digest, &size, EVP_sha1(), nullptr);
  unsigned char encoded[64];
  const int length = EVP_EncodeBlock(encoded, digest, static_cast<int>(size));
  return {reinterpret_cast<const char*>(encoded), static_cast<std::size_t>(length)};
}

}  // namespace pulsegate::test
