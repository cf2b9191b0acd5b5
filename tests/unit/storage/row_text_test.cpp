// Texts of rows: only valid JSON in UTF-8 gets through.
#include "storage/row_text.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "proto/metric_values.hpp"

using namespace pulsegate;

namespace {

unsigned bit(proto::Metric metric) {
  return 1u << static_cast<unsigned>(metric);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(RowText)

BOOST_AUTO_TEST_CASE(json_scalars_stand_as_they_are) {
  storage::RowText text;
  for (const char* json : {"3600", "-1.50", "\"Debian \\\"12\\\"\"", "true"})
    BOOST_TEST(text.json_scalar(json) == json);
}

BOOST_AUTO_TEST_CASE(other_text_becomes_a_string) {
  storage::RowText text;
  BOOST_TEST(text.json_scalar("Debian") == "\"Debian\"");
  BOOST_TEST(text.json_scalar("1 day, 2:03") == "\"1 day, 2:03\"");
  BOOST_TEST(text.json_scalar("a\"\\\n") == "\"a\\\"\\\\\\n\"");
  BOOST_TEST(text.json_scalar("007") == "\"007\"");
  BOOST_TEST(text.json_scalar("") == "\"\"");
  BOOST_TEST(text.json_scalar("NaN") == "\"NaN\"");
}

BOOST_AUTO_TEST_CASE(what_is_no_scalar_is_left_out) {
  storage::RowText text;
  for (const char* value : {"null", "{\"a\":1}", "[1]", "\xff\xfe", "\"\xc3\x28\""})
    BOOST_TEST(text.json_scalar(value).empty(), value);
}

BOOST_AUTO_TEST_CASE(values_are_checked) {
  storage::RowText text;
  BOOST_TEST(text.json_value("[{\"pid\": 1}]") == "[{\"pid\": 1}]");
  for (const char* value : {"null", "[1", "[1] 2", "\"\xff\"", "", "false", " 0.00 ", "-0", "0e9", "\"\""})
    BOOST_TEST(text.json_value(value).empty(), value);
  for (const char* value : {"true", "1", "0.01", "\"x\"", "\" \"", "[]", "{}"})
    BOOST_TEST(text.json_value(value) == value);
  BOOST_TEST(text.json_value(std::string(100, '[') + std::string(100, ']')).empty());
  BOOST_TEST(text.json_value("\"" + std::string(storage::kMaxJsonColumn, 'x') + "\"").empty());
}

BOOST_AUTO_TEST_CASE(an_objects_outer_keys_tell_the_columns) {
  storage::RowText text;
  std::uint8_t mask = 0;
  const std::string json =
      R"({"device_uuid":"x","cpu_usage":null,"network_rx":5,"other":{"cpu_temp":1},"list":[{"memory_total":2}]})";
  BOOST_TEST(text.json_object(std::string(json), mask) == json);
  BOOST_TEST(mask == (bit(proto::Metric::cpu_usage) | bit(proto::Metric::network_rx)));
}

BOOST_AUTO_TEST_CASE(only_objects_are_objects) {
  storage::RowText text;
  std::uint8_t mask = 7;
  for (const char* value : {"[]", "5", "null", "{", "{\"a\":\"\xff\"}"})
    BOOST_TEST(text.json_object(value, mask).empty(), value);
  BOOST_TEST(mask == 7);
}

BOOST_AUTO_TEST_SUITE_END()
