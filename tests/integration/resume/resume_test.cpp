// Random rows, doubled reports, events, disconnects and replica changes: on `metrics` what a client received is what
// was published, each event once, or a `gap` names what is missing; in `history` each sample is one point. Another seed
// by PULSEGATE_TEST_SEED.
#include <boost/test/unit_test.hpp>

#include "world.hpp"

using namespace pulsegate::test;

namespace {

// Stories are long: the first few tell what is wrong, of the others the first lines.
constexpr std::size_t kWholeStories = 5;

void run_and_judge(const WorldOptions& options) {
  const std::uint64_t seed = world_seed();
  World world(options, seed);
  const Faults faults = world.run();
  BOOST_TEST(faults.empty());
  BOOST_TEST_MESSAGE("seed " << seed << ": " << world.summary());
  for (std::size_t i = 0; i < faults.size(); ++i) {
    const std::string text = i < kWholeStories ? faults[i] : faults[i].substr(0, faults[i].find('\n'));
    BOOST_ERROR("seed " << seed << ", " << world.summary() << "\n" << text);
  }
}

// A world that is over soon, for one mishap in its middle.
WorldOptions small_world(Mishap mishap) {
  WorldOptions options;
  options.devices = 10;
  options.run = Millis(10'000);
  options.longest_row_delay = Millis(2'000);
  options.row_lag = "3s";
  options.row_lag_ms = Millis(3'000);
  options.mishap = mishap;
  return options;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Resume)

BOOST_AUTO_TEST_CASE(whoever_comes_back_on_either_replica_misses_nothing_that_no_gap_names) {
  run_and_judge({});
}

BOOST_AUTO_TEST_CASE(a_restart_of_redis_costs_no_event_that_no_gap_names) {
  run_and_judge(small_world(Mishap::redis_restarts));
}

BOOST_AUTO_TEST_CASE(the_clients_of_a_replica_that_was_killed_go_on_with_the_other) {
  run_and_judge(small_world(Mishap::replica_dies));
}

BOOST_AUTO_TEST_SUITE_END()
