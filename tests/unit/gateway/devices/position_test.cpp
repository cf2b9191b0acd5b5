// Whether a sample is the one that a cursor names, and where a client stands that has it.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>

#include "gateway/devices/position.hpp"
#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::CursorMatch;
using devices::match;
using devices::Position;
using std::chrono::microseconds;
using Seconds = std::chrono::seconds;

namespace {

constexpr microseconds kLag = Seconds(15);

proto::Cursor event_at(double time, double value) {
  return {at(time), proto::sample_digest(cpu(value)), 0};
}
proto::Cursor row_at(double time, double value) {
  return proto::row_cursor(at(time), cpu(value));
}
CursorMatch match_event(const proto::Cursor& cursor, double time) {
  return match(cursor, at(time), std::nullopt, microseconds(0), kLag);
}
CursorMatch match_row(const proto::Cursor& cursor, double time, microseconds offset = microseconds(0)) {
  return match(cursor, std::nullopt, at(time), offset, kLag);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(CursorMatchTest)

BOOST_AUTO_TEST_CASE(an_event_is_known_by_its_time) {
  BOOST_TEST((match_event(event_at(10, 1), 10) == CursorMatch::exact));
  BOOST_TEST((match_event(event_at(10, 1), 10.5) == CursorMatch::maybe));  // stamped by another gateway
  BOOST_TEST((match_event(event_at(10, 1), 11) == CursorMatch::none));
}

BOOST_AUTO_TEST_CASE(a_row_is_known_by_its_stamp) {
  BOOST_TEST((match_row(row_at(10, 1), 10) == CursorMatch::exact));
  BOOST_TEST((match_row(row_at(10, 1), 10.000001) == CursorMatch::none));
}

BOOST_AUTO_TEST_CASE(a_row_may_be_that_of_an_event_within_lag_and_clocks) {
  BOOST_TEST((match_row(event_at(100, 1), 100) == CursorMatch::maybe));
  BOOST_TEST((match_row(event_at(100, 1), 125) == CursorMatch::maybe));
  BOOST_TEST((match_row(event_at(100, 1), 126) == CursorMatch::none));
  BOOST_TEST((match_row(event_at(100, 1), 90) == CursorMatch::maybe));
  BOOST_TEST((match_row(event_at(100, 1), 89) == CursorMatch::none));
  BOOST_TEST((match_event(row_at(125, 1), 100) == CursorMatch::maybe));
  BOOST_TEST((match_event(row_at(126, 1), 100) == CursorMatch::none));
}

BOOST_AUTO_TEST_CASE(what_the_clocks_differ_by_is_taken_off) {
  BOOST_TEST((match_row(event_at(100, 1), 3'700, Seconds(3'600)) == CursorMatch::maybe));
  BOOST_TEST((match_row(event_at(100, 1), 3'700) == CursorMatch::none));
}

BOOST_AUTO_TEST_CASE(a_sample_with_both_times_is_known_by_the_one_that_the_cursor_has) {
  BOOST_TEST((match(row_at(12, 1), at(10), at(12), microseconds(0), kLag) == CursorMatch::exact));
  BOOST_TEST((match(event_at(10, 1), at(10), at(12), microseconds(0), kLag) == CursorMatch::exact));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(PositionTest)

BOOST_AUTO_TEST_CASE(after_an_event_later_ones_are_owed) {
  const Position position = Position::after(event_at(10, 1), kLag);
  BOOST_TEST((position.next == at(10)));
  BOOST_TEST((position.gap_from() == at(10)));
  BOOST_TEST(position.surely_before(event_at(11, 2), microseconds(0), kLag));
  BOOST_TEST(!position.surely_before(event_at(10, 1), microseconds(0), kLag));
  BOOST_TEST(!position.surely_before(event_at(9, 2), microseconds(0), kLag));
}

// Only the row is known: the event was up to the lag earlier.
BOOST_AUTO_TEST_CASE(after_a_row_an_event_from_before_it_may_be_owed) {
  const Position position = Position::after(row_at(100, 1), kLag);
  BOOST_TEST((position.next == at(85)));
  BOOST_TEST((position.gap_from() == at(100)));
  BOOST_TEST(!position.surely_before(event_at(99, 2), kLag, kLag));
  BOOST_TEST(position.surely_before(event_at(101, 2), kLag, kLag));
  BOOST_TEST(position.surely_before(row_at(100.1, 2), kLag, kLag));  // rows stand in their own order
  BOOST_TEST(!position.surely_before(row_at(100, 2), kLag, kLag));
}

BOOST_AUTO_TEST_CASE(what_may_be_the_same_sample_is_not_owed_for_sure) {
  const Position position = Position::after(event_at(100, 1), kLag);
  BOOST_TEST(!position.surely_before(row_at(120, 1), microseconds(0), kLag));
  BOOST_TEST(position.surely_before(row_at(120, 2), microseconds(0), kLag));
  BOOST_TEST(!position.seems_before(row_at(120, 1), kLag));
  BOOST_TEST(position.seems_before(row_at(120, 2), kLag));
}

BOOST_AUTO_TEST_CASE(a_gap_that_was_told_moves_it_on) {
  Position position = Position::after(event_at(10, 1), kLag);
  position.skip(at(20));
  BOOST_TEST((position.gap_from() == at(20)));
  BOOST_TEST(!position.surely_before(event_at(15, 2), microseconds(0), kLag));
  BOOST_TEST(position.surely_before(event_at(20, 2), microseconds(0), kLag));
  BOOST_TEST(position.passed(event_at(20, 2), microseconds(0), kLag));
  position.advance(event_at(18, 3), kLag);
  BOOST_TEST((position.gap_from() == at(18)));  // a message is a place of its own
  BOOST_TEST((position.next == at(20)));        // and takes nothing back of what was told
}

BOOST_AUTO_TEST_CASE(a_bare_time_wants_nothing_older) {
  const Position position = Position::after(proto::Since(at(10)), kLag);
  BOOST_TEST(!position.seen.has_value());
  BOOST_TEST((position.time(Seconds(5)) == at(5)));  // the publisher is 5 s ahead of us
  BOOST_TEST(!position.surely_before(event_at(9, 1), microseconds(0), kLag));
  BOOST_TEST(position.surely_before(event_at(10, 1), microseconds(0), kLag));
  BOOST_TEST((Position::at(at(10), Seconds(2)).time(microseconds(0)) == at(8)));
}

BOOST_AUTO_TEST_CASE(a_row_passes_when_its_event_must_have_been_before) {
  const Position position = Position::after(event_at(100, 1), kLag);
  BOOST_TEST(position.passed(row_at(100, 2), kLag, kLag));
  BOOST_TEST(!position.passed(row_at(101, 2), kLag, kLag));
  BOOST_TEST(position.passed(event_at(100, 2), kLag, kLag));
}

BOOST_AUTO_TEST_SUITE_END()
