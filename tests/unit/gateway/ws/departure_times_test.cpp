// How departures are spread: jittered, even, and never outside of the time that was given.
#include "gateway/ws/departure_times.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate;
using namespace pulsegate::ws;
using namespace std::chrono_literals;

namespace {
const SteadyTime kStart{1h};

double seconds_after_start(SteadyTime time) {
  return std::chrono::duration<double>(time - kStart).count();
}
}  // namespace

BOOST_AUTO_TEST_SUITE(departure_times)

BOOST_AUTO_TEST_CASE(one_alone_leaves_at_any_time) {
  DepartureTimes times(1);
  std::vector<int> tenths(10);
  for (int i = 0; i < 10'000; ++i) {
    const auto due = times.spread(1, kStart, 10s);
    BOOST_REQUIRE(due.size() == 1);
    BOOST_REQUIRE((due[0] >= kStart && due[0] < kStart + 10s));
    ++tenths[static_cast<std::size_t>(seconds_after_start(due[0]))];
  }
  for (const int count : tenths) {
    BOOST_TEST(count > 850);
    BOOST_TEST(count < 1150);
  }
}

BOOST_AUTO_TEST_CASE(many_leave_one_in_each_slot_at_any_moment_of_it) {
  DepartureTimes times(2);
  const auto due = times.spread(1'000, kStart, 10s);
  double offsets = 0;
  for (std::size_t i = 0; i < due.size(); ++i) {
    const double slot = seconds_after_start(due[i]) * 100 - static_cast<double>(i);
    BOOST_REQUIRE((slot >= -1e-6 && slot <= 1 + 1e-6));
    offsets += slot;
  }
  BOOST_TEST(offsets / 1'000 > 0.45);
  BOOST_TEST(offsets / 1'000 < 0.55);
}

BOOST_AUTO_TEST_CASE(no_second_has_more_than_its_share_over_any_number_of_shards) {
  for (const std::size_t shards : {1u, 4u, 64u}) {
    std::vector<int> seconds(10);
    for (std::size_t shard = 0; shard < shards; ++shard)
      for (const SteadyTime due : DepartureTimes(shard + 7).spread(640 / shards, kStart, 10s))
        ++seconds[static_cast<std::size_t>(seconds_after_start(due))];
    for (const int count : seconds) BOOST_TEST((count > 32 && count < 96), shards << " shards: " << count);
  }
}

BOOST_AUTO_TEST_CASE(without_time_or_without_anybody_there_is_nothing_to_spread) {
  DepartureTimes times(3);
  BOOST_TEST(times.spread(0, kStart, 10s).empty());
  for (const SteadyTime due : times.spread(5, kStart, 0s)) BOOST_TEST((due == kStart));
  BOOST_TEST((times.within(kStart, -1s) == kStart));
}

BOOST_AUTO_TEST_CASE(an_age_varies_by_a_tenth_both_ways) {
  DepartureTimes times(4);
  double least = 1e9, most = 0;
  for (int i = 0; i < 10'000; ++i) {
    const double age = seconds_after_start(times.of_age(kStart, 1'000s));
    least = std::min(least, age);
    most = std::max(most, age);
  }
  BOOST_TEST((least >= 900 && least < 902));
  BOOST_TEST((most <= 1100 && most > 1098));
}

BOOST_AUTO_TEST_CASE(two_shards_do_not_draw_alike) {
  DepartureTimes one(5), two(6);
  BOOST_TEST((one.spread(3, kStart, 10s) != two.spread(3, kStart, 10s)));
}

BOOST_AUTO_TEST_SUITE_END()
