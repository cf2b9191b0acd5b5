// RFC 7692 as a client does it, written apart from the gateway's: a stream per call, and the tail of a flush put back
// before inflating.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::test {

// A message compressed for itself (client_no_context_takeover). `chunk`: bytes between flushes, each of which begins a
// new DEFLATE block; 0: one block.
std::string deflate_message(std::string_view message, int level = 6, std::size_t chunk = 0);

// nullopt: not DEFLATE, or it ends inside a block.
std::optional<std::string> inflate_message(std::string_view compressed);

}  // namespace pulsegate::test
