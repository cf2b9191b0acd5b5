// A tenth of the clients stops to read: the others get their events as fast as before. Phases with and without them
// alternate in one run, each first as often as the other, and the medians of their p99 are compared, so that what else
// the machine does counts on both sides. How much it does shows when phases of one kind are compared with each other:
// where these differ by more than is promised, the run decides nothing, and says so.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdio>

#include "crowd.hpp"
#include "results_table.hpp"
#include "scale.hpp"
#include "tests/bench/load/run.hpp"
#include "tests/integration/gateway/stack.hpp"

using namespace pulsegate::test;
namespace bench = pulsegate::bench;

namespace {

constexpr double kMostChange = 0.10;

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

// How much the medians of every other phase of one kind differ: what a difference means that has no cause.
double noise(const std::vector<double>& p99s) {
  std::vector<double> halves[2];
  for (std::size_t i = 0; i < p99s.size(); ++i) halves[i % 2].push_back(p99s[i]);
  if (halves[1].empty()) return 0;
  const double ratio = median(halves[0]) / median(halves[1]);
  return std::max(ratio, 1 / ratio) - 1;
}

struct Phase {
  double p99_ms = 0;
  std::size_t expected = 0, received = 0, gaps = 0, closed = 0;
};

Phase measure(const RedisServer& redis, const GatewayProcess& gateway, std::size_t clients, std::size_t devices) {
  bench::Options options;
  options.port = gateway.port();
  options.publish_port = redis.port();
  options.clients = clients;
  options.devices = devices;
  options.rate = 10.0 * static_cast<double>(devices);  // 10 events a second for each client
  options.warm_up = 0.5;
  options.seconds = scale().pick(1.2, 1.0);
  bench::Run run(options);
  const bench::Findings findings = run.execute();
  BOOST_REQUIRE_MESSAGE(findings.ready, run.counts().last_failure);
  BOOST_TEST(run.counts().events.duplicates + run.counts().events.reordered == 0u);
  return {static_cast<double>(run.counts().latency.percentile(0.99)) / 1000, findings.expected,
          run.counts().events.deliveries, run.counts().gaps, run.counts().closed};
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ChaosStalled)

BOOST_AUTO_TEST_CASE(a_tenth_of_the_clients_stops_to_read) {
  const std::size_t stalled = scale().clients / 10;
  const std::size_t others = scale().clients - stalled;
  const std::size_t devices = scale().devices / 2;
  const int pairs = scale().pick(12, 1);
  RedisServer redis;
  redis.start();
  // They are to stay, stalled: by default they would be sent away after 30 s.
  GatewayProcess gateway(std::vector<std::string>{"--redis", redis.url(), "--database", "none", "--auth", "none",
                                                  "--stalled-after", "10m"});
  std::vector<std::string> uuids;
  for (std::size_t i = 0; i < devices; ++i) uuids.push_back(bench::device_uuid(i));
  WsOptions slow;
  slow.tcp.receive_buffer = 4'096;
  Crowd crowd(gateway.port(), uuids, stalled, slow);
  BOOST_REQUIRE(crowd.wait_until_watching());

  const auto conflated = [&] { return gateway.metric_sum("pulsegate_conflated_frames_total"); };
  const std::string padding = R"(,"padding":")" + std::string(50'000, 'x') + '"';
  double value = 0;
  // Fills what the kernel holds for them, until the gateway itself has to keep and to drop.
  const auto stall = [&] {
    crowd.stop_reading(stalled);
    const double before = conflated();
    const auto full = [&] {
      ++value;
      for (const std::string& device : uuids)
        redis.publish("device:" + device + ":metrics", metrics_event(device, value / 100, now_ms(), padding));
      return conflated() >= before + 10.0 * static_cast<double>(stalled);
    };
    BOOST_REQUIRE(eventually(full, kServerDeadline));
  };
  const auto read_again = [&] {
    crowd.read_again();
    BOOST_REQUIRE(eventually([&] { return gateway.metric_sum("pulsegate_backlog_bytes") == 0; }, kServerDeadline));
  };

  std::vector<double> quiet, with_stalled;
  Phase all;
  const auto phase = [&](std::vector<double>& p99s) {
    const Phase one = measure(redis, gateway, others, devices);
    p99s.push_back(one.p99_ms);
    all.expected += one.expected;
    all.received += one.received;
    all.gaps += one.gaps;
    all.closed += one.closed;
  };
  measure(redis, gateway, others, devices);  // a warm-up
  const auto phase_with_stalled = [&] {
    stall();
    const double before = conflated();
    phase(with_stalled);
    BOOST_TEST(conflated() > before, "they were not stalled");
    BOOST_TEST(gateway.metric_sum("pulsegate_backlog_bytes") > 0);
    read_again();
  };
  for (int i = 0; i < pairs; ++i) {
    if (i % 2 == 0) phase(quiet);
    phase_with_stalled();
    if (i % 2 == 1) phase(quiet);
  }
  BOOST_TEST(all.received == all.expected);
  BOOST_TEST(all.gaps == 0u);
  BOOST_TEST(all.closed == 0u);
  BOOST_TEST(crowd.count([](const Watcher& w) { return w.end.has_value(); }) == 0u);

  const double change = median(with_stalled) / median(quiet) - 1;
  const double by_chance = std::max(noise(quiet), noise(with_stalled));
  const bool decided = by_chance < kMostChange;
  for (std::size_t i = 0; i < quiet.size(); ++i)
    std::printf("p99 of %zu clients: %.2f ms, with %zu stalled beside them %.2f ms\n", others, quiet[i], stalled,
                with_stalled[i]);
  if (scale().full && decided) BOOST_TEST(change < kMostChange);

  char figures[240];
  std::snprintf(figures, sizeof figures,
                "p99 %.2f ms, without %.2f ms: %+.0f %%, by chance %.0f %% (medians of %d phases each)%s",
                median(with_stalled), median(quiet), change * 100, by_chance * 100, pairs,
                decided ? "" : "; not decided, the machine was too busy");
  ResultRow row;
  row.scenario = std::to_string(stalled) + " clients stop to read; of the others";
  row.clients = others;
  row.owed = all.expected;
  row.received = all.received;
  row.lost = all.expected - all.received;
  row.disconnects = all.closed;
  row.note = figures;
  ResultsTable::of_this_run().add(row);
}

BOOST_AUTO_TEST_SUITE_END()
