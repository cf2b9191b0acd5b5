// When events are written: a manual clock, and batches as the bus would report them.
#include "gateway/ws/flush_pace.hpp"

#include <boost/test/unit_test.hpp>
#include <ostream>

using namespace pulsegate;
using namespace pulsegate::ws;
using namespace std::chrono_literals;
using Verdict = FlushPace::Verdict;

namespace pulsegate::ws {
static std::ostream& operator<<(std::ostream& out, Verdict verdict) {
  return out << (verdict == Verdict::write ? "write" : verdict == Verdict::hold ? "hold" : "wait");
}
}  // namespace pulsegate::ws

namespace {

struct World {
  explicit World(std::chrono::milliseconds window = 0ms) : pace(window) {}

  Verdict batch(bool more_waiting) {
    pace.on_batch_end(more_waiting, now);
    return pace.verdict(now);
  }

  FlushPace pace;
  SteadyTime now{1h};
};

}  // namespace

BOOST_AUTO_TEST_SUITE(FlushPaceTest)

BOOST_AUTO_TEST_CASE(a_batch_is_written_at_its_end) {
  World world;
  BOOST_TEST(world.batch(false) == Verdict::write);
  world.pace.on_written(true, false, world.now);
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::hold);  // nothing is queued
  BOOST_TEST(world.batch(false) == Verdict::write);
}

BOOST_AUTO_TEST_CASE(the_bus_goes_first_for_a_few_reads) {
  World world;
  for (int round = 0; round < 3; ++round) {
    for (int read = 1; read < FlushPace::kHeldReads; ++read) BOOST_TEST(world.batch(true) == Verdict::hold);
    BOOST_TEST(world.batch(true) == Verdict::write);
    world.pace.on_written(false, true, world.now);
    BOOST_TEST(world.pace.verdict(world.now) == Verdict::hold);  // one slice, then the bus again
  }
  BOOST_TEST(world.batch(false) == Verdict::write);
  world.pace.on_written(false, true, world.now);
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::write);  // slice after slice while the bus is silent
}

BOOST_AUTO_TEST_CASE(the_bus_goes_first_for_longer_when_it_never_gets_empty) {
  World world;
  const auto reads_until_a_slice = [&] {
    int reads = 1;
    while (world.batch(true) == Verdict::hold) ++reads;
    world.pace.on_written(false, true, world.now);
    return reads;
  };
  for (int read = 0; read < FlushPace::kReadsOfABurst; read += FlushPace::kHeldReads) {
    BOOST_TEST(!world.pace.overloaded());
    BOOST_TEST(reads_until_a_slice() == FlushPace::kHeldReads);
  }
  BOOST_TEST(reads_until_a_slice() == FlushPace::kHeldReadsInOverload);
  BOOST_TEST(world.pace.overloaded());
  world.pace.on_empty_batch_end(false);
  BOOST_TEST(!world.pace.behind());
  BOOST_TEST(reads_until_a_slice() == FlushPace::kHeldReads);
}

BOOST_AUTO_TEST_CASE(clients_are_not_held_back_longer_than_the_longest_hold) {
  World world;
  BOOST_TEST(world.batch(true) == Verdict::hold);
  world.now += FlushPace::kLongestHold;
  BOOST_TEST(world.batch(true) == Verdict::write);
  world.pace.on_written(true, true, world.now);
  BOOST_TEST(world.batch(true) == Verdict::hold);  // counted from the last slice
}

BOOST_AUTO_TEST_CASE(an_empty_bus_ends_the_hold) {
  World world;
  BOOST_TEST(world.batch(true) == Verdict::hold);
  BOOST_TEST(world.batch(false) == Verdict::write);
}

BOOST_AUTO_TEST_CASE(the_window_opens_with_the_first_event) {
  World world(5ms);
  BOOST_TEST(world.batch(false) == Verdict::wait);
  BOOST_TEST((world.pace.due() == world.now + 5ms));
  world.now += 4ms;
  BOOST_TEST(world.batch(false) == Verdict::wait);
  world.now += 1ms;
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::write);
  world.pace.on_written(true, false, world.now);
  world.now += 1h;
  BOOST_TEST(world.batch(false) == Verdict::wait);
}

BOOST_AUTO_TEST_CASE(what_is_queued_during_a_pass_has_a_window_of_its_own) {
  World world(5ms);
  world.batch(false);
  world.now += 5ms;
  world.pace.on_written(false, true, world.now);
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::write);  // the rest of the pass
  world.pace.on_written(true, true, world.now);
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::wait);
  BOOST_TEST((world.pace.due() == world.now + 5ms));
}

BOOST_AUTO_TEST_CASE(a_window_that_is_over_does_not_overrule_the_bus) {
  World world(5ms);
  BOOST_TEST(world.batch(true) == Verdict::wait);
  world.now += 5ms;
  BOOST_TEST(world.pace.verdict(world.now) == Verdict::hold);
  BOOST_TEST(world.batch(false) == Verdict::write);
}

BOOST_AUTO_TEST_SUITE_END()
