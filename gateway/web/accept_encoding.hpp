// Which form of a file a client is sent: the negotiation of content codings (RFC 9110, section 12.5.3). Pure.
#pragma once

#include <cstdint>
#include <string_view>

namespace pulsegate::web {

enum class Coding : std::uint8_t { identity, gzip, brotli };

// What Content-Encoding says; empty for identity.
std::string_view name(Coding coding) noexcept;

// Of the codings that `accept` (the header's value; empty: not sent) allows the one with the highest weight, and of
// equals the shortest: brotli, gzip, identity. Identity where the client allows nothing that we have: an answer that it
// may yet understand is better than none.
Coding choose_coding(std::string_view accept) noexcept;

}  // namespace pulsegate::web
