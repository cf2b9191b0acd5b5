// Keys of streams: the UUID in small letters, all else literal.
#include "bus/stream_key.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate;
using namespace pulsegate::bus;

BOOST_AUTO_TEST_SUITE(StreamKeyTest)

BOOST_AUTO_TEST_CASE(uuid_is_put_in_in_small_letters) {
  const auto device = *proto::DeviceId::parse("AAAAAAAA-BBBB-cccc-4444-555555555555");
  const std::string uuid = "aaaaaaaa-bbbb-cccc-4444-555555555555";
  BOOST_TEST(stream_key("metrics:{uuid}", device) == "metrics:" + uuid);
  BOOST_TEST(stream_key("{uuid}", device) == uuid);
  BOOST_TEST(stream_key("a{b}:{{uuid}}:{uuid}{uuid", device) == "a{b}:{" + uuid + "}:" + uuid + "{uuid");
}

BOOST_AUTO_TEST_CASE(acl_rule_names_every_key) {
  BOOST_TEST(stream_key_rule("metrics:{uuid}") == "~metrics:*");
  BOOST_TEST(stream_key_rule("t:{{uuid}}:m") == "~t:{*}:m");
}

BOOST_AUTO_TEST_CASE(pattern_without_the_uuid_or_with_blanks_is_refused) {
  BOOST_TEST(check_stream_key("metrics:{uuid}").empty());
  for (const char* bad : {"", "metrics", "metrics:{UUID}", "metrics:uuid", "none"})
    BOOST_TEST(check_stream_key(bad).find("{uuid}") != std::string::npos, bad);
  for (const char* bad : {"metrics {uuid}", "{uuid}\n"})
    BOOST_TEST(check_stream_key(bad) == "must not hold blanks", bad);
}

BOOST_AUTO_TEST_SUITE_END()
