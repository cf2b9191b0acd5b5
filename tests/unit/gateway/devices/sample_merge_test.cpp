// The rules of the merge, one by one, on sequences that are short enough to read. Many at a time:
// sample_merge_property_test.cpp.
#include <boost/test/unit_test.hpp>

#include <random>

#include "samples.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::merge_samples;
using devices::MergeResult;
using Rows = std::vector<storage::MetricsRow>;
using Samples = std::vector<Sample>;

namespace {

MergeResult merge(const Samples& known, const Rows& rows, double earliest = 0, std::size_t capacity = 30,
                  bool gap_at_end = false) {
  return merge_samples({known, rows, 0xff, at(earliest), capacity, gap_at_end});
}

std::string merged(const Samples& known, const Rows& rows, double earliest = 0) {
  return text(merge(known, rows, earliest).samples);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SampleMerge)

BOOST_AUTO_TEST_CASE(nothing_and_nothing_is_nothing) {
  const MergeResult result = merge({}, {});
  BOOST_TEST(result.samples.empty());
  BOOST_TEST(!result.newest_row_is_known);
  BOOST_TEST(merged({event(1, 5)}, {}) == "5@e1");
}

BOOST_AUTO_TEST_CASE(rows_alone_stand_for_themselves_even_if_they_are_equal) {
  const MergeResult result = merge({}, {row(1, 5), row(2, 5), row(2, 5)});
  BOOST_TEST(text(result.samples) == "5@r1 5@r2 5@r2");
  BOOST_TEST(result.added == 3u);
  BOOST_TEST(!result.newest_row_is_known);
}

BOOST_AUTO_TEST_CASE(an_event_gets_its_row_and_keeps_its_time_and_values) {
  const MergeResult result = merge({event(10, 45.678)}, {row(3, 40, 2), row(18, 45.68, 2)});
  BOOST_TEST(text(result.samples) == "40@r3 45.678000@e10r18");
  BOOST_TEST(result.added == 1u);
  BOOST_TEST(result.identified == 1u);
  BOOST_TEST(result.newest_row_is_known);
  BOOST_TEST((result.samples[1].time() == at(10)));
}

BOOST_AUTO_TEST_CASE(a_row_stamped_before_events_were_seen_is_no_events_row) {
  BOOST_TEST(merged({event(10, 5)}, {row(9, 5)}, 8) == "5@e10r9");
  BOOST_TEST(merged({event(10, 5)}, {row(9, 5)}, 9) == "5@r9 5@e10");
}

BOOST_AUTO_TEST_CASE(only_columns_that_the_table_has_are_compared) {
  Sample with_temperature = event(10, 5);
  with_temperature.values[Metric::cpu_temp] = {60, true, -1};
  const Samples known{with_temperature};
  const Rows rows{row(12, 5)};
  BOOST_TEST(text(merge_samples({known, rows, 0xff, at(0), 30, false}).samples) == "5@r12 5@e10");
  const MergeResult narrow = merge_samples({known, rows, 0x01, at(0), 30, false});
  BOOST_TEST(text(narrow.samples) == "5@e10r12");
  BOOST_TEST(narrow.samples[0].values[Metric::cpu_temp].value == 60);
}

BOOST_AUTO_TEST_CASE(a_known_row_is_recognised_by_its_stamp_whatever_the_bound) {
  const MergeResult result = merge({stored(3, 1), paired(10, 12, 2)}, {row(3, 1), row(12, 2)}, 100);
  BOOST_TEST(text(result.samples) == "1@r3 2@e10r12");
  BOOST_TEST(result.added == 0u);
  BOOST_TEST(result.identified == 0u);
  BOOST_TEST(result.newest_row_is_known);
}

BOOST_AUTO_TEST_CASE(what_was_found_out_is_not_undone_by_a_row_that_fits_as_well) {
  BOOST_TEST(merged({paired(10, 12, 5)}, {row(12, 5), row(13, 5)}) == "5@e10r12 5@r13");
  BOOST_TEST(merged({paired(10, 12, 5), event(11, 5)}, {row(12, 5), row(13, 5)}) == "5@e10r12 5@e11r13");
}

BOOST_AUTO_TEST_CASE(equal_rows_of_one_batch_are_as_many_points_as_the_table_has) {
  BOOST_TEST(merged({stored(3, 1), stored(3, 1)}, {row(3, 1), row(3, 1), row(3, 1)}) == "1@r3 1@r3 1@r3");
  // The window of rows has moved on and cut the batch.
  BOOST_TEST(merged({stored(3, 1), stored(3, 1)}, {row(3, 1), row(4, 2)}) == "1@r3 1@r3 2@r4");
}

BOOST_AUTO_TEST_CASE(a_batch_that_begins_before_what_was_read_keeps_its_order) {
  const Samples known{stored(3, 1), stored(3, 2), stored(3, 3)};
  BOOST_TEST(merged(known, {row(3, 2), row(3, 3), row(4, 4)}) == "1@r3 2@r3 3@r3 4@r4");
  BOOST_TEST(text(merge(known, {row(3, 2), row(3, 3), row(4, 4)}, 0, 3).samples) == "2@r3 3@r3 4@r4");
}

BOOST_AUTO_TEST_CASE(a_known_row_of_a_batch_is_not_displaced_by_older_rows_of_it) {
  // Of the batch those rows were read that were inserted first.
  const Samples known{stored(3, 2), stored(3, 3), event(10, 4)};
  const MergeResult result = merge(known, {row(3, 1), row(3, 2)}, 5, 3);
  BOOST_TEST(text(result.samples) == "2@r3 3@r3 4@e10");
  BOOST_TEST(result.added == 0u);
  BOOST_TEST(merged(known, {row(3, 1), row(3, 2)}, 5) == "1@r3 2@r3 3@r3 4@e10");
  BOOST_TEST(merged({stored(3, 3), event(10, 4)}, {row(3, 1), row(3, 2)}, 5) == "1@r3 2@r3 3@r3 4@e10");
  BOOST_TEST(merged({stored(3, 2), paired(1, 3, 3), stored(3, 4)}, {row(3, 1), row(3, 2), row(3, 4)}, 0) ==
             "1@r3 2@r3 3@e1r3 4@r3");
}

BOOST_AUTO_TEST_CASE(what_was_not_known_of_a_batch_of_equal_rows_is_its_beginning) {
  BOOST_TEST(merged({paired(1, 3, 5), event(10, 5)}, {row(3, 5), row(3, 5)}) == "5@r3 5@e1r3 5@e10");
  BOOST_TEST(merged({stored(2, 7), paired(1, 3, 5)}, {row(2, 7), row(3, 5), row(3, 5)}) == "7@r2 5@e1r3 5@r3");
}

BOOST_AUTO_TEST_CASE(rows_from_before_the_subscription_stand_before_the_events_though_they_are_stamped_later) {
  BOOST_TEST(merged({event(10, 3), event(20, 4)}, {row(5, 1), row(12, 2)}, 4) == "1@r5 2@r12 3@e10 4@e20");
  BOOST_TEST(merged({event(10, 3), event(20, 4)}, {row(5, 1), row(15, 2), row(16, 3)}, 4) ==
             "1@r5 2@r15 3@e10r16 4@e20");
}

BOOST_AUTO_TEST_CASE(of_equal_rows_the_latest_is_that_of_the_event) {
  BOOST_TEST(merged({event(10, 5)}, {row(11, 5), row(12, 5)}) == "5@r11 5@e10r12");
}

BOOST_AUTO_TEST_CASE(of_equal_events_the_earliest_has_the_row) {
  BOOST_TEST(merged({event(10, 5), event(20, 5)}, {row(21, 5)}) == "5@e10r21 5@e20");
}

BOOST_AUTO_TEST_CASE(among_equals_a_row_is_given_to_an_event_that_it_is_not_older_than) {
  // The second event is of a clock that is behind, or the first is of one that is ahead.
  BOOST_TEST(merged({event(30, 5), event(20, 5)}, {row(21, 5)}) == "5@e30 5@e20r21");
}

BOOST_AUTO_TEST_CASE(the_most_pairs_win_over_the_likelier_pair) {
  BOOST_TEST(merged({event(10, 1), event(20, 2), event(30, 1)}, {row(21, 1), row(22, 2)}) == "1@e10r21 2@e20r22 1@e30");
  BOOST_TEST(merged({event(100, 1), event(20, 2)}, {row(21, 1), row(22, 2)}) == "1@e100r21 2@e20r22");
}

BOOST_AUTO_TEST_CASE(a_row_left_over_stands_where_events_can_have_been_missed) {
  const Rows rows{row(11, 5), row(21, 5), row(25, 5), row(31, 5)};
  const bool gap = true;
  BOOST_TEST(merged({paired(10, 11, 5), event(20, 5), event(30, 5, gap)}, rows) == "5@e10r11 5@e20r21 5@r25 5@e30r31");
  BOOST_TEST(merged({paired(10, 11, 5), event(20, 5, gap), event(30, 5)}, rows) == "5@e10r11 5@r21 5@e20r25 5@e30r31");
  BOOST_TEST(text(merge({paired(10, 11, 5), event(20, 5), event(30, 5)}, rows, 0, 30, gap).samples) ==
             "5@e10r11 5@e20r21 5@e30r25 5@r31");
}

BOOST_AUTO_TEST_CASE(a_late_row_goes_in_front_of_the_events_whose_rows_are_still_to_come) {
  BOOST_TEST(merged({paired(10, 11, 1), event(20, 3), event(30, 4)}, {row(11, 1), row(32, 2)}) ==
             "1@e10r11 2@r32 3@e20 4@e30");
}

BOOST_AUTO_TEST_CASE(before_the_first_pair_rows_lead_though_an_event_there_will_never_get_its_own) {
  BOOST_TEST(merged({event(10, 1), event(50, 2)}, {row(12, 9), row(51, 2)}) == "9@r12 1@e10 2@e50r51");
}

BOOST_AUTO_TEST_CASE(between_pairs_the_clocks_tell_where_a_row_stands_whose_event_was_lost) {
  const Samples known{paired(10, 11, 1), event(20, 2), event(30, 3), paired(40, 41, 5)};
  BOOST_TEST(merged(known, {row(11, 1), row(15, 4), row(41, 5)}) == "1@e10r11 4@r15 2@e20 3@e30 5@e40r41");
  BOOST_TEST(merged(known, {row(11, 1), row(25, 4), row(41, 5)}) == "1@e10r11 2@e20 4@r25 3@e30 5@e40r41");
  BOOST_TEST(merged(known, {row(11, 1), row(35, 4), row(41, 5)}) == "1@e10r11 2@e20 3@e30 4@r35 5@e40r41");
}

BOOST_AUTO_TEST_CASE(a_row_that_is_much_later_than_an_event_without_row_stands_behind_it) {
  BOOST_TEST(merged({event(10, 1), event(20, 2)}, {row(39, 3), row(45, 4)}) == "1@e10 3@r39 4@r45 2@e20");
  BOOST_TEST(merged({event(10, 1), event(20, 2)}, {row(15, 3), row(90, 4)}) == "1@e10 3@r15 2@e20 4@r90");
}

BOOST_AUTO_TEST_CASE(a_row_that_was_put_in_the_wrong_place_moves_when_its_neighbour_gets_a_row) {
  // The backlog of a worker: the first look took the row for one of a later report.
  const MergeResult first = merge({event(10, 2)}, {row(60, 1)});
  BOOST_TEST(text(first.samples) == "2@e10 1@r60");
  const MergeResult second = merge(first.samples, {row(60, 1), row(61, 2)});
  BOOST_TEST(text(second.samples) == "1@r60 2@e10r61");
  BOOST_TEST(second.added == 0u);
  BOOST_TEST(second.identified == 1u);
}

BOOST_AUTO_TEST_CASE(a_row_that_stands_for_itself_never_turns_into_an_event_again) {
  BOOST_TEST(merged({stored(12, 5), event(13, 5)}, {row(12, 5)}) == "5@r12 5@e13");
}

BOOST_AUTO_TEST_CASE(the_newest_samples_are_kept_and_older_rows_push_nothing_out) {
  const MergeResult full = merge({event(10, 1), event(20, 2)}, {row(3, 8), row(4, 9)}, 5, 2);
  BOOST_TEST(text(full.samples) == "1@e10 2@e20");
  BOOST_TEST(full.added == 0u);
  const MergeResult room = merge({event(10, 1), event(20, 2)}, {row(3, 8), row(4, 9)}, 5, 3);
  BOOST_TEST(text(room.samples) == "9@r4 1@e10 2@e20");
  BOOST_TEST(room.added == 1u);
  BOOST_TEST(merge({event(10, 1)}, {row(3, 8)}, 5, 0).samples.empty());
}

BOOST_AUTO_TEST_CASE(a_sample_that_fell_out_of_the_window_does_not_come_back_in_a_wrong_place) {
  // Capacity three; the event of value 1 was dropped, its row is still among the newest of the table.
  const Samples known{paired(20, 21, 2), event(30, 3), event(40, 4)};
  const Rows rows{row(11, 1), row(21, 2), row(31, 3)};
  BOOST_TEST(text(merge(known, rows, 0, 3).samples) == "2@e20r21 3@e30r31 4@e40");
  BOOST_TEST(text(merge(known, rows, 0, 5).samples) == "1@r11 2@e20r21 3@e30r31 4@e40");
}

BOOST_AUTO_TEST_CASE(samples_older_than_the_rows_that_were_read_stay) {
  BOOST_TEST(merged({stored(1, 1), paired(2, 3, 2), event(10, 3)}, {row(5, 9), row(12, 3)}, 4) ==
             "1@r1 2@e2r3 9@r5 3@e10r12");
}

BOOST_AUTO_TEST_CASE(the_newest_row_is_known_if_it_was_a_sample_before_or_is_that_of_an_event) {
  BOOST_TEST(merge({stored(3, 1)}, {row(3, 1)}).newest_row_is_known);
  BOOST_TEST(merge({event(3, 1)}, {row(4, 1)}).newest_row_is_known);
  BOOST_TEST(!merge({event(3, 1)}, {row(4, 1), row(5, 2)}).newest_row_is_known);
  BOOST_TEST(!merge({stored(9, 1)}, {row(5, 2)}).newest_row_is_known);
  BOOST_TEST(merge({event(3, 1)}, {row(4, 1)}, 0, 0).newest_row_is_known);
}

BOOST_AUTO_TEST_CASE(a_batch_that_contradicts_the_events_is_turned_round) {
  const Samples known{event(10, 2), event(11, 3)};
  BOOST_TEST(merged(known, {row(20, 3), row(20, 2), row(20, 1)}) == "1@r20 2@e10r20 3@e11r20");
  BOOST_TEST(merged(known, {row(20, 1), row(20, 2), row(20, 3)}) == "1@r20 2@e10r20 3@e11r20");
  BOOST_TEST(merged({event(10, 2), event(12, 3)}, {row(20, 3), row(20, 9), row(20, 2)}) == "2@e10r20 9@r20 3@e12r20");
  // Neither order fits: the events decide, and who has none goes first.
  BOOST_TEST(merged({event(10, 2), event(11, 3), event(12, 4)}, {row(20, 3), row(20, 4), row(20, 1), row(20, 2)}) ==
             "1@r20 2@e10r20 3@e11r20 4@e12r20");
  BOOST_TEST(merged({paired(10, 20, 2), event(11, 3)}, {row(20, 3), row(20, 2)}) == "2@e10r20 3@e11r20");
}

BOOST_AUTO_TEST_CASE(stamps_that_change_under_us_double_nothing_that_is_still_recognised) {
  const MergeResult result = merge({paired(10, 22, 1), paired(11, 21, 2)}, {row(21, 2), row(22, 1)});
  BOOST_TEST(result.samples.size() == 2u);
  BOOST_TEST(text(result.samples) == "1@e10r22 2@e11r21");
}

BOOST_AUTO_TEST_CASE(a_pair_that_passed_over_an_event_whose_row_may_come_is_taken_back_when_it_comes) {
  // The first row is of a report that was not seen, and equal to the second event's by chance.
  const MergeResult first = merge({event(10, 1), event(11, 2)}, {row(12, 2)});
  BOOST_TEST(text(first.samples) == "1@e10 2@e11r12");
  BOOST_TEST(first.samples[1].provisional);
  const MergeResult second = merge(first.samples, {row(12, 2), row(13, 1), row(14, 2)});
  BOOST_TEST(text(second.samples) == "2@r12 1@e10r13 2@e11r14");
  BOOST_TEST(second.added == 1u);
  BOOST_TEST(second.identified == 1u);
  // But not once its row must have been there.
  const MergeResult late = merge({event(10, 1), event(45, 2)}, {row(46, 2)});
  BOOST_TEST(!late.samples[1].provisional);
}

BOOST_AUTO_TEST_CASE(a_row_older_than_its_event_is_a_guess_where_values_repeat) {
  // The second row is of a report that was not heard, and was read before that of the event was written.
  const MergeResult first = merge({event(10, 5)}, {row(-9, 5), row(9, 5)});
  BOOST_TEST(text(first.samples) == "5@r-9 5@e10r9");
  BOOST_TEST(first.guessed);
  const MergeResult second = merge(first.samples, {row(-9, 5), row(9, 5), row(12, 5)});
  BOOST_TEST(text(second.samples) == "5@r-9 5@r9 5@e10r12");
  BOOST_TEST(!second.guessed);
  // All events of a run of equal ones, as long as the last of its rows is too old.
  const MergeResult run = merge({event(10, 5), event(12, 5), event(20, 5)}, {row(9, 5), row(15, 5)}, 0);
  BOOST_TEST(text(run.samples) == "5@e10r9 5@e12r15 5@e20");
  BOOST_TEST(!run.guessed);
  const MergeResult late = merge({event(10, 5), event(16, 5), event(20, 5)}, {row(9, 5), row(15, 5)}, 0);
  BOOST_TEST(late.samples[0].provisional);
  BOOST_TEST(late.samples[1].provisional);
  BOOST_TEST(text(merge(late.samples, {row(9, 5), row(15, 5), row(22, 5), row(22, 5)}).samples) ==
             "5@r9 5@e10r15 5@e16r22 5@e20r22");
}

BOOST_AUTO_TEST_CASE(values_that_differ_and_clocks_that_are_known_to_differ_are_no_reason_to_guess) {
  BOOST_TEST(!merge({event(10, 5), event(20, 6)}, {row(-9, 4), row(9, 5)}).guessed);
  const Samples known{event(10, 5)};
  const Rows rows{row(-9, 5), row(9, 5)};
  BOOST_TEST(!merge_samples({known, rows, 0xff, at(0), 30, false, std::chrono::seconds(-2)}).guessed);
}

BOOST_AUTO_TEST_CASE(merging_the_same_rows_again_changes_nothing) {
  const Rows rows{row(5, 1), row(12, 2), row(13, 3), row(41, 5)};
  const MergeResult once = merge({event(10, 3), event(20, 4), event(40, 5)}, rows, 4);
  const MergeResult twice = merge(once.samples, rows, 4);
  BOOST_TEST(text(once.samples) == "1@r5 2@r12 3@e10r13 4@e20 5@e40r41");
  BOOST_TEST(text(twice.samples) == text(once.samples));
  BOOST_TEST(twice.added + twice.identified == 0u);
}

BOOST_AUTO_TEST_CASE(any_input_keeps_every_sample_and_row_once_and_is_answered_the_same_again) {
  std::mt19937 random(7);
  const auto draw = [&](int bound) { return static_cast<int>(random() % static_cast<unsigned>(bound)); };
  for (int round = 0; round < 5'000; ++round) {
    Samples known;
    Rows rows;
    for (int i = draw(8); i > 0; --i) {
      Sample sample{cpu(draw(3)), std::nullopt, std::nullopt, draw(4) == 0};
      const int kind = draw(3);
      if (kind != 1) sample.event_time = at(draw(20));
      if (kind != 0) sample.row_time = at(draw(20));
      known.push_back(sample);
    }
    for (int i = draw(8); i > 0; --i) rows.push_back(row(draw(20), draw(3)));
    const MergeResult result = merge(known, rows, draw(10), 100);
    const auto with_row = [](const Sample& sample) { return sample.row_time.has_value(); };
    const auto count_rows = static_cast<std::size_t>(std::count_if(known.begin(), known.end(), with_row));
    BOOST_REQUIRE(result.samples.size() == known.size() + result.added);
    BOOST_REQUIRE(result.added + result.identified <= rows.size());
    BOOST_REQUIRE(result.added + result.identified + count_rows >= rows.size());
    BOOST_REQUIRE(text(merge(known, rows, 0, 100).samples) == text(merge(known, rows, 0, 100).samples));
  }
}

BOOST_AUTO_TEST_CASE(two_thousand_events_and_two_thousand_rows_are_aligned) {
  Samples known;
  Rows rows;
  for (int i = 0; i < 2'000; ++i) known.push_back(event(i, i % 7));
  for (int i = 5; i < 2'000; ++i) rows.push_back(row(i + 3, i % 7));
  const MergeResult result = merge(known, rows, 0, 2'000);
  BOOST_TEST(result.identified == 1'995u);
  BOOST_TEST(result.samples.size() == 2'000u);
}

BOOST_AUTO_TEST_SUITE_END()
