// GatewayProcess against a script that plays the gateway: what it is started with, and what is read from it.
#include "tests/support/gateway_process.hpp"
#include "tests/support/eventually.hpp"

#include <sys/stat.h>

#include <boost/test/unit_test.hpp>
#include <cstdlib>
#include <string>

namespace pulsegate::test {
namespace {

// Makes PULSEGATE_BINARY name a shell script for the time of a case.
class ScriptedGateway {
 public:
  explicit ScriptedGateway(const std::string& script) : path_(dir_.write("pulsegate", "#!/bin/sh\n" + script)) {
    BOOST_REQUIRE(::chmod(path_.c_str(), 0700) == 0);
    if (const char* former = std::getenv("PULSEGATE_BINARY")) former_ = former;
    ::setenv("PULSEGATE_BINARY", path_.c_str(), 1);
  }
  ~ScriptedGateway() {
    if (former_) {
      ::setenv("PULSEGATE_BINARY", former_->c_str(), 1);
    } else {
      ::unsetenv("PULSEGATE_BINARY");
    }
  }

 private:
  TempDir dir_;
  std::string path_;
  std::optional<std::string> former_;
};

constexpr const char* kServing =
    R"(echo '{"ts":"x","level":"info","event":"serving","listen":"127.0.0.1:1001","health":"127.0.0.1:1002","admin":"[::1]:1003"}'
)";

BOOST_AUTO_TEST_SUITE(gateway_process)

BOOST_AUTO_TEST_CASE(learns_its_ports_from_the_log) {
  const ScriptedGateway script(std::string(kServing) + "exec sleep 60");
  GatewayProcess gateway(std::vector<std::string>{"--auth", "none"});
  BOOST_TEST(gateway.port() == 1001);
  BOOST_TEST(gateway.health_port() == 1002);
  BOOST_TEST(gateway.admin_port() == 1003);
  BOOST_TEST(gateway.running());
  BOOST_TEST(gateway.rss_kib() > 0U);
  // The shell has the script open until it has become `sleep`.
  BOOST_TEST(eventually([&] { return gateway.open_fds() == 3U; }));
  BOOST_TEST(gateway.stop() == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(gets_free_ports_and_a_clean_environment) {
  ::setenv("PULSEGATE_REDIS", "redis://somewhere", 1);
  const ScriptedGateway script(std::string("echo \"$@\" redis=$PULSEGATE_REDIS auth=$PULSEGATE_AUTH\n") + kServing);
  GatewayOptions options;
  options.args = {"--admin", "127.0.0.1:7", "--shards=2"};
  options.environment = {{"PULSEGATE_AUTH", "none"}};
  GatewayProcess gateway(options);
  ::unsetenv("PULSEGATE_REDIS");
  BOOST_TEST(gateway.wait_for_log("serve").value_or("") ==
             "serve --listen 127.0.0.1:0 --health 127.0.0.1:0 --log-format json --drain-time 0s --admin 127.0.0.1:7 "
             "--shards=2 redis= auth=none");
  BOOST_TEST(gateway.wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(a_gateway_that_does_not_serve_is_an_error_with_its_log) {
  const ScriptedGateway script("echo 'listen: no such address' >&2; exit 2");
  BOOST_CHECK_EXCEPTION(GatewayProcess gateway(std::vector<std::string>{}), std::runtime_error,
                        [](const std::runtime_error& error) {
                          return std::string(error.what()).find("no such address") != std::string::npos;
                        });
}

BOOST_AUTO_TEST_CASE(other_subcommands_run_to_their_end) {
  const ScriptedGateway script("echo out \"$1\"; echo err >&2; exit 2");
  const RunResult result = run_pulsegate({"check-config"});
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.output == "out check-config\n");
  BOOST_TEST(result.errors == "err\n");
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pulsegate::test
