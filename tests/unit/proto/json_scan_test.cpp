// JsonScanner: what counts as JSON, where brackets stand, and the guards against hostile text.
#include "proto/json_scan.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

#include "proto/limits.hpp"
#include "tests/unit/proto/json_recorder.hpp"

using namespace pulsegate::proto;
using test::Recorder;

namespace {

JsonScan scan(std::string_view text) {
  Recorder recorder;
  return JsonScanner().scan(text, recorder);
}

std::string nested(std::size_t levels) {
  return std::string(levels, '[') + std::string(levels, ']');
}

}  // namespace

BOOST_AUTO_TEST_SUITE(JsonScannerTest)

BOOST_AUTO_TEST_CASE(tells_events_with_depth_and_offsets) {
  Recorder recorder;
  JsonScanner scanner;
  BOOST_TEST((scanner.scan(R"( {"a":[1.50,"x\n"],"b":{"c":null,"d":true}} )", recorder) == JsonScan::ok));
  BOOST_TEST(recorder.seen == "0{1 1ka 1[6 2n1.50 2sx\n 1]18 1kb 1{23 2kc 2z 2kd 2btrue 1}42 0}43 ");
}

BOOST_AUTO_TEST_CASE(hands_numbers_over_verbatim) {
  for (const char* number : {"0", "-0", "1", "-12.50", "1e5", "1E+05", "2.5e-3", "18446744073709551616", "0.1000"}) {
    Recorder recorder;
    BOOST_TEST((JsonScanner().scan(number, recorder) == JsonScan::ok));
    BOOST_TEST(recorder.seen == "0n" + std::string(number) + " ");
  }
}

BOOST_AUTO_TEST_CASE(accepts_one_value_of_any_kind) {
  for (const char* text : {"null", " true\n", "0", "\"\"", "[]", "{}", "\"\\u0000\"", "\"\\ud83d\\ude00\"",
                           "\"\xf0\x9f\x98\x80\"", "\"\xed\x9f\xbf\"", "\"\xef\xbf\xbf\""})
    BOOST_TEST((scan(text) == JsonScan::ok), text);
}

BOOST_AUTO_TEST_CASE(rejects_what_is_not_one_json_value) {
  for (const char* text : {"",        " ",       "{",     "}",         "[1,]",      "{\"a\":1,}",
                           "{\"a\"}", "{a:1}",   "'a'",   "01",        "+1",        ".5",
                           "5.",      "1e",      "- 1",   "NaN",       "nul",       "truex",
                           "1 2",     "{}{}",    "[] x",  "\"a",       "\"\\x\"",   "\"\n\"",
                           "// c\n1", "1//",     "[1 2]", "{\"a\" 1}", "\"\\u12\"", "\xef\xbb\xbf{}",
                           "1e400",   "Infinity"})
    BOOST_TEST((scan(text) == JsonScan::malformed), text);
}

BOOST_AUTO_TEST_CASE(rejects_bytes_that_are_not_utf8) {
  for (const char* text : {"\"\x80\"", "\"\xc3\"", "\"\xc0\xaf\"", "\"\xe2\x82\"", "\"\xf0\x80\x80\x80\"",
                           "\"\xf5\x80\x80\x80\"", "\"\xed\xa0\x80\"", "\"\xff\"", "{\"\xc3\x28\":1}"})
    BOOST_TEST((scan(text) == JsonScan::malformed));
}

// Long enough for a heap block of its own, so that valgrind sees a byte read too many.
BOOST_AUTO_TEST_CASE(reads_nothing_behind_a_text_that_ends_within_a_character) {
  for (const char* rest :
       {"\xc3", "\xe2\x82", "\xe2", "\xf0\x9f\x98", "\xf0\x9f", "\xf0", "\\", "\\u", "\\ud83d", "\\ud83d\\"}) {
    BOOST_TEST((scan("\"a string without a closing quote " + std::string(rest)) == JsonScan::malformed), rest);
    BOOST_TEST((scan("a text that is no string " + std::string(rest)) == JsonScan::malformed), rest);
  }
}

