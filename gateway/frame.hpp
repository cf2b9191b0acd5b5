// An encoded, immutable WebSocket message (header and payload in one block), shared by all its receivers on one shard.
// It knows nothing of websocketpp: outbound bytes bypass that library's queue, which can neither be conflated nor
// counted.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <utility>

namespace pulsegate {

class FramePtr;

// Thread: one shard. The reference count is deliberately not atomic; another shard gets a copy of the bytes.
class Frame {
 public:
  Frame(const Frame&) = delete;
  Frame& operator=(const Frame&) = delete;

  // An unmasked, final text frame (RFC 6455, section 5.2). `payload` must be valid UTF-8.
  static FramePtr text(std::string_view payload);
  // Bytes that go out as they are: a handshake response, or a control frame that websocketpp has encoded.
  static FramePtr raw(std::string_view bytes);

  std::string_view bytes() const noexcept { return {data(), size_}; }
  std::string_view payload() const noexcept { return bytes().substr(header_size_); }
  std::size_t size() const noexcept { return size_; }

 private:
  friend class FramePtr;
  Frame(std::size_t size, std::size_t header_size) noexcept
      : size_(size), header_size_(static_cast<std::uint32_t>(header_size)) {}
  const char* data() const noexcept { return reinterpret_cast<const char*>(this + 1); }
  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
  static Frame* allocate(std::size_t size, std::size_t header_size);
  static void destroy(const Frame* frame) noexcept;

  std::size_t size_;  // header and payload, bytes
  std::uint32_t header_size_;
  mutable std::uint32_t references_ = 0;
};

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
  void acquire() const noexcept {
    if (frame_ != nullptr) ++frame_->references_;
  }
  void release() noexcept {
    if (frame_ != nullptr && --frame_->references_ == 0) Frame::destroy(frame_);
  }

  const Frame* frame_ = nullptr;
};

}  // namespace pulsegate
