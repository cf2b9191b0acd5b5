// JSON scalars as text.
#include <boost/test/unit_test.hpp>

#include <cmath>
#include <limits>

#include "proto/message.hpp"

using namespace pulsegate::proto;

namespace {

std::string string_of(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

std::string number_of(double value) {
  std::string out;
  append_json_number(out, value);
  return out;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(JsonText)

BOOST_AUTO_TEST_CASE(escapes_quotes_backslashes_and_control_characters) {
  const std::pair<std::string, const char*> rows[] = {
      {"", R"("")"},
      {"plain", R"("plain")"},
      {"say \"hi\"", R"("say \"hi\"")"},
      {"C:\\x", R"("C:\\x")"},
      {"\b\f\n\r\t", R"("\b\f\n\r\t")"},
      {std::string("a\0b\x1f", 4), R"("a\u0000b\u001f")"},
      {"\x7f/", "\"\x7f/\""},
      {"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\""},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(string_of(text) == expected);
}

// Expected column: String(value) of JavaScript.
BOOST_AUTO_TEST_CASE(prints_numbers_as_javascript_does) {
  const std::pair<double, const char*> rows[] = {
      {0, "0"},
      {-0.0, "0"},
      {1, "1"},
      {-17, "-17"},
      {45.2, "45.2"},
      {0.1 + 0.2, "0.30000000000000004"},
      {-0.5, "-0.5"},
      {100000, "100000"},
      {1e15, "1000000000000000"},
      {8589934592.0, "8589934592"},
      {8589934592.25, "8589934592.25"},
      {9007199254740991.0, "9007199254740991"},
      {9007199254740992.0, "9007199254740992"},
      {1e20, "100000000000000000000"},
      {123456789012345680000.0, "123456789012345680000"},
      {-123456789012345680000.0, "-123456789012345680000"},
      {1e21, "1e+21"},
      {1.5e300, "1.5e+300"},
      {0.000001, "0.000001"},
      {0.00000123, "0.00000123"},
      {1e-7, "1e-7"},
      {1.25e-10, "1.25e-10"},
      {5e-324, "5e-324"},
      {1.7976931348623157e308, "1.7976931348623157e+308"},
  };
  for (const auto& [value, expected] : rows) BOOST_TEST(number_of(value) == expected);
}

BOOST_AUTO_TEST_CASE(prints_valid_json_even_for_what_json_cannot_hold) {
  BOOST_TEST(number_of(std::numeric_limits<double>::infinity()) == "0");
  BOOST_TEST(number_of(std::nan("")) == "0");
}

BOOST_AUTO_TEST_SUITE_END()
