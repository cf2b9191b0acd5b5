// The PROXY protocol, versions 1 and 2 (haproxy's doc/proxy-protocol.txt): what a proxy says of its client before the
// client's first byte. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "gateway/access/ip_address.hpp"

namespace pulsegate::access {

struct ProxyHeader {
  enum class Status : unsigned char { incomplete, complete, malformed };

  Status status = Status::malformed;
  std::size_t size = 0;  // complete: bytes to take off the stream
  IpAddress
      source;  // complete: the client; of nobody where the proxy speaks for itself (LOCAL, UNKNOWN, a unix socket)
};

// Bytes of a header: version 1 ends within 107, version 2 says its length, of which more than this is refused: that
// much TLVs (certificates' names, ids) no proxy sends.
inline constexpr std::size_t kMaxProxyHeader = 4'096;

// Reads the header at the beginning of `bytes`. Incomplete only while more bytes could complete it, so never for
// kMaxProxyHeader bytes.
ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace pulsegate::access
