// See ws_deflate.hpp.
#include "tests/support/ws_deflate.hpp"

#include <zlib.h>

#include <algorithm>
#include <stdexcept>

namespace pulsegate::test {
namespace {

constexpr std::string_view kTail("\x00\x00\xff\xff", 4);
constexpr int kRawWindow = -15;

Bytef* bytes_of(std::string_view text) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
}

}  // namespace

std::string deflate_message(std::string_view message, int level, std::size_t chunk) {
  z_stream stream{};
  if (deflateInit2(&stream, level, Z_DEFLATED, kRawWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("deflateInit2");
  std::string out;
  char buffer[4096];
  do {
    const std::string_view part = message.substr(0, chunk == 0 ? message.size() : chunk);
    message.remove_prefix(part.size());
    stream.next_in = bytes_of(part);
    stream.avail_in = static_cast<uInt>(part.size());
    do {
      stream.next_out = reinterpret_cast<Bytef*>(buffer);
      stream.avail_out = sizeof buffer;
      deflate(&stream, Z_SYNC_FLUSH);
      out.append(buffer, sizeof buffer - stream.avail_out);
    } while (stream.avail_out == 0);
  } while (!message.empty());
  deflateEnd(&stream);
  out.resize(out.size() - kTail.size());
  return out;
}

std::optional<std::string> inflate_message(std::string_view compressed) {
  const std::string whole = std::string(compressed).append(kTail);
  z_stream stream{};
  if (inflateInit2(&stream, kRawWindow) != Z_OK) throw std::runtime_error("inflateInit2");
  stream.next_in = bytes_of(whole);
  stream.avail_in = static_cast<uInt>(whole.size());
  std::string out;
  char buffer[4096];
  int code = Z_OK;
  do {
    stream.next_out = reinterpret_cast<Bytef*>(buffer);
    stream.avail_out = sizeof buffer;
    code = inflate(&stream, Z_SYNC_FLUSH);
    out.append(buffer, sizeof buffer - stream.avail_out);
  } while (code == Z_OK && stream.avail_out == 0);
  const bool whole_read = stream.avail_in == 0;
  inflateEnd(&stream);
  if ((code != Z_OK && code != Z_BUF_ERROR) || !whole_read) return std::nullopt;
  return out;
}

}  // namespace pulsegate::test
