// Who a request is from when proxies stand before us: by the header in which each of them writes whom it was called by.
// Pure.
#pragma once

#include <optional>
#include <string_view>

#include "gateway/access/ip_address.hpp"

namespace pulsegate::access {

// The header that the operator's proxies write. Only this one is read: a proxy that writes one of them passes the other
// on as the client has invented it.
enum class ForwardedHeader : unsigned char {
  x_forwarded_for,  // addresses with commas between them, each maybe with a port
  forwarded         // RFC 7239: of each element the parameter `for`
};

// The address of the client: the rightmost one that is no proxy of ours, since each proxy adds at the right whom it was
// called by, and what stands further left is the client's own invention. `peer`: who has called us. The peer itself
// when it is no trusted proxy, whatever the header says. Where an entry is no address ("unknown", "_hidden"), the
// trusted proxy that wrote it.
IpAddress client_address(const IpAddress& peer, ForwardedHeader form, std::string_view header,
                         const NetworkList& trusted);

// One entry of X-Forwarded-For, or one value of `for`: an address, maybe in quotes, with brackets or a port. nullopt:
// no address.
std::optional<IpAddress> forwarded_address(std::string_view entry);

}  // namespace pulsegate::access
