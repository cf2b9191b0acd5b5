// The beginning of a compressed message. Clients of one device get the same bytes, so what was inflated for the first
// is kept for the others: the generator shares its core with Redis, and must not inflate once per delivery.
#pragma once

#include <array>
#include <cstddef>
#include <memory>
#include <string_view>

struct z_stream_s;

namespace pulsegate::bench {

// Owner: all clients together.
class HeadInflater {
 public:
  HeadInflater();
  ~HeadInflater();
  HeadInflater(const HeadInflater&) = delete;
  HeadInflater& operator=(const HeadInflater&) = delete;

  // What can be read from the first bytes of a message (RFC 7692, without context takeover), kHead bytes at most; empty
  // when they are no DEFLATE. Valid until the next call.
  std::string_view head(std::string_view compressed);

  static constexpr std::size_t kHead = 125;

 private:
  struct Entry {
    std::size_t key_size = 0, size = 0;
    std::array<char, 256> key;
    std::array<char, kHead> text;
  };
  void inflate(std::string_view compressed, Entry& entry);

  std::unique_ptr<z_stream_s> stream_;
  std::unique_ptr<std::array<Entry, 512>> entries_;  // by hash; events under way at the same time are fewer
};

}  // namespace pulsegate::bench
