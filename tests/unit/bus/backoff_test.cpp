// Backoff: the bounds double, the jitter is full, and only a stable connection starts the sequence again.
#include "bus/backoff.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate::bus;
using std::chrono::milliseconds;

namespace {

// Just below 1, so that next() is the bound itself but for rounding.
double highest() {
  return 1.0;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(BackoffTest)

BOOST_AUTO_TEST_CASE(bound_doubles_up_to_the_longest_delay) {
  Backoff backoff({}, highest);
  for (const int expected : {100, 200, 400, 800, 1500, 1500, 1500}) {
    BOOST_TEST(backoff.next().count() == expected);
  }
}

BOOST_AUTO_TEST_CASE(bound_never_overflows) {
  Backoff backoff({}, highest);
  for (int i = 0; i < 10'000; ++i) backoff.next();
  BOOST_TEST(backoff.next().count() == 1500);
}

BOOST_AUTO_TEST_CASE(delay_is_the_random_share_of_the_bound) {
  double share = 0.5;
  Backoff backoff({}, [&share] { return share; });
  BOOST_TEST(backoff.next().count() == 50);
  share = 0.0;
  BOOST_TEST(backoff.next().count() == 0);
  share = 0.25;
  BOOST_TEST(backoff.next().count() == 100);
}

BOOST_AUTO_TEST_CASE(share_outside_of_its_range_is_clamped) {
  double share = -3.0;
  Backoff backoff({}, [&share] { return share; });
  BOOST_TEST(backoff.next().count() == 0);
  share = 7.0;
  BOOST_TEST(backoff.next().count() == 200);
}

BOOST_AUTO_TEST_CASE(stable_connection_starts_again) {
  Backoff backoff({}, highest);
  for (int i = 0; i < 5; ++i) backoff.next();
  backoff.connection_lasted(milliseconds(10'000));
  BOOST_TEST(backoff.next().count() == 100);
}

BOOST_AUTO_TEST_CASE(short_connection_keeps_the_bound) {
  Backoff backoff({}, highest);
  for (int i = 0; i < 3; ++i) backoff.next();
  backoff.connection_lasted(milliseconds(9'999));
  BOOST_TEST(backoff.next().count() == 800);
}

BOOST_AUTO_TEST_CASE(longest_below_first_wins) {
  Backoff backoff({milliseconds(100), milliseconds(20), milliseconds(1000)}, highest);
  BOOST_TEST(backoff.next().count() == 20);
  BOOST_TEST(backoff.next().count() == 20);
  backoff.connection_lasted(milliseconds(1000));
  BOOST_TEST(backoff.next().count() == 20);
}

BOOST_AUTO_TEST_CASE(own_generator_spreads_over_the_whole_range) {
  Backoff backoff({milliseconds(1000), milliseconds(1000), milliseconds(1)});
  int low = 0;
  for (int i = 0; i < 1000; ++i) {
    const auto delay = backoff.next();
    BOOST_REQUIRE((delay >= milliseconds(0) && delay <= milliseconds(1000)));
    if (delay < milliseconds(500)) ++low;
  }
  BOOST_TEST(low > 350);
  BOOST_TEST(low < 650);
}

BOOST_AUTO_TEST_SUITE_END()
