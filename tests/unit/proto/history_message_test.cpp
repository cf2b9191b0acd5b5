// HistoryMessage: the guide's three arrays, oldest first.
#include <boost/test/unit_test.hpp>

#include <string>
#include <vector>

#include "proto/message.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;
using test::device;

namespace {

const HistoryPoint kFirst{at("2026-11-22T14:05:00.123Z"), 45, 3277, 4915, 123456, 654321.5};
const HistoryPoint kSecond{at("2026-11-22T14:05:30Z"), -0.0, 0, 0, 0, 0};

const std::string kEnd = R"("deviceUuid":"0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f",)";

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryMessageTest)

BOOST_AUTO_TEST_CASE(has_the_shape_of_the_guide) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  message.add(kFirst);
  message.add(kSecond);
  std::string out = "x";
  message.append_to(out);
  BOOST_TEST(
      out ==
      R"(x{"type":"history","data":{"cpu":[{"time":"02:05 PM","value":45,"timestamp":"2026-11-22T14:05:00.123Z"},)"
      R"({"time":"02:05 PM","value":0,"timestamp":"2026-11-22T14:05:30.000Z"}],)"
      R"("memory":[{"time":"02:05 PM","used":3277,"available":4915,"timestamp":"2026-11-22T14:05:00.123Z"},)"
      R"({"time":"02:05 PM","used":0,"available":0,"timestamp":"2026-11-22T14:05:30.000Z"}],)"
      R"("network":[{"time":"02:05 PM","download":123456,"upload":654321.5,"timestamp":"2026-11-22T14:05:00.123Z"},)"
      R"({"time":"02:05 PM","download":0,"upload":0,"timestamp":"2026-11-22T14:05:30.000Z"}]},)" +
          kEnd + R"("timestamp":"2026-11-22T14:05:30.000Z","mode":"replace"})");
}

BOOST_AUTO_TEST_CASE(is_empty_after_it_was_built) {
  const ClockFormat clock("UTC", ClockFormat::Style::iso);
  HistoryMessage message(device(), clock);
  message.add(kSecond);
  std::string out;
  message.append_to(out);
  out.clear();
  message.add(kFirst);
  message.append_to(out, "append");
  BOOST_TEST(out == R"({"type":"history","data":{"cpu":[{"time":"2026-11-22T14:05:00.123Z","value":45,)"
                    R"("timestamp":"2026-11-22T14:05:00.123Z"}],)"
                    R"("memory":[{"time":"2026-11-22T14:05:00.123Z","used":3277,"available":4915,)"
                    R"("timestamp":"2026-11-22T14:05:00.123Z"}],)"
                    R"("network":[{"time":"2026-11-22T14:05:00.123Z","download":123456,"upload":654321.5,)"
                    R"("timestamp":"2026-11-22T14:05:00.123Z"}]},)" +
                        kEnd + R"("timestamp":"2026-11-22T14:05:00.123Z","mode":"append"})");
}

BOOST_AUTO_TEST_CASE(shows_the_time_of_the_chosen_zone) {
  const ClockFormat clock("Asia/Kolkata");
  HistoryMessage message(device(), clock);
  message.add(kFirst);
  std::string out;
  message.append_to(out);
  BOOST_TEST(out.find(R"({"time":"07:35 PM","value":45,"timestamp":"2026-11-22T14:05:00.123Z"})") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(the_cursor_comes_last) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  message.add(kSecond);
  std::string out;
  message.append_to(out, "append", "AQ-_");
  BOOST_TEST(out.find(kEnd + R"("timestamp":"2026-11-22T14:05:30.000Z","mode":"append","cursor":"AQ-_"})") !=
             std::string::npos);
}

BOOST_AUTO_TEST_CASE(charts_may_have_points_of_their_own) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  message.add(Chart::cpu, chart_point(Chart::cpu, kFirst));
  message.add(Chart::cpu, chart_point(Chart::cpu, kSecond));
  message.add(Chart::network, chart_point(Chart::network, kFirst));
  std::string out;
  message.append_to(out);
  BOOST_TEST(
      out ==
      R"({"type":"history","data":{"cpu":[{"time":"02:05 PM","value":45,"timestamp":"2026-11-22T14:05:00.123Z"},)"
      R"({"time":"02:05 PM","value":0,"timestamp":"2026-11-22T14:05:30.000Z"}],)"
      R"("memory":[],)"
      R"("network":[{"time":"02:05 PM","download":123456,"upload":654321.5,"timestamp":"2026-11-22T14:05:00.123Z"}]},)" +
          kEnd + R"("timestamp":"2026-11-22T14:05:30.000Z","mode":"replace"})");
}

