// One zlib stream, reset for every event.
#include "gateway/ws/compressor.hpp"

#include <zlib.h>

#include <new>

namespace pulsegate::ws {
namespace {

// Measured on events of 1.2 KB: level 1 takes 6.9 us and leaves 50 %, level 6 takes 8.7 us and leaves 48 %; at 8 KB it
// is 9 against 19 us. Memory level 7 has the smallest hash table that loses nothing; it is cleared for every event.
constexpr int kLevel = 1;
constexpr int kMemoryLevel = 7;
constexpr int kRawWindow = -15;                  // 32 KB, and no zlib header
constexpr std::size_t kTail = 4;                 // 00 00 ff ff, left out by RFC 7692, section 7.2.1
constexpr std::size_t kKeptScratch = 64 * 1024;  // bytes kept from one event to the next

}  // namespace

void Compressor::End::operator()(z_stream_s* stream) const noexcept {
  deflateEnd(stream);
  delete stream;
}

Compressor::~Compressor() = default;

void Compressor::compress(const Frame& frame) {
  const std::string_view payload = frame.payload();
  FramePtr twin;
  if (payload.size() >= kLeastPayload) {
    ++counters_.compressions;
    const std::string_view bytes = deflated(payload, payload.size() - payload.size() / 8);
    if (!bytes.empty()) twin = Frame::compressed_text(bytes);
    if (scratch_.size() > kKeptScratch) std::string().swap(scratch_);
  }
  frame.set_twin(std::move(twin));
}

std::string_view Compressor::deflated(std::string_view payload, std::size_t limit) {
  if (stream_ == nullptr) {
    auto fresh = std::make_unique<z_stream>();
    if (deflateInit2(fresh.get(), kLevel, Z_DEFLATED, kRawWindow, kMemoryLevel, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
    stream_.reset(fresh.release());
  } else {
    deflateReset(stream_.get());
  }
  if (scratch_.size() < limit + kTail) scratch_.resize(limit + kTail);

  z_stream& stream = *stream_;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(payload.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(payload.size());
  stream.next_out = reinterpret_cast<Bytef*>(scratch_.data());
  stream.avail_out = static_cast<uInt>(limit + kTail);
  // With room left in the output the flush is complete.
  if (deflate(&stream, Z_SYNC_FLUSH) != Z_OK || stream.avail_out == 0) return {};
  return {scratch_.data(), limit + kTail - stream.avail_out - kTail};
}

}  // namespace pulsegate::ws
