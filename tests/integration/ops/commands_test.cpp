// The subcommands of the real binary: exit codes, what goes to which output, and that they work against a running
// gateway.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

// After a header of the standard library: Asio looks for aligned_alloc in what that has defined.
#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>

#include "tests/support/child_process.hpp"
#include "tests/support/eventually.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/json.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/temp_dir.hpp"
#include "tests/support/wall_clock.hpp"

using namespace pulsegate::test;

namespace {

const std::string kDevice = "3f1e6b7a-0000-4000-8000-000000000001";
const std::string kTopic = "device:" + kDevice + ":metrics";
const std::string kEvent = R"({"deviceUuid":")" + kDevice +
                           R"(","metrics":{"cpu_usage":45.2,"memory_usage":1048576,"memory_total":2097152},)"
                           R"("timestamp":"2026-11-22T14:05:00.123Z"})";

// Listens and never says a word.
struct Silent {
  asio::io_context io;
  asio::ip::tcp::acceptor acceptor{io, {asio::ip::address_v4::loopback(), 0}};
  std::string address() const { return "127.0.0.1:" + std::to_string(acceptor.local_endpoint().port()); }
};

// A gateway without a database, and its Redis.
struct World {
  RedisServer redis;
  std::unique_ptr<GatewayProcess> gateway;

  World() {
    redis.start();
    gateway = std::make_unique<GatewayProcess>(
        std::vector<std::string>{"--redis", redis.url(), "--auth", "none", "--drain-time", "200ms"});
  }
  std::string admin() const { return "127.0.0.1:" + std::to_string(gateway->admin_port()); }
  std::string url() const { return device_url(gateway->port()); }
  static std::string device_url(std::uint16_t port) {
    return "ws://127.0.0.1:" + std::to_string(port) + "/api/v1/devices/" + kDevice + "/ws";
  }
  // `pulsegate watch` with the given arguments after the URL; its standard error stands apart.
  std::unique_ptr<ChildProcess> watch(std::vector<std::string> args) const {
    ChildOptions options;
    options.program = pulsegate_binary();
    options.args = {"watch", url()};
    options.args.insert(options.args.end(), args.begin(), args.end());
    options.environment = clean_environment();
    options.split_stderr = true;
    return std::make_unique<ChildProcess>(options);
  }
  bool subscribed() { return redis.wait_for_subscribers(kTopic, 1); }
};

}  // namespace

BOOST_AUTO_TEST_SUITE(CommandLine)

BOOST_AUTO_TEST_CASE(version_and_help_are_results) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{"--version"}, {"version"}}) {
    const RunResult result = run_pulsegate(args);
    BOOST_TEST(result.exit_code == 0);
    BOOST_TEST(result.output.find("pulsegate ") == 0u);
  }
  for (const char* command : {"serve", "check-config", "watch", "health", "drain"}) {
    const RunResult result = run_pulsegate({command, "--help"});
    BOOST_TEST(result.exit_code == 0, command);
    BOOST_TEST(result.output.find("Usage: pulsegate " + std::string(command)) != std::string::npos, command);
  }
}

BOOST_AUTO_TEST_CASE(a_wrong_command_line_is_code_2) {
  for (const std::vector<std::string>& args : {std::vector<std::string>{},
                                               {"unknown"},
                                               {"watch"},
                                               {"serve", "--shards", "0"},
                                               {"serve", "--unknown"},
                                               {"drain", "--admin", "nowhere"},
                                               {"health", "https://a"},
                                               {"watch", "http://127.0.0.1:8080/"},
                                               {"watch", "127.0.0.1:8080"}}) {
    const RunResult result = run_pulsegate(args);
    BOOST_TEST(result.exit_code == 2, (args.empty() ? "nothing" : args.back()) << ": " << result.exit_code);
    BOOST_TEST(!result.errors.empty());
  }
}

BOOST_AUTO_TEST_CASE(serve_tells_every_error_at_once) {
  const RunResult result =
      run_pulsegate({"serve", "--shards", "0", "--linger", "5", "--lisen", ":1"}, {{"PULSEGATE_AUTH", "basic"}});
  BOOST_TEST(result.exit_code == 2);
  for (const char* part : {"--shards: \"0\"", "--linger: \"5\"", "did you mean --listen?", "PULSEGATE_AUTH: \"basic\""})
    BOOST_TEST(result.errors.find(part) != std::string::npos, part << " is missing in " << result.errors);
}

