// Limits of the whole process, as clients and operators meet them: by address and subject, by rate, of descriptors and
// of memory.
#include <boost/test/data/monomorphic.hpp>
#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>

#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <string>
#include <vector>

#include "auth_world.hpp"
#include "stack.hpp"

using namespace pulsegate::test;
namespace data = boost::unit_test::data;

namespace {

WsOptions from(const std::string& address) {
  WsOptions options;
  options.tcp.source_address = address;
  return options;
}

WsOptions page_from(const std::string& address) {
  WsOptions options = from(address);
  options.headers.emplace_back("Origin", "https://dash.example");
  return options;
}

WsClient attempt(Stack& stack, const std::string& device, const WsOptions& options) {
  return WsClient::attempt(stack.gateway().port(), device_target(device), options);
}

// Not too often, or the attempts themselves are what keeps it out.
bool comes_in(Stack& stack, const std::string& device, const WsOptions& options) {
  return eventually(
      [&] {
        try {
          return attempt(stack, device, options).is_open();
        } catch (const std::runtime_error&) {
          return false;  // reset without a word
        }
      },
      kDeadline, Millis(100));
}

// Of gateways that are started while it lives: a sanitizer's allocator gives memory back as any other does.
class FreedMemoryGoesBack {
 public:
  FreedMemoryGoesBack() : before_(std::getenv("ASAN_OPTIONS") != nullptr ? std::getenv("ASAN_OPTIONS") : "") {
    set(before_ + ":quarantine_size_mb=0:thread_local_quarantine_size_kb=0:allocator_release_to_os_interval_ms=100");
  }
  ~FreedMemoryGoesBack() { set(before_); }
  FreedMemoryGoesBack(const FreedMemoryGoesBack&) = delete;
  FreedMemoryGoesBack& operator=(const FreedMemoryGoesBack&) = delete;

 private:
  static void set(const std::string& options) { ::setenv("ASAN_OPTIONS", options.c_str(), 1); }

