// RFC 6455, case by case, against the gateway and against an echo on the same transport, configuration and limits.
#include <boost/test/unit_test.hpp>

#include <memory>

#include "tests/conformance/rfc6455/case.hpp"
#include "tests/conformance/rfc6455/judge.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/run_results.hpp"

using namespace pulsegate::test;

namespace {

const std::string kTarget = "/api/v1/devices/0f8fad5b-d9cb-469f-a165-70867728950e/ws";

// Both for the whole run.
GatewayProcess& gateway() {
  static RedisServer redis;
  if (!redis.running()) redis.start();
  static GatewayProcess process(std::vector<std::string>{"--redis", redis.url(), "--database", "none", "--auth", "none",
                                                         "--stream-key", "none", "--command-rate", "10000",
                                                         "--command-burst", "10000"});
  return process;
}

std::uint16_t echo_port() {
  static std::unique_ptr<ChildProcess> process;
  static std::uint16_t port = 0;
  if (port != 0) return port;
  const char* program = std::getenv("PULSEGATE_ECHO_SERVER");
  if (program == nullptr) throw std::runtime_error("PULSEGATE_ECHO_SERVER names no program");
  ChildOptions child;
  child.program = program;
  child.args = {"127.0.0.1:0"};
  process = std::make_unique<ChildProcess>(std::move(child));
  const auto line = process->wait_for_output("ws://");
  if (!line) throw std::runtime_error("the echo server does not start: " + process->output());
  port = static_cast<std::uint16_t>(std::stoi(line->substr(line->find("127.0.0.1:") + 10)));
  return port;
}

void play_all(const std::string& section, const std::vector<Case>& cases) {
  BOOST_REQUIRE(!cases.empty());
  const std::pair<const char*, Server> servers[] = {{"gateway", Server::answers}, {"echo", Server::echoes}};
  for (const auto& [name, server] : servers) {
    const std::uint16_t port = server == Server::answers ? gateway().port() : echo_port();
    std::size_t passed = 0;
    for (const Case& one : cases) {
      const std::string fault = play(one, server, port, kTarget);
      BOOST_TEST(fault.empty(), one.id << ' ' << one.name << " (" << name << "): " << fault);
      if (fault.empty()) ++passed;
    }
    record_result("conformance", section + ", " + name,
                  std::to_string(passed) + " of " + std::to_string(cases.size()) + " cases pass");
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Rfc6455)

BOOST_AUTO_TEST_CASE(section_1_framing) {
  play_all("1 framing", framing_cases());
}
BOOST_AUTO_TEST_CASE(section_2_pings_and_pongs) {
  play_all("2 pings and pongs", ping_cases());
}
BOOST_AUTO_TEST_CASE(section_3_reserved_bits) {
  play_all("3 reserved bits", reserved_bit_cases());
}
BOOST_AUTO_TEST_CASE(section_4_opcodes) {
  play_all("4 opcodes", opcode_cases());
}
BOOST_AUTO_TEST_CASE(section_5_fragmentation) {
  play_all("5 fragmentation", fragmentation_cases());
}
BOOST_AUTO_TEST_CASE(section_6_utf8) {
  play_all("6 UTF-8", utf8_cases());
}
BOOST_AUTO_TEST_CASE(section_7_closing) {
  play_all("7 closing", close_cases());
}
BOOST_AUTO_TEST_CASE(section_8_masks_and_lengths) {
  play_all("8 masks and lengths", encoding_cases());
}
BOOST_AUTO_TEST_CASE(section_9_limits) {
  play_all("9 limits", limit_cases());
}

BOOST_AUTO_TEST_CASE(nothing_of_all_that_stays_in_the_gateway) {
  BOOST_TEST(eventually([] { return gateway().metric_sum("pulsegate_connections") == 0; }, kServerDeadline));
  BOOST_TEST(gateway().running());
}

BOOST_AUTO_TEST_SUITE_END()
