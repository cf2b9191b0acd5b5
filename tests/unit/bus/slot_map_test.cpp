// SlotMap: slots as Redis computes them, and maps as nodes tell them, malformed ones included.
#include "bus/slot_map.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/support/text.hpp"

using namespace pulsegate::bus;
using pulsegate::test::contains;
using Type = RedisValue::Type;

namespace {

RedisValue text(const std::string& value) {
  return {Type::text, value, 0, {}};
}
RedisValue number(std::int64_t value) {
  return {Type::integer, {}, value, {}};
}
RedisValue array(std::vector<RedisValue> items) {
  return {Type::array, {}, 0, std::move(items)};
}
RedisValue node(const std::string& host, int port) {
  return array({text(host), number(port), text("id"), array({})});
}
RedisValue error(const std::string& value) {
  return {Type::error, value, 0, {}};
}
RedisValue info(const std::string& state = "ok", int epoch = 6) {
  return text("cluster_state:" + state +
              "\r\ncluster_slots_assigned:16384\r\ncluster_current_epoch:" + std::to_string(epoch) + "\r\n");
}

const RedisAddress kAsked{"10.0.0.1", 7000};

std::string fault_of(const RedisValue& slots) {
  SlotMap map;
  return map.read(slots, info(), kAsked);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(SlotMapTest)

BOOST_AUTO_TEST_CASE(slots_are_those_of_the_specification) {
  BOOST_TEST(slot_of("123456789") == 0x31C3);  // the specification's own example
  BOOST_TEST(slot_of("") == 0);
  BOOST_TEST(slot_of("foo") == 12182);  // as CLUSTER KEYSLOT answers
  BOOST_TEST(slot_of("{user1000}.following") == slot_of("user1000"));
  BOOST_TEST(slot_of("foo{}{bar}") != slot_of("bar"));  // an empty tag is none
  BOOST_TEST(slot_of("foo{{bar}}zap") == slot_of("{bar"));
  BOOST_TEST(slot_of("foo{bar}{zap}") == slot_of("bar"));
  BOOST_TEST(slot_of("foo{bar") != slot_of("bar"));
}

BOOST_AUTO_TEST_CASE(ranges_masters_and_replicas_are_read) {
  SlotMap map;
  const auto slots = array({array({number(0), number(5460), node("10.0.0.1", 7000), node("10.0.0.2", 7001)}),
                            array({number(5461), number(5461), node("", 7002)}),
                            array({number(16383), number(16383), node("10.0.0.1", 7000)})});
  BOOST_TEST(map.read(slots, info(), kAsked) == "");
  BOOST_TEST(map.ok());
  BOOST_TEST(map.epoch() == 6);
  BOOST_TEST(map.nodes().size() == 3u);
  BOOST_TEST(map.owner(0)->text() == "10.0.0.1:7000");
  BOOST_TEST(map.owner(5460)->text() == "10.0.0.1:7000");
  BOOST_TEST(map.owner(5461)->text() ==
             "10.0.0.1:7002");  // a node that does not say its address has that of the one asked
  BOOST_TEST((map.owner(5462) == nullptr));
  BOOST_TEST(map.owner(16383)->text() == "10.0.0.1:7000");
  BOOST_TEST(map.has({"10.0.0.2", 7001}));
  BOOST_TEST(!map.has({"10.0.0.2", 7000}));
}

BOOST_AUTO_TEST_CASE(maps_differ_by_their_owners_only) {
  const auto slots = [](int port) { return array({array({number(0), number(9), node("h", port)})}); };
  SlotMap a, b, c;
  a.read(slots(1), info("ok", 1), kAsked);
  b.read(slots(1), info("fail", 9), kAsked);
  c.read(slots(2), info(), kAsked);
  BOOST_TEST(a.same_owners(b));
  BOOST_TEST(!b.ok());
  BOOST_TEST(!a.same_owners(c));
  BOOST_TEST(!a.same_owners(SlotMap()));
  b.set_owner(3, {"other", 5});
  BOOST_TEST(!a.same_owners(b));
  BOOST_TEST(b.owner(3)->text() == "other:5");
}

BOOST_AUTO_TEST_CASE(redirects_are_read) {
  const auto moved = parse_redirect("MOVED 3999 10.0.0.9:6381", kAsked);
  BOOST_REQUIRE(moved.has_value());
  BOOST_TEST(!moved->ask);
  BOOST_TEST(moved->to.text() == "10.0.0.9:6381");
  BOOST_TEST(parse_redirect("ASK 3999 fe80::1:6381", kAsked)->to.text() == "[fe80::1]:6381");
  BOOST_TEST(parse_redirect("ASK 3999 h:1", kAsked)->ask);
  BOOST_TEST(parse_redirect("MOVED 3999 :6381", kAsked)->to.text() == "10.0.0.1:6381");
  for (const char* text : {"", "MOVED", "MOVED 3999", "MOVED 3999 h", "MOVED 3999 h:", "MOVED 3999 h:0", "ERR a h:1"})
    BOOST_TEST(!parse_redirect(text, kAsked).has_value(), text);
}

BOOST_AUTO_TEST_CASE(what_is_no_map_is_told) {
  BOOST_TEST(contains(fault_of(error("ERR This instance has cluster support disabled")), "use redis://"));
  BOOST_TEST(contains(fault_of(error("NOPERM this user has no permissions to run the 'cluster|slots' command")),
                      "+cluster|slots"));
  BOOST_TEST(!fault_of(text("OK")).empty());
  BOOST_TEST(!fault_of(array({})).empty());
  BOOST_TEST(!fault_of(array({number(1)})).empty());
  BOOST_TEST(!fault_of(array({array({number(-1), number(5), node("h", 1)})})).empty());
  BOOST_TEST(!fault_of(array({array({number(5), number(4), node("h", 1)})})).empty());
  BOOST_TEST(!fault_of(array({array({number(0), number(16384), node("h", 1)})})).empty());
  BOOST_TEST(!fault_of(array({array({number(0), number(1), node("?", 1)})})).empty());
  BOOST_TEST(!fault_of(array({array({number(0), number(1), node("h", 65536)})})).empty());
  std::vector<RedisValue> many{number(0), number(1)};
  for (int i = 1; i <= 1'001; ++i) many.push_back(node("h", i));
  BOOST_TEST(contains(fault_of(array({array(many)})), "1000"));
}

BOOST_AUTO_TEST_SUITE_END()
