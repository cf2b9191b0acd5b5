// Where a client stands in the window, by a cursor or by a time.
#include <boost/test/unit_test.hpp>

#include "gateway/devices/history_window.hpp"
#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::HistoryWindow;
using proto::Cursor;

namespace {

constexpr std::chrono::seconds kRowLag{15};

storage::Snapshot snapshot(std::vector<storage::MetricsRow> rows) {
  storage::Snapshot result;
  result.metrics = std::move(rows);
  return result;
}

Cursor cursor(double time, double value, std::uint16_t occurrence = 0) {
  return {at(time), proto::sample_digest(cpu(value)), occurrence};
}

// Of a sample of which only the row was known.
Cursor row_at(double time, double value, unsigned occurrence = 0) {
  return cursor(time, value, static_cast<std::uint16_t>(Cursor::kOfRow | occurrence));
}

// -1: not here.
int after(const HistoryWindow& window, const proto::Since& since) {
  const auto found = window.after(since, kRowLag);
  return found ? static_cast<int>(*found) : -1;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryCursor)

BOOST_AUTO_TEST_CASE(a_sample_is_found_by_the_time_of_its_event_and_by_that_of_its_row) {
  HistoryWindow window(30);
  window.add_event(cpu(1), at(100));
  window.add_event(cpu(2), at(200));
  window.apply(snapshot({row(103, 1), row(204, 2), row(300, 3)}), at(50));
  BOOST_TEST(after(window, cursor(100, 1)) == 1);
  BOOST_TEST(after(window, row_at(103, 1)) == 1);
  BOOST_TEST(after(window, cursor(200, 2)) == 2);
  BOOST_TEST(after(window, row_at(300, 3)) == 3);
  BOOST_TEST(after(window, cursor(100, 2)) == -1);  // other values
  BOOST_TEST(after(window, cursor(150, 1)) == -1);  // another time
}

BOOST_AUTO_TEST_CASE(of_equal_samples_the_occurrence_tells_which) {
  HistoryWindow window(30);
  window.apply(snapshot({row(10, 5), row(10, 5), row(10, 6), row(10, 5), row(11, 5)}), at(500));
  BOOST_TEST(after(window, row_at(10, 5, 0)) == 1);
  BOOST_TEST(after(window, row_at(10, 5, 1)) == 2);
  BOOST_TEST(after(window, row_at(10, 5, 2)) == 4);
  BOOST_TEST(after(window, row_at(10, 6)) == 3);
  // The first two are too old for the window now.
  window.set_capacity(3);
  BOOST_TEST(after(window, row_at(10, 5, 2)) == 2);
}

BOOST_AUTO_TEST_CASE(the_cursor_of_the_newest_sample_leads_behind_it) {
  HistoryWindow window(30);
  window.apply(snapshot({row(10, 5), row(10, 6), row(10, 5)}), at(500));
  const Cursor newest = window.cursor();
  BOOST_TEST((newest == row_at(10, 5, 1)));
  BOOST_TEST(after(window, newest) == 3);
  window.add_event(cpu(7), at(20));
  BOOST_TEST(after(window, newest) == 3);
  BOOST_TEST(after(window, window.cursor()) == 4);
}

BOOST_AUTO_TEST_CASE(the_row_of_an_event_that_another_replica_saw_is_found_by_its_values) {
  HistoryWindow window(30);
  window.apply(snapshot({row(100, 1), row(110, 2), row(120, 3)}), at(500));
  BOOST_TEST(after(window, cursor(99, 1)) == 1);  // written 1 s later
  BOOST_TEST(after(window, cursor(95, 2)) == 2);  // as late as a row may be
  BOOST_TEST(after(window, cursor(84.9, 2)) == -1);
  BOOST_TEST(after(window, cursor(130, 3)) == 3);  // the publisher's clock is ahead
  BOOST_TEST(after(window, cursor(130.1, 3)) == -1);
}

BOOST_AUTO_TEST_CASE(the_event_of_a_row_that_another_replica_saw_is_found_by_its_values) {
  HistoryWindow window(30);
  window.add_event(cpu(1), at(100));
  window.add_event(cpu(2), at(110));
  BOOST_TEST(after(window, row_at(104, 1)) == 1);
  BOOST_TEST(after(window, row_at(125, 2)) == 2);
  BOOST_TEST(after(window, row_at(135.1, 2)) == -1);
  BOOST_TEST(after(window, row_at(89.9, 1)) == -1);  // no row is so much older than its event
}

BOOST_AUTO_TEST_CASE(of_several_that_may_be_meant_it_is_the_first_since_a_repeated_point_is_better_than_a_lost_one) {
  HistoryWindow window(30);
  window.apply(snapshot({row(100, 5), row(105, 5), row(110, 5), row(200, 5)}), at(500));
  BOOST_TEST(after(window, cursor(104, 5)) == 1);
  BOOST_TEST(after(window, row_at(105, 5)) == 2);  // exactly this one
}

BOOST_AUTO_TEST_CASE(after_a_time_everything_from_it_on_has_not_been_seen) {
  HistoryWindow window(30);
  BOOST_TEST(after(window, at(100)) == -1);
  window.add_event(cpu(1), at(100));
  window.add_event(cpu(2), at(110));
  BOOST_TEST(after(window, at(99)) == -1);  // what came before 100 may have been lost
  BOOST_TEST(after(window, at(100)) == 0);
  BOOST_TEST(after(window, at(100.001)) == 1);
  BOOST_TEST(after(window, at(110)) == 1);
  BOOST_TEST(after(window, at(111)) == 2);
}

BOOST_AUTO_TEST_CASE(numbers_of_samples_last_and_tell_what_a_change_left_alone) {
  HistoryWindow window(3);
  BOOST_TEST(window.end() == 0);
  for (int i = 1; i <= 4; ++i) window.add_event(cpu(i), at(10 * i));
  BOOST_TEST(window.end() == 4);
  BOOST_TEST(window.begin() == 1);
  BOOST_TEST(window.begin_of(2) == 2);
  BOOST_TEST(window.begin_of(5) == 1);
  BOOST_TEST(window.same_from() <= window.begin());
  // A row at the end: what was there stays.
  window.apply(snapshot({row(90, 5)}), at(500));
  BOOST_TEST(window.end() == 5);
  BOOST_TEST(window.same_from() <= window.begin());
  // One in the middle: those behind it stay.
  HistoryWindow middle(4);
  middle.apply(snapshot({row(10, 1), row(20, 2), row(30, 3)}), at(500));
  BOOST_TEST(middle.end() == 3);
  middle.apply(snapshot({row(10, 1), row(15, 9), row(20, 2), row(30, 3)}), at(500));
  BOOST_TEST(middle.end() == 3);
  BOOST_TEST(middle.begin() == -1);
  BOOST_TEST(middle.same_from() == 1);
  // Nothing is left.
  HistoryWindow other(2);
  other.add_event(cpu(1), at(10));
  other.apply(snapshot({row(60, 2), row(61, 3)}), at(500));
  BOOST_TEST(other.end() == 3);
  BOOST_TEST(other.same_from() > other.end());
  // Older rows in front of what is there.
  HistoryWindow late(3);
  late.add_event(cpu(3), at(100));
  late.apply(snapshot({row(60, 1), row(61, 2)}), at(90));
  BOOST_TEST(late.begin() == -2);
  BOOST_TEST(late.same_from() == 0);
  // An event that takes the place of its row is another point, by its time.
  HistoryWindow taken(3);
  taken.apply(snapshot({row(60, 1), row(61, 2)}), at(50));
  taken.add_event(cpu(2), at(60.9));
  BOOST_TEST(taken.end() == 2);
  BOOST_TEST(taken.same_from() == 2);
}

BOOST_AUTO_TEST_SUITE_END()
