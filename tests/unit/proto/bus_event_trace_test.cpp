// Trace contexts of events: where they stand, and what is left out.
#include <boost/test/unit_test.hpp>
#include <string>
#include <utility>

#include "proto/bus_event.hpp"
#include "proto/limits.hpp"

using namespace pulsegate::proto;

namespace {

const std::string kParent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const std::string kParentMember = R"("traceparent":")" + kParent + '"';

struct Parser {
  BusEventParser parser{limits::kMaxBusPayload, true};
  std::string payload;
  BusEvent event;  // has views of it

  // An envelope with these members beside the metrics.
  TraceFinding metrics(const std::string& members) {
    return parse(TopicKind::metrics, R"({"deviceUuid":"u",)" + members + R"(,"metrics":{"cpu_usage":1}})");
  }
  TraceFinding parse(TopicKind kind, std::string text) {
    payload = std::move(text);
    BOOST_TEST_REQUIRE((parser.parse(kind, payload, event) == BusEventError::none), payload);
    return event.trace_finding;
  }
};

}  // namespace

BOOST_FIXTURE_TEST_SUITE(BusEventTrace, Parser)

BOOST_AUTO_TEST_CASE(both_members_are_taken_as_they_are) {
  BOOST_TEST((metrics(kParentMember + R"(,"tracestate":"a=\"1\",b=\u0032")") == TraceFinding::taken));
  BOOST_TEST(event.trace.parent == kParent);
  BOOST_TEST(event.trace.state == R"(a="1",b=2)");
  BOOST_TEST(event.object == R"({"cpu_usage":1})");
}

BOOST_AUTO_TEST_CASE(behind_the_metrics_or_before_them) {
  BOOST_TEST((parse(TopicKind::metrics, R"({"metrics":{},)" + kParentMember + "}") == TraceFinding::taken));
  BOOST_TEST((parse(TopicKind::metrics, "{" + kParentMember + R"(,"metrics":{}})") == TraceFinding::taken));
  BOOST_TEST(event.trace.state.empty());
}

BOOST_AUTO_TEST_CASE(every_kind_of_envelope_may_have_one) {
  BOOST_TEST((parse(TopicKind::state, R"({"state":{"hostname":"h"},)" + kParentMember + "}") == TraceFinding::taken));
  BOOST_TEST((parse(TopicKind::broadcast, R"({"type":"x",)" + kParentMember + "}") == TraceFinding::taken));
  BOOST_TEST((parse(TopicKind::pass_through, R"({"logs":[],)" + kParentMember + "}") == TraceFinding::taken));
  BOOST_TEST(event.trace.parent == kParent);
}

BOOST_AUTO_TEST_CASE(an_event_without_one_has_none_whatever_came_before) {
  BOOST_TEST((metrics(kParentMember) == TraceFinding::taken));
  BOOST_TEST((metrics(R"("x":1)") == TraceFinding::none));
  BOOST_TEST(event.trace.empty());
  BOOST_TEST((metrics(R"("traceparent":null,"tracestate":null)") == TraceFinding::none));
  BOOST_TEST((metrics(R"("traceparent":"","tracestate":"")") == TraceFinding::none));
  BOOST_TEST((parse(TopicKind::pass_through, "[1]") == TraceFinding::none));
  BOOST_TEST((parse(TopicKind::pass_through, R"(["traceparent"])") == TraceFinding::none));
}

BOOST_AUTO_TEST_CASE(a_bare_object_and_what_is_nested_are_no_envelope) {
  BOOST_TEST((parse(TopicKind::metrics, R"({"cpu_usage":1,)" + kParentMember + "}") == TraceFinding::none));
  BOOST_TEST((parse(TopicKind::metrics, R"({"metrics":{)" + kParentMember + "}}") == TraceFinding::none));
  BOOST_TEST((parse(TopicKind::broadcast, R"({"type":"x","data":{)" + kParentMember + "}}") == TraceFinding::none));
  BOOST_TEST(event.trace.empty());
}

BOOST_AUTO_TEST_CASE(a_bad_parent_takes_the_state_along) {
  for (const char* bad : {R"("00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01")", R"("x")", "1", "true", "{}",
                          "[]", R"({"traceparent":"a"})"}) {
    BOOST_TEST((metrics(R"("tracestate":"a=1","traceparent":)" + std::string(bad)) == TraceFinding::bad_parent), bad);
    BOOST_TEST(event.trace.empty());
    BOOST_TEST(event.trace.state.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_bad_state_is_left_out_alone) {
  for (const std::string& bad : {std::string(R"("a")"), std::string("7"), std::string("[]"), std::string(R"("a=1\n")"),
                                 '"' + std::string(513, 'x') + '"', '"' + std::string(100'000, 'x') + '"'}) {
    BOOST_TEST((metrics(kParentMember + R"(,"tracestate":)" + bad) == TraceFinding::bad_state), bad.substr(0, 20));
    BOOST_TEST(event.trace.parent == kParent);
    BOOST_TEST(event.trace.state.empty());
  }
}

BOOST_AUTO_TEST_CASE(a_state_alone_is_no_context) {
  BOOST_TEST((metrics(R"("tracestate":"a=1")") == TraceFinding::bad_state));
  BOOST_TEST(event.trace.empty());
  BOOST_TEST(event.trace.state.empty());
}

BOOST_AUTO_TEST_CASE(of_members_that_are_repeated_the_last_counts) {
  BOOST_TEST((metrics(R"("traceparent":"x",)" + kParentMember) == TraceFinding::taken));
  BOOST_TEST((metrics(kParentMember + R"(,"traceparent":"x")") == TraceFinding::bad_parent));
  BOOST_TEST((metrics(kParentMember + R"(,"traceparent":null)") == TraceFinding::none));
}

BOOST_AUTO_TEST_CASE(a_parser_that_is_not_told_to_looks_for_none) {
  BusEventParser parser_without(limits::kMaxBusPayload);
  BusEvent found;
  BOOST_TEST_REQUIRE((parser_without.parse(TopicKind::metrics, R"({"metrics":{},)" + kParentMember + "}", found) ==
                      BusEventError::none));
  BOOST_TEST((found.trace_finding == TraceFinding::none));
  BOOST_TEST(found.trace.empty());
}

BOOST_AUTO_TEST_SUITE_END()
