// Redis is killed, stopped, cut off, or drops the gateway: nobody is disconnected, everybody is told, and what was
// published meanwhile comes from the table once Redis is back, or is named by a gap.
#include <boost/test/unit_test.hpp>

#include "arena.hpp"
#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate::test;

namespace {

constexpr Millis kFound{15'000};    // silence is found within
constexpr Millis kRepaired{3'000};  // every device, after Redis is back

// Everybody is told that the bus is away.
Millis wait_for_loss(Arena& arena, long long begin, Millis deadline) {
  BOOST_REQUIRE(arena.crowd().wait_for_all([&](const Watcher& w) { return w.when_told("bus down", begin).has_value(); },
                                           deadline));
  return told_after(arena.crowd().watchers(), "bus down", begin);
}

// Everybody is told that it is there again, and gets live reports. Adds the row.
ResultRow finish(Arena& arena, const std::string& scenario, long long begin, long long end, Millis detected,
                 Millis limit) {
  BOOST_REQUIRE(arena.crowd().wait_for_all([&](const Watcher& w) { return w.when_told("bus up", begin).has_value(); },
                                           kServerDeadline));
  BOOST_TEST(arena.wait_for_reports(3));
  const Millis up = told_after(arena.crowd().watchers(), "bus up", begin);
  ResultRow row = arena.judge(scenario, Outage{begin, begin + up.count()});
  row.detected = detected;
  row.recovered = repaired_after(arena.crowd().watchers(), arena.reporter(), end);
  BOOST_TEST(row.recovered->count() < limit.count());
  BOOST_TEST(row.disconnects == 0u);
  BOOST_TEST(row.lost == 0u);
  ResultsTable::of_this_run().add(row);
  return row;
}

ResultRow kill_redis_for(Millis outage, const std::string& scenario, ArenaOptions options = {}) {
  Arena arena(std::move(options));
  const long long begin = now_ms();
  arena.redis().kill();
  const Millis detected = wait_for_loss(arena, begin, kServerDeadline);
  BOOST_TEST(arena.gateway().health("/healthz").status == 200);
  const long long left = begin + outage.count() - now_ms();
  if (left > 0) pause_for(Millis(left));  // how long the outage lasts
  arena.redis().start();
  return finish(arena, scenario, begin, now_ms(), detected, scale().limit(kRepaired));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ChaosRedis)

BOOST_AUTO_TEST_CASE(killed_and_restarted) {
  const ResultRow row = kill_redis_for(Millis(2'000), "Redis killed, back after 2 s");
  BOOST_TEST(row.named == 0u, "the table has it all");
}

BOOST_AUTO_TEST_CASE(killed_and_restarted_without_a_database) {
  ArenaOptions options;
  options.database = false;
  const ResultRow row = kill_redis_for(Millis(2'000), "the same without a database", std::move(options));
  BOOST_TEST(row.named > 0u, "nobody could know what was published meanwhile");
}

BOOST_AUTO_TEST_CASE(killed_and_away_for_longer, *boost::unit_test::precondition([](auto) { return scale().full; })) {
  kill_redis_for(Millis(20'000), "Redis killed, back after 20 s");
}

BOOST_AUTO_TEST_CASE(stopped_by_a_signal) {
  Arena arena;
  const long long begin = now_ms();
  Pause pause(arena.redis());
  const Millis detected = wait_for_loss(arena, begin, scale().limit(kFound));
  BOOST_TEST(detected.count() < scale().limit(kFound).count());
  pause.end();
  finish(arena, "Redis stopped (SIGSTOP)", begin, now_ms(), detected, scale().limit(Millis(10'000)));
}

BOOST_AUTO_TEST_CASE(half_open) {
  ArenaOptions options;
  options.proxy = true;
  Arena arena(std::move(options));
  const long long begin = now_ms();
  arena.proxy().swallow();
  const Millis detected = wait_for_loss(arena, begin, scale().limit(kFound));
  BOOST_TEST(detected.count() < scale().limit(kFound).count());
  arena.proxy().heal();
  finish(arena, "Redis half open (a proxy swallows)", begin, now_ms(), detected, scale().limit(Millis(12'000)));
}

BOOST_AUTO_TEST_CASE(connections_killed_by_redis) {
  Arena arena;
  const long long begin = now_ms();
  BOOST_TEST(arena.redis().client().command("CLIENT", "KILL", "TYPE", "pubsub").integer > 0);
  const long long end = now_ms();
  const Millis detected = wait_for_loss(arena, begin, kServerDeadline);
  finish(arena, "Redis drops its subscribers (CLIENT KILL)", begin, end, detected, scale().limit(kRepaired));
}

BOOST_AUTO_TEST_CASE(dropped_as_a_slow_subscriber) {
  ArenaOptions options;
  options.redis.args = {"--client-output-buffer-limit", "pubsub 1mb 0 0"};
  Arena arena(std::move(options));
  // A device that somebody watches, so that the gateway has to be sent it all.
  const std::string loud = new_device();
  WsClient listener = arena.gateway().open_device(loud);
  listener.subscribe({"metrics"});
  listener.expect("subscribed");
  const long long begin = now_ms();
  BOOST_REQUIRE(arena.gateway().signal(SIGSTOP));
  // More than what the kernel takes for the two ends of a connection, and the limit.
  const std::string padding = R"(,"padding":")" + std::string(200'000, 'x') + '"';
  std::size_t events = 0;
  for (; events < 500 &&
         arena.redis().publish("device:" + loud + ":metrics",
                               metrics_event(loud, 1.0 + static_cast<double>(events) / 100, now_ms(), padding)) > 0;
       ++events) {
  }
  BOOST_TEST(events < 500u, "Redis has not dropped the gateway");
  const long long end = now_ms();
  BOOST_REQUIRE(arena.gateway().signal(SIGCONT));
  const Millis detected = wait_for_loss(arena, begin, kServerDeadline);
  finish(arena, "Redis evicts a slow subscriber (" + std::to_string(events * 200 / 1000) + " MB burst)", begin, end,
         detected, scale().limit(Millis(5'000)));
  listener.expect("gap");  // what the burst lost is in no table
}

BOOST_AUTO_TEST_SUITE_END()
