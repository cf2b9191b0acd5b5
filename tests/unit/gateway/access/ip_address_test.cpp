// Addresses and networks as operators write them, and who is counted together.
#include "gateway/access/ip_address.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::access;
namespace data = boost::unit_test::data;

namespace {

IpAddress ip(const std::string& text) {
  const auto address = IpAddress::parse(text);
  BOOST_REQUIRE_MESSAGE(address.has_value(), text);
  return *address;
}

Network network(const std::string& text) {
  const auto parsed = Network::parse(text);
  BOOST_REQUIRE_MESSAGE(parsed.has_value(), text);
  return *parsed;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(IpAddressTest)

BOOST_AUTO_TEST_CASE(text_is_read_and_written_in_its_usual_form) {
  BOOST_TEST(ip("192.0.2.1").text() == "192.0.2.1");
  BOOST_TEST(ip("2001:DB8:0:0::1").text() == "2001:db8::1");
  BOOST_TEST(IpAddress().text() == "");
  BOOST_TEST(!IpAddress().known());
}

BOOST_AUTO_TEST_CASE(an_ipv4_address_in_ipv6_is_the_ipv4_address) {
  BOOST_TEST((ip("::ffff:192.0.2.1") == ip("192.0.2.1")));
  BOOST_TEST((ip("::ffff:c000:201") == ip("192.0.2.1")));
  BOOST_TEST(ip("::ffff:192.0.2.1").client() == ip("192.0.2.1").client());
  BOOST_TEST(!(ip("::192.0.2.1") == ip("192.0.2.1")));  // the deprecated form is another address
}

BOOST_DATA_TEST_CASE(what_is_no_address_is_refused,
                     data::make({"", " 192.0.2.1", "192.0.2.1 ", "192.0.2", "192.0.2.256", "192.0.2.01x", "0x7f.1",
                                 "1::2::3", ":", "[::1]", "fe80::1%eth0", "192.0.2.1:80", "localhost",
                                 "1111:2222:3333:4444:5555:6666:7777:8888:9999", "unknown"}),
                     text) {
  BOOST_TEST(!IpAddress::parse(text).has_value());
}

BOOST_AUTO_TEST_CASE(what_is_behind_a_zero_byte_is_not_overlooked) {
  BOOST_TEST(!IpAddress::parse(std::string("192.0.2.1\0evil", 14)).has_value());
  BOOST_TEST(!IpAddress::parse(std::string(100'000, '1')).has_value());
}

BOOST_AUTO_TEST_CASE(a_whole_64_of_ipv6_is_one_client) {
  BOOST_TEST(ip("2001:db8:0:1::1").client() == ip("2001:db8:0:1:ffff:ffff:ffff:ffff").client());
  BOOST_TEST(ip("2001:db8:0:1::1").client() != ip("2001:db8:0:2::1").client());
  BOOST_TEST(ip("192.0.2.1").client() != ip("192.0.2.2").client());
  // The first bytes are the same, the families are not.
  BOOST_TEST(ip("1.2.3.4").client() != ip("0102:0304::").client());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(NetworkTest)

BOOST_AUTO_TEST_CASE(holds_what_begins_as_it_does) {
  BOOST_TEST(network("10.0.0.0/8").contains(ip("10.255.0.1")));
  BOOST_TEST(!network("10.0.0.0/8").contains(ip("11.0.0.1")));
  BOOST_TEST(network("10.0.7.128/25").contains(ip("10.0.7.128")));
  BOOST_TEST(!network("10.0.7.128/25").contains(ip("10.0.7.127")));
  BOOST_TEST(network("192.0.2.1").contains(ip("192.0.2.1")));
  BOOST_TEST(!network("192.0.2.1").contains(ip("192.0.2.2")));
  BOOST_TEST(network("2001:db8::/33").contains(ip("2001:db8:7fff::1")));
  BOOST_TEST(!network("2001:db8::/33").contains(ip("2001:db8:8000::1")));
}

BOOST_AUTO_TEST_CASE(of_everything_holds_one_family_only) {
  BOOST_TEST(network("0.0.0.0/0").contains(ip("192.0.2.1")));
  BOOST_TEST(!network("0.0.0.0/0").contains(ip("2001:db8::1")));
  BOOST_TEST(!network("::/0").contains(ip("192.0.2.1")));
  BOOST_TEST(!network("::/0").contains(IpAddress()));
  BOOST_TEST(!network("0.0.0.0/0").contains(IpAddress()));
}

BOOST_AUTO_TEST_CASE(written_with_mapped_addresses_is_the_ipv4_network) {
  BOOST_TEST(network("::ffff:10.0.0.0/104").contains(ip("10.1.2.3")));
  BOOST_TEST(network("::ffff:10.0.0.0/104").contains(ip("::ffff:10.1.2.3")));
  BOOST_TEST(network("10.0.0.0/8").contains(ip("::ffff:10.1.2.3")));
  BOOST_TEST(!network("::ffff:10.0.0.0/104").contains(ip("11.1.2.3")));
}

BOOST_DATA_TEST_CASE(mistakes_are_refused,
                     data::make({"", "/", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/8x",
                                 "10.0.0.0/ 8", "10.0.0.1/8", "2001:db8::/129", "2001:db8::1/64", "::ffff:10.0.0.0/8",
                                 "example.org", "10.0.0.0/8/8", "10.0.0.0/4294967304"}),
                     text) {
  BOOST_TEST(!Network::parse(text).has_value());
  BOOST_TEST(check_network(text) != "");
}

BOOST_AUTO_TEST_CASE(a_list_holds_what_one_of_them_holds) {
  const NetworkList list({"10.0.0.0/8", "2001:db8::/32"});
  BOOST_TEST(list.contains(ip("10.1.1.1")));
  BOOST_TEST(list.contains(ip("2001:db8::9")));
  BOOST_TEST(!list.contains(ip("192.0.2.1")));
  BOOST_TEST(!NetworkList().contains(ip("10.1.1.1")));
}

BOOST_AUTO_TEST_SUITE_END()
