// Redis commands as bytes (RESP2 arrays of bulk strings).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::bus {

// Appends one command to `out`; any byte may stand in an argument. Requires at least one argument.
void append_command(std::string& out, const std::vector<std::string_view>& arguments);

}  // namespace pulsegate::bus