BOOST_AUTO_TEST_CASE(half_a_character_in_an_escape_is_read_as_the_replacement_character) {
  const std::pair<const char*, const char*> rows[] = {
      {R"("\ud800")", "\xef\xbf\xbd"},
      {R"("\uD83D!")", "\xef\xbf\xbd!"},
      {R"("\ud83d\u0041")",
       "\xef\xbf\xbd"
       "A"},
      {R"("\udc00")", "\xef\xbf\xbd"},
      {R"("a\udfffb")",
       "a\xef\xbf\xbd"
       "b"},
      {R"("\ude00\ud83d")", "\xef\xbf\xbd\xef\xbf\xbd"},
      {R"("\ud83d\ud83d\ude00")", "\xef\xbf\xbd\xf0\x9f\x98\x80"},
      {R"("\\\ud83d")", "\\\xef\xbf\xbd"},
      {R"("\\ud83d")", "\\ud83d"},
  };
  for (const auto& [text, decoded] : rows) {
    Recorder seen;
    BOOST_TEST((JsonScanner().scan(text, seen) == JsonScan::ok), text);
    BOOST_TEST(seen.seen.find(decoded) != std::string::npos, text << " is seen as " << seen.seen);
  }
  BOOST_TEST((scan(R"({"\udc00":1})") == JsonScan::ok));
  BOOST_TEST((scan(R"("\ud83")") == JsonScan::malformed));
  BOOST_TEST((scan(R"("\ud83g")") == JsonScan::malformed));
}

BOOST_AUTO_TEST_CASE(reads_nothing_behind_a_nul_byte_and_does_not_pass_it) {
  BOOST_TEST((scan(std::string_view("{}\0", 3)) == JsonScan::malformed));
  BOOST_TEST((scan(std::string_view("{}\0{}", 5)) == JsonScan::malformed));
  BOOST_TEST((scan(std::string_view("\0", 1)) == JsonScan::malformed));
  BOOST_TEST((scan(std::string_view("\"a\0b\"", 5)) == JsonScan::malformed));
}

BOOST_AUTO_TEST_CASE(stops_at_the_depth_cap) {
  BOOST_TEST((scan(nested(limits::kMaxJsonDepth)) == JsonScan::ok));
  BOOST_TEST((scan(nested(limits::kMaxJsonDepth + 1)) == JsonScan::too_deep));
  BOOST_TEST((scan(std::string(200000, '[')) == JsonScan::too_deep));
  std::string objects;
  for (int i = 0; i < 50000; ++i) objects += "{\"a\":";
  BOOST_TEST((scan(objects) == JsonScan::too_deep));
}

BOOST_AUTO_TEST_CASE(survives_numbers_that_break_the_librarys_conversion) {
  BOOST_TEST((scan("0." + std::string(5000, '0') + "1e-2147483639") == JsonScan::ok));
  BOOST_TEST((scan("1e-99999999999999999999") == JsonScan::ok));
  BOOST_TEST((scan("0." + std::string(100000, '1')) == JsonScan::ok));
  BOOST_TEST((scan(std::string(100000, '9')) == JsonScan::malformed));
}

BOOST_AUTO_TEST_CASE(can_be_used_again_after_a_failure) {
  JsonScanner scanner;
  for (const char* text : {"[[[[", "{\"a\":[1,2", "[\"abc"}) {
    Recorder broken;
    BOOST_TEST((scanner.scan(text, broken) == JsonScan::malformed));
    Recorder recorder;
    BOOST_TEST((scanner.scan("[1]", recorder) == JsonScan::ok));
    BOOST_TEST(recorder.seen == "0[0 1n1 0]3 ");
  }
}

BOOST_AUTO_TEST_SUITE_END()
