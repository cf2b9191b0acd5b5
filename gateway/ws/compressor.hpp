// Compresses an event once for all its receivers (RFC 7692, each message for itself). Which receivers take it is the
// connections' business.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/frame.hpp"
#include "gateway/ws/endpoint_counters.hpp"

struct z_stream_s;

namespace pulsegate::ws {

// Thread: one shard. Owner: the endpoint; the only deflater of all its connections. It takes 200 KB from the first
// frame on, and nothing where nobody compresses.
class Compressor {
 public:
  // A shorter payload is sent as it is: 5 us would save less than 200 bytes, of a packet that leaves anyway.
  static constexpr std::size_t kLeastPayload = 512;  // bytes

  explicit Compressor(EndpointCounters& counters) noexcept : counters_(counters) {}
  ~Compressor();
  Compressor(const Compressor&) = delete;
  Compressor& operator=(const Compressor&) = delete;

  // What a receiver with compression gets for `frame`, a text frame: its compressed twin, made at the first call, or
  // `frame` itself where that would not be an eighth shorter at least.
  FramePtr shared(FramePtr frame) {
    if (!frame->twin_tried()) compress(*frame);
    const FramePtr& twin = frame->twin();
    if (!twin) return frame;
    ++counters_.compressed_frames_sent;
    counters_.compression_saved_bytes += frame->size() - twin->size();
    return twin;
  }

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };

  void compress(const Frame& frame);
  // The compressed payload in scratch_; empty if it would be longer than `limit`. Throws std::bad_alloc.
  std::string_view deflated(std::string_view payload, std::size_t limit);

  EndpointCounters& counters_;
  std::unique_ptr<z_stream_s, End> stream_;
  std::string scratch_;
};

}  // namespace pulsegate::ws
