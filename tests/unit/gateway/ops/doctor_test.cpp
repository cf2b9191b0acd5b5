// What doctor makes of the answers, and how it says that.
#include "gateway/ops/doctor.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/support/json.hpp"
#include "tests/support/text.hpp"

using namespace pulsegate::ops;
using pulsegate::test::contains;
using pulsegate::test::Json;
using std::chrono::milliseconds;

BOOST_AUTO_TEST_SUITE(Doctor)

BOOST_AUTO_TEST_CASE(a_clock_is_wrong_only_beyond_what_the_round_trip_leaves_open) {
  const auto verdict = [](int offset_ms, int round_trip_ms) {
    return judge_clock("redis", milliseconds(offset_ms), milliseconds(round_trip_ms)).verdict;
  };
  BOOST_TEST((verdict(0, 1) == Verdict::ok));
  BOOST_TEST((verdict(999, 1) == Verdict::ok));
  BOOST_TEST((verdict(-1'500, 1) == Verdict::warn));
  BOOST_TEST((verdict(1'500, 2'000) == Verdict::ok));
  BOOST_TEST((verdict(11'000, 1) == Verdict::fail));
  BOOST_TEST(contains(judge_clock("database", milliseconds(-1'500), milliseconds(1)).says, "1.500 s behind"));
}

BOOST_AUTO_TEST_CASE(a_subscriber_needs_room_in_redis) {
  const std::string ours = "normal 0 0 0 slave 268435456 67108864 60 pubsub ";
  BOOST_TEST((judge_output_buffer(ours + "33554432 8388608 60").verdict == Verdict::ok));
  BOOST_TEST((judge_output_buffer(ours + "0 0 0").verdict == Verdict::ok));
  BOOST_TEST((judge_output_buffer(ours + "1048576 8388608 60").verdict == Verdict::warn));
  BOOST_TEST((judge_output_buffer("").verdict == Verdict::warn));
}

BOOST_AUTO_TEST_CASE(descriptors_and_memory_are_compared_with_what_is_configured) {
  BOOST_TEST((judge_descriptors(60'000, 50'000, 400).verdict == Verdict::ok));
  BOOST_TEST((judge_descriptors(1'024, 50'000, 400).verdict == Verdict::warn));
  BOOST_TEST(contains(judge_descriptors(1'024, 50'000, 400).advice, "50400"));
  BOOST_TEST((judge_descriptors(300, 50'000, 400).verdict == Verdict::fail));
  BOOST_TEST((judge_memory(0, 1'000).verdict == Verdict::warn));
  BOOST_TEST((judge_memory(2'000, 1'000).verdict == Verdict::ok));
  BOOST_TEST((judge_memory(1'999, 1'000).verdict == Verdict::warn));
}

BOOST_AUTO_TEST_CASE(a_missing_index_comes_with_the_statement_that_makes_it) {
  BOOST_TEST((judge_indexes({}).verdict == Verdict::ok));
  const Finding finding = judge_indexes({"device_metrics"});
  BOOST_TEST((finding.verdict == Verdict::fail));
  BOOST_TEST(finding.advice == "CREATE INDEX CONCURRENTLY ON device_metrics (device_uuid, recorded_at DESC);");
}

BOOST_AUTO_TEST_CASE(findings_are_lines_for_people_and_json_for_programs) {
  DoctorReport report;
  report.ok("redis", "answers");
  report.warn("memory", "nothing \"limits\" it", "limit it");
  report.fail("index", "none", "make one");
  BOOST_TEST(report.text() ==
             "ok    redis   answers\n"
             "warn  memory  nothing \"limits\" it\n"
             "              → limit it\n"
             "fail  index   none\n"
             "              → make one\n"
             "1 ok, 1 to look at, 1 to mend\n");
  const Json json = Json::parse(report.json());
  BOOST_TEST(json.at("findings").at(1).at("says").string() == "nothing \"limits\" it");
  BOOST_TEST(json.at("findings").at(2).at("verdict").string() == "fail");
  BOOST_TEST(json.at("fail").integer() == 1);
  BOOST_TEST(Json::parse(DoctorReport().json()).at("findings").size() == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
