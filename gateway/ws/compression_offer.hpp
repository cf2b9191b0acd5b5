// Negotiation of permessage-deflate (RFC 7692, section 7.1) as a function of the client's header, nothing kept. One
// form is agreed to: each message for itself in both directions, so that an event can be compressed once for everybody
// and a connection needs no state for what it receives.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace pulsegate::ws {

// `offers`: the value of Sec-WebSocket-Extensions. Returns the value to answer with, for the first offer that can be
// accepted; nullopt when there is none. What is malformed, unknown or asks for a smaller window than the shared frames
// need is passed over: the connection then goes without compression.
std::optional<std::string> answer_compression_offer(std::string_view offers);

}  // namespace pulsegate::ws
