// Look-ups in the option table; its rows are in option_rows.cpp.
#include "gateway/commands/option_table.hpp"

#include <cctype>

#include "gateway/commands/option_values.hpp"

namespace pulsegate::commands {

std::string Option::variable() const {
  std::string name = "PULSEGATE_";
  for (const char c : key()) name += c == '-' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return name;
}

const std::vector<Option>& option_table() {
  static const std::vector<Option> kTable = make_option_rows();
  return kTable;
}

const Option* find_option(std::string_view flag_or_key) {
  const std::string_view key = flag_or_key.substr(0, 2) == "--" ? flag_or_key.substr(2) : flag_or_key;
  for (const Option& option : option_table())
    if (option.flag.compare(2, std::string::npos, key) == 0) return &option;
  return nullptr;
}

const Option* nearest_option(std::string_view name) {
  const std::string_view key = name.substr(0, 2) == "--" ? name.substr(2) : name;
  const Option* best = nullptr;
  std::size_t best_distance = key.size() / 3 + 2;  // farther away a suggestion only confuses
  for (const Option& option : option_table()) {
    const std::size_t distance = edit_distance(key, option.key());
    if (distance < best_distance) {
      best = &option;
      best_distance = distance;
    }
  }
  return best;
}

std::string default_text(const Option& option) {
  return option.kind == Option::Kind::from_file ? std::string() : option.access.show(Config{});
}

}  // namespace pulsegate::commands
