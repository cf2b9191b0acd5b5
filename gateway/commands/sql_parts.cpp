#include "gateway/commands/sql_parts.hpp"

#include <optional>
#include <stdexcept>

#include "gateway/commands/commands.hpp"

namespace pulsegate::commands {

storage::SqlSet load_statements(const Config& config) {
  try {
    return storage::load_sql(config.sql_profile,
                             config.sql_file.empty() ? std::nullopt : std::optional(config.sql_file));
  } catch (const std::invalid_argument& fault) {
    throw ConfigurationError(fault.what());
  }
}

}  // namespace pulsegate::commands
