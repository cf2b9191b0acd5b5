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
  read.request.points = points;
  return read;
}

void push(ReadQueue& queue, std::size_t points, SteadyTime now) {
  PendingRead read = read_of(points);
  BOOST_REQUIRE(queue.push(read, now));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ReadQueueSuite)

BOOST_AUTO_TEST_CASE(first_come_first_served) {
  ReadQueue queue(10, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  BOOST_TEST(queue.pop(kStart)->request.points == 1u);
  BOOST_TEST(queue.pop(kStart)->request.points == 2u);
  BOOST_TEST(!queue.pop(kStart));
}

BOOST_AUTO_TEST_CASE(the_newcomer_is_refused_and_left_whole_when_full) {
  ReadQueue queue(2, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart);
  PendingRead third = read_of(3);
  third.done = [](const SnapshotResult&) {};
  BOOST_TEST(!queue.push(third, kStart));
  BOOST_TEST(static_cast<bool>(third.done));
  BOOST_TEST(queue.size() == 2u);
}

BOOST_AUTO_TEST_CASE(a_read_is_not_served_after_its_lease) {
  ReadQueue queue(10, 2s);
  push(queue, 1, kStart);
  push(queue, 2, kStart + 1s);
  BOOST_TEST(queue.take_expired(kStart + 1999ms).empty());
  BOOST_TEST(queue.pop(kStart + 2s)->request.points == 2u);
  const auto expired = queue.take_expired(kStart + 2s);
  BOOST_REQUIRE_EQUAL(expired.size(), 1u);
  BOOST_TEST(expired[0].request.points == 1u);
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
  BOOST_TEST(queue.take_expired(kStart + 3s).at(0).request.points == 2u);
  BOOST_TEST(queue.pop(kStart + 3s)->request.points == 1u);
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
  BOOST_TEST(all[0].request.points == 1u);
  BOOST_TEST(queue.size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
