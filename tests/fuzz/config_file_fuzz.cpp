// The configuration file, down to the options that come of it: what is printed of an option reads back as the same.
#include <cstdio>
#include <string>
#include <variant>

#include "gateway/commands/config_file.hpp"
#include "gateway/commands/option_table.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/commands/options.hpp"
#include "storage/connection_string.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

void check_line(const commands::ConfigLine& line) {
  must_hold(line.option != nullptr && !line.value.empty(), "a line names an option and a value");
  must_hold(line.value == commands::trim(line.value), "a value is trimmed");
  if (!line.option->access.apply) return;
  Config config;
  if (!line.option->access.apply(config, line.value).empty()) return;
  if (line.option->kind == commands::Option::Kind::list) return;  // lists are appended to, element by element
  const std::string shown = line.option->access.show(config);
  if (shown.empty()) return;
  Config again;
  must_hold(line.option->access.apply(again, shown).empty(), "what is shown of an option is a value of it");
  must_hold(line.option->access.show(again) == shown, "what is shown of an option reads back as the same");
}

void check_values(std::string_view text) {
  if (const auto value = commands::read_duration(text))
    must_hold(commands::read_duration(commands::show_duration(*value)) == value, "a duration reads back");
  if (const auto value = commands::read_size(text))
    must_hold(commands::read_size(commands::show_size(*value)) == value, "a size reads back");
  if (const auto value = commands::read_real(text))
    must_hold(commands::read_real(commands::show_real(*value)) == value, "a number reads back");
  if (const auto value = commands::read_address(text)) {
    const auto again = commands::read_address(commands::show_address(*value));
    must_hold(again && again->host == value->host && again->port == value->port, "an address reads back");
  }
  if (!storage::check_connection_string(text)) {
    const std::string whole = storage::complete_connection_string(text, std::chrono::seconds(5));
    must_hold(!storage::check_connection_string(whole), "a connection string is one after it was completed");
  }
  (void)storage::redacted_connection_string(text);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (size <= 256) check_values(commands::trim(text));
  const commands::ConfigFile file = commands::parse_config_file(text, "/etc/pulsegate.conf");
  for (const commands::ConfigLine& line : file.lines) check_line(line);
  for (const std::string& error : file.errors)
    must_hold(error.find("pulsegate.conf:") != std::string::npos, "an error says where it stands");

  // The whole way, with this as the only file there is.
  commands::CommandLine line;
  line.config_file = "/etc/pulsegate.conf";
  const auto result = commands::resolve_options(
      line, {}, [&](const std::string& path, std::string& error) -> std::optional<std::string> {
        if (path == line.config_file) return text;
        error = "No such file or directory";
        return std::nullopt;
      });
  if (const auto* errors = std::get_if<commands::OptionErrors>(&result))
    must_hold(!errors->empty(), "what is refused is refused for a reason");
  else
    must_hold(file.errors.empty(), "a file with errors is not taken");
  return 0;
}
