// The process runs out of descriptors, or is told to end under load.
#include <boost/test/unit_test.hpp>

#include <sys/resource.h>

#include <csignal>

#include "arena.hpp"
#include "tests/bench/load/process_usage.hpp"
#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate::test;

namespace {

// The limit of descriptors of a running process. Returns the one before.
rlimit limit_files(pid_t pid, rlim_t files) {
  rlimit before{};
  BOOST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, nullptr, &before) == 0);
  const rlimit limit{files, before.rlim_max};
  BOOST_REQUIRE(::prlimit(pid, RLIMIT_NOFILE, &limit, nullptr) == 0);
  return before;
}

bool takes_clients(Arena& arena) {
  try {
    return WsClient::attempt(arena.gateway().port(), "/api/v1/devices/" + new_device() + "/ws").is_open();
  } catch (const std::runtime_error&) {
    return false;  // closed without a word
  }
}

// How long it took; it must end well, and within `longest`.
Millis end_by_sigterm(Arena& arena, Millis longest) {
  const long long begin = now_ms();
  BOOST_REQUIRE(arena.gateway().signal(SIGTERM));
  const auto code = arena.gateway().wait(scale().limit(longest));
  const Millis lasted(now_ms() - begin);
  BOOST_REQUIRE(code.has_value());
  BOOST_TEST(*code == 0, arena.gateway().logs());
  return lasted;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ChaosProcess)

// Its own limit of connections lies below that of descriptors, so operators still reach it.
BOOST_AUTO_TEST_CASE(more_sockets_than_descriptors) {
  ArenaOptions options;
  options.open_files = 800;
  options.clients = 200;
  options.gateway = {"--handshake-timeout", "60s"};  // what says nothing stays
  Arena arena(std::move(options));
  const long long begin = now_ms();
  std::vector<TcpSocket> sockets;
  for (int i = 0; i < 1'000; ++i) {
    try {
      sockets.emplace_back("127.0.0.1", arena.gateway().port());
    } catch (const std::runtime_error&) {
      continue;  // beyond what can be refused in words it is reset, maybe before this end knows that it is connected
    }
  }
  BOOST_TEST(eventually([&] { return !takes_clients(arena); }));
  const Millis refused(now_ms() - begin);
  BOOST_TEST(arena.gateway().health("/healthz").status == 200);
  BOOST_TEST(arena.gateway().admin("/api/v1/clients").status == 200);
  BOOST_TEST(arena.gateway().open_fds() < 800u);
  BOOST_TEST(arena.wait_for_reports(2));
  sockets.clear();
  const long long end = now_ms();
  BOOST_TEST(eventually([&] { return takes_clients(arena); }));
  const Millis recovered(now_ms() - end);
  ResultRow row = arena.judge("1 000 silent sockets, 800 descriptors");
  row.detected = refused;
  row.recovered = recovered;
  BOOST_TEST(row.disconnects == 0u);
  BOOST_TEST(row.named + row.lost == 0u);
  row.note += "; health and admin port answer";
  ResultsTable::of_this_run().add(row);
}