  const std::string before_;
};

void check_429(const HttpResponse& response, const std::string& code) {
  BOOST_TEST(response.status == 429);
  BOOST_TEST(std::stoi(response.header("retry-after")) >= 1);
  BOOST_TEST(response.json().at("error").at("code").string() == code);
}

// A browser gets `error` and 4429 over a WebSocket that was accepted.
void check_4429(WsClient client, const std::string& code) {
  BOOST_REQUIRE(client.is_open());
  const Json error = client.expect_json();
  BOOST_TEST(error.type() == "error");
  BOOST_TEST(error.at("data").at("code").string() == code);
  BOOST_TEST(client.expect_close().code == 4429);
}

double limited(Stack& stack, const std::string& limit) {
  return stack.gateway().metric("pulsegate_limited_total{limit=\"" + limit + "\"}").value_or(-1);
}

// Connects, and does not care what becomes of it.
void hit(Stack& stack, const std::string& address) {
  try {
    TcpSocket("127.0.0.1", stack.gateway().port(), from(address).tcp).reset();
  } catch (const std::runtime_error&) {
    // It was reset before we knew.
  }
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++count;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Limits)

BOOST_DATA_TEST_CASE(an_address_has_so_many_connections_over_all_shards,
                     data::make({std::string("1"), std::string("2")}), shards) {
  Stack stack({"--shards", shards, "--max-connections-per-address", "3"});
  std::vector<WsClient> clients;
  for (int i = 0; i < 3; ++i) clients.push_back(stack.open(new_device(), from("127.0.0.2")));
  const std::string device = new_device();
  check_429(attempt(stack, device, from("127.0.0.2")).response(), "too-many-connections");
  check_4429(attempt(stack, device, page_from("127.0.0.2")), "too-many-connections");
  BOOST_TEST(stack.redis().client().subscribers("device:" + device + ":metrics") == 0);  // no work was done for it
  BOOST_TEST(attempt(stack, device, from("127.0.0.3")).is_open());
  BOOST_TEST(limited(stack, "address") == 2);
  BOOST_TEST(stack.gateway().metric("pulsegate_connections_refused_total{reason=\"too-many-requests\"}").value() == 2);
  BOOST_TEST(occurrences(stack.gateway().logs(), "client.limited") == 1u);
  for (WsClient& client : clients) BOOST_TEST(client.expect_pong());
  clients.pop_back();
  BOOST_TEST(comes_in(stack, device, from("127.0.0.2")));
  clients.clear();
  BOOST_TEST(eventually([&] { return stack.gateway().metric("pulsegate_client_addresses").value_or(-1) == 0; }));
}

BOOST_AUTO_TEST_CASE(a_socket_that_says_nothing_holds_a_place_of_its_address) {
  Stack stack({"--shards", "2", "--max-connections-per-address", "2", "--handshake-timeout", "1s"});
  std::vector<TcpSocket> silent;
  for (int i = 0; i < 2; ++i) silent.emplace_back("127.0.0.1", stack.gateway().port(), from("127.0.0.2").tcp);
  const std::string device = new_device();
  check_429(attempt(stack, device, from("127.0.0.2")).response(), "too-many-connections");
  // Until it is given up.
  BOOST_TEST(comes_in(stack, device, from("127.0.0.2")));
}

BOOST_AUTO_TEST_CASE(a_plain_request_counts_while_it_is_answered) {
  Stack stack({"--max-connections-per-address", "1"});
  const std::string target = "/api/v1/devices/" + new_device() + "/snapshot";
  HttpOptions options;
  options.tcp.source_address = "127.0.0.2";
  for (int i = 0; i < 3; ++i)
    BOOST_TEST(eventually([&] { return stack.gateway().get(target, options).status == 200; }));
  BOOST_TEST(eventually([&] { return stack.gateway().metric("pulsegate_client_addresses").value_or(-1) == 0; }));
  const WsClient client = stack.open(new_device(), from("127.0.0.2"));
  check_429(stack.gateway().get(target, options), "too-many-connections");
}

BOOST_AUTO_TEST_CASE(an_address_that_connects_too_fast_has_to_wait) {
  Stack stack({"--connect-rate-per-address", "0.5"});
  const std::string device = new_device();
  for (int i = 0; i < 5; ++i) BOOST_TEST(attempt(stack, device, from("127.0.0.2")).is_open());
  check_429(attempt(stack, device, from("127.0.0.2")).response(), "rate-limited");
  check_4429(attempt(stack, device, page_from("127.0.0.2")), "rate-limited");
  BOOST_TEST(attempt(stack, device, from("127.0.0.3")).is_open());
  BOOST_TEST(limited(stack, "address-rate") == 2);
  BOOST_TEST(comes_in(stack, device, from("127.0.0.2")));
}

BOOST_AUTO_TEST_CASE(an_address_whose_handshakes_fail_is_kept_out_for_a_while) {
  Stack stack({"--handshake-failure-rate", "0.5", "--handshake-timeout", "200ms"});
  const std::string device = new_device();
  HttpOptions options;
  options.tcp.source_address = "127.0.0.2";
  BOOST_TEST(stack.gateway().get("/elsewhere", options).status == 404);
  TcpSocket garbage("127.0.0.1", stack.gateway().port(), options.tcp);
  garbage.write("\x16\x03\x01\x02 TLS?\r\n\r\n");
  TcpSocket silent("127.0.0.1", stack.gateway().port(), options.tcp);
  BOOST_TEST(attempt(stack, device, from("127.0.0.2")).is_open());
  BOOST_TEST(eventually([&] { return stack.gateway().metric("pulsegate_handshake_failures_total").value_or(0) == 2; }));
  BOOST_TEST(attempt(stack, "no-uuid", page_from("127.0.0.2")).is_open());  // told by 4400
  BOOST_TEST(stack.gateway().get("/elsewhere", options).status == 404);
  check_429(attempt(stack, device, from("127.0.0.2")).response(), "rate-limited");
  BOOST_TEST(limited(stack, "failures") == 1);
  BOOST_TEST(attempt(stack, device, from("127.0.0.3")).is_open());
  BOOST_TEST(comes_in(stack, device, from("127.0.0.2")));
}

BOOST_AUTO_TEST_CASE(refusals_are_told_up_to_a_rate_and_then_cost_next_to_nothing) {
  Stack stack({"--max-connections-per-address", "1"});
  const std::string device = new_device();
  WsClient inside = stack.open(device, from("127.0.0.2"));
  const auto dropped = [&] {
    return stack.gateway().metric("pulsegate_sockets_dropped_total{reason=\"limited\"}").value_or(-1);
  };
  BOOST_TEST(eventually(
      [&] {
        for (int i = 0; i < 100; ++i) hit(stack, "127.0.0.2");
        return dropped() > 100;
      },
      kDeadline, Millis(0)));
  BOOST_TEST(limited(stack, "address") > 200);
  BOOST_TEST(occurrences(stack.gateway().logs(), "client.limited") == 1u);
  BOOST_TEST(inside.expect_pong());
  BOOST_TEST(attempt(stack, device, from("127.0.0.3")).is_open());
}

BOOST_AUTO_TEST_CASE(above_the_rate_of_the_process_newcomers_come_in_later) {
  Stack stack({"--connect-rate", "20"});
  const auto begin = std::chrono::steady_clock::now();
  std::vector<WsClient> clients;
  for (int i = 0; i < 40; ++i) clients.push_back(stack.open(new_device()));
  BOOST_TEST((std::chrono::steady_clock::now() - begin > Millis(900)));
  BOOST_TEST(stack.gateway().metric("pulsegate_accept_pauses_total").value() > 0);
  for (WsClient& client : clients) BOOST_TEST(client.expect_pong());
}

BOOST_DATA_TEST_CASE(a_subject_has_so_many_connections_over_all_shards,
                     data::make({std::string("1"), std::string("2")}), shards) {
  AuthWorld world({"--shards", shards, "--max-connections-per-subject", "2"});
  std::vector<WsClient> clients;
  for (int i = 0; i < 2; ++i) clients.push_back(world.stack.open(new_device(), bearer(world.token(60 + i))));
  const std::string device = new_device();
  check_429(WsClient::attempt(world.port(), device_target(device), bearer(world.token())).response(),
            "too-many-connections");
  WsOptions page = bearer(world.token());
  page.headers.emplace_back("Origin", "https://dash.example");
  check_4429(WsClient::attempt(world.port(), device_target(device), page), "too-many-connections");
  BOOST_TEST(world.stack.redis().client().subscribers("device:" + device + ":metrics") == 0);
  const std::string bob = hmac_token(kAuthSecret, claims("bob", in_seconds(60)));
  BOOST_TEST(WsClient::attempt(world.port(), device_target(device), bearer(bob)).is_open());
  BOOST_TEST(limited(world.stack, "subject") == 2);
  BOOST_TEST(world.stack.gateway().logs().find(world.token()) == std::string::npos);
  clients.pop_back();
  BOOST_TEST(eventually(
      [&] { return WsClient::attempt(world.port(), device_target(device), bearer(world.token())).is_open(); }));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(LimitsOfTheProcess)

// The limit is lowered under its feet, so that accept() fails.
BOOST_AUTO_TEST_CASE(without_a_descriptor_newcomers_are_told_and_operators_get_through) {
  Stack stack;
  WsClient inside = stack.watch(new_device(), {"metrics"});
  const pid_t pid = stack.gateway().pid();
  rlimit before{};
  BOOST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &before) == 0);
  const rlimit none{stack.gateway().open_fds(), before.rlim_max};
  BOOST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &none, nullptr) == 0);

  // One whose request comes after the refusal is reset, maybe with the refusal unread.
  HttpResponse refused;
  const auto told = [&] {
    try {
      TcpSocket socket("127.0.0.1", stack.gateway().port());
      socket.write("GET " + device_target(new_device()) + " HTTP/1.1\r\nHost: x\r\n\r\n");
      std::string rest;
      refused = read_http_response(socket, rest);
      return true;
    } catch (const std::runtime_error&) {
      return false;
    }
  };
  BOOST_REQUIRE(eventually(told));
  BOOST_TEST(refused.status == 503);
  BOOST_TEST(!refused.header("retry-after").empty());
  BOOST_TEST(refused.json().at("error").at("code").string() == "unavailable");
  BOOST_TEST(stack.gateway().health("/healthz").status == 200);
  BOOST_TEST(stack.gateway().admin("/api/v1/clients").status == 200);
  BOOST_TEST(inside.expect_pong());

  BOOST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &before, nullptr) == 0);
  BOOST_TEST(comes_in(stack, new_device(), {}));
  BOOST_TEST(stack.gateway().metric("pulsegate_sockets_dropped_total{reason=\"descriptors\"}").value() >= 1);
}

