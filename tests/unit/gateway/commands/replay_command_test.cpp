// What a terminal sends to see the past again.
#include "gateway/commands/replay_command.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate::commands;

BOOST_AUTO_TEST_SUITE(ReplayCommand)

BOOST_AUTO_TEST_CASE(times_and_speeds_are_checked_before_anything_is_sent) {
  for (const char* good : {"2026-11-22T14:05:00Z", "2026-11-22T14:05:00.123+01:00", "1795356060000", "0"})
    BOOST_TEST(check_replay_time(good) == "", good);
  for (const char* bad : {"yesterday", "14:05", "1.5", "17953560600001795356060000", ""})
    BOOST_TEST(check_replay_time(bad) != "", bad);
  for (const char* good : {"0.1", "1", "1000", "max"}) BOOST_TEST(check_replay_speed(good) == "", good);
  for (const char* bad : {"0", "0.09", "1001", "fast", "1x", "1.2.3.4x"})
    BOOST_TEST(check_replay_speed(bad) != "", bad);
}

BOOST_AUTO_TEST_CASE(numbers_are_numbers_and_times_are_texts) {
  BOOST_TEST(replay_command({"2026-11-22T14:05:00Z", "1795356060000", "max"}, {"metrics", "processes", "history"}) ==
             R"({"type":"replay","from":"2026-11-22T14:05:00Z","to":1795356060000,"speed":"max",)"
             R"("channels":["metrics","history"]})");
}

BOOST_AUTO_TEST_CASE(what_was_left_out_is_left_to_the_gateway_and_metrics_stand_for_other_channels) {
  BOOST_TEST(replay_command({"0", "", ""}, {"processes"}) == R"({"type":"replay","from":0,"channels":["metrics"]})");
}

BOOST_AUTO_TEST_SUITE_END()
