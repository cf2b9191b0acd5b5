// The grammar of W3C Trace Context.
#include "proto/trace_context.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::proto;

namespace {

const std::string kTrace = "0af7651916cd43dd8448eb211c80319c";
const std::string kSpan = "b7ad6b7169203331";

std::string parent(const std::string& version = "00", const std::string& trace = kTrace,
                   const std::string& span = kSpan, const std::string& flags = "01") {
  return version + "-" + trace + "-" + span + "-" + flags;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(TraceContextTest)

BOOST_AUTO_TEST_CASE(a_traceparent_is_55_characters_of_lower_case_hexadecimal) {
  BOOST_TEST(is_traceparent(parent()));
  BOOST_TEST(is_traceparent(parent("00", kTrace, kSpan, "00")));
  BOOST_TEST(is_traceparent(parent("cc", kTrace, kSpan, "ff")));  // of a version to come
  BOOST_TEST(parent().size() == kTraceparentSize);
  for (const std::string& bad :
       {std::string(), parent("ff"), parent("0x"), parent("00", std::string(32, '0')),
        parent("00", kTrace, std::string(16, '0')), parent("00", "0AF7651916CD43DD8448EB211C80319C"),
        parent("00", kTrace, "B7ad6b7169203331"), parent("00", kTrace, kSpan, "0g"), parent() + "-",
        parent() + "-what-will-be", parent().substr(1), parent() + " ", " " + parent().substr(1),
        parent("00", kTrace.substr(1)) + "0", std::string(55, '-'), std::string(55, '\0')})
    BOOST_TEST(!is_traceparent(bad), bad);
}

BOOST_AUTO_TEST_CASE(ids_are_parts_of_the_parent) {
  const std::string text = parent();
  const TraceContext context{text, {}};
  BOOST_TEST(!context.empty());
  BOOST_TEST(context.trace_id() == kTrace);
  BOOST_TEST(context.parent_id() == kSpan);
  BOOST_TEST(TraceContext{}.empty());
  BOOST_TEST(TraceContext{}.trace_id().empty());
  BOOST_TEST(TraceContext{}.parent_id().empty());
}

BOOST_AUTO_TEST_CASE(a_tracestate_is_a_list_of_names_and_values) {
  for (const std::string& good :
       {std::string("a=1"), std::string("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE"), std::string("a=1 , \tb=2"),
        std::string(",a=1,,"), std::string("fw529a3039@dt=FfAKAbc;x"), std::string("0tenant@system=a b"),
        std::string("a/b*c-d_e=\"quoted\\\""), "a=" + std::string(256, 'x'), std::string(256, 'k') + "=v"})
    BOOST_TEST(is_tracestate(good), good);
  for (const std::string& bad : {std::string(),
                                 std::string(" , ,"),
                                 std::string("a"),
                                 std::string("a="),
                                 std::string("=1"),
                                 std::string("A=1"),
                                 std::string("1a=1"),
                                 std::string("a=1,a=2"),
                                 std::string("a=1=2"),
                                 std::string("a b=1"),
                                 std::string("a =1"),
                                 std::string("@b=1"),
                                 std::string("a@=1"),
                                 std::string("a@1b=1"),
                                 std::string("a@b@c=1"),
                                 std::string("a@bcdefghijklmnop=1"),
                                 std::string("a=\x01"),
                                 std::string("a=\xc3\xa9"),
                                 std::string("a=1;\n"),
                                 "a=" + std::string(257, 'x'),
                                 std::string(257, 'k') + "=v"})
    BOOST_TEST(!is_tracestate(bad), bad);
}

BOOST_AUTO_TEST_CASE(a_tracestate_has_32_members_and_512_bytes_at_most) {
  std::string list;
  for (int i = 0; i < 32; ++i) list += (i > 0 ? "," : "") + ("k" + std::to_string(i)) + "=v";
  BOOST_TEST(is_tracestate(list));
  BOOST_TEST(!is_tracestate(list + ",k32=v"));
  const std::string half = "a=" + std::string(253, 'x');
  const std::string full = half + ",b=" + std::string(254, 'y');
  BOOST_TEST_REQUIRE(full.size() == kMaxTracestateSize);
  BOOST_TEST(is_tracestate(full));
  BOOST_TEST(!is_tracestate(full + "y"));
}

BOOST_AUTO_TEST_SUITE_END()
