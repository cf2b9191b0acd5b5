// Both versions of the PROXY protocol: what is right, what is wrong, and what is not yet there.
#include "gateway/access/proxy_header.hpp"

#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <random>
#include <string>

using namespace pulsegate::access;
using Status = ProxyHeader::Status;
namespace data = boost::unit_test::data;

namespace {

const std::string kSignature("\r\n\r\n\0\r\nQUIT\n", 12);
const std::string kV4("\xc0\x00\x02\x07\x0a\x00\x00\x01\x12\x67\x1f\x90", 12);  // 192.0.2.7:4711 to 10.0.0.1:8080

std::string version2(unsigned char command, unsigned char family, const std::string& rest) {
  std::string header = kSignature;
  header += static_cast<char>(command);
  header += static_cast<char>(family);
  header += static_cast<char>(rest.size() >> 8);
  header += static_cast<char>(rest.size() & 0xff);
  return header + rest;
}

std::string v6_addresses() {
  return std::string("\x20\x01\x0d\xb8", 4) + std::string(11, '\0') + '\x07' + std::string(16, '\0') +
         "\x12\x67\x1f\x90";
}

// A header at the beginning of a request: read whole, and at every shorter length not yet there.
void check(const std::string& header, const std::string& source) {
  const ProxyHeader whole = parse_proxy_header(header + "GET / HTTP/1.1\r\n");
  BOOST_TEST((whole.status == Status::complete));
  BOOST_TEST(whole.size == header.size());
  BOOST_TEST(whole.source.text() == source);
  for (std::size_t length = 0; length < header.size(); ++length)
    BOOST_TEST((parse_proxy_header(header.substr(0, length)).status == Status::incomplete), length);
}

Status status(const std::string& bytes) {
  return parse_proxy_header(bytes).status;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ProxyVersion1)

BOOST_AUTO_TEST_CASE(names_the_source) {
  check("PROXY TCP4 192.0.2.7 10.0.0.1 4711 8080\r\n", "192.0.2.7");
  check("PROXY TCP6 2001:db8::7 2001:db8::1 4711 8080\r\n", "2001:db8::7");
  check("PROXY TCP6 ::ffff:192.0.2.7 ::ffff:10.0.0.1 4711 8080\r\n", "192.0.2.7");
}

BOOST_AUTO_TEST_CASE(names_nobody_when_the_proxy_does_not_know) {
  check("PROXY UNKNOWN\r\n", "");
  check("PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n", "");
}

BOOST_AUTO_TEST_CASE(longest_line_is_taken_and_a_longer_one_is_not_waited_for) {
  const std::string start = "PROXY UNKNOWN ";
  BOOST_TEST((status(start + std::string(107 - start.size() - 2, 'x') + "\r\n") == Status::complete));
  BOOST_TEST((status(start + std::string(108 - start.size() - 2, 'x') + "\r\n") == Status::malformed));
  BOOST_TEST((status(start + std::string(107 - start.size(), 'x')) == Status::malformed));
}

BOOST_DATA_TEST_CASE(what_is_malformed_is_refused,
                     data::make({"GET / HTTP/1.1\r\n", "PROXX", "proxy TCP4 192.0.2.7 10.0.0.1 1 2\r\n", "PROXY \r\n",
                                 "PROXY TCP5 192.0.2.7 10.0.0.1 1 2\r\n", "PROXY TCP4\r\n", "PROXY TCP4 192.0.2.7\r\n",
                                 "PROXY TCP4 192.0.2.7 10.0.0.1 1\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 3\r\n",
                                 "PROXY TCP4 192.0.2.7 10.0.0.1 1 65536\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 -1 2\r\n",
                                 "PROXY TCP4  192.0.2.7 10.0.0.1 1 2\r\n", "PROXY TCP4 192.0.2.7 10.0.0.1 1 2 \r\n",
                                 "PROXY TCP4 2001:db8::7 2001:db8::1 1 2\r\n", "PROXY TCP6 192.0.2.7 10.0.0.1 1 2\r\n",
                                 "PROXY TCP4 192.0.2.7 2001:db8::1 1 2\r\n", "PROXY TCP4 evil 10.0.0.1 1 2\r\n"}),
                     bytes) {
  BOOST_TEST((status(bytes) == Status::malformed));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ProxyVersion2)

BOOST_AUTO_TEST_CASE(names_the_source) {
  check(version2(0x21, 0x11, kV4), "192.0.2.7");
  check(version2(0x21, 0x21, v6_addresses()), "2001:db8::7");
}

BOOST_AUTO_TEST_CASE(what_follows_the_addresses_is_passed_over) {
  check(version2(0x21, 0x11, kV4 + std::string("\x03\x00\x04\x01\x02\x03\x04", 7)), "192.0.2.7");
  BOOST_TEST((status(version2(0x21, 0x11, kV4 + std::string(kMaxProxyHeader - 16 - 12, 'x'))) == Status::complete));
}

BOOST_AUTO_TEST_CASE(names_nobody_when_the_proxy_speaks_for_itself) {
  check(version2(0x20, 0x00, ""), "");
  check(version2(0x20, 0x11, kV4), "");
  check(version2(0x21, 0x00, "whatever"), "");
  check(version2(0x21, 0x31, std::string(216, 'u')), "");
}

BOOST_AUTO_TEST_CASE(what_is_malformed_is_refused) {
  BOOST_TEST((status(version2(0x11, 0x11, kV4)) == Status::malformed));                // version 1
  BOOST_TEST((status(version2(0x22, 0x11, kV4)) == Status::malformed));                // a third command
  BOOST_TEST((status(version2(0x21, 0x41, kV4)) == Status::malformed));                // a fourth family
  BOOST_TEST((status(version2(0x21, 0x13, kV4)) == Status::malformed));                // a third transport
  BOOST_TEST((status(version2(0x21, 0x11, kV4.substr(0, 11))) == Status::malformed));  // addresses cut off
  BOOST_TEST((status(version2(0x21, 0x21, kV4)) == Status::malformed));                // too short for IPv6
  BOOST_TEST((status(version2(0x21, 0x31, std::string(215, 'u'))) == Status::malformed));
  BOOST_TEST((status(kSignature + "\x11") == Status::malformed));  // seen before the rest has come
  BOOST_TEST((status(kSignature.substr(0, 11) + "X") == Status::malformed));
}

BOOST_AUTO_TEST_CASE(a_length_beyond_all_reason_is_not_waited_for) {
  BOOST_TEST((status(kSignature + std::string("\x21\x11\xff\xff", 4)) == Status::malformed));
  BOOST_TEST((status(version2(0x21, 0x11, std::string(kMaxProxyHeader - 15, 'x'))) == Status::malformed));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ProxyHeaders)

// Whatever comes: it is decided within the bound, and a complete header lies within what was given.
BOOST_AUTO_TEST_CASE(of_random_bytes_are_decided_within_the_bound) {
  std::mt19937 random(7);
  const std::string starts[] = {
      "", "PROXY ", "PROXY TCP4 1.2.3.4 ", kSignature, kSignature + "\x21\x11", kSignature + "\x20"};
  for (int round = 0; round < 20'000; ++round) {
    std::string bytes = starts[random() % std::size(starts)];
    const std::size_t length = random() % 300;
    while (bytes.size() < length) bytes += static_cast<char>(random() % 3 == 0 ? random() : ' ' + random() % 90);
    const ProxyHeader header = parse_proxy_header(bytes);
    if (header.status == Status::complete) BOOST_TEST(header.size <= bytes.size());
    bytes.resize(kMaxProxyHeader, 'x');
    BOOST_TEST((status(bytes) != Status::incomplete));
  }
}

BOOST_AUTO_TEST_SUITE_END()
