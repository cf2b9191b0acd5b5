// What options about limits come to: which are on, and how many clients fit into so many descriptors.
#include "gateway/server_limits.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace pulsegate;

BOOST_AUTO_TEST_SUITE(LimitRulesTest)

BOOST_AUTO_TEST_CASE(by_address_are_off_until_the_proxies_are_named) {
  Config config;
  BOOST_TEST(limit_rules(config).per_address == 0u);
  BOOST_TEST(limit_rules(config).connect_rate == 0);
  BOOST_TEST(limit_rules(config).failure_rate == 0);
  config.trusted_proxies = {"10.0.0.0/8"};
  BOOST_TEST(limit_rules(config).per_address == 200u);
  BOOST_TEST(limit_rules(config).connect_rate == 20);
  BOOST_TEST(limit_rules(config).failure_rate == 5);
  BOOST_TEST(limit_rules(config).trusted.contains(*access::IpAddress::parse("10.1.2.3")));
  config.trusted_proxies.clear();
  config.proxy_protocol = {"10.0.0.1"};
  BOOST_TEST(limit_rules(config).per_address == 200u);
  BOOST_TEST(!limit_rules(config).trusted.contains(*access::IpAddress::parse("10.0.0.1")));  // its headers do not count
}

BOOST_AUTO_TEST_CASE(set_by_hand_win_in_both_directions) {
  Config config;
  config.max_connections_per_address = 7;
  config.connect_rate_per_address = 0.5;
  BOOST_TEST(limit_rules(config).per_address == 7u);
  BOOST_TEST(limit_rules(config).connect_rate == 0.5);
  config.trusted_proxies = {"10.0.0.0/8"};
  config.max_connections_per_address = 0;
  config.handshake_failure_rate = 0.0;
  BOOST_TEST(limit_rules(config).per_address == 0u);
  BOOST_TEST(limit_rules(config).failure_rate == 0);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(DescriptorsTest)

BOOST_AUTO_TEST_CASE(what_is_no_client_is_set_aside) {
  Config config;
  config.max_connections = 1'000'000;
  config.database = "dbname=x";
  const std::size_t reserved = reserved_descriptors(config);
  BOOST_TEST(reserved > 2 * 64u + 256u);  // ports of operators, and those who are refused
  BOOST_TEST(connections_that_fit(config, 65'536) == 65'536 - reserved);
  Config larger = config;
  larger.shards = 8;
  larger.database_threads = 32;
  BOOST_TEST(reserved_descriptors(larger) >= reserved + 7 * 7 + 28 * 2);
  BOOST_TEST(connections_that_fit(larger, 65'536) < connections_that_fit(config, 65'536));
}

BOOST_AUTO_TEST_CASE(no_more_fit_than_are_wanted) {
  Config config;
  config.max_connections = 100;
  BOOST_TEST(connections_that_fit(config, 1'000'000) == 100u);
}

BOOST_AUTO_TEST_CASE(of_few_half_are_for_clients) {
  BOOST_TEST(connections_that_fit(Config(), 256) == 128u);
}

BOOST_AUTO_TEST_CASE(too_few_are_an_error_that_says_what_to_do) {
  BOOST_CHECK_EXCEPTION(connections_that_fit(Config(), 20), std::runtime_error, [](const std::runtime_error& fault) {
    return std::string(fault.what()).find("ulimit -n") != std::string::npos;
  });
}

BOOST_AUTO_TEST_SUITE_END()
