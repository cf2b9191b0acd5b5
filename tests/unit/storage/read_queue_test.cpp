// The queue in front of the database threads: bounds in number and time.
#include "storage/read_queue.hpp"

#include <boost/test/unit_test.hpp>
#include <chrono>

using namespace pulsegate::storage;
using namespace std::chrono_literals;

namespace {

const SteadyTime kStart = SteadyTime() + 1h;

// Reads are told apart by their points.
PendingRead read_of(std::size_t points) {
  PendingRead read;
  read.request = SnapshotRequest{{}, points, ReadReason::first};
  return read;
}

std::size_t points_of(const PendingRead& read) {
  return std::get<SnapshotRequest>(read.request).points;
}

void push(ReadQueue& queue, std::size_t points, SteadyTime now) {
  PendingRead read = read_of(points);
  BOOST_REQUIRE(queue.push(read, now));
}

bool push_range(ReadQueue& queue, SteadyTime now) {
  PendingRead read;
  read.request = RangeRequest{};
  return queue.push(read, now);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReadQueueSuite)

BOOST_AUTO_TEST_CASE(first_come_first_served) {
  ReadQueue queue(10, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  BOOST_TEST(points_of(*queue.pop(kStart)) == 1u);
  BOOST_TEST(points_of(*queue.pop(kStart)) == 2u);
  BOOST_TEST(!queue.pop(kStart));
}

BOOST_AUTO_TEST_CASE(the_newcomer_is_refused_and_left_whole_when_full) {
  ReadQueue queue(2, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  PendingRead third = read_of(3);
  third.done = [](const ReadResult&) {};
  BOOST_TEST(!queue.push(third, kStart));
  BOOST_TEST(static_cast<bool>(third.done));
  BOOST_TEST(queue.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_read_is_not_served_after_its_lease) {
  ReadQueue queue(10, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart + 1s);
  BOOST_TEST(queue.take_expired(kStart + 1999ms).empty());
  BOOST_TEST(points_of(*queue.pop(kStart + 2s)) == 2u);
  const auto expired = queue.take_expired(kStart + 2s);
  BOOST_REQUIRE_EQUAL(expired.size(), 1u);
  BOOST_TEST(points_of(expired[0]) == 1u);
  BOOST_TEST(queue.size() == 0u);
}

BOOST_AUTO_TEST_CASE(an_interrupted_read_goes_to_the_front_with_a_new_lease_even_when_full) {
  ReadQueue queue(1, 2s);
  push(queue, 1, kStart);
  PendingRead interrupted = *queue.pop(kStart);
  push(queue, 2, kStart + 1s);
  interrupted.retried = true;
  queue.give_back(std::move(interrupted), kStart + 1500ms);
  BOOST_TEST(queue.size() == 2u);
  BOOST_TEST(points_of(queue.take_expired(kStart + 3s).at(0)) == 2u);
  BOOST_TEST(points_of(*queue.pop(kStart + 3s)) == 1u);
}

BOOST_AUTO_TEST_CASE(a_read_that_was_not_begun_keeps_its_lease) {
  ReadQueue queue(1, 2s);
  push(queue, 1, kStart);
  queue.give_back(*queue.pop(kStart), kStart + 1s);
  BOOST_TEST(queue.take_expired(kStart + 2s).size() == 1u);
}

BOOST_AUTO_TEST_CASE(take_all_empties_it_in_order) {
  ReadQueue queue(10, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  const auto all = queue.take_all();
  BOOST_REQUIRE_EQUAL(all.size(), 2u);
  BOOST_TEST(points_of(all[0]) == 1u);
  BOOST_TEST(queue.size() == 0u);
}

BOOST_AUTO_TEST_CASE(a_read_waits_for_a_token_and_is_served_when_it_is_there) {
  ReadQueue queue(10, 2s, TokenBucket(10, 2));
  for (const std::size_t i : {1u, 2u, 3u, 4u}) push(queue, i, kStart);
  BOOST_TEST(queue.waits() == 2u);
  BOOST_TEST(points_of(*queue.pop(kStart)) == 1u);
  BOOST_TEST(points_of(*queue.pop(kStart)) == 2u);
  BOOST_TEST(!queue.pop(kStart));
  BOOST_TEST((queue.next_token(kStart) == kStart + 100ms));
  const PendingRead third = *queue.pop(kStart + 100ms);
  BOOST_TEST(points_of(third) == 3u);
  BOOST_TEST(third.throttled);
}

BOOST_AUTO_TEST_CASE(the_lease_bounds_the_wait_for_a_token) {
  ReadQueue queue(10, 2s, TokenBucket(0.1, 1));
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  BOOST_TEST(!queue.pop(kStart)->throttled);
  const auto expired = queue.take_expired(kStart + 2s);
  BOOST_REQUIRE_EQUAL(expired.size(), 1u);
  BOOST_TEST(expired[0].throttled);
}

BOOST_AUTO_TEST_CASE(a_read_that_was_not_begun_keeps_its_token) {
  ReadQueue queue(10, 2s, TokenBucket(0.1, 1));
  push(queue, 1, kStart);
  PendingRead read = *queue.pop(kStart);
  queue.give_back(std::move(read), kStart);
  read = *queue.pop(kStart);
  read.retried = true;  // this time it reached the database
  queue.give_back(std::move(read), kStart);
  BOOST_TEST(!queue.pop(kStart));
}

BOOST_AUTO_TEST_CASE(an_empty_queue_takes_no_tokens) {
  ReadQueue queue(10, 2s, TokenBucket(0.1, 1));
  BOOST_TEST(!queue.pop(kStart));
  push(queue, 1, kStart);
  BOOST_TEST(queue.pop(kStart).has_value());
}

BOOST_AUTO_TEST_CASE(ranges_leave_half_of_the_queue_and_let_others_pass) {
  ReadQueue queue(4, 2s);
  BOOST_TEST(push_range(queue, kStart));
  BOOST_TEST(push_range(queue, kStart));
  BOOST_TEST(!push_range(queue, kStart));
  push(queue, 1, kStart);
  BOOST_TEST(points_of(*queue.pop(kStart, false)) == 1u);
  BOOST_TEST(!queue.pop(kStart, false));
  BOOST_TEST(queue.pop(kStart, true)->is_range());
}

BOOST_AUTO_TEST_SUITE_END()
