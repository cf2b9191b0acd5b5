// Which pages and which names of ours are allowed.
#include "gateway/access/origins.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::access;

BOOST_AUTO_TEST_SUITE(Origins)

BOOST_AUTO_TEST_CASE(no_list_and_no_origin_hold_nobody_up) {
  BOOST_TEST(OriginList().allows("https://evil.example"));
  BOOST_TEST(OriginList({"https://dash.example"}).allows(""));
}

BOOST_AUTO_TEST_CASE(scheme_name_and_port_must_be_those_of_the_list) {
  const OriginList list({"https://dash.example", "http://localhost:3000"});
  for (const char* origin :
       {"https://dash.example", "https://DASH.example", "https://dash.example:443", "http://localhost:3000"})
    BOOST_TEST(list.allows(origin), origin);
  for (const char* origin :
       {"http://dash.example", "https://dash.example:8443", "https://dash.example.evil.example",
        "https://evildash.example", "https://x.dash.example", "https://dash.exampl", "https://dash.example/", "null",
        "*", "http://localhost", "https://evil.example/https://dash.example", "https://dash.example@evil.example",
        "file://"})
    BOOST_TEST(!list.allows(origin), origin);
}

BOOST_AUTO_TEST_CASE(a_star_stands_for_labels_before_the_rest) {
  const OriginList list({"https://*.example:8443"});
  for (const char* origin : {"https://a.example:8443", "https://a.b.example:8443"})
    BOOST_TEST(list.allows(origin), origin);
  for (const char* origin : {"https://example:8443", "https://.example:8443", "https://a.example",
                             "http://a.example:8443", "https://aexample:8443", "https://evil/.example:8443",
                             "https://evil:1.example:8443", "https://evil@a.example:8443"})
    BOOST_TEST(!list.allows(origin), origin);
  BOOST_TEST(OriginList({"*"}).allows("https://whatever"));
  BOOST_TEST(OriginList({"null"}).allows("null"));
}

BOOST_AUTO_TEST_CASE(what_is_no_origin_is_told_to_the_operator) {
  for (const char* entry :
       {"https://dash.example", "https://*.example", "http://[::1]:8080", "*", "null", "app://local"})
    BOOST_TEST(check_origin(entry).empty(), entry);
  for (const char* entry :
       {"", "dash.example", "https://", "https://dash.example/", "https://a.*.example", "https://*", "https://*.",
        "https://*dash.example", "https://*.*.example", "https://user@dash.example", "://x"})
    BOOST_TEST(!check_origin(entry).empty(), entry);
}

BOOST_AUTO_TEST_CASE(a_host_is_ours_with_any_port_or_the_one_named) {
  BOOST_TEST(HostList().allows(""));
  const HostList list({"dash.example", "gate.example:8443", "*.pods.local", "[::1]"});
  for (const char* host : {"dash.example", "Dash.Example", "dash.example:1234", "gate.example:8443", "a.pods.local:80",
                           "[::1]", "[::1]:8080"})
    BOOST_TEST(list.allows(host), host);
  for (const char* host : {"", ":8080", "evil.example", "gate.example", "gate.example:80", "pods.local",
                           "dash.example.evil.example", "[::2]", "dash.example@evil"})
    BOOST_TEST(!list.allows(host), host);
  for (const char* entry : {"dash.example", "dash.example:80", "*.example", "[::1]", "127.0.0.1"})
    BOOST_TEST(check_host(entry).empty(), entry);
  for (const char* entry : {"", "https://dash.example", "a.*", "*", "a b"})
    BOOST_TEST(!check_host(entry).empty(), entry);
}

BOOST_AUTO_TEST_SUITE_END()