// The limit is lowered under its feet: accept() fails with EMFILE.
BOOST_AUTO_TEST_CASE(no_descriptor_left) {
  ArenaOptions options;
  options.clients = 200;
  Arena arena(std::move(options));
  const int pid = arena.gateway().pid();
  const rlimit before = limit_files(pid, arena.gateway().open_fds());
  const long long begin = now_ms();
  const auto usage = pulsegate::bench::usage_of({pid});
  // Whoever comes meanwhile is told so, by means of a descriptor that is kept for that, or waits in the kernel.
  int refused = 0;
  while (now_ms() < begin + 2'000) {
    TcpSocket newcomer("127.0.0.1", arena.gateway().port());
    newcomer.write("GET /elsewhere HTTP/1.1\r\nHost: x\r\n\r\n");
    std::string answer;
    if (newcomer.read_until(answer, "\r\n", Millis(1'000)) != TcpSocket::Read::data) continue;
    BOOST_TEST(answer.substr(0, 12) == "HTTP/1.1 503");
    ++refused;
  }
  BOOST_TEST(refused > 0);
  const double cpu = (pulsegate::bench::usage_of({pid}) - usage).cpu;
  BOOST_TEST(cpu < 1.0, "it spins: " << cpu << " s of CPU in 2 s");
  BOOST_TEST(arena.wait_for_reports(2));
  limit_files(pid, before.rlim_cur);
  const long long end = now_ms();
  BOOST_TEST(eventually([&] { return takes_clients(arena); }));
  const Millis recovered(now_ms() - end);
  BOOST_TEST(arena.gateway().health("/healthz").status == 200);
  BOOST_TEST(arena.gateway().metric_sum("pulsegate_accept_failures_total") > 0);
  ResultRow row = arena.judge("no descriptor left (EMFILE) for " + seconds(Millis(end - begin)));
  row.recovered = recovered;
  BOOST_TEST(row.disconnects == 0u);
  BOOST_TEST(row.named + row.lost == 0u);
  row.note += "; CPU " + seconds(Millis(static_cast<int>(cpu * 1000))) + " in 2 s; " + std::to_string(refused) +
              " newcomers told 503";
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_CASE(sigterm_under_load) {
  constexpr std::uint16_t kRestart = 1012;
  const std::size_t deaf = scale().clients / 10;
  const Millis drain = scale().pick(Millis(3'000), Millis(1'000));
  // The drain, the closing handshakes of those who do not answer, and the machine.
  const Millis longest = drain + Millis(7'000);
  ArenaOptions options;
  options.gateway = {"--drain-time", std::to_string(drain.count()) + "ms"};
  Arena arena(std::move(options));
  arena.crowd().stop_reading(deaf);
  // So that they have a backlog, in the sockets and in the gateway.
  const std::string padding = R"(,"padding":")" + std::string(100'000, 'x') + '"';
  std::vector<std::string> loud;
  for (std::size_t i = 0; i < 10; ++i) loud.push_back(new_device());
  WsOptions slow;
  slow.tcp.receive_buffer = 4'096;
  Crowd stuck(arena.gateway().port(), loud, loud.size(), slow);
  BOOST_REQUIRE(stuck.wait_until_watching());
  stuck.stop_reading(stuck.size());
  double round = 0;
  const auto backlog = [&] {
    for (const std::string& device : loud)
      arena.redis().publish("device:" + device + ":metrics", metrics_event(device, ++round / 100, now_ms(), padding));
    return arena.gateway().metric_sum("pulsegate_backlog_bytes") > 500'000;
  };
  BOOST_REQUIRE(eventually(backlog));

  const Millis lasted = end_by_sigterm(arena, longest);
  BOOST_TEST(lasted.count() < scale().limit(longest).count());
  arena.crowd().read_again();  // what was left for those who did not read
  BOOST_TEST(arena.crowd().wait_for_all([](const Watcher& w) { return w.end.has_value(); }));

  ResultRow row = arena.judge("SIGTERM under load");
  const std::vector<Watcher> watchers = arena.crowd().watchers();
  std::size_t told = 0, closed = 0;
  for (std::size_t i = 0; i < watchers.size(); ++i) {
    const auto reconnect = watchers[i].messages.find("reconnect");
    const bool sent_away = reconnect != watchers[i].messages.end() && reconnect->second == 1;
    told += sent_away ? 1 : 0;
    closed += watchers[i].end->code == kRestart ? 1 : 0;
    if (i < deaf) continue;
    BOOST_TEST(sent_away);
    BOOST_TEST(watchers[i].end->code == kRestart);
  }
  BOOST_TEST(row.lost == 0u);
  row.recovered = lasted;
  row.note += "; exit code 0; " + std::to_string(told) + " told `reconnect`, " + std::to_string(closed) +
              " closed with 1012; " + std::to_string(deaf) + " do not read, " + std::to_string(stuck.size()) +
              " more have megabytes waiting";
  ResultsTable::of_this_run().add(row);
}

// Neither a database thread that hangs nor a bus that is silent holds up the end.
BOOST_AUTO_TEST_CASE(sigterm_while_redis_and_postgresql_are_stopped) {
  const Millis longest(
      12'000);  // drain, closing handshakes, and a read that is given up 2 s after its statement timeout
  ArenaOptions options;
  options.clients = 20;
  options.devices = 5;
  options.gateway = {"--drain-time", "1s"};
  Arena arena(std::move(options));
  const Pause redis(arena.redis());
  const Pause postgres(arena.postgres());
  std::vector<WsClient> newcomers;  // more than there are database threads
  for (int i = 0; i < 8; ++i) {
    newcomers.push_back(arena.gateway().open_device(new_device()));
    newcomers.back().subscribe(kAllChannels);
  }
  for (WsClient& client : newcomers) client.expect("connected");
  const Millis lasted = end_by_sigterm(arena, longest);
  for (WsClient& client : newcomers) BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(arena.crowd().wait_for_all([](const Watcher& w) { return w.end && w.end->code == 1012; }));
  ResultRow row;
  row.scenario = "SIGTERM while Redis and PostgreSQL are stopped";
  row.clients = arena.crowd().size() + newcomers.size();
  row.recovered = lasted;
  row.disconnects = row.clients;
  row.note = "exit code 0; all closed with 1012";
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_SUITE_END()
