// Where in a request the token stands. Pure.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/access/admission.hpp"

namespace pulsegate::access {

// "Authorization: Bearer <token>", else an offered subprotocol "bearer.<token>", else the parameter "token". Another
// scheme than Bearer is somebody else's (a proxy's), and is passed over. nullopt: nowhere.
std::optional<std::string> find_token(const Request& request);

}  // namespace pulsegate::access
