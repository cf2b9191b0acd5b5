// The window as a device uses it: events as they come, snapshots when they are there.
#include "gateway/devices/history_window.hpp"

#include <boost/test/unit_test.hpp>

#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::HistoryWindow;

namespace {

storage::Snapshot snapshot(std::vector<storage::MetricsRow> rows) {
  storage::Snapshot result;
  result.metrics = std::move(rows);
  return result;
}

std::string shown(const HistoryWindow& window) {
  return text(window.samples());
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryWindowTest)

BOOST_AUTO_TEST_CASE(events_stand_in_the_order_of_the_bus_and_the_newest_are_kept) {
  HistoryWindow window(3);
  for (const int i : {1, 2, 4, 3}) BOOST_TEST(window.add_event(cpu(i), at(10 * i)));
  BOOST_TEST(shown(window) == "2@e20 4@e40 3@e30");
}

BOOST_AUTO_TEST_CASE(a_report_published_twice_within_a_second_is_one_point) {
  HistoryWindow window(30);
  BOOST_TEST(window.add_event(cpu(5), at(10)));
  BOOST_TEST(!window.add_event(cpu(5), at(10)));
  BOOST_TEST(!window.add_event(cpu(5), at(10.999)));
  BOOST_TEST(!window.add_event(cpu(5), at(9.001)));
  BOOST_TEST(window.add_event(cpu(5), at(11)));
  BOOST_TEST(window.add_event(cpu(6), at(11)));
  BOOST_TEST(!window.add_event(cpu(5), at(11.5)));
  BOOST_TEST(shown(window) == "5@e10 5@e11 6@e11");
}

BOOST_AUTO_TEST_CASE(only_the_last_few_events_are_asked_for_a_double) {
  HistoryWindow window(30);
  for (int i = 0; i < 5; ++i) BOOST_TEST(window.add_event(cpu(i), at(0.1 * i)));
  BOOST_TEST(!window.add_event(cpu(1), at(0.5)));
  BOOST_TEST(window.add_event(cpu(0), at(0.5)));
}

BOOST_AUTO_TEST_CASE(rows_are_never_taken_for_doubles) {
  HistoryWindow window(30);
  window.apply(snapshot({row(10, 5), row(10.5, 5)}), at(20));
  BOOST_TEST(window.samples().size() == 2u);
  BOOST_TEST(window.add_event(cpu(5), at(10.6)));
  BOOST_TEST(window.samples().size() == 3u);
}

BOOST_AUTO_TEST_CASE(a_snapshot_tells_what_it_changed) {
  HistoryWindow window(30);
  window.add_event(cpu(3), at(10));
  const auto first = window.apply(snapshot({row(1, 1)}), at(5));
  BOOST_TEST(first.changed);
  BOOST_TEST(first.added == 1u);
  BOOST_TEST(!first.newest_row_is_known);
  const auto second = window.apply(snapshot({row(1, 1), row(12, 3)}), at(5));
  BOOST_TEST(!second.changed);
  BOOST_TEST(second.added == 0u);
  BOOST_TEST(second.identified == 1u);
  BOOST_TEST(second.newest_row_is_known);
  BOOST_TEST(shown(window) == "1@r1 3@e10r12");
}

BOOST_AUTO_TEST_CASE(a_point_that_moved_is_a_change) {
  HistoryWindow window(30);
  window.add_event(cpu(2), at(10));
  window.apply(snapshot({row(60, 1)}), at(5));
  BOOST_TEST(shown(window) == "2@e10 1@r60");
  const auto moved = window.apply(snapshot({row(60, 1), row(61, 2)}), at(5));
  BOOST_TEST(moved.changed);
  BOOST_TEST(moved.added == 0u);
  BOOST_TEST(shown(window) == "1@r60 2@e10r61");
}

BOOST_AUTO_TEST_CASE(an_event_whose_row_was_read_before_it_came_takes_the_place_of_the_row) {
  HistoryWindow window(30);
  window.add_event(cpu(1), at(10));
  window.apply(snapshot({row(10, 1), row(20.002, 2)}), at(5));
  BOOST_TEST(window.add_event(cpu(2), at(20)));
  BOOST_TEST(window.samples().size() == 2u);
  BOOST_TEST((window.samples().back().time() == at(20)));
  window.apply(snapshot({row(10, 1), row(20.002, 2)}), at(5));
  BOOST_TEST(window.samples().size() == 2u);
}

BOOST_AUTO_TEST_CASE(an_event_takes_no_row_from_before_the_subscription_or_of_another_time) {
  HistoryWindow window(30);
  window.apply(snapshot({row(4, 1), row(6, 2), row(60, 3)}), at(5));
  window.add_event(cpu(1), at(5));
  BOOST_TEST(shown(window) == "1@r4 2@r6 3@r60 1@e5");
  // Rows before the newest event are not asked any more.
  window.add_event(cpu(3), at(61));
  BOOST_TEST(window.samples().size() == 5u);

  HistoryWindow other(30);
  other.apply(snapshot({row(6, 2)}), at(5));
  other.add_event(cpu(2), at(37));
  BOOST_TEST(shown(other) == "2@r6 2@e37");
}

BOOST_AUTO_TEST_CASE(the_row_that_an_event_took_wrongly_is_made_good_by_the_next_look) {
  HistoryWindow window(30);
  window.apply(snapshot({row(6, 5)}), at(5));
  window.add_event(cpu(5), at(7));
  BOOST_TEST(shown(window) == "5@e7r6");
  window.apply(snapshot({row(6, 5), row(9, 5)}), at(5));
  BOOST_TEST(shown(window) == "5@r6 5@e7r9");
}

BOOST_AUTO_TEST_CASE(the_first_event_after_a_gap_is_marked) {
  HistoryWindow window(30);
  window.add_event(cpu(1), at(10));
  window.on_gap();
  BOOST_TEST(!window.add_event(cpu(1), at(10.5)));
  window.add_event(cpu(3), at(30));
  window.add_event(cpu(4), at(40));
  BOOST_TEST(!window.samples()[0].after_gap);
  BOOST_TEST(window.samples()[1].after_gap);
  BOOST_TEST(!window.samples()[2].after_gap);
}

BOOST_AUTO_TEST_CASE(rows_read_while_the_bus_is_away_are_those_of_missed_events) {
  HistoryWindow window(30);
  window.add_event(cpu(5), at(10));
  window.apply(snapshot({row(11, 5)}), at(5));
  window.add_event(cpu(5), at(20));
  window.on_gap();
  window.apply(snapshot({row(11, 5), row(21, 5), row(31, 5)}), at(5));
  BOOST_TEST(shown(window) == "5@e10r11 5@e20r21 5@r31");
}

BOOST_AUTO_TEST_CASE(a_full_window_of_events_needs_no_row_unless_some_were_missed_between_them) {
  HistoryWindow window(2);
  BOOST_TEST(!window.all_from_events());
  window.add_event(cpu(1), at(10));
  BOOST_TEST(!window.all_from_events());
  window.add_event(cpu(2), at(20));
  BOOST_TEST(window.all_from_events());
  window.on_gap();
  BOOST_TEST(!window.all_from_events());
  window.add_event(cpu(3), at(30));
  BOOST_TEST(!window.all_from_events());
  window.add_event(cpu(4), at(40));
  BOOST_TEST(window.all_from_events());

  HistoryWindow with_row(2);
  with_row.apply(snapshot({row(6, 2)}), at(5));
  with_row.add_event(cpu(3), at(7));
  BOOST_TEST(!with_row.all_from_events());
}

BOOST_AUTO_TEST_CASE(memory_is_taken_as_samples_come_and_never_beyond_the_capacity) {
  HistoryWindow window(30);
  BOOST_TEST(window.samples().capacity() == 0u);
  window.add_event(cpu(0), at(0));
  BOOST_TEST(window.samples().capacity() <= 4u);
  for (int i = 1; i < 100; ++i) window.add_event(cpu(i), at(i));
  BOOST_TEST(window.samples().size() == 30u);
  BOOST_TEST(window.samples().capacity() == 30u);
  window.apply(snapshot({row(99, 99)}), at(-5));
  window.add_event(cpu(100), at(100));
  BOOST_TEST(window.samples().capacity() == 30u);
  static_assert(sizeof(HistoryWindow) <= 64);
}

BOOST_AUTO_TEST_CASE(a_changed_capacity_keeps_the_newest) {
  HistoryWindow window(4);
  for (int i = 1; i <= 4; ++i) window.add_event(cpu(i), at(i));
  window.set_capacity(2);
  BOOST_TEST(shown(window) == "3@e3 4@e4");
  window.set_capacity(3);
  for (int i = 5; i <= 6; ++i) window.add_event(cpu(i), at(i));
  BOOST_TEST(shown(window) == "4@e4 5@e5 6@e6");
  window.set_capacity(0);
  BOOST_TEST(window.add_event(cpu(7), at(7)));
  BOOST_TEST(window.samples().empty());
}

BOOST_AUTO_TEST_SUITE_END()
