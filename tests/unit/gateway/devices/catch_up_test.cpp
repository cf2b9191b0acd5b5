// Memory, stream and table as one sequence, and where in it a client stands.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/devices/catch_up.hpp"
#include "remembered.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using devices::CatchUp;
using devices::CatchUpRules;
using devices::EventMemory;
using devices::PastSample;
using devices::Position;
using std::chrono::microseconds;

namespace {

constexpr microseconds kLag = std::chrono::seconds(15);
constexpr std::uint8_t kAllMetrics = 0xff;

// What was found, looked up at second 100, when the rows of all samples below have long been written.
struct Found {
  EventMemory memory;
  devices::Past past;
  CatchUpRules rules;

  Found() {
    past.looked = at(100);
    past.has_table = true;
  }
  void in_stream(double time, double value) {
    past.stream_exists = true;
    past.stream.push_back({at(time), at(time), cpu(value), "{}", false});
  }
  void in_table(double time, double value) {
    storage::History rows = past.rows ? *past.rows : storage::History{};
    rows.metric_mask = kAllMetrics;
    rows.rows.push_back(row(time, value));
    past.rows = std::make_shared<const storage::History>(std::move(rows));
  }
  CatchUp look() const { return {memory, past, rules}; }
  std::string samples() const {
    std::vector<Sample> all;
    const CatchUp found = look();
    for (const PastSample& each : found.samples()) all.push_back(each.sample);
    return text(all);
  }
  std::optional<std::size_t> after(const proto::Since& since) const {
    return look().after(Position::after(since, kLag));
  }
};

// 1 to 3 at seconds 10 to 12 were heard, then the bus was away; 6 came at second 20.
Found interrupted() {
  Found found;
  for (int i = 1; i <= 3; ++i) hear(found.memory, 9 + i, i);
  found.memory.on_gap();
  hear(found.memory, 20, 6);
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(CatchUpTest)

BOOST_AUTO_TEST_CASE(what_stream_and_memory_both_have_is_one_sample) {
  Found found = interrupted();
  for (int i = 2; i <= 3; ++i) found.in_stream(9 + i, i);
  found.in_stream(14, 4);
  found.in_stream(17, 5);
  found.in_stream(20, 6);
  BOOST_TEST(found.samples() == "1@e10 2@e11 3@e12 4@e14 5@e17 6@e20");
  BOOST_TEST(found.look().live_from() == 5u);
}

BOOST_AUTO_TEST_CASE(a_row_is_joined_to_its_event_and_stands_alone_without_one) {
  Found found = interrupted();
  for (int i = 1; i <= 3; ++i) found.in_table(10 + i, i);
  found.in_table(15, 4);
  found.in_table(18, 5);
  found.in_table(21, 6);
  BOOST_TEST(found.samples() == "1@e10r11 2@e11r12 3@e12r13 4@r15 5@r18 6@e20r21");
}

BOOST_AUTO_TEST_CASE(stream_and_table_complete_each_other) {
  Found found = interrupted();
  found.in_table(13, 3);
  found.in_table(15, 4);  // has left the stream
  found.in_stream(17, 5);
  found.in_stream(20, 6);
  BOOST_TEST(found.samples() == "1@e10 2@e11 3@e12r13 4@r15 5@e17 6@e20");
}

BOOST_AUTO_TEST_CASE(a_row_that_stood_in_for_its_event_is_recognised_in_the_stream) {
  Found found;
  found.memory.push(stand_in(12, 1), kRoomy);
  found.in_stream(10, 1);
  found.in_stream(11, 2);
  BOOST_TEST(found.samples() == "1@e10r12 2@e11");
}

BOOST_AUTO_TEST_CASE(what_follows_a_client_is_found_by_what_it_has) {
  Found found = interrupted();
  found.in_stream(12, 3);
  found.in_stream(14, 4);
  found.in_stream(20, 6);
  BOOST_TEST(found.after(found.memory[2].cursor).value() == 3u);
  BOOST_TEST(found.after(proto::Cursor{at(14), proto::sample_digest(cpu(4)), 0}).value() == 4u);
  BOOST_TEST(!found.after(proto::Cursor{at(14), proto::sample_digest(cpu(9)), 0}).has_value());
  BOOST_TEST(found.after(at(13)).value() == 3u);
}

// Another replica knew only the row; here its event is known.
BOOST_AUTO_TEST_CASE(a_cursor_of_a_row_finds_the_event_that_the_row_is_of) {
  Found found = interrupted();
  found.in_table(14, 3);
  BOOST_TEST(found.after(proto::row_cursor(at(14), cpu(3))).value() == 3u);
}

// Whoever has no sample in common with what was found might lack one before the first.
BOOST_AUTO_TEST_CASE(without_the_table_a_time_before_all_that_is_known_says_nothing) {
  Found found = interrupted();
  BOOST_TEST(!found.after(at(5)).has_value());
  found.in_table(11, 1);
  BOOST_TEST(found.after(at(5)).value() == 0u);
}

BOOST_AUTO_TEST_CASE(clocks_that_differ_are_taken_into_account) {
  Found found = interrupted();
  found.rules.ahead = std::chrono::seconds(5);  // the publisher's: where it says 10 we say 5
  storage::History rows;
  rows.metric_mask = kAllMetrics;
  rows.clock_offset = std::chrono::seconds(5);
  rows.rows = {row(14, 4)};
  found.past.rows = std::make_shared<const storage::History>(rows);
  BOOST_TEST(found.samples() == "1@e5 2@e6 3@e7 4@r14 6@e15");
}

BOOST_AUTO_TEST_CASE(without_the_table_only_behind_an_entry_of_the_stream_nothing_is_missing) {
  Found found = interrupted();
  found.in_stream(12, 3);
  found.in_stream(20, 6);
  const CatchUp by_stream = found.look();
  BOOST_TEST(!by_stream.follows_surely(2));
  BOOST_TEST(by_stream.follows_surely(3));
  found.in_table(13, 3);
  BOOST_TEST(found.look().follows_surely(2));
}

BOOST_AUTO_TEST_CASE(a_stream_that_is_written_shows_all_that_was_published_before_it_was_read) {
  Found found = interrupted();
  found.in_stream(12, 3);
  found.in_stream(20, 6);
  BOOST_TEST(found.look().complete(at(100)));
  BOOST_TEST(!found.look().complete(at(101)));
  found.past.stream_more = true;
  BOOST_TEST(!found.look().complete(at(100)));
}

// A key may outlive its use.
BOOST_AUTO_TEST_CASE(a_stream_without_what_was_heard_is_written_no_longer) {
  Found found = interrupted();
  found.in_stream(12, 3);
  BOOST_TEST(!found.look().complete(at(19)));
}

BOOST_AUTO_TEST_CASE(the_table_shows_all_once_the_first_live_row_is_there_or_the_lag_is_over) {
  Found found = interrupted();
  found.in_table(13, 3);
  BOOST_TEST(!found.look().complete(at(90)));
  BOOST_TEST(found.look().complete(at(85)));
  found.in_table(22, 6);
  BOOST_TEST(found.look().complete(at(90)));
}

BOOST_AUTO_TEST_CASE(a_table_in_which_nothing_of_ours_is_found_may_be_another_devices) {
  Found found = interrupted();
  found.past.rows = std::make_shared<const storage::History>();
  BOOST_TEST(!found.look().complete(at(20)));
}

BOOST_AUTO_TEST_CASE(each_sample_has_the_cursor_of_its_own_message) {
  Found found = interrupted();
  found.in_table(13, 3);
  found.in_table(15, 4);
  found.in_stream(17, 5);
  const CatchUp look = found.look();
  BOOST_REQUIRE(found.samples() == "1@e10 2@e11 3@e12r13 4@r15 5@e17 6@e20");
  BOOST_TEST((look.cursor(2, found.memory) == found.memory[2].cursor));
  BOOST_TEST((look.cursor(3, found.memory) == proto::row_cursor(at(15), cpu(4))));
  BOOST_TEST((look.cursor(4, found.memory) == proto::Cursor{at(17), proto::sample_digest(cpu(5)), 0}));
}

BOOST_AUTO_TEST_CASE(equal_rows_of_one_stamp_have_cursors_of_their_own) {
  Found found;
  for (int i = 0; i < 3; ++i) found.in_table(18, 5);
  const CatchUp look = found.look();
  BOOST_REQUIRE(look.samples().size() == 3u);
  for (unsigned i = 0; i < 3; ++i) BOOST_TEST(look.cursor(i, found.memory).ordinal() == i);
  BOOST_TEST(found.after(look.cursor(1, found.memory)).value() == 2u);
}

// Its event may still come by the bus.
BOOST_AUTO_TEST_CASE(what_was_written_just_now_is_young) {
  Found found = interrupted();
  found.in_table(98, 7);
  found.in_table(99.5, 8);
  const CatchUp look = found.look();
  BOOST_TEST(!look.samples()[look.samples().size() - 2].young);
  BOOST_TEST(look.samples().back().young);
}

// Whether it is the row of the equal event that was heard, or of one that was missed, cannot be told: a sample twice is
// better than none.
BOOST_AUTO_TEST_CASE(a_row_that_may_be_that_of_an_equal_event_stands_before_what_was_heard) {
  Found found;
  hear(found.memory, 90, 5);
  hear(found.memory, 92, 5);
  found.in_table(89, 5);
  found.in_table(95, 5);
  found.in_table(97, 5);
  const CatchUp look = found.look();
  BOOST_TEST(found.samples() == "5@r89 5@r95 5@r97 5@e90 5@e92");
  BOOST_TEST(look.samples()[1].doubtful);
  BOOST_TEST(!look.samples()[1].young);
  BOOST_TEST(look.live_from() == 3u);
}

BOOST_AUTO_TEST_SUITE_END()
