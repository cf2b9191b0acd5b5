// Line by line, collecting every error: an operator should not have to start the gateway once per typing mistake.
#include "gateway/commands/config_file.hpp"

#include <algorithm>

#include "gateway/commands/option_table.hpp"
#include "gateway/commands/option_values.hpp"
#include "gateway/log_line.hpp"

namespace pulsegate::commands {
namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  log::append_escaped(out, text, 80);
  return out + '"';
}

std::string unknown_key(std::string_view key) {
  std::string sentence = "unknown key " + quoted(key);
  if (const Option* near = nearest_option(key)) sentence += "; did you mean " + quoted(near->key()) + "?";
  return sentence;
}

void parse_line(std::string_view line, const std::string& origin, ConfigFile& file) {
  const auto fail = [&](const std::string& sentence) { file.errors.push_back(origin + ": " + sentence); };
  if (line.empty() || line.front() == '#') return;

  const auto equals = line.find('=');
  if (equals == std::string_view::npos) return fail("expected key = value");
  const std::string_view key = trim(line.substr(0, equals));
  const std::string_view value = trim(line.substr(equals + 1));
  const Option* option = find_option(key);
  if (option == nullptr || key.substr(0, 2) == "--") return fail(unknown_key(key));
  const auto control = [](char c) { return (c >= 0 && c < ' ' && c != '\t') || c == 0x7F; };
  if (std::any_of(value.begin(), value.end(), control)) return fail(option->key() + " holds a control character");
  if (!value.empty()) file.lines.push_back({option, std::string(value), origin});
}

}  // namespace

ConfigFile parse_config_file(std::string_view text, const std::string& path) {
  ConfigFile file;
  constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";
  if (text.substr(0, kByteOrderMark.size()) == kByteOrderMark) text.remove_prefix(kByteOrderMark.size());

  for (std::size_t number = 1; !text.empty(); ++number) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    parse_line(trim(text.substr(0, end)), path + ":" + std::to_string(number), file);
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return file;
}

}  // namespace pulsegate::commands
