// Finds the messages in what a server sends, without keeping them: of each only the first bytes are looked at, the rest
// is skipped. The generator shares its core with Redis, so what it spends per delivery falsifies the measurement.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace pulsegate::bench {

// Unmasked frames (RFC 6455, section 5.2), in pieces of any size.
class FrameScanner {
 public:
  static constexpr unsigned kCompressed = 0x40;  // in the opcode of a message that begins compressed (RSV1)
  // Bytes of a payload that are shown: a whole control frame, and of a compressed event what its beginning is made of.
  static constexpr std::size_t kHead = 240;

  // Calls on(opcode, head of the payload, size of the payload) for each frame whose head has come.
  template <typename OnFrame>
  void feed(const char* data, std::size_t size, OnFrame&& on) {
    while (size > 0) {
      if (skip_ > 0) {
        const std::size_t step = static_cast<std::size_t>(std::min<std::uint64_t>(skip_, size));
        skip_ -= step;
        data += step;
        size -= step;
        continue;
      }
      if (kept_ == 0) {
        const std::size_t wanted = needed(data, size);
        if (wanted <= size) {
          show(data, wanted, on);
          data += wanted;
          size -= wanted;
          continue;
        }
      }
      // A frame that begins at the end of a read: collect its head. needed() grows as the header becomes known.
      const std::size_t step = std::min(size, needed(head_, kept_) - kept_);
      std::memcpy(head_ + kept_, data, step);
      kept_ = static_cast<std::uint8_t>(kept_ + step);
      data += step;
      size -= step;
      if (needed(head_, kept_) == kept_) {
        const std::size_t whole = kept_;
        kept_ = 0;
        show(head_, whole, on);
      }
    }
  }

 private:
  static std::size_t header_size(const char* data, std::size_t size) noexcept {
    if (size < 2) return 2;
    const unsigned length = static_cast<unsigned char>(data[1]) & 0x7fu;
    return length < 126 ? 2 : length == 126 ? 4 : 10;
  }
  static std::uint64_t payload_size(const char* data, std::size_t header) noexcept {
    if (header == 2) return static_cast<unsigned char>(data[1]) & 0x7fu;
    std::uint64_t size = 0;
    for (std::size_t i = 2; i < header; ++i) size = size << 8 | static_cast<unsigned char>(data[i]);
    return size;
  }
  // Bytes from the beginning of the frame to the end of what is shown of it, as far as can be told from `size` bytes.
  static std::size_t needed(const char* data, std::size_t size) noexcept {
    const std::size_t header = header_size(data, size);
    if (size < header) return header;
    return header + static_cast<std::size_t>(std::min<std::uint64_t>(payload_size(data, header), kHead));
  }
  template <typename OnFrame>
  void show(const char* data, std::size_t size, OnFrame&& on) {
    const std::size_t header = header_size(data, size);
    const std::uint64_t payload = payload_size(data, header);
    skip_ = payload - (size - header);
    on(static_cast<unsigned>(data[0]) & (0x0fu | kCompressed), std::string_view(data + header, size - header), payload);
  }

  std::uint64_t skip_ = 0;  // bytes of a payload still to come that nobody looks at
  std::uint8_t kept_ = 0;
  char head_[10 + kHead];
};

}  // namespace pulsegate::bench
