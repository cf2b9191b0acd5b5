// What one option alone cannot say: whether values are usable where they will be used, and whether they fit together.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/commands/options.hpp"

namespace pulsegate::commands {

struct CheckContext {
  const Config& config;
  // Where the value in force of a flag comes from, for messages.
  std::function<std::string(std::string_view flag)> where;
  // Whether the flag's own text was refused: then the value is a default that the operator did not ask for.
  std::function<bool(std::string_view flag)> refused;
  const ReadFile& read_file;
};

// One sentence per error, each beginning with where the value comes from.
std::vector<std::string> cross_checks(const CheckContext& context);
// What works but is probably not meant.
std::vector<std::string> config_warnings(const CheckContext& context, const Environment& environment);

// For logs and check-config: without the password.
std::string redacted_redis(const std::string& url);
std::string redacted_database(const std::string& connection);

}  // namespace pulsegate::commands