BOOST_AUTO_TEST_CASE(too_few_descriptors_are_told_at_the_start) {
  ChildOptions shell;
  shell.program = "/bin/sh";
  shell.args = {"-c",
                "ulimit -n 24 && exec \"$0\" serve --listen 127.0.0.1:0 --health 127.0.0.1:0 --admin 127.0.0.1:0 "
                "--database none --auth none",
                pulsegate_binary()};
  shell.environment = clean_environment();
  const RunResult result = run_program(std::move(shell));
  BOOST_TEST(result.exit_code == 1);
  BOOST_TEST((result.output + result.errors).find("too low to serve clients") != std::string::npos, result.errors);
}

// None of them has a backlog that would end it alone.
BOOST_AUTO_TEST_CASE(when_all_backlogs_together_are_too_much_the_slowest_are_closed) {
  constexpr int kClients = 30;
  Stack stack({"--backlog-limit", "1MiB"});
  const std::string padding = R"(,"padding":")" + std::string(150'000, 'x') + '"';
  std::vector<std::string> devices;
  std::vector<WsClient> deaf;
  WsOptions slow;
  slow.tcp.receive_buffer = 4'096;
  for (int i = 0; i < kClients; ++i) {
    devices.push_back(new_device());
    deaf.push_back(stack.open(devices.back(), slow));
    deaf.back().subscribe({"metrics"});
    deaf.back().expect("subscribed");
  }
  const std::string quiet = new_device();
  WsClient reader = stack.watch(quiet, {"metrics"});
  double cpu = 0;
  const auto closed = [&] {
    for (const std::string& device : devices)
      stack.redis().publish("device:" + device + ":metrics", metrics_event(device, ++cpu / 100, now_ms(), padding));
    return stack.gateway().metric("pulsegate_backlog_closed_total").value_or(0) > 0;
  };
  BOOST_TEST(eventually(closed, kServerDeadline));
  BOOST_TEST(stack.gateway().wait_for_log("backlog.full").has_value());
  BOOST_TEST(stack.gateway().metric("pulsegate_backlog_closed_total").value() < kClients);
  BOOST_TEST(eventually(
      [&] { return stack.gateway().metric("pulsegate_disconnects_total{code=\"slow-consumer\"}").value_or(0) >= 1; }));
  stack.publish(quiet, 7, now_ms());
  BOOST_TEST(reader.expect("metrics").at("data").at("cpu_usage").number() == 7);
}

