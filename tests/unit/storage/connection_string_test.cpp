// Connection strings: what SOCI would mangle is refused with a sentence, what is absent is added, secrets are hidden.
#include "storage/connection_string.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::storage;
using namespace std::chrono_literals;

BOOST_AUTO_TEST_SUITE(ConnectionString)

BOOST_AUTO_TEST_CASE(accepts_plain_words) {
  BOOST_TEST(!check_connection_string("host=db port=5432 dbname=iot user=pulsegate password=a=b'c'"));
  BOOST_TEST(!check_connection_string("  host=/run/postgresql\n dbname=iot "));
  BOOST_TEST(!check_connection_string(""));
}

BOOST_AUTO_TEST_CASE(refuses_a_uri) {
  const auto fault = check_connection_string(" postgresql://user:secret@db/iot");
  BOOST_REQUIRE(fault);
  BOOST_TEST(fault->find("not as a URI") != std::string::npos);
  BOOST_TEST(fault->find("secret") == std::string::npos);
  BOOST_TEST(check_connection_string("postgres://db").has_value());
}

BOOST_AUTO_TEST_CASE(refuses_a_value_with_spaces) {
  for (const char* text : {"host=db password='two words'", "host=db password=two\\ words"}) {
    const auto fault = check_connection_string(text);
    BOOST_REQUIRE(fault);
    BOOST_TEST(fault->find("'password' holds a space") != std::string::npos);
    BOOST_TEST(fault->find("two") == std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(refuses_what_is_not_key_and_value) {
  for (const char* text : {"db", "host = db", "host=db =x", "singlerow=1"})
    BOOST_TEST(check_connection_string(text).has_value(), text);
}

BOOST_AUTO_TEST_CASE(adds_what_is_absent) {
  BOOST_TEST(complete_connection_string("host=db   keepalives_idle=60", 3s) ==
             "host=db keepalives_idle=60 connect_timeout=3 keepalives=1 keepalives_interval=5 keepalives_count=3 "
             "tcp_user_timeout=10000 fallback_application_name=pulsegate");
  BOOST_TEST(complete_connection_string("connect_timeout=9", 3s).find("connect_timeout=3") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(hides_passwords) {
  BOOST_TEST(redacted_connection_string("host=db password=secret sslpassword=x passfile=/p user=u") ==
             "host=db password=*** sslpassword=*** passfile=/p user=u");
  BOOST_TEST(redacted_connection_string("postgres://u:secret@db") == "(not shown)");
  BOOST_TEST(redacted_connection_string("password='a b=secret'") == "(not shown)");
}

BOOST_AUTO_TEST_CASE(hides_what_may_be_a_mistyped_password_or_a_part_of_one) {
  BOOST_TEST(redacted_connection_string("host=db passwrd=secret") == "host=db ***=***");
  BOOST_TEST(redacted_connection_string("password=my secret=1 sslmode=require") ==
             "password=*** ***=*** sslmode=require");
}

BOOST_AUTO_TEST_SUITE_END()
