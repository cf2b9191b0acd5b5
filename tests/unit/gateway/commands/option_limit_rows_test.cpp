// The options about limits: what they read, what they refuse, and what is worth a warning.
#include <boost/test/unit_test.hpp>

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/commands/option_table.hpp"
#include "gateway/commands/options.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;

namespace {

OptionsResult parse(std::vector<std::string> args) {
  return parse_options(args, {}, [](const std::string&, std::string&) {
    return std::optional<std::string>("the only file there is: a secret of more than 32 bytes");
  });
}

ParsedOptions good(std::vector<std::string> args) {
  const OptionsResult result = parse(std::move(args));
  if (const auto* errors = std::get_if<OptionErrors>(&result))
    for (const std::string& error : *errors) BOOST_ERROR("unexpected: " << error);
  BOOST_REQUIRE(std::holds_alternative<ParsedOptions>(result));
  return std::get<ParsedOptions>(result);
}

std::string shown(const Config& config, const char* flag) {
  return find_option(flag)->access.show(config);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(OptionLimits)

BOOST_AUTO_TEST_CASE(every_flag_reaches_its_field) {
  const Config config = good({"--max-connections-per-address",
                              "7",
                              "--max-connections-per-subject",
                              "8",
                              "--connect-rate",
                              "9.5",
                              "--connect-rate-per-address",
                              "0.5",
                              "--handshake-failure-rate",
                              "0",
                              "--trusted-proxy",
                              "10.0.0.0/8",
                              "--trusted-proxy",
                              "2001:db8::1",
                              "--forwarded-header",
                              "forwarded",
                              "--proxy-protocol",
                              "192.0.2.1,192.0.2.2",
                              "--memory-limit",
                              "1GiB",
                              "--memory-soft-limit",
                              "70",
                              "--backlog-limit",
                              "64MiB",
                              "--jwt-key",
                              "k"})
                            .config;
  BOOST_TEST(config.max_connections_per_address.value() == 7u);
  BOOST_TEST(config.max_connections_per_subject == 8u);
  BOOST_TEST(config.connect_rate == 9.5);
  BOOST_TEST(config.connect_rate_per_address.value() == 0.5);
  BOOST_TEST(config.handshake_failure_rate.value() == 0);
  BOOST_TEST(config.trusted_proxies.size() == 2u);
  BOOST_TEST(config.forwarded_header == "forwarded");
  BOOST_TEST(config.proxy_protocol.size() == 2u);
  BOOST_TEST(config.memory_limit.value() == 1024u * 1024 * 1024);
  BOOST_TEST(config.memory_soft_limit == 70);
  BOOST_TEST(config.backlog_limit == 64u * 1024 * 1024);
}

BOOST_AUTO_TEST_CASE(auto_and_off_can_be_said) {
  const Config config = good({"--max-connections-per-address", "auto", "--connect-rate-per-address", "auto",
                              "--handshake-failure-rate", "auto", "--memory-limit", "off"})
                            .config;
  BOOST_TEST(!config.max_connections_per_address.has_value());
  BOOST_TEST(!config.connect_rate_per_address.has_value());
  BOOST_TEST(!config.handshake_failure_rate.has_value());
  BOOST_TEST(config.memory_limit.value() == 0u);
  BOOST_TEST(shown(config, "--max-connections-per-address") == "auto");
  BOOST_TEST(shown(config, "--memory-limit") == "off");
  BOOST_TEST(shown(Config(), "--memory-limit") == "auto");
}

BOOST_AUTO_TEST_CASE(what_is_no_good_is_refused) {
  struct Row {
    const char* flag;
    std::vector<std::string> bad;
  };
  const std::vector<Row> rows = {
      {"--max-connections-per-address", {"-1", "1.5", "off", "AUTO", "10000001"}},
      {"--max-connections-per-subject", {"-1", "auto"}},
      {"--connect-rate", {"-1", "auto", "1000001"}},
      {"--connect-rate-per-address", {"-1", "off", "nan"}},
      {"--handshake-failure-rate", {"-0.1", "many"}},
      {"--trusted-proxy", {"10.0.0.1/8", "proxy.example", "10.0.0.0/33", ""}},
      {"--proxy-protocol", {"192.0.2.0/", "all"}},
      {"--forwarded-header", {"x-real-ip", "X-Forwarded-For"}},
      {"--memory-limit", {"0", "15MiB", "85%", "none"}},
      {"--memory-soft-limit", {"9", "101", "85%"}},
      {"--backlog-limit", {"0", "1023KiB", "65GiB"}},
  };
  for (const Row& row : rows)
    for (const std::string& value : row.bad) {
      const OptionsResult result = parse({row.flag, value});
      const auto* errors = std::get_if<OptionErrors>(&result);
      BOOST_REQUIRE_MESSAGE(errors != nullptr && errors->size() == 1u, row.flag << " " << value);
      BOOST_TEST(errors->at(0).find(std::string(row.flag) + ": ") == 0u, errors->at(0));
    }
}

BOOST_AUTO_TEST_CASE(counting_by_subject_needs_tokens) {
  const OptionsResult result = parse({"--max-connections-per-subject", "5"});
  BOOST_REQUIRE(std::holds_alternative<OptionErrors>(result));
  BOOST_TEST(std::get<OptionErrors>(result).at(0).find("needs a --jwt-key") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(trusting_everybody_is_worth_a_warning) {
  for (const char* network : {"0.0.0.0/0", "::/0"}) {
    const ParsedOptions options = good({"--trusted-proxy", network});
    BOOST_REQUIRE(options.warnings.size() == 1u);
    BOOST_TEST(options.warnings[0].find(network) != std::string::npos);
  }
  BOOST_TEST(good({"--trusted-proxy", "10.0.0.0/8"}).warnings.empty());
}

BOOST_AUTO_TEST_SUITE_END()
