// CLI11 and nothing else of consequence: its header costs seconds, so the rest of the options does not see it.
#include "gateway/commands/command_line.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "gateway/commands/option_table.hpp"
#include "gateway/log_line.hpp"

namespace pulsegate::commands {
namespace {

std::string description(const Option& option) {
  std::string text = option.help + "\n[" + option.variable();
  const std::string value = default_text(option);
  if (!value.empty()) text += ", default " + value;
  return text + "]";
}

void add_toggle(CLI::App& app, CommandLine& line, const Option& option) {
  // Once a time that it stands there; `--flag=false` is -1.
  const auto store = [&line, flag = option.flag](std::int64_t times) {
    for (std::int64_t i = 0; i < std::abs(times); ++i) line.flags.emplace_back(flag, times > 0 ? "on" : "off");
  };
  app.add_flag_function(option.flag, store, description(option))->group(option.group);
}

void add_flag(CLI::App& app, CommandLine& line, const Option& option) {
  if (option.kind == Option::Kind::toggle) return add_toggle(app, line, option);
  const auto store = [&line, flag = option.flag](const std::vector<std::string>& values) {
    for (const std::string& value : values) line.flags.emplace_back(flag, value);
    return true;
  };
  app.add_option_function<std::vector<std::string>>(option.flag, store, description(option))
      ->group(option.group)
      ->option_text(option.metavar)
      ->type_size(1)
      ->expected(1, CLI::detail::expected_max_vector_size)  // repeats are judged later, with the other sources
      ->allow_extra_args(false);                            // but each takes one value
}

// What can be shown of an argument that nobody knows. What is no flag, or a flag's value, may be a secret: the flag
// before it may have been mistyped.
std::string unknown_argument(const std::string& argument) {
  if (argument.size() < 2 || argument[0] != '-')
    return "an argument belongs to no flag; it is not shown, since it may be a secret";
  const std::string name = argument[1] == '-' ? argument.substr(0, argument.find('=')) : argument.substr(0, 2);
  std::string error = "unknown argument ";
  log::append_escaped(error, name, 80);
  const Option* near = nearest_option(name);
  if (name.size() > 2 && near != nullptr) error += "; did you mean " + near->flag + "?";
  return error;
}

}  // namespace

void add_options(CLI::App& app, CommandLine& line, const std::string& group) {
  app.add_option("--config", line.config_file, "Configuration file, lines key = value\n[PULSEGATE_CONFIG]")
      ->option_text("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
  for (const Option& option : option_table())
    if (group.empty() || option.group == group || option.flag == "--max-bus-payload") add_flag(app, line, option);
  app.allow_extras();
}

std::vector<std::string> unknown_arguments(const CLI::App& app) {
  std::vector<std::string> errors;
  for (const std::string& argument : app.remaining(true)) errors.push_back(unknown_argument(argument));
  return errors;
}

OptionsResult parse_options(const std::vector<std::string>& args, const Environment& environment,
                            const ReadFile& read_file) {
  CLI::App app;
  CommandLine line;
  add_options(app, line);
  OptionErrors errors;
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));  // CLI11 takes them last first
    errors = unknown_arguments(app);
  } catch (const CLI::ParseError& fault) {
    errors.push_back(fault.what());
  }
  OptionsResult result = resolve_options(line, environment, read_file);
  if (errors.empty()) return result;
  if (const auto* more = std::get_if<OptionErrors>(&result)) errors.insert(errors.end(), more->begin(), more->end());
  return errors;
}

}  // namespace pulsegate::commands
