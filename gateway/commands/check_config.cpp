// `pulsegate check-config`: what would be in force and why; and the annotated configuration file, made from the same
// table.
#include <algorithm>
#include <cstdio>
#include <string>
#include <string_view>
#include <variant>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/option_table.hpp"

namespace pulsegate::commands {
namespace {

constexpr std::size_t kColumns = 100;

// Appends sentences as comment lines, broken at blanks.
void append_comment(std::string& out, std::string_view text) {
  while (!text.empty()) {
    std::size_t end = text.size();
    if (end > kColumns - 2) {
      end = text.rfind(' ', kColumns - 2);
      if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    }
    (out += "# ").append(text.substr(0, end)) += '\n';
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

void append_option(std::string& out, const Option& option) {
  append_comment(out, option.help + ".");
  append_comment(out, option.manual);
  if (!option.example.empty()) append_comment(out, "For instance: " + option.key() + " = " + option.example);
  const std::string value = default_text(option);
  out += "#" + option.key() + " =" + (value.empty() ? "" : " " + value) + "\n\n";
}

}  // namespace

std::string config_template() {
  std::string out;
  append_comment(out,
                 "Configuration of pulsegate: lines `key = value`. A `#` starts a comment only at the beginning of a "
                 "line, since passwords hold it too.");
  append_comment(out,
                 "Every key is also a flag (--key) and a variable (PULSEGATE_KEY, with _ for -). A flag wins over a "
                 "variable, a variable over this file, this file over the default.");
  append_comment(out,
                 "Durations: 500ms, 2s, 5m, 1h. Sizes: 4096, 64KiB, 1MiB. What may repeat may also be a list with "
                 "commas. A key without a value is as if it were not there.");
  append_comment(out,
                 "Every key stands here with its default, commented out. `pulsegate check-config --config FILE` "
                 "checks a file; `pulsegate check-config --print-template` prints this one.");
  out += '\n';
  std::string group;
  for (const Option& option : option_table()) {
    if (option.group != group) {
      group = option.group;
      out += "## " + group + "\n\n";
    }
    append_option(out, option);
  }
  out.pop_back();  // one newline at the end
  return out;
}

int print_option_errors(const OptionErrors& errors) {
  std::fprintf(stderr, "pulsegate: the configuration has %zu error%s:\n", errors.size(), errors.size() == 1 ? "" : "s");
  for (const std::string& error : errors) std::fprintf(stderr, "  %s\n", error.c_str());
  return kExitConfiguration;
}

int run_check_config(const OptionsResult& options, bool print_template) {
  if (print_template) return std::fputs(config_template().c_str(), stdout) < 0 ? kExitFailure : kExitClean;
  if (const auto* errors = std::get_if<OptionErrors>(&options)) return print_option_errors(*errors);

  const auto& parsed = std::get<ParsedOptions>(options);
  std::size_t key_width = 0, value_width = 0;
  for (const Setting& setting : parsed.settings) {
    key_width = std::max(key_width, setting.key.size());
    value_width = std::max(value_width, std::min<std::size_t>(setting.value.size(), 40));
  }
  for (const Setting& setting : parsed.settings)
    std::printf("%-*s  %-*s  %s\n", static_cast<int>(key_width), setting.key.c_str(), static_cast<int>(value_width),
                setting.value.empty() ? "-" : setting.value.c_str(), setting.origin.c_str());
  for (const std::string& warning : parsed.warnings) std::fprintf(stderr, "warning: %s\n", warning.c_str());
  return kExitClean;
}

}  // namespace pulsegate::commands
