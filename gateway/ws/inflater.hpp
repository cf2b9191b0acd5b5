// Inflates what clients send compressed (RFC 7692, section 7.2.2), bounded in size and ratio: a few hundred bytes may
// stand for a megabyte. A message is inflated whole, once its last byte has come, so nothing is kept between messages
// or for a connection.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace pulsegate::ws {

// Thread: one shard. Owner: the endpoint; the only inflater of all its connections. It takes 40 KB from the first
// message on, and nothing where nobody compresses.
class Inflater {
 public:
  // Commands shrink to a fifth at best. Up to kAlways bytes the ratio does not matter.
  static constexpr std::size_t kMaxRatio = 32;
  static constexpr std::size_t kAlways = 4 * 1024;

  // too_big: longer than the limit, or than kMaxRatio times what was received. invalid: not DEFLATE, or it ends
  // inside a block.
  enum class Status : std::uint8_t { complete, too_big, invalid };
  struct Message {
    Status status;
    std::string_view payload;  // if complete; valid until the next call
  };

  Inflater() noexcept;
  ~Inflater();
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  // `compressed`: the payload of a whole message. `limit`: bytes of the result. Throws std::bad_alloc.
  Message inflate(std::string_view compressed, std::size_t limit);

 private:
  struct End {
    void operator()(z_stream_s* stream) const noexcept;
  };
  void start(std::size_t limit);
  Status run(std::string_view compressed, std::size_t limit);
  // The result may grow to one byte above the limit, by which too much is known. False when it has.
  bool make_room(std::size_t limit);
  std::size_t filled() const noexcept;  // bytes of result_

  std::unique_ptr<z_stream_s, End> stream_;
  std::string result_;  // the stream writes into it; kept from one message to the next
};

}  // namespace pulsegate::ws
