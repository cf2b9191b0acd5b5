// An encoded, immutable WebSocket message (header and payload in one block), shared by all its receivers on one shard.
// It knows nothing of websocketpp: outbound bytes bypass that library's queue, which can neither be conflated nor
// counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pulsegate {

class Frame;

// An intrusive reference to a Frame. Thread: the frame's shard.
class FramePtr {
 public:
  FramePtr() noexcept = default;
  explicit FramePtr(const Frame* frame) noexcept : frame_(frame) { acquire(); }
  FramePtr(const FramePtr& other) noexcept : frame_(other.frame_) { acquire(); }
  FramePtr(FramePtr&& other) noexcept : frame_(std::exchange(other.frame_, nullptr)) {}
  FramePtr& operator=(FramePtr other) noexcept {
    std::swap(frame_, other.frame_);
    return *this;
  }
  ~FramePtr() { release(); }

  const Frame* operator->() const noexcept { return frame_; }
  const Frame& operator*() const noexcept { return *frame_; }
  explicit operator bool() const noexcept { return frame_ != nullptr; }
  void reset() noexcept { FramePtr().swap(*this); }
  void swap(FramePtr& other) noexcept { std::swap(frame_, other.frame_); }

 private:
  void acquire() const noexcept;
  void release() noexcept;

  const Frame* frame_ = nullptr;
};

// Thread: one shard. The reference count is deliberately not atomic; another shard gets a copy of the bytes.
class Frame {
 public:
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // An unmasked, final text frame (RFC 6455, section 5.2). `payload` must be valid UTF-8.
  static FramePtr text(std::string_view payload);
  // The same for a payload that is compressed (RFC 7692, section 6): RSV1 is set.
  static FramePtr compressed_text(std::string_view payload);
  // Bytes that go out as they are: a handshake response, or a control frame that websocketpp has encoded.
  static FramePtr raw(std::string_view bytes);

  std::string_view bytes() const noexcept { return {data(), size_}; }
  std::string_view payload() const noexcept { return bytes().substr(header_size_); }
  std::size_t size() const noexcept { return size_; }

  // The same message compressed, made once and kept as long as the frame, for all receivers that take it. Null where
  // compressing does not pay, and before anybody has tried: ws::Compressor.
  const FramePtr& twin() const noexcept { return twin_; }
  bool twin_tried() const noexcept { return twin_tried_; }
  void set_twin(FramePtr twin) const noexcept {
    twin_ = std::move(twin);
    twin_tried_ = true;
  }

 private:
  friend class FramePtr;
  Frame(std::size_t size, std::size_t header_size) noexcept
      : size_(size), header_size_(static_cast<std::uint8_t>(header_size)) {}
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  static Frame* allocate(std::size_t size, std::size_t header_size);
  static FramePtr with_header(char first_byte, std::string_view payload);
  static void destroy(const Frame* frame) noexcept;

  std::size_t size_;  // header and payload, bytes
  mutable std::uint32_t references_ = 0;
  std::uint8_t header_size_;
  mutable bool twin_tried_ = false;
  mutable FramePtr twin_;  // not part of the message: sharing it does not change what anybody receives
};

inline void FramePtr::acquire() const noexcept {
  if (frame_ != nullptr) ++frame_->references_;
}

inline void FramePtr::release() noexcept {
  if (frame_ != nullptr && --frame_->references_ == 0) Frame::destroy(frame_);
}

}  // namespace pulsegate
