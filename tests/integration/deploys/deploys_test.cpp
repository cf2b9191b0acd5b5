// Three replicas behind haproxy under load: a rolling restart, and one that is killed. Nobody may miss a report or get
// one twice, and nobody's reconnect may come with all the others'.
#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "fleet.hpp"
#include "replicas.hpp"
#include "reporter.hpp"

using namespace pulsegate::test;

namespace {

using Clock = Fleet::Clock;

// `make deploys` runs the full scale, every other run the small one.
// The longest pause of the test's own thread with which the second of a reconnect still says something.
constexpr Millis kCalm{250};

struct Scale {
  std::size_t viewers = 180;
  std::size_t devices = 30;
  double rate = 300;  // reports a second, all devices together
  int drain_seconds = 4;

  static Scale chosen() {
    const char* text = std::getenv("PULSEGATE_DEPLOYS");
    return text != nullptr && std::string(text) == "full" ? Scale{2'000, 500, 2'000, 10} : Scale{};
  }
};

struct World {
  World()
      : replicas(3, {"--drain-time", std::to_string(scale.drain_seconds) + "s"}),
        proxy(Balancer::Kind::haproxy, replicas.backends()),
        reporter(replicas.redis().port(), scale.devices, scale.rate),
        fleet(proxy.port(), scale.viewers, reporter) {}

  bool settled(Millis deadline = kServerDeadline) {
    return eventually([&] { return fleet.up_to_date(Millis(1'000)); }, deadline, Millis(20));
  }

  // Nothing more is published, everybody has everything, and nobody was ever told anything else.
  void judge() {
    reporter.finish();
    BOOST_TEST(reporter.failure().empty(), reporter.failure());
    BOOST_TEST(fleet.wait_complete(kServerDeadline));
    BOOST_TEST(fleet.finish() == 0u);
    BOOST_TEST(fleet.failure().empty(), fleet.failure());
    const FleetTally& tally = fleet.tally();
    BOOST_TEST(tally.missed == 0u);
    BOOST_TEST(tally.duplicates == 0u);
    BOOST_TEST(tally.gaps == 0u);
    BOOST_TEST(tally.errors == 0u);
    BOOST_TEST(tally.refused == 0u);
    BOOST_TEST(tally.not_resumed == 0u);
    BOOST_TEST(tally.first_fault.empty(), tally.first_fault);
    BOOST_TEST_MESSAGE("published " << reporter.total() << ", delivered " << tally.deliveries << " to " << fleet.size()
                                    << " viewers; sent away " << tally.sent_away << ", lost " << tally.lost
                                    << ", resumed " << tally.resumed << "; missed " << tally.missed << ", twice "
                                    << tally.duplicates << ", gaps " << tally.gaps << ", refused " << tally.refused);
  }

  const Scale scale = Scale::chosen();
  Replicas replicas;
  Balancer proxy;
  Reporter reporter;
  Fleet fleet;
};

// Reconnects in each second from the first one on.
std::vector<std::size_t> by_second(const std::vector<Clock::time_point>& times) {
  std::vector<std::size_t> seconds;
  for (const Clock::time_point time : times) {
    const auto second = static_cast<std::size_t>((time - times.front()) / std::chrono::seconds(1));
    seconds.resize(std::max(seconds.size(), second + 1));
    ++seconds[second];
  }
  return seconds;
}

std::string listed(const std::vector<std::size_t>& seconds) {
  std::string text;
  for (const std::size_t count : seconds) text += " " + std::to_string(count);
  return text;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Deploys)

BOOST_AUTO_TEST_CASE(a_rolling_restart_loses_nothing_and_spreads_the_reconnects) {
  World world;
  BOOST_REQUIRE(world.settled());
  for (std::size_t i = 0; i < world.replicas.size(); ++i) {
    const std::size_t held = world.replicas.clients(i);
    const Clock::time_point begin = Clock::now();
    world.fleet.forget_stalls();
    BOOST_TEST(world.replicas.at(i).stop() == 0);
    BOOST_TEST(world.settled());
    const std::vector<Clock::time_point> reopened = world.fleet.reopened_since(begin);
    BOOST_REQUIRE(held > 0u);
    BOOST_TEST(reopened.size() == held);
    const std::vector<std::size_t> seconds = by_second(reopened);
    const double mean = static_cast<double>(held) / world.scale.drain_seconds;
    // Where the machine stands still for a while, what comes afterwards comes together, whoever sent it away when.
    if (world.fleet.longest_stall() < kCalm)
      for (const std::size_t count : seconds)
        BOOST_TEST(static_cast<double>(count) <= 2 * mean, "reconnects by second:" << listed(seconds));
    BOOST_TEST_MESSAGE("replica " << i << ": " << held << " viewers, mean " << mean
                                  << " a second; by second:" << listed(seconds) << "; longest stall of the machine "
                                  << world.fleet.longest_stall().count() << " ms");
    world.replicas.start(i);
    // Until the proxy has noticed, and gives it the next one, since it has the fewest.
    BOOST_TEST(eventually(
        [&] {
          const WsClient probe = WsClient::open(world.proxy.port(), "/api/v1/devices/" + reported_device(0) + "/ws");
          return world.replicas.clients(i) > 0;
        },
        kServerDeadline, Millis(200)));
  }
  world.judge();
}

BOOST_AUTO_TEST_CASE(a_replica_that_is_killed_is_forgotten_within_five_seconds) {
  World world;
  BOOST_REQUIRE(world.settled());
  const std::size_t held = world.replicas.clients(1);
  const Clock::time_point begin = Clock::now();
  world.replicas.at(1).kill();
  BOOST_TEST(eventually([&] { return world.fleet.open() < world.fleet.size(); }));
  BOOST_TEST(world.settled(Millis(5'000)));
  const auto took = std::chrono::duration_cast<Millis>(Clock::now() - begin);
  BOOST_TEST(took.count() <= 5'000);
  BOOST_TEST(world.fleet.reopened_since(begin).size() == held);
  BOOST_TEST_MESSAGE("killed with " << held << " viewers: all back and up to date after " << took.count() << " ms");
  world.judge();
}

BOOST_AUTO_TEST_SUITE_END()
