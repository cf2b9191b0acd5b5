// The configuration file: lines `key = value`, comments on lines of their own. Text to keys only; what a value means is
// the option table's business.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::commands {

struct Option;

struct ConfigLine {
  const Option* option;
  std::string value;   // trimmed, never empty
  std::string origin;  // "pulsegate.conf:12"
};

struct ConfigFile {
  std::vector<ConfigLine> lines;
  std::vector<std::string> errors;  // each begins with file and line
};

// `#` starts a comment only as the first character of a line: passwords hold it too. A key without value is as if the
// line were not there. Pure; never throws on any text.
ConfigFile parse_config_file(std::string_view text, const std::string& path);

}  // namespace pulsegate::commands
