// What is known of a socket before its first request.
#pragma once

#include "gateway/access/ip_address.hpp"
#include "gateway/access/limiter.hpp"
#include "gateway/access/tally.hpp"

namespace pulsegate::ws {

// Made by the listener, kept by the connection until its socket is closed.
struct Arrival {
  // The peer, or whom its PROXY header names. Of nobody where the proxy speaks for itself. Once the request of a
  // trusted proxy was read: whom its header names.
  access::IpAddress source;
  access::Tally::Place place;                   // of that address; empty where none is counted
  access::Limit limited = access::Limit::none;  // the request is to be refused
};

}  // namespace pulsegate::ws