BOOST_AUTO_TEST_CASE(a_point_added_to_each_chart_is_a_point_added_to_all) {
  const ClockFormat clock;
  HistoryMessage all(device(), clock), each(device(), clock);
  for (const HistoryPoint& point : {kFirst, kSecond}) {
    all.add(point);
    for (const Chart chart : {Chart::network, Chart::cpu, Chart::memory}) each.add(chart, chart_point(chart, point));
  }
  std::string of_all, of_each;
  all.append_to(of_all);
  each.append_to(of_each);
  BOOST_TEST(of_all == of_each);
}

BOOST_AUTO_TEST_CASE(a_result_echoes_the_id_and_may_be_empty) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  message.add(Chart::memory, chart_point(Chart::memory, kFirst));
  std::string out = "x";
  message.append_result_to(out, "\"q1\"");
  BOOST_TEST(
      out ==
      R"(x{"type":"history-result","id":"q1","deviceUuid":"0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f","data":{"cpu":[],)"
      R"("memory":[{"time":"02:05 PM","used":3277,"available":4915,"timestamp":"2026-11-22T14:05:00.123Z"}],)"
      R"("network":[]}})");
  out.clear();
  message.append_result_to(out, "7");
  BOOST_TEST(out == R"({"type":"history-result","id":7,"deviceUuid":"0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f",)"
                    R"("data":{"cpu":[],"memory":[],"network":[]}})");
}

BOOST_AUTO_TEST_CASE(a_range_says_where_it_begins_and_ends) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  message.add(Chart::cpu, chart_point(Chart::cpu, kFirst));
  std::string out;
  message.append_range_to(out, kFirst.time, kSecond.time);
  BOOST_TEST(out == R"({"deviceUuid":"0f3c9a52-7d1e-4b86-9c2f-1a2b3c4d5e6f","from":"2026-11-22T14:05:00.123Z",)"
                    R"("to":"2026-11-22T14:05:30.000Z","data":{"cpu":[{"time":"02:05 PM","value":45,)"
                    R"("timestamp":"2026-11-22T14:05:00.123Z"}],"memory":[],"network":[]}})");
}

namespace {

std::string message_of(const std::vector<HistoryPoint>& points, std::string_view mode, std::string_view cursor) {
  const ClockFormat clock;
  HistoryMessage message(device(), clock);
  for (const HistoryPoint& point : points) message.add(point);
  std::string out;
  message.append_to(out, mode, cursor);
  return out;
}

std::string merged(const std::string& older, const std::string& newer) {
  std::string out;
  BOOST_TEST(merge_history(out, older, newer));
  return out;
}

}  // namespace

BOOST_AUTO_TEST_CASE(two_that_append_are_merged_into_what_one_would_have_been) {
  BOOST_TEST(merged(message_of({kFirst}, "append", "c1"), message_of({kSecond}, "append", "c2")) ==
             message_of({kFirst, kSecond}, "append", "c2"));
  BOOST_TEST(merged(message_of({kFirst}, "append", "c1"), message_of({kSecond}, "append", "")) ==
             message_of({kFirst, kSecond}, "append", ""));
}

BOOST_AUTO_TEST_CASE(points_behind_a_whole_window_join_it_and_a_window_replaces_all_before_it) {
  BOOST_TEST(merged(message_of({kFirst}, "replace", "c1"), message_of({kSecond}, "append", "c2")) ==
             message_of({kFirst, kSecond}, "replace", "c2"));
  const std::string window = message_of({kSecond}, "replace", "c2");
  BOOST_TEST(merged(message_of({kFirst}, "append", "c1"), window) == window);
}

BOOST_AUTO_TEST_CASE(charts_without_points_are_merged_too) {
  const ClockFormat clock;
  HistoryMessage only_cpu(device(), clock);
  only_cpu.add(Chart::cpu, {kFirst.time, 45, 0});
  std::string sparse;
  only_cpu.append_to(sparse, "append");
  std::string out;
  BOOST_REQUIRE(merge_history(out, sparse, message_of({kSecond}, "append", "c2")));
  BOOST_TEST(out.find(R"("memory":[{"time")") != std::string::npos);
  BOOST_TEST(out.find("[,") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(what_is_no_history_message_is_not_merged) {
  const std::string good = message_of({kFirst}, "append", "c1");
  for (const std::string& bad : {std::string(), std::string("{}"), good.substr(0, good.size() / 2),
                                 std::string(R"({"type":"metrics","data":{}})")}) {
    std::string out = "x";
    BOOST_TEST(!merge_history(out, good, bad));
    BOOST_TEST(!merge_history(out, bad, good));
    BOOST_TEST(out == "x");
  }
}

BOOST_AUTO_TEST_SUITE_END()
