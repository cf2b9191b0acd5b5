// The SQL statements that the options name: commands are the only place in the gateway that knows PostgreSQL.
#pragma once

#include "gateway/config.hpp"
#include "storage/named_sql.hpp"

namespace pulsegate::commands {

// Throws ConfigurationError.
storage::SqlSet load_statements(const Config& config);

}  // namespace pulsegate::commands