BOOST_AUTO_TEST_CASE(serve_on_a_port_that_is_taken_is_code_1) {
  const Silent taken;
  const RunResult result =
      run_pulsegate({"serve", "--listen", "127.0.0.1:0", "--health", "127.0.0.1:0", "--admin", taken.address()});
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(result.errors.find("pulsegate: Cannot listen on 127.0.0.1 port") != std::string::npos, result.errors);
}

BOOST_AUTO_TEST_CASE(check_config_shows_where_values_come_from_and_no_secret) {
  const TempDir dir;
  const std::string path = dir.write("p.conf", "shards = 2\nredis = redis://user:hunter2@host:6379/0\n");
  const RunResult result =
      run_pulsegate({"check-config", "--config", path, "--linger", "1m"}, {{"PULSEGATE_REREAD", "10m"}});
  BOOST_TEST(result.exit_code == 0);
  BOOST_TEST(result.output.find("hunter2") == std::string::npos);
  for (const std::string& origin :
       {path + ":1", path + ":2", std::string("--linger"), std::string("PULSEGATE_REREAD"), std::string("default")})
    BOOST_TEST(result.output.find(origin) != std::string::npos, origin);
}

BOOST_AUTO_TEST_CASE(check_config_with_errors_is_code_2) {
  const RunResult result = run_pulsegate({"check-config", "--idle-timeout", "1s"});
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.output.empty());
  BOOST_TEST(result.errors.find("--idle-timeout") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(a_file_that_is_a_folder_is_an_error) {
  const RunResult result = run_pulsegate({"check-config", "--config", "/"});
  BOOST_TEST(result.exit_code == 2);
  BOOST_TEST(result.errors.find("--config: cannot read /") != std::string::npos, result.errors);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(CommandsOfOperators, World)

BOOST_AUTO_TEST_CASE(health_follows_the_status) {
  const std::string base = "http://127.0.0.1:" + std::to_string(gateway->health_port());
  BOOST_TEST(eventually([&] { return run_pulsegate({"health", base + "/readyz"}).exit_code == 0; }));
  const RunResult alive = run_pulsegate({"health", base + "/healthz"});
  BOOST_TEST(alive.output == "200 {\"status\":\"ok\"}\n");
  BOOST_TEST(run_pulsegate({"health", base + "/nothing"}).exit_code == 1);
  BOOST_TEST(run_pulsegate({"drain", "--admin", admin()}).exit_code == 0);
  const RunResult draining = run_pulsegate({"health", base + "/readyz"});
  BOOST_TEST(draining.exit_code == 1);
  BOOST_TEST(draining.output.find("503 ") == 0u);
}

BOOST_AUTO_TEST_CASE(health_of_nobody_is_code_1) {
  const Silent silent;
  const RunResult result = run_pulsegate({"health", "http://" + silent.address() + "/", "--timeout", "300ms"});
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST(!result.output.empty());
}

BOOST_AUTO_TEST_CASE(drain_waits_until_clients_are_gone) {
  WsClient client = gateway->open_device(kDevice);
  const RunResult result = run_pulsegate({"drain", "--wait", "10s"}, {{"PULSEGATE_ADMIN", admin()}});
  BOOST_TEST(result.exit_code == 0, result.errors);
  BOOST_TEST(result.output == "draining\ndrained\n");
  BOOST_TEST(gateway->running());
}

BOOST_AUTO_TEST_CASE(watch_prints_messages_as_lines_of_json_and_ends_by_count) {
  const auto child = watch({"--channels", "metrics", "--json", "--count", "2"});
  BOOST_TEST(subscribed());
  BOOST_TEST(child->wait_for_output("\"subscribed\"").has_value());
  redis.publish(kTopic, kEvent);
  redis.publish(kTopic, kEvent);
  BOOST_TEST(child->wait().value_or(-1) == 0, child->errors());
  std::istringstream lines(child->output());
  std::vector<std::string> types;
  for (std::string line; std::getline(lines, line);) {
    types.push_back(Json::parse(line).type());
    if (types.back() == "status") types.pop_back();  // comes when the device's state changes, anywhere among the others
  }
  BOOST_TEST((types == std::vector<std::string>{"connected", "subscribed", "metrics", "metrics"}), child->output());
}

BOOST_AUTO_TEST_CASE(watch_shows_metrics_to_people) {
  const auto child = watch({"--count", "1", "--channels", "metrics"});
  BOOST_TEST(child->wait_for_output("subscribed").has_value());
  redis.publish(kTopic, kEvent);
  BOOST_TEST(child->wait().value_or(-1) == 0);
  BOOST_TEST(child->output().find("14:05:00 metrics            cpu  45.2 %  mem 1.0 MiB/2.0 MiB") != std::string::npos,
             child->output());
  BOOST_TEST(child->output().find('\x1b') == std::string::npos);
}

BOOST_AUTO_TEST_CASE(watch_ends_cleanly_on_sigint) {
  const auto child = watch({});
  BOOST_TEST(child->wait_for_output("subscribed").has_value());
  BOOST_TEST(child->signal(SIGINT));
  BOOST_TEST(child->wait().value_or(-1) == 0);
  BOOST_TEST(eventually([&] { return gateway->admin("/api/v1/clients").body == "{\"clients\":0}\n"; }));
}

BOOST_AUTO_TEST_CASE(watch_comes_back_when_the_gateway_does) {
  const auto child = watch({"--json"});
  BOOST_TEST(child->wait_for_output("\"subscribed\"").has_value());
  const std::string listen = "127.0.0.1:" + std::to_string(gateway->port());
  gateway->kill();
  BOOST_TEST(eventually([&] { return child->errors().find("connection lost (1006); again in") != std::string::npos; }));
  gateway = std::make_unique<GatewayProcess>(
      std::vector<std::string>{"--redis", redis.url(), "--auth", "none", "--listen", listen});
  const std::size_t seen = child->output().size();
  BOOST_TEST(child->wait_for_output("\"subscribed\"", kServerDeadline, seen).has_value(), child->errors());
  child->signal(SIGTERM);
  BOOST_TEST(child->wait().value_or(-1) == 0);
}

BOOST_AUTO_TEST_CASE(watch_gets_what_it_missed_while_it_was_away) {
  // As the API server does: first the stream, then the event.
  const auto report = [&](double cpu) {
    const std::string time = iso_time(now_ms());
    const std::string metrics = R"({"cpu_usage":)" + std::to_string(cpu) + "}";
    redis.client().command("XADD", "metrics:" + kDevice, "*", "timestamp", time, "data", metrics);
    redis.publish(kTopic,
                  R"({"deviceUuid":")" + kDevice + R"(","metrics":)" + metrics + R"(,"timestamp":")" + time + "\"}");
  };
  const auto child = watch({"--channels", "metrics"});
  BOOST_TEST(child->wait_for_output("subscribed").has_value());
  report(45.2);
  BOOST_TEST(child->wait_for_output("45.2 %").has_value());
  const std::string listen = "127.0.0.1:" + std::to_string(gateway->port());
  gateway->kill();
  const std::size_t seen = child->output().size();
  report(46.5);
  report(47.5);
  gateway = std::make_unique<GatewayProcess>(
      std::vector<std::string>{"--redis", redis.url(), "--auth", "none", "--listen", listen});
  BOOST_TEST(child->wait_for_output("47.5 %", kServerDeadline, seen).has_value(), child->output());
  child->signal(SIGTERM);
  BOOST_TEST(child->wait().value_or(-1) == 0);
  const std::string back = child->output().substr(seen);
  BOOST_TEST(back.find("metrics  resumed\n") < back.find("46.5 %"), back);
  BOOST_TEST(back.find("46.5 %") < back.find("47.5 %"), back);
  BOOST_TEST(back.find("45.2 %") == std::string::npos, back);
  BOOST_TEST(back.find("gap") == std::string::npos, back);
}

BOOST_AUTO_TEST_CASE(watch_gives_up_where_coming_back_cannot_help) {
  const RunResult refused = run_pulsegate({"watch", "ws://127.0.0.1:" + std::to_string(gateway->port()) + "/nowhere"});
  BOOST_TEST(refused.exit_code == 1);
  BOOST_TEST(refused.errors.find("404") != std::string::npos, refused.errors);
  gateway->kill();
  const RunResult nobody = run_pulsegate({"watch", url()});
  BOOST_TEST(nobody.exit_code == 1);
  BOOST_TEST(nobody.errors.find("cannot connect") != std::string::npos, nobody.errors);
}

BOOST_AUTO_TEST_SUITE_END()
