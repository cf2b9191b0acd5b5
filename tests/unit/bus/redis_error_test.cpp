// explain_redis_error: each known refusal says what to change, and no reply can spoil a log line.
#include "bus/redis_error.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "tests/support/text.hpp"

using pulsegate::bus::explain_redis_error;
using pulsegate::bus::explain_stream_error;
using pulsegate::test::contains;

BOOST_AUTO_TEST_SUITE(RedisErrorTest)

BOOST_AUTO_TEST_CASE(known_errors_say_what_to_change) {
  BOOST_TEST(
      contains(explain_redis_error("WRONGPASS invalid username-password pair or user is disabled."), "Redis URL"));
  BOOST_TEST(contains(explain_redis_error("NOAUTH Authentication required."), "user:password@"));
  BOOST_TEST(contains(explain_redis_error("NOPERM this user has no permissions"), "&device:*"));
  BOOST_TEST(contains(explain_redis_error("LOADING Redis is loading the dataset in memory"), "loading"));
  BOOST_TEST(contains(explain_redis_error("ERR DB index is out of range"), "database"));
  BOOST_TEST(
      contains(explain_redis_error("ERR AUTH <password> called without any password configured"), "requirepass"));
  BOOST_TEST(contains(explain_redis_error("ERR max number of clients reached"), "maxclients"));
  BOOST_TEST(contains(explain_redis_error("MOVED 3999 127.0.0.1:6381"), "redis-cluster"));
  BOOST_TEST(contains(explain_redis_error("DENIED Redis is running in protected mode"), "protected mode"));
}

BOOST_AUTO_TEST_CASE(missing_right_is_named) {
  BOOST_TEST(contains(explain_redis_error("NOPERM this user has no permissions to run the 'ping' command"), "+ping"));
  BOOST_TEST(contains(explain_redis_error("NOPERM User gate has no permissions to run the 'cluster|slots' command"),
                      "+cluster|slots"));
  BOOST_TEST(contains(
      explain_redis_error("NOPERM this user has no permissions to access one of the channels used as arguments"),
      "&device:*"));
  BOOST_TEST(contains(explain_redis_error("NOPERM don't"), "&device:*"));
}

BOOST_AUTO_TEST_CASE(refused_read_of_a_stream_names_its_rights) {
  const std::string refused = explain_stream_error("NOPERM this user has no permissions", "~metrics:*");
  BOOST_TEST(contains(refused, "+xrange +exists ~metrics:*"));
  BOOST_TEST(!contains(refused, "&device"));
  BOOST_TEST(contains(explain_stream_error("WRONGTYPE Operation against a key", "~m:*"), "--stream-key"));
  BOOST_TEST(contains(explain_stream_error("LOADING Redis is loading", "~m:*"), "loading"));
}

BOOST_AUTO_TEST_CASE(original_reply_is_quoted) {
  BOOST_TEST(contains(explain_redis_error("NOAUTH Authentication required."), "(NOAUTH Authentication required.)"));
  BOOST_TEST(contains(explain_redis_error("ERR something new"), "ERR something new"));
}

BOOST_AUTO_TEST_CASE(reply_is_bounded_and_printable) {
  const std::string text = explain_redis_error("ERR a\r\nb\x1b[31m\xff" + std::string(5000, 'x'));
  BOOST_TEST(text.size() < 300u);
  for (const char c : text) BOOST_REQUIRE((c >= ' ' && c <= '~'));
  BOOST_TEST(!explain_redis_error("").empty());
}

BOOST_AUTO_TEST_SUITE_END()
