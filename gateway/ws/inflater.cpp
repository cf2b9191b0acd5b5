// One zlib stream, reset for every message.
#include "gateway/ws/inflater.hpp"

#include <zlib.h>

#include <algorithm>
#include <new>

namespace pulsegate::ws {
namespace {

constexpr int kRawWindow = -15;               // 32 KB, the most that any client may use, and no zlib header
constexpr std::size_t kFirstRoom = 4 * 1024;  // bytes of result
constexpr std::size_t kKeptRoom = 64 * 1024;  // bytes of result that outlive a message
constexpr int kBlockEnded = 128;              // in z_stream::data_type after inflate(Z_BLOCK)

}  // namespace

void Inflater::End::operator()(z_stream_s* stream) const noexcept {
  inflateEnd(stream);
  delete stream;
}

Inflater::Inflater() noexcept = default;
Inflater::~Inflater() = default;

Inflater::Message Inflater::inflate(std::string_view compressed, std::size_t limit) {
  limit = std::min(limit, std::max(kAlways, compressed.size() * kMaxRatio));
  start(limit);
  Status status = run(compressed, limit);
  if (status == Status::complete && filled() > limit) status = Status::too_big;
  if (status != Status::complete) return {status, {}};
  return {status, {result_.data(), filled()}};
}

void Inflater::start(std::size_t limit) {
  if (stream_ == nullptr) {
    auto fresh = std::make_unique<z_stream>();
    if (inflateInit2(fresh.get(), kRawWindow) != Z_OK) throw std::bad_alloc();
    stream_.reset(fresh.release());
  } else {
    inflateReset(stream_.get());
  }
  if (result_.size() > kKeptRoom) std::string().swap(result_);
  stream_->next_out = reinterpret_cast<Bytef*>(result_.data());
  stream_->avail_out = static_cast<uInt>(std::min(result_.size(), limit + 1));
}

Inflater::Status Inflater::run(std::string_view compressed, std::size_t limit) {
  z_stream& stream = *stream_;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(compressed.data()));  // zlib does not write there
  stream.avail_in = static_cast<uInt>(compressed.size());
  int code = Z_OK;
  do {
    if (stream.avail_out == 0 && !make_room(limit)) return Status::too_big;
    code = ::inflate(&stream, Z_SYNC_FLUSH);
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR) return Status::invalid;
    // A block may be marked as the last one, and others follow all the same (RFC 7692, section 7.2.3.4).
    if (code == Z_STREAM_END && stream.avail_in > 0) inflateReset(&stream);
  } while (code != Z_BUF_ERROR && (stream.avail_in > 0 || stream.avail_out == 0));
  if (code == Z_STREAM_END) return Status::complete;

  // The sender has left these bytes out (section 7.2.1). Where they do not end an empty block, the message was cut off.
  Bytef tail[] = {0x00, 0x00, 0xff, 0xff};
  stream.next_in = tail;
  stream.avail_in = sizeof tail;
  code = ::inflate(&stream, Z_BLOCK);
  const bool ended = code == Z_STREAM_END || (code == Z_OK && (stream.data_type & kBlockEnded) != 0);
  return ended && stream.avail_in == 0 ? Status::complete : Status::invalid;
}

bool Inflater::make_room(std::size_t limit) {
  const std::size_t before = filled();
  if (before > limit) return false;
  const std::size_t room = std::min(std::max(kFirstRoom, before * 2), limit + 1);
  result_.resize(std::max(room, result_.size()));
  stream_->next_out = reinterpret_cast<Bytef*>(result_.data() + before);
  stream_->avail_out = static_cast<uInt>(room - before);
  return true;
}

std::size_t Inflater::filled() const noexcept {
  return static_cast<std::size_t>(reinterpret_cast<const char*>(stream_->next_out) - result_.data());
}

}  // namespace pulsegate::ws
