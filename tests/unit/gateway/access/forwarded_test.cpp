// Who a request is from, and that nobody can be somebody else by writing headers.
#include "gateway/access/forwarded.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::access;
namespace data = boost::unit_test::data;

namespace {

const NetworkList kProxies({"10.0.0.0/8", "2001:db8:1::/48"});

std::string client(const std::string& peer, const std::string& header,
                   ForwardedHeader form = ForwardedHeader::x_forwarded_for) {
  return client_address(*IpAddress::parse(peer), form, header, kProxies).text();
}

std::string by_forwarded(const std::string& header) {
  return client("10.0.0.1", header, ForwardedHeader::forwarded);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ClientAddress)

BOOST_AUTO_TEST_CASE(is_whom_the_proxy_names) {
  BOOST_TEST(client("10.0.0.1", "192.0.2.7") == "192.0.2.7");
  BOOST_TEST(client("2001:db8:1::1", "2001:db8:2::7") == "2001:db8:2::7");
  BOOST_TEST(client("::ffff:10.0.0.1", "::ffff:192.0.2.7") == "192.0.2.7");
}

BOOST_AUTO_TEST_CASE(is_the_peer_where_that_is_no_proxy_of_ours) {
  BOOST_TEST(client("192.0.2.9", "192.0.2.7") == "192.0.2.9");
  BOOST_TEST(client("192.0.2.9", "10.0.0.1") == "192.0.2.9");
}

BOOST_AUTO_TEST_CASE(is_the_rightmost_that_is_no_proxy_whatever_clients_have_written_before) {
  BOOST_TEST(client("10.0.0.1", "127.0.0.1, 192.0.2.7") == "192.0.2.7");
  BOOST_TEST(client("10.0.0.1", "192.0.2.1,192.0.2.2 ,\t192.0.2.7, 10.9.9.9 , 10.0.0.2") == "192.0.2.7");
  BOOST_TEST(client("10.0.0.1", "\"192.0.2.1, 192.0.2.7") == "192.0.2.7");  // a quote that is never closed
  BOOST_TEST(client("10.0.0.1", std::string(15'000, ',') + "192.0.2.7") == "192.0.2.7");
}

BOOST_AUTO_TEST_CASE(is_the_leftmost_where_all_are_proxies) {
  BOOST_TEST(client("10.0.0.1", "10.0.0.3, 10.0.0.2") == "10.0.0.3");
}

BOOST_DATA_TEST_CASE(is_the_proxy_that_names_nobody,
                     data::make({"", "  ", ",", "unknown", "_hidden", "192.0.2.7.", "192.0.2.7;", "192.0.2.7,",
                                 "192.0.2.7, unknown", "[2001:db8::7", "2001:db8::7]:80"}),
                     header) {
  BOOST_TEST(client("10.0.0.1", header) == "10.0.0.1");
}

BOOST_AUTO_TEST_CASE(behind_a_broken_entry_is_the_proxy_that_wrote_it) {
  BOOST_TEST(client("10.0.0.1", "192.0.2.7, unknown, 10.0.0.2") == "10.0.0.2");
}

BOOST_AUTO_TEST_CASE(may_have_a_port) {
  BOOST_TEST(client("10.0.0.1", "192.0.2.7:4711") == "192.0.2.7");
  BOOST_TEST(client("10.0.0.1", "[2001:db8::7]:4711") == "2001:db8::7");
  BOOST_TEST(client("10.0.0.1", "[2001:db8::7]") == "2001:db8::7");
  BOOST_TEST(client("10.0.0.1", "\"[2001:db8::7]:4711\"") == "2001:db8::7");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ForwardedTest)

BOOST_AUTO_TEST_CASE(for_is_found_among_the_parameters_whatever_its_case) {
  BOOST_TEST(by_forwarded("for=192.0.2.60;proto=http;by=203.0.113.43") == "192.0.2.60");
  BOOST_TEST(by_forwarded("proto=https; For = \"[2001:db8:cafe::17]:4711\"") == "2001:db8:cafe::17");
  BOOST_TEST(by_forwarded("host=\"a;for=192.0.2.1,b\";for=192.0.2.60") == "192.0.2.60");
}

BOOST_AUTO_TEST_CASE(the_rightmost_element_that_is_no_proxy_counts) {
  BOOST_TEST(by_forwarded("for=127.0.0.1, for=192.0.2.60, for=10.0.0.9;by=10.0.0.1") == "192.0.2.60");
  BOOST_TEST(by_forwarded("for=\"192.0.2.1, for=192.0.2.60") == "192.0.2.60");  // a quote that is never closed
}

BOOST_AUTO_TEST_CASE(an_element_without_an_address_is_the_proxy_s) {
  BOOST_TEST(by_forwarded("for=unknown") == "10.0.0.1");
  BOOST_TEST(by_forwarded("for=_SEVKISEK") == "10.0.0.1");
  BOOST_TEST(by_forwarded("proto=http") == "10.0.0.1");
  BOOST_TEST(by_forwarded("192.0.2.60") == "10.0.0.1");  // the other header's form
  BOOST_TEST(by_forwarded("for=") == "10.0.0.1");
}

BOOST_AUTO_TEST_SUITE_END()