BOOST_AUTO_TEST_CASE(short_of_memory_newcomers_are_sent_away_and_those_inside_stay) {
  // The marks are set around what a gateway needs that has some devices of 200 KB in memory.
  constexpr std::size_t kMi = 1024 * 1024;
  const std::string padding = R"(,"padding":")" + std::string(200'000, 'x') + '"';
  const FreedMemoryGoesBack allocator;
  Stack probe({"--memory-limit", "off"});
  BOOST_TEST(probe.gateway().metric("pulsegate_memory_limit_bytes").value() == 0);
  const std::size_t limit = (probe.gateway().rss_kib() * 1024 + 24 * kMi) * 100 / 85;
  Stack stack({"--memory-limit", std::to_string(limit), "--linger", "0s", "--resume-events", "64", "--resume-bytes",
               "1000000", "--resume-memory", "256MiB", "--close-above", "4MiB", "--stream-key", "none"});
  BOOST_TEST(stack.gateway().metric("pulsegate_memory_limit_bytes").value() == limit);
  BOOST_TEST(eventually([&] { return stack.gateway().health("/readyz").status == 200; }));  // the first canary is back

  const std::string quiet = new_device();
  WsClient inside = stack.watch(quiet, {"metrics"});
  std::vector<std::string> loud;
  std::vector<WsClient> watchers;
  for (int i = 0; i < 40; ++i) {
    loud.push_back(new_device());
    watchers.push_back(stack.watch(loud.back(), {"metrics"}));
  }
  double cpu = 0;
  const auto high = [&] {
    cpu += 1;
    for (std::size_t i = 0; i < loud.size(); ++i) {
      stack.redis().publish("device:" + loud[i] + ":metrics", metrics_event(loud[i], cpu, now_ms(), padding));
      watchers[i].expect("metrics");
    }
    return stack.gateway().metric("pulsegate_memory_high").value_or(0) == 1;
  };
  BOOST_TEST(eventually(high, kServerDeadline, Millis(0)));
  const HttpResponse ready = stack.gateway().health("/readyz");
  BOOST_TEST(ready.status == 503);
  BOOST_TEST(ready.body.find("Memory") != std::string::npos, ready.body);
  BOOST_TEST(stack.gateway().health("/healthz").status == 200);
  BOOST_TEST(stack.gateway().wait_for_log("memory.high").has_value());
  const HttpResponse refused = attempt(stack, new_device(), {}).response();
  BOOST_TEST(refused.status == 503);
  BOOST_TEST(!refused.header("retry-after").empty());
  WsClient page = attempt(stack, new_device(), page_from("127.0.0.1"));
  BOOST_TEST(page.expect("error").at("data").at("code").string() == "unavailable");
  BOOST_TEST(page.expect_close().code == 1013);
  stack.publish(quiet, 5, now_ms());
  BOOST_TEST(inside.expect("metrics").at("data").at("cpu_usage").number() == 5);

  // Once the loud ones are gone, so is what was kept of them.
  watchers.clear();
  BOOST_TEST(eventually([&] { return stack.gateway().health("/readyz").status == 200; }, kServerDeadline));
  BOOST_TEST(stack.gateway().wait_for_log("memory.normal").has_value());
  BOOST_TEST(attempt(stack, new_device(), {}).is_open());
}

BOOST_AUTO_TEST_SUITE_END()
