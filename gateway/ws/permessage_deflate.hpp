// What websocketpp asks of its extension permessage-deflate, answered without an inflater or deflater per connection:
// HandshakeRequest negotiates, Compressor and Inflater do the work, and to the library a compressed message is one of
// binary bytes (InboundMessage).
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

#include <websocketpp/http/constants.hpp>

namespace pulsegate::ws {

// websocketpp's permessage_deflate_type. Thread: the connection's shard. Owner: one connection.
// Invariant: neither compress() nor decompress() is ever reached, since no message says that it is compressed.
class PermessageDeflate {
 public:
  // From here on RSV1 is no protocol error.
  std::pair<std::error_code, std::string> negotiate(const websocketpp::http::attribute_list& answer) {
    enabled_ = true;
    return {{}, answer.begin()->first};
  }
  std::error_code init(bool) { return {}; }
  bool is_implemented() const noexcept { return true; }
  bool is_enabled() const noexcept { return enabled_; }
  std::string generate_offer() const { return {}; }

  std::error_code compress(const std::string&, std::string&) { return unsupported(); }
  std::error_code decompress(const std::uint8_t*, std::size_t, std::string&) { return unsupported(); }

 private:
  static std::error_code unsupported() { return std::make_error_code(std::errc::operation_not_supported); }

  bool enabled_ = false;
};

}  // namespace pulsegate::ws
