// A direct-mapped cache in front of one zlib stream.
#include "tests/bench/load/head_inflater.hpp"

#include <zlib.h>

#include <algorithm>
#include <functional>
#include <stdexcept>

namespace pulsegate::bench {

HeadInflater::HeadInflater()
    : stream_(std::make_unique<z_stream>()), entries_(std::make_unique<std::array<Entry, 512>>()) {
  constexpr int kRawWindow = -15;
  if (inflateInit2(stream_.get(), kRawWindow) != Z_OK) throw std::runtime_error("inflateInit2 failed");
}

HeadInflater::~HeadInflater() {
  inflateEnd(stream_.get());
}

std::string_view HeadInflater::head(std::string_view compressed) {
  compressed = compressed.substr(0, std::tuple_size_v<decltype(Entry::key)>);
  Entry& entry = (*entries_)[std::hash<std::string_view>()(compressed) % entries_->size()];
  if (std::string_view(entry.key.data(), entry.key_size) != compressed) inflate(compressed, entry);
  return {entry.text.data(), entry.size};
}

void HeadInflater::inflate(std::string_view compressed, Entry& entry) {
  std::copy(compressed.begin(), compressed.end(), entry.key.begin());
  entry.key_size = compressed.size();
  inflateReset(stream_.get());
  stream_->next_in = reinterpret_cast<Bytef*>(entry.key.data());
  stream_->avail_in = static_cast<uInt>(entry.key_size);
  stream_->next_out = reinterpret_cast<Bytef*>(entry.text.data());
  stream_->avail_out = static_cast<uInt>(entry.text.size());
  const int code = ::inflate(stream_.get(), Z_SYNC_FLUSH);
  entry.size = code == Z_OK ? entry.text.size() - stream_->avail_out : 0;
}

}  // namespace pulsegate::bench
