// From flags, environment and configuration file to one Config. Precedence: flag, environment, file, default; the
// highest source that names an option decides it alone, lists included. Every error is found in one go and says where
// it stands.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/config.hpp"

namespace pulsegate::commands {

// Variables whose name begins with PULSEGATE_. An empty value is as if the variable were not set.
using Environment = std::map<std::string, std::string>;
Environment read_environment();

// The whole text of a file, or nullopt and `error` as "No such file or directory".
using ReadFile = std::function<std::optional<std::string>(const std::string& path, std::string& error)>;
// The real one; refuses what is larger than 1 MiB, with this error.
inline constexpr const char* kFileTooLarge = "it is larger than 1MiB";
std::optional<std::string> read_small_file(const std::string& path, std::string& error);

// Flags as they were typed, not yet understood.
struct CommandLine {
  std::vector<std::pair<std::string, std::string>> flags;  // "--listen", "0.0.0.0:8080"
  std::string config_file;                                 // --config; empty: PULSEGATE_CONFIG, or none
};

struct Setting {
  std::string key;
  std::string value;   // safe to print: secrets are redacted
  std::string origin;  // "--listen", "PULSEGATE_LISTEN", "pulsegate.conf:3" or "default"
};

struct ParsedOptions {
  Config config;
  std::vector<Setting> settings;      // one per option that has a value of its own, in the order of the table
  std::vector<std::string> warnings;  // sentences; the configuration works all the same
};
using OptionErrors = std::vector<std::string>;  // sentences, at least one
using OptionsResult = std::variant<ParsedOptions, OptionErrors>;

// Pure but for `read_file`. Never throws on any input.
OptionsResult resolve_options(const CommandLine& line, const Environment& environment, const ReadFile& read_file);

// The same from the arguments after the subcommand; faults of the command line itself are among the errors.
OptionsResult parse_options(const std::vector<std::string>& args, const Environment& environment,
                            const ReadFile& read_file);

}  // namespace pulsegate::commands
