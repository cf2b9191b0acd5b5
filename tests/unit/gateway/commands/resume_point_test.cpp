// What a client of ours says when it comes back, after what it has seen.
#include "gateway/commands/resume_point.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "proto/server_message.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;

namespace {

bool saw(ResumePoint& point, const std::string& json) {
  const auto message = proto::parse_server_message(json);
  BOOST_REQUIRE(message.has_value());
  return point.saw(*message);
}

const char* const kBadSince = R"({"type":"error","data":{"code":"bad-since","message":"No."}})";

}  // namespace

BOOST_AUTO_TEST_SUITE(ResumePointOfAClient)

BOOST_AUTO_TEST_CASE(who_comes_for_the_first_time_has_seen_nothing) {
  ResumePoint point;
  BOOST_TEST(saw(point, R"({"type":"connected","data":{}})"));
  BOOST_TEST(saw(point, R"({"type":"metrics","data":{}})"));
  BOOST_TEST(point.subscribe({"metrics", "a\"b"}) == R"({"type":"subscribe","channels":["metrics","a\"b"]})");
}

BOOST_AUTO_TEST_CASE(the_last_sample_counts_and_a_window_that_is_ahead_of_it_does_not) {
  ResumePoint point;
  BOOST_TEST(saw(point, R"({"type":"metrics","data":{},"cursor":"AQ1"})"));
  BOOST_TEST(saw(point, R"({"type":"metrics","data":{},"cursor":"AQ2"})"));
  BOOST_TEST(saw(point, R"({"type":"history","data":{},"mode":"replace","cursor":"AQ3"})"));
  BOOST_TEST(point.subscribe({"metrics"}) == R"({"type":"subscribe","channels":["metrics"],"since":"AQ2"})");
}

BOOST_AUTO_TEST_CASE(without_samples_the_window_counts) {
  ResumePoint point;
  BOOST_TEST(saw(point, R"({"type":"history","data":{},"mode":"replace","cursor":"AQ3"})"));
  BOOST_TEST(point.subscribe({"history"}) == R"({"type":"subscribe","channels":["history"],"since":"AQ3"})");
}

BOOST_AUTO_TEST_CASE(what_the_server_does_not_take_is_forgotten_once) {
  ResumePoint point;
  BOOST_TEST(saw(point, kBadSince));
  BOOST_TEST(saw(point, R"({"type":"metrics","data":{},"cursor":"AQ1"})"));
  BOOST_TEST(saw(point, R"({"type":"error","data":{"code":"rate-limited","message":"bad-since"}})"));
  BOOST_TEST(!saw(point, kBadSince));
  BOOST_TEST(point.subscribe({"metrics"}) == R"({"type":"subscribe","channels":["metrics"]})");
  BOOST_TEST(saw(point, kBadSince));
}

BOOST_AUTO_TEST_SUITE_END()
