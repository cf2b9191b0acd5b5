// Whether a client could tell the gateway from the guide's server by what it received.
#pragma once

#include <string>
#include <vector>

#include "tests/support/json.hpp"

namespace pulsegate::test {

// What one client received, in order.
using Transcript = std::vector<Json>;

// Compares two transcripts of the same conversation and returns one sentence for each difference that a client of the
// guide could notice; empty: there is none. The order of messages of different types does not count, since the guide's
// server sends each as its query is answered. The differences that the project makes on purpose stand in parity.cpp,
// each with its reason.
std::vector<std::string> differences(const Transcript& guide, const Transcript& gateway);

}  // namespace pulsegate::test
