// Timestamps as text: what is read, what is refused, and what is written back.
#include "proto/time.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using std::chrono::microseconds;
using test::at;
using test::iso;

namespace {

std::int64_t micros(std::string_view text) {
  return at(text).time_since_epoch().count();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Iso8601)

BOOST_AUTO_TEST_CASE(reads_utc_with_any_precision) {
  const std::pair<const char*, std::int64_t> rows[] = {
      {"1970-01-01T00:00:00Z", 0},
      {"2026-11-22T14:05:00Z", 1795356300000000},
      {"2026-11-22T14:05:00.123Z", 1795356300123000},
      {"2026-11-22 14:05:00.123Z", 1795356300123000},
      {"2026-11-22T14:05:00.1Z", 1795356300100000},
      {"2026-11-22T14:05:00.123456Z", 1795356300123456},
      {"2026-11-22T14:05:00.123456789Z", 1795356300123456},
      {"2026-11-22T14:05:00.999999999Z", 1795356300999999},
      {"2028-02-29T23:59:59.999Z", 1835481599999000},
      {"2000-02-29T00:00:00Z", 951782400000000},
      {"9999-12-31T23:59:59.999999Z", 253402300799999999},
  };
  for (const auto& [text, expected] : rows) BOOST_TEST(micros(text) == expected, text);
}

BOOST_AUTO_TEST_CASE(applies_the_offset) {
  BOOST_TEST(micros("2026-11-22T15:05:00+01:00") == micros("2026-11-22T14:05:00Z"));
  BOOST_TEST(micros("2026-11-22T08:35:00.5-05:30") == micros("2026-11-22T14:05:00.5Z"));
  BOOST_TEST(micros("2026-11-22 14:05:00+00:00") == micros("2026-11-22T14:05:00Z"));
  BOOST_TEST(micros("2027-01-01T00:30:00+01:00") == micros("2026-12-31T23:30:00Z"));
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_a_time) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-22",
                           "2026-11-22T14:05Z",
                           "2026-11-22T14:05:00",
                           "2026-11-22T14:05:00z",
                           "2026-11-22t14:05:00Z",
                           "2026-11-22  14:05:00Z",
                           " 2026-11-22T14:05:00Z",
                           "2026-11-22T14:05:00Z ",
                           "2026-11-22T14:05:00ZZ",
                           "2026-11-22T14:05:00.Z",
                           "2026-11-22T14:05:00,123Z",
                           "2026-11-22T14:05:00.1234567890Z",
                           "2026-11-22T14:05:00.12-3Z",
                           "2026-02-30T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "2100-02-29T00:00:00Z",
                           "2026-00-10T00:00:00Z",
                           "2026-13-10T00:00:00Z",
                           "2026-11-00T00:00:00Z",
                           "2026-11-31T00:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T14:60:00Z",
                           "2026-11-22T23:59:60Z",
                           "2026-11-22T-1:05:00Z",
                           "1969-12-31T23:59:59Z",
                           "0000-01-01T00:00:00Z",
                           "10000-01-01T00:00:00Z",
                           "+2026-11-22T14:05:00Z",
                           "2026-11-22T14:05:00+0100",
                           "2026-11-22T14:05:00+01",
                           "2026-11-22T14:05:00+24:00",
                           "2026-11-22T14:05:00+01:60",
                           "2026-11-22T14:05:00+01:00Z",
                           "2026-1-22T14:05:00Z",
                           "1970-01-01T00:00:00+01:00",
                           "9999-12-31T23:59:59-00:01",
                           "Sun Nov 22 2026"})
    BOOST_TEST(!parse_iso8601(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(writes_24_characters_as_javascript_does) {
  for (const char* text : {"1970-01-01T00:00:00.000Z", "2026-11-22T14:05:00.123Z", "2028-02-29T23:59:59.999Z",
                           "2026-01-05T07:08:09.010Z", "9999-12-31T23:59:59.999Z"})
    BOOST_TEST(iso(at(text)) == text);
  BOOST_TEST(iso(at("2026-11-22T14:05:00.123999Z")) == "2026-11-22T14:05:00.123Z");
}

BOOST_AUTO_TEST_CASE(writes_times_before_the_epoch_and_beyond_its_form_without_breaking_it) {
  BOOST_TEST(iso(Timestamp(microseconds(-1))) == "1969-12-31T23:59:59.999Z");
  BOOST_TEST(iso(Timestamp::min()) == "0000-01-01T00:00:00.000Z");
  BOOST_TEST(iso(Timestamp::max()) == "9999-12-31T23:59:59.999Z");
}

BOOST_AUTO_TEST_SUITE_END()
