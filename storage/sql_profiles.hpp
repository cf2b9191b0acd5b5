// The SQL files of storage/sql, compiled into the program: a gateway needs no file beside it.
#pragma once

#include <string_view>

namespace pulsegate::storage::sql_profiles {

extern const std::string_view kGuide;
extern const std::string_view kDevicesTable;

}  // namespace pulsegate::storage::sql_profiles
