// The comparison itself: it must see what a client could see, and pass over what the project means to differ in.
#include "tests/conformance/guide/parity.hpp"

#include <boost/test/unit_test.hpp>

using namespace pulsegate::test;

namespace {

std::string differences_of(const std::string& guide, const std::string& gateway) {
  std::string all;
  for (const std::string& one : differences({Json::parse(guide)}, {Json::parse(gateway)})) all += one + "\n";
  return all;
}

std::string processes(const std::string& content, const std::string& more = {}) {
  return R"({"type":"processes","data":{"top_processes":)" + content + "}" + more + "}";
}

std::string network(const std::string& points) {
  return R"({"type":"history","data":{"network":[)" + points + "]}}";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Parity)

BOOST_AUTO_TEST_CASE(equal_messages_have_no_differences) {
  BOOST_TEST(differences_of(processes("[1,null,true]"), processes("[1,null,true]")) == "");
  BOOST_TEST(differences({}, {}).empty());
}

BOOST_AUTO_TEST_CASE(listed_additions_are_passed_over_and_others_are_not) {
  BOOST_TEST(differences_of(processes("[]"), processes("[]", R"(,"timestamp":"t","deviceUuid":"d")")) == "");
  BOOST_TEST(differences_of(processes("[]"), processes("[]", R"(,"mode":"replace")")) ==
             "processes has the additional member \"mode\"\n");
  BOOST_TEST(differences_of(processes("[{}]"), processes(R"([{"timestamp":1}])")) ==
             "processes.data.top_processes[0] has the additional member \"timestamp\"\n");
}

BOOST_AUTO_TEST_CASE(missing_and_changed_members_are_found) {
  BOOST_TEST(differences_of(processes(R"([{"pid":1}])"), processes("[{}]")) ==
             "processes.data.top_processes[0] has no member \"pid\"\n");
  BOOST_TEST(differences_of(processes(R"([{"pid":1}])"), processes(R"([{"pid":"1"}])")) ==
             "processes.data.top_processes[0].pid is \"1\" instead of 1\n");
  BOOST_TEST(differences_of(processes(R"(["é"])"), processes(R"(["e"])")) != "");
  BOOST_TEST(differences_of(processes("[null]"), processes("[false]")) != "");
  BOOST_TEST(differences_of(processes("[]"), processes("{}")) != "");
}

BOOST_AUTO_TEST_CASE(points_in_another_order_and_other_counts_are_found) {
  const std::string a = R"({"time":"12:00 AM","download":1,"upload":1})";
  const std::string b = R"({"time":"12:01 AM","download":1,"upload":1})";
  BOOST_TEST(differences_of(network(a + "," + b), network(b + "," + a)) != "");
  BOOST_TEST(differences_of(network(a + "," + b), network(a)) == "history.data.network has 1 elements instead of 2\n");
}

BOOST_AUTO_TEST_CASE(bigints_must_come_as_equal_numbers) {
  const std::string guide = network(R"({"download":"9223372036854775807","upload":0})");
  BOOST_TEST(differences_of(guide, network(R"({"download":9223372036854775807,"upload":0})")) == "");
  BOOST_TEST(differences_of(guide, network(R"({"download":9223372036854776000,"upload":0})")) == "");
  BOOST_TEST(differences_of(guide, network(R"({"download":"9223372036854775807","upload":0})")) != "");
  BOOST_TEST(differences_of(guide, network(R"({"download":922337203685477580,"upload":0})")) != "");
  BOOST_TEST(differences_of(guide, network(R"({"download":9223372036854775807,"upload":"0"})")) != "");
  BOOST_TEST(differences_of(processes(R"(["1"])"), processes("[1]")) != "");
}

BOOST_AUTO_TEST_CASE(numbers_are_compared_as_javascript_reads_them) {
  BOOST_TEST(differences_of(processes("[1.5,100000]"), processes("[1.50,1e5]")) == "");
  BOOST_TEST(differences_of(processes("[12345678901234567000]"), processes("[12345678901234567890]")) == "");
  BOOST_TEST(differences_of(processes("[0]"), processes("[-0.0]")) != "");
}

BOOST_AUTO_TEST_CASE(order_of_members_counts_except_where_javascript_has_its_own) {
  BOOST_TEST(differences_of(processes(R"({"a":1,"b":2})"), processes(R"({"b":2,"a":1})")) != "");
  BOOST_TEST(differences_of(processes(R"({"10":0,"a":1,"b":2})"), processes(R"({"a":1,"10":0,"b":2})")) == "");
}

BOOST_AUTO_TEST_CASE(space_before_am_and_pm_may_be_narrow_in_the_guide) {
  const std::string guide = network(R"({"time":"02:05\u202fPM"})");
  BOOST_TEST(differences_of(guide, network(R"({"time":"02:05 PM"})")) == "");
  BOOST_TEST(differences_of(guide, network(R"({"time":"02:05 AM"})")) != "");
}

BOOST_AUTO_TEST_CASE(moments_are_compared_by_form) {
  const auto pong = [](const std::string& time) { return R"({"type":"pong","data":{"timestamp":)" + time + "}}"; };
  BOOST_TEST(differences_of(pong(R"("2026-11-22T14:05:00.123Z")"), pong(R"("2026-11-22T14:05:01.000Z")")) == "");
  BOOST_TEST(differences_of(pong(R"("2026-11-22T14:05:00.123Z")"), pong(R"("2026-11-22T14:05:01Z")")) != "");
  BOOST_TEST(differences_of(pong(R"("2026-11-22T14:05:00.123Z")"), pong("1795356300123")) != "");
}

BOOST_AUTO_TEST_CASE(messages_too_many_or_too_few_are_found) {
  const Json first = Json::parse(R"({"type":"connected"})");
  const Json message = Json::parse(processes("[]"));
  const Json acknowledgement = Json::parse(R"({"type":"subscribed","channel":"processes"})");
  BOOST_TEST(differences({first, message}, {first, acknowledgement, message}).empty());
  BOOST_TEST(differences({first, message}, {first}).size() == 1u);
  BOOST_TEST(differences({first, message}, {first, message, message}).size() == 1u);
  BOOST_TEST(differences({first}, {first, message}).size() == 1u);
  BOOST_TEST(differences({first, message}, {message, first}).size() == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
