// Plays a case against a server on a loopback port and says what was wrong with what came.
#pragma once

#include <cstdint>
#include <string>

#include "tests/conformance/rfc6455/case.hpp"

namespace pulsegate::test {

// A server that does not echo answers each data message with one of its own.
enum class Server { echoes, answers };

// Empty: as the case wants it. Otherwise what came instead, in words.
std::string play(const Case& one, Server server, std::uint16_t port, const std::string& target);

}  // namespace pulsegate::test
