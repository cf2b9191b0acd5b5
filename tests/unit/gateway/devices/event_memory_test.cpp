// What a device remembers for those who come back, and what it knows to be missing from it.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <optional>

#include "remembered.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::EventMemory;

namespace {

constexpr std::chrono::milliseconds kRowLag{15'000};

// 1 to 4 at seconds 10 to 13, heard without a gap.
EventMemory four() {
  EventMemory memory;
  for (int i = 1; i <= 4; ++i) hear(memory, 9 + i, i);
  return memory;
}

std::optional<std::size_t> after(const EventMemory& memory, const proto::Since& since, bool exactly = true) {
  return memory.after(since, kRowLag, exactly);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(EventMemoryTest)

BOOST_AUTO_TEST_CASE(an_empty_one_knows_nothing_of_the_time_before) {
  const EventMemory memory;
  BOOST_TEST(memory.gap_at_end());
  BOOST_TEST(!after(memory, at(10)).has_value());
  BOOST_TEST(memory.unbroken_from() == 0u);
}

BOOST_AUTO_TEST_CASE(the_first_sample_stands_behind_a_gap) {
  const EventMemory memory = four();
  BOOST_TEST(text(memory) == "| 1@10 2@11 3@12 4@13");
  BOOST_TEST(memory.bytes() == 200u);
}

BOOST_AUTO_TEST_CASE(what_follows_a_cursor_is_found) {
  const EventMemory memory = four();
  BOOST_TEST(after(memory, memory[0].cursor).value() == 1u);
  BOOST_TEST(after(memory, memory[3].cursor).value() == 4u);
  BOOST_TEST(!after(memory, proto::Cursor{at(11), proto::sample_digest(cpu(9)), 0}).has_value());
}

BOOST_AUTO_TEST_CASE(what_follows_a_time_is_found_if_something_older_is_here) {
  const EventMemory memory = four();
  BOOST_TEST(after(memory, at(11.5)).value() == 2u);
  BOOST_TEST(after(memory, at(99)).value() == 4u);
  BOOST_TEST(!after(memory, at(10)).has_value());  // others may have been before the first
}

// The table's clock may be behind the publisher's, but not by ever so much.
BOOST_AUTO_TEST_CASE(a_row_says_something_of_a_bare_time_only_when_it_is_much_older) {
  EventMemory memory;
  memory.push(stand_in(100, 1), kRoomy);
  BOOST_TEST(!after(memory, at(105)).has_value());
  BOOST_TEST(after(memory, at(111)).value() == 1u);
}

BOOST_AUTO_TEST_CASE(behind_a_gap_nothing_follows) {
  EventMemory memory = four();
  memory.on_gap();
  BOOST_TEST(!after(memory, memory[3].cursor).has_value());
  hear(memory, 20, 5);
  BOOST_TEST(text(memory) == "| 1@10 2@11 3@12 4@13 | 5@20");
  BOOST_TEST(!after(memory, memory[3].cursor).has_value());
  BOOST_TEST(after(memory, memory[4].cursor).value() == 5u);
  BOOST_TEST(memory.unbroken_from() == 4u);
}

BOOST_AUTO_TEST_CASE(a_gap_that_was_filled_is_none) {
  EventMemory memory = four();
  memory.on_gap();
  hear(memory, 20, 7);
  memory.fill_gap({heard(memory, 15, 5), heard(memory, 16, 6)}, true, true, kRoomy);
  BOOST_TEST(text(memory) == "| 1@10 2@11 3@12 4@13 5@15 6@16 7@20");
  BOOST_TEST(after(memory, memory[0].cursor).value() == 1u);
  BOOST_TEST(memory.bytes() == 350u);
}

BOOST_AUTO_TEST_CASE(of_a_gap_that_was_filled_in_part_the_rest_remains) {
  EventMemory begun = four();
  begun.on_gap();
  hear(begun, 20, 7);
  EventMemory ended = begun;
  begun.fill_gap({heard(begun, 15, 5)}, true, false, kRoomy);
  BOOST_TEST(text(begun) == "| 1@10 2@11 3@12 4@13 5@15 | 7@20");
  ended.fill_gap({heard(ended, 16, 6)}, false, true, kRoomy);
  BOOST_TEST(text(ended) == "| 1@10 2@11 3@12 4@13 | 6@16 7@20");
}

BOOST_AUTO_TEST_CASE(a_gap_at_the_end_stays_until_all_is_known) {
  EventMemory memory = four();
  memory.on_gap();
  memory.fill_gap({heard(memory, 15, 5)}, true, false, kRoomy);
  BOOST_TEST(text(memory) == "| 1@10 2@11 3@12 4@13 5@15 |");
  memory.fill_gap({}, true, true, kRoomy);
  BOOST_TEST(text(memory) == "| 1@10 2@11 3@12 4@13 5@15");
}

BOOST_AUTO_TEST_CASE(the_oldest_go_and_that_is_no_gap) {
  EventMemory memory;
  for (int i = 1; i <= 4; ++i) memory.push(heard(memory, 9 + i, i), {3, 1'000'000});
  BOOST_TEST(text(memory) == "2@11 3@12 4@13");
  BOOST_TEST(memory.forgot());
  // What stood behind a gap is then the first that is here.
  EventMemory torn;
  torn.push(heard(torn, 10, 1), {2, 1'000'000});
  torn.on_gap();
  for (int i = 2; i <= 3; ++i) torn.push(heard(torn, 9 + i, i), {2, 1'000'000});
  BOOST_TEST(text(torn) == "2@11 3@12");
  EventMemory narrow;
  for (int i = 1; i <= 4; ++i) narrow.push(heard(narrow, 9 + i, i), {1'000, 120});
  BOOST_TEST(text(narrow) == "3@12 4@13");
  BOOST_TEST(narrow.bytes() == 100u);
}

BOOST_AUTO_TEST_CASE(the_last_stays_however_large) {
  EventMemory memory;
  memory.push({memory.next_cursor(at(10), cpu(1)), cpu(1), frame_of(120)}, {1, 100});
  BOOST_TEST(memory.size() == 1u);
  BOOST_TEST(memory.full({1'000, 100}));
  memory.push({memory.next_cursor(at(11), cpu(2)), cpu(2), frame_of(110)}, {1, 100});
  BOOST_TEST(text(memory) == "2@11");
}

// A report that came twice: the last copy that the client can have seen counts.
BOOST_AUTO_TEST_CASE(equal_samples_of_one_time_are_counted) {
  EventMemory memory;
  for (int i = 0; i < 3; ++i) hear(memory, 10, 1);
  BOOST_TEST(memory[0].cursor.ordinal() == 0u);
  BOOST_TEST(memory[2].cursor.ordinal() == 2u);
  BOOST_TEST(after(memory, memory[1].cursor).value() == 2u);
}

BOOST_AUTO_TEST_CASE(a_cursor_of_a_row_finds_its_event_unless_exactly_that_row_is_wanted) {
  EventMemory memory = four();
  const proto::Cursor row = proto::row_cursor(at(13), cpu(2));
  BOOST_TEST(memory.find(row, kRowLag, false).value() == 1u);
  BOOST_TEST(!memory.find(row, kRowLag, true).has_value());
  memory.push(stand_in(14, 5), kRoomy);
  BOOST_TEST(memory.find(proto::row_cursor(at(14), cpu(5)), kRowLag, true).value() == 4u);
}

BOOST_AUTO_TEST_CASE(a_time_that_no_cursor_can_say_is_the_nearest_that_it_can) {
  BOOST_TEST((EventMemory::said(proto::Timestamp(std::chrono::seconds(-5))) == proto::Timestamp{}));
  BOOST_TEST((EventMemory::said(at(10)) == at(10)));
  const proto::Timestamp last = EventMemory::said(proto::Timestamp::max());
  std::string out;
  proto::append_cursor(out, {last, 0, 0});
  BOOST_TEST((proto::parse_cursor(out)->time == last));
}

BOOST_AUTO_TEST_SUITE_END()
