// The token bucket: burst, rate, and that its promises of time hold to the nanosecond.
#include "storage/token_bucket.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>

using namespace pulsegate::storage;
using namespace std::chrono_literals;

namespace {

const SteadyTime kStart = SteadyTime() + 1h;

int taken(TokenBucket& bucket, SteadyTime now) {
  int count = 0;
  while (bucket.take(now)) ++count;
  return count;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(TokenBucketSuite)

BOOST_AUTO_TEST_CASE(begins_with_a_burst_and_goes_on_at_the_rate) {
  TokenBucket bucket(10, 5);
  BOOST_TEST(bucket.tokens(kStart) == 5u);
  BOOST_TEST(taken(bucket, kStart) == 5);
  BOOST_TEST(taken(bucket, kStart + 99ms) == 0);
  BOOST_TEST(taken(bucket, kStart + 100ms) == 1);
  BOOST_TEST(taken(bucket, kStart + 350ms) == 2);
  BOOST_TEST(taken(bucket, kStart + 400ms) == 1);  // the half token was not lost
}

BOOST_AUTO_TEST_CASE(holds_no_more_than_the_burst) {
  TokenBucket bucket(10, 5);
  BOOST_TEST(taken(bucket, kStart) == 5);
  BOOST_TEST(bucket.tokens(kStart + 1h) == 5u);
  BOOST_TEST(taken(bucket, kStart + 1h) == 5);
}

BOOST_AUTO_TEST_CASE(a_take_at_the_time_that_was_named_succeeds) {
  TokenBucket bucket(3, 2);  // a third of a second is no whole number of nanoseconds
  SteadyTime now = kStart;
  for (int i = 0; i < 1000; ++i) {
    now = bucket.ready(now);
    BOOST_REQUIRE(bucket.take(now));
  }
  BOOST_TEST((now - kStart > 332s));
  BOOST_TEST((now - kStart < 333s));
}

BOOST_AUTO_TEST_CASE(what_is_put_back_can_be_taken_again) {
  TokenBucket bucket(1, 1);
  BOOST_TEST(bucket.take(kStart));
  BOOST_TEST(!bucket.take(kStart));
  bucket.put_back();
  BOOST_TEST(bucket.take(kStart));
}

BOOST_AUTO_TEST_CASE(a_rate_of_zero_is_no_limit) {
  TokenBucket bucket(0, 1);
  for (int i = 0; i < 1000; ++i) BOOST_REQUIRE(bucket.take(kStart));
  BOOST_TEST((bucket.ready(kStart) == kStart));
  BOOST_TEST(bucket.tokens(kStart) == SIZE_MAX);
}

BOOST_AUTO_TEST_CASE(never_more_than_burst_and_rate_in_any_second) {
  TokenBucket bucket(100, 20);
  for (int second = 0; second < 10; ++second) {
    int count = 0;
    for (int ms = 0; ms < 1000; ++ms) count += taken(bucket, kStart + std::chrono::milliseconds(second * 1000 + ms));
    BOOST_TEST(count <= 120);
    BOOST_TEST(count >= 100);
  }
}

BOOST_AUTO_TEST_SUITE_END()
