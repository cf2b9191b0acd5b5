// Request targets as clients and proxies write them.
#include "gateway/access/target.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate::access;

BOOST_AUTO_TEST_SUITE(TargetTest)

BOOST_AUTO_TEST_CASE(splits_path_and_query) {
  const Target plain = split_target("/ws?deviceUuid=1&token=a?b");
  BOOST_TEST((plain.path == "/ws"));
  BOOST_TEST((plain.query == "deviceUuid=1&token=a?b"));
  BOOST_TEST((split_target("/ws").path == "/ws"));
  BOOST_TEST((split_target("/ws").query.empty()));
  BOOST_TEST((split_target("/ws?").query.empty()));
  BOOST_TEST((split_target("/ws?a=1#part").query == "a=1"));
  BOOST_TEST((split_target("").path.empty()));
}

BOOST_AUTO_TEST_CASE(takes_the_absolute_form) {
  BOOST_TEST((split_target("http://gateway:8080/ws?a=1").path == "/ws"));
  BOOST_TEST((split_target("http://gateway:8080/ws?a=1").query == "a=1"));
  BOOST_TEST((split_target("ws://gateway").path == "/"));
  BOOST_TEST((split_target("http://gateway?a=1").query == "a=1"));
}

BOOST_AUTO_TEST_CASE(decodes_percent_escapes) {
  BOOST_TEST(percent_decode("a%2Fb%2f%20c").value() == "a/b/ c");
  BOOST_TEST(percent_decode("").value().empty());
  BOOST_TEST(percent_decode("%00").value() == std::string(1, '\0'));
  BOOST_TEST(percent_decode("a+b").value() == "a+b");
  for (const char* malformed : {"%", "%2", "a%2", "%zz", "%2g", "%%20"}) BOOST_TEST(!percent_decode(malformed));
}

BOOST_AUTO_TEST_CASE(finds_the_first_parameter_of_a_name) {
  BOOST_TEST(query_parameter("a=1&b=2&a=3", "a").value() == "1");
  BOOST_TEST(query_parameter("a=1&b=2", "b").value() == "2");
  BOOST_TEST(query_parameter("a&b=", "a").value().empty());
  BOOST_TEST(query_parameter("x%61=%41+b", "xa").value() == "A b");
  BOOST_TEST(query_parameter("a=b=c", "a").value() == "b=c");
  BOOST_TEST(!query_parameter("ab=1", "a"));
  BOOST_TEST(!query_parameter("", "a"));
  BOOST_TEST(!query_parameter("a=%zz", "a"));
}

BOOST_AUTO_TEST_SUITE_END()
