// The table itself: names, look-ups, that every field of Config is covered, and that the annotated file keeps in step.
#include "gateway/commands/option_table.hpp"

#include <boost/test/unit_test.hpp>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string>
#include <variant>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/options.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;

namespace {

std::string source_path(const std::string& path) {
  return PULSEGATE_SOURCE_DIR "/" + path;
}

std::string read(const std::string& path) {
  std::ifstream file(path);
  return std::string(std::istreambuf_iterator<char>(file), {});
}

// The annotated file with every setting in force.
std::string uncommented(const std::string& text) {
  std::istringstream lines(text);
  std::string out;
  for (std::string line; std::getline(lines, line); out += line + "\n")
    if (line.size() > 1 && line[0] == '#' && line[1] != ' ' && line[1] != '#') line.erase(0, 1);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(OptionTable)

BOOST_AUTO_TEST_CASE(flags_and_variables_are_unique_and_well_formed) {
  std::set<std::string> flags;
  for (const Option& option : option_table()) {
    BOOST_TEST(flags.insert(option.flag).second, option.flag);
    BOOST_TEST(option.flag.find_first_not_of("abcdefghijklmnopqrstuvwxyz-") == std::string::npos, option.flag);
    BOOST_TEST(!option.help.empty(), option.flag);
    BOOST_TEST(option.help.back() != '.', option.flag);
    BOOST_TEST(option.metavar.empty() == (option.kind == Option::Kind::toggle), option.flag);
    BOOST_TEST(!option.group.empty(), option.flag);
  }
  BOOST_TEST(find_option("--ping-interval")->variable() == "PULSEGATE_PING_INTERVAL");
  BOOST_TEST(find_option("--ping-interval")->key() == "ping-interval");
}

BOOST_AUTO_TEST_CASE(every_default_reads_back_as_itself) {
  for (const Option& option : option_table()) {
    const std::string text = default_text(option);
    if (text.empty() || option.kind == Option::Kind::list) continue;
    Config config;
    BOOST_TEST(option.access.apply(config, text) == "", option.flag);
    BOOST_TEST(option.access.show(config) == text, option.flag);
  }
}

BOOST_AUTO_TEST_CASE(files_of_secrets_point_at_a_secret) {
  for (const Option& option : option_table()) {
    if (option.kind != Option::Kind::from_file) continue;
    const Option* target = find_option(option.target);
    BOOST_REQUIRE(target != nullptr);
    BOOST_TEST(target->secret);
    BOOST_TEST(option.flag == target->flag + "-file");
  }
}

BOOST_AUTO_TEST_CASE(options_are_found_by_flag_and_by_key) {
  BOOST_TEST(find_option("--listen") == find_option("listen"));
  BOOST_TEST(find_option("--listen") != nullptr);
  BOOST_TEST(find_option("") == nullptr);
  BOOST_TEST(find_option("--") == nullptr);
  BOOST_TEST(find_option("listen ") == nullptr);
}

BOOST_AUTO_TEST_CASE(the_nearest_name_is_suggested) {
  BOOST_TEST(nearest_option("max_connections")->flag == "--max-connections");
  BOOST_TEST(nearest_option("--pinginterval")->flag == "--ping-interval");
  BOOST_TEST(nearest_option("zzzzzzzz") == nullptr);
  BOOST_TEST(nearest_option("") == nullptr);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(AnnotatedFile)

BOOST_AUTO_TEST_CASE(is_the_one_that_the_table_makes) {
  BOOST_TEST(read(source_path("deploy/pulsegate.conf")) == config_template(),
             "write it anew: pulsegate check-config --print-template > deploy/pulsegate.conf");
}

BOOST_AUTO_TEST_CASE(holds_every_key_once) {
  const std::string text = config_template();
  for (const Option& option : option_table()) {
    const std::string start = "\n#" + option.key() + " =";
    const auto first = text.find(start);
    BOOST_REQUIRE_MESSAGE(first != std::string::npos, option.key());
    BOOST_TEST(text.find(start, first + 1) == std::string::npos, option.key());
  }
}

BOOST_AUTO_TEST_CASE(as_it_is_it_changes_nothing) {
  const OptionsResult result = resolve_options(
      {{}, "f"}, {}, [](const std::string&, std::string&) { return std::optional<std::string>(config_template()); });
  BOOST_REQUIRE(std::holds_alternative<ParsedOptions>(result));
  for (const Setting& setting : std::get<ParsedOptions>(result).settings) BOOST_TEST(setting.origin == "default");
}

BOOST_AUTO_TEST_CASE(uncommented_it_says_the_defaults) {
  const OptionsResult result = resolve_options({{}, "f"}, {}, [](const std::string&, std::string&) {
    return std::optional<std::string>(uncommented(config_template()));
  });
  if (const auto* errors = std::get_if<OptionErrors>(&result))
    for (const std::string& error : *errors) BOOST_ERROR(error);
  BOOST_REQUIRE(std::holds_alternative<ParsedOptions>(result));
  const auto& parsed = std::get<ParsedOptions>(result);
  for (const Option& option : option_table())
    if (option.kind != Option::Kind::from_file)
      BOOST_TEST(option.access.show(parsed.config) == default_text(option), option.flag);
  for (const Setting& setting : parsed.settings)
    BOOST_TEST((setting.origin == "default") == (default_text(*find_option(setting.key)).empty()), setting.key);
}

BOOST_AUTO_TEST_CASE(has_no_long_lines) {
  std::istringstream lines(config_template());
  for (std::string line; std::getline(lines, line);) BOOST_TEST(line.size() <= 100u, line);
}

BOOST_AUTO_TEST_SUITE_END()
