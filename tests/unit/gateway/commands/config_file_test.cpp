// The configuration file: which lines are settings, and that every bad line is named.
#include "gateway/commands/config_file.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "gateway/commands/option_table.hpp"

using namespace pulsegate::commands;

BOOST_AUTO_TEST_SUITE(ConfigFileText)

BOOST_AUTO_TEST_CASE(lines_are_key_and_value) {
  const ConfigFile file = parse_config_file("listen = :1\n\n  # indented comment\nshards=2\n\tlinger\t=\t5s\t\n", "f");
  BOOST_TEST(file.errors.empty());
  BOOST_REQUIRE(file.lines.size() == 3u);
  BOOST_TEST(file.lines[0].option->flag == "--listen");
  BOOST_TEST(file.lines[0].value == ":1");
  BOOST_TEST(file.lines[0].origin == "f:1");
  BOOST_TEST(file.lines[1].origin == "f:4");
  BOOST_TEST(file.lines[2].value == "5s");
}

BOOST_AUTO_TEST_CASE(a_value_may_hold_equals_signs_and_hashes) {
  const ConfigFile file = parse_config_file("database = host=db password=a#b\n", "f");
  BOOST_REQUIRE(file.lines.size() == 1u);
  BOOST_TEST(file.lines[0].value == "host=db password=a#b");
}

BOOST_AUTO_TEST_CASE(windows_line_ends_a_byte_order_mark_and_a_missing_newline_are_fine) {
  const ConfigFile file = parse_config_file("\xEF\xBB\xBFshards = 2\r\nlinger = 1s", "f");
  BOOST_TEST(file.errors.empty());
  BOOST_REQUIRE(file.lines.size() == 2u);
  BOOST_TEST(file.lines[0].value == "2");
  BOOST_TEST(file.lines[1].value == "1s");
}

BOOST_AUTO_TEST_CASE(bad_lines_are_all_named) {
  const ConfigFile file = parse_config_file("[section]\nlisen = :1\n--listen = :1\n= 5\nMAX_CONNECTIONS = 1\n", "f");
  BOOST_TEST(file.lines.empty());
  BOOST_REQUIRE(file.errors.size() == 5u);
  BOOST_TEST(file.errors[0] == "f:1: expected key = value");
  BOOST_TEST(file.errors[1] == "f:2: unknown key \"lisen\"; did you mean \"listen\"?");
  BOOST_TEST(file.errors[2] == "f:3: unknown key \"--listen\"; did you mean \"listen\"?");
  BOOST_TEST(file.errors[3] == "f:4: unknown key \"\"");
  BOOST_TEST(file.errors[4].find("f:5: unknown key \"MAX_CONNECTIONS\"") == 0u);
}

BOOST_AUTO_TEST_CASE(control_characters_are_refused_and_never_repeated) {
  const ConfigFile file =
      parse_config_file(std::string("topic-prefix = a\x1b[2Jb\nshards = 1\0\nbad\x1bkey = 1\n", 46), "f");
  BOOST_REQUIRE(file.errors.size() == 3u);
  BOOST_TEST(file.errors[0] == "f:1: topic-prefix holds a control character");
  BOOST_TEST(file.errors[1] == "f:2: shards holds a control character");
  BOOST_TEST(file.errors[2].find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(an_empty_text_is_an_empty_file) {
  for (const char* text : {"", "\n", "\n\n", "#", "# only a comment", " \t"}) {
    const ConfigFile file = parse_config_file(text, "f");
    BOOST_TEST(file.lines.empty());
    BOOST_TEST(file.errors.empty());
  }
}

BOOST_AUTO_TEST_SUITE_END()
