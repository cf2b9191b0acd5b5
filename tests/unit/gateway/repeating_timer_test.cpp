// The timer on an io_context that the test itself runs, so that it chooses which handler is queued when.
#include "gateway/repeating_timer.hpp"

#include <asio/post.hpp>
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <memory>
#include <optional>
#include <stdexcept>

using namespace pulsegate;
using namespace std::chrono_literals;

namespace {

struct World {
  // Every handler, until none is left; false: there still were some after the deadline.
  bool ends() {
    io.restart();
    io.run_for(5s);
    return io.stopped();
  }

  asio::io_context io{1};
  int runs = 0;
};

}  // namespace

BOOST_AUTO_TEST_SUITE(RepeatingTimerTest)

BOOST_AUTO_TEST_CASE(runs_again_and_again_until_its_action_stops_it) {
  World world;
  RepeatingTimer timer(world.io, 1ms, [&] {
    if (++world.runs == 3) timer.stop();
  });
  timer.start();
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 3);
}

BOOST_AUTO_TEST_CASE(stop_reaches_a_handler_that_is_queued_already) {
  World world;
  RepeatingTimer timer(world.io, 0ms, [&] { ++world.runs; });
  RepeatingTimer other(world.io, 0ms, [&] {
    timer.stop();
    other.stop();
  });
  other.start();
  timer.start();
  // Both are due: the io_context's first look at the clock queues both handlers, without an error.
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 0);
}

BOOST_AUTO_TEST_CASE(destruction_reaches_a_handler_that_is_queued_already) {
  World world;
  std::optional<RepeatingTimer> timer;
  RepeatingTimer other(world.io, 0ms, [&] {
    timer.reset();
    other.stop();
  });
  timer.emplace(world.io, 0ms, [&] { ++world.runs; });
  other.start();
  timer->start();
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 0);
}

BOOST_AUTO_TEST_CASE(the_action_may_destroy_its_timer) {
  World world;
  std::unique_ptr<RepeatingTimer> timer;
  const auto kept = std::make_shared<int>(7);
  timer = std::make_unique<RepeatingTimer>(world.io, 1ms, [&world, &timer, kept] {
    timer.reset();
    world.runs += *kept;  // what the action holds is still there
  });
  timer->start();
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 7);
  BOOST_TEST(kept.use_count() == 1);
}

BOOST_AUTO_TEST_CASE(start_after_stop_does_nothing) {
  World world;
  RepeatingTimer timer(world.io, 1ms, [&] { ++world.runs; });
  timer.stop();
  timer.start();
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 0);
}

BOOST_AUTO_TEST_CASE(an_action_that_throws_is_run_again) {
  World world;
  RepeatingTimer timer(world.io, 1ms, [&] {
    if (++world.runs == 2) timer.stop();
    throw std::runtime_error("a fault of the action");
  });
  timer.start();
  BOOST_CHECK_THROW(world.io.run_for(5s), std::runtime_error);
  BOOST_CHECK_THROW(world.io.run_for(5s), std::runtime_error);
  BOOST_TEST(world.ends());
  BOOST_TEST(world.runs == 2);
}

BOOST_AUTO_TEST_SUITE_END()
