// Lays out a frame: one block that holds the reference count, the WebSocket header and the payload.
#include "gateway/frame.hpp"

#include <cstring>
#include <new>

namespace pulsegate {
namespace {

constexpr char kFinalText = '\x81';            // FIN and opcode 1 (RFC 6455, section 5.2)
constexpr char kFinalCompressedText = '\xc1';  // and RSV1 (RFC 7692, section 6)
constexpr std::size_t kMaxShort = 125;         // lengths that fit into the second byte
constexpr std::size_t kMaxMedium = 0xffff;     // lengths that fit into two further bytes

constexpr std::size_t header_size_for(std::size_t payload) noexcept {
  return payload <= kMaxShort ? 2 : payload <= kMaxMedium ? 4 : 10;
}

// Network byte order. Returns the position after the last byte.
char* put_big_endian(char* out, std::uint64_t value, unsigned bytes) noexcept {
  for (unsigned shift = bytes * 8; shift > 0; shift -= 8) *out++ = static_cast<char>((value >> (shift - 8)) & 0xff);
  return out;
}

}  // namespace

Frame* Frame::allocate(std::size_t size, std::size_t header_size) {
  return new (::operator new(sizeof(Frame) + size)) Frame(size, header_size);
}

void Frame::destroy(const Frame* frame) noexcept {
  frame->~Frame();
  ::operator delete(const_cast<Frame*>(frame));
}

FramePtr Frame::text(std::string_view payload) {
  return with_header(kFinalText, payload);
}

FramePtr Frame::compressed_text(std::string_view payload) {
  return with_header(kFinalCompressedText, payload);
}

FramePtr Frame::with_header(char first_byte, std::string_view payload) {
  const std::size_t header_size = header_size_for(payload.size());
  Frame* frame = allocate(header_size + payload.size(), header_size);
  FramePtr owner(frame);

  char* out = frame->data();
  *out++ = first_byte;
  switch (header_size) {
    case 2:
      *out++ = static_cast<char>(payload.size());
      break;
    case 4:
      *out++ = 126;
      out = put_big_endian(out, payload.size(), 2);
      break;
    default:
      *out++ = 127;
      out = put_big_endian(out, payload.size(), 8);
  }
  if (!payload.empty()) std::memcpy(out, payload.data(), payload.size());
  return owner;
}

FramePtr Frame::raw(std::string_view bytes) {
  Frame* frame = allocate(bytes.size(), 0);
  FramePtr owner(frame);
  if (!bytes.empty()) std::memcpy(frame->data(), bytes.data(), bytes.size());
  return owner;
}

}  // namespace pulsegate
