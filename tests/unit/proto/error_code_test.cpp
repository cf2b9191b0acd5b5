// The words of error messages: kebab-case and distinct.
#include "proto/error_code.hpp"

#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <set>

using namespace pulsegate::proto;

BOOST_AUTO_TEST_SUITE(ErrorCodeTest)

BOOST_AUTO_TEST_CASE(every_code_has_its_own_kebab_case_word) {
  std::set<std::string_view> words;
  for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i) {
    const std::string_view word = name(static_cast<ErrorCode>(i));
    BOOST_TEST(words.insert(word).second, word);
    BOOST_TEST(std::all_of(word.begin(), word.end(), [](char c) { return (c >= 'a' && c <= 'z') || c == '-'; }), word);
  }
  BOOST_TEST(name(ErrorCode::malformed_json) == "malformed-json");
  BOOST_TEST(name(ErrorCode::unknown_channel) == "unknown-channel");
  BOOST_TEST(name(ErrorCode::bad_since) == "bad-since");
  BOOST_TEST(name(ErrorCode::bad_history) == "bad-history");
  BOOST_TEST(name(ErrorCode::bad_max_rate) == "bad-max-rate");
  BOOST_TEST(name(ErrorCode::missing_device) == "missing-device");
  BOOST_TEST(name(ErrorCode::too_many_devices) == "too-many-devices");
  BOOST_TEST(name(ErrorCode::bad_query) == "bad-query");
  BOOST_TEST(name(ErrorCode::internal) == "internal");
}

BOOST_AUTO_TEST_SUITE_END()
