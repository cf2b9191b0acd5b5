#include "proto/json_members.hpp"

#include <boost/test/unit_test.hpp>

#include <string>

using namespace pulsegate::proto;
using Kind = JsonMember::Kind;

BOOST_AUTO_TEST_SUITE(JsonMembersTest)

BOOST_AUTO_TEST_CASE(every_kind_of_member_is_told) {
  const auto members = read_json_members(
      R"({"s":"a\u00e9","n":-1.50e3,"t":true,"z":null,"l":["x","y"],"e":[],"m":["x",1],"nested":[["x"]],"o":{"s":"inner"},"x":{"l":["q"]}})");
  BOOST_TEST_REQUIRE(members.has_value());
  const auto kind = [&](const char* name) { return members->at(name).kind; };
  BOOST_TEST((kind("s") == Kind::string));
  BOOST_TEST(members->at("s").text == "a\xc3\xa9");
  BOOST_TEST((kind("n") == Kind::number));
  BOOST_TEST(members->at("n").text == "-1.50e3");
  BOOST_TEST((kind("t") == Kind::boolean));
  BOOST_TEST(members->at("t").text == "true");
  BOOST_TEST((kind("z") == Kind::null));
  BOOST_TEST((kind("l") == Kind::strings));
  BOOST_TEST(members->at("l").items.size() == 2u);
  BOOST_TEST((kind("e") == Kind::strings));
  for (const char* name : {"m", "nested", "o", "x"}) {
    BOOST_TEST((kind(name) == Kind::other), name);
    BOOST_TEST(members->at(name).items.empty(), name);
  }
  BOOST_TEST(members->count("q") == 0u);
}

BOOST_AUTO_TEST_CASE(of_repeated_members_the_last_counts) {
  const auto members = read_json_members(R"({"a":["x"],"a":"y","b":"y","b":["x"],"c":[1],"c":["x"]})");
  BOOST_TEST((members->at("a").kind == Kind::string));
  BOOST_TEST(members->at("a").items.empty());
  BOOST_TEST((members->at("b").kind == Kind::strings));
  BOOST_TEST(members->at("b").text.empty());
  BOOST_TEST((members->at("c").kind == Kind::strings));
}

BOOST_AUTO_TEST_CASE(what_is_no_object_is_nothing) {
  for (const std::string& text :
       {std::string(), std::string("[]"), std::string("[\"a\"]"), std::string("7"), std::string("\"a\""),
        std::string("null"), std::string("{"), std::string("{}}"), std::string("{\"a\":\"\xff\"}"),
        std::string("{\"a\":") + std::string(40, '[') + std::string(40, ']') + "}"})
    BOOST_TEST(!read_json_members(text).has_value(), text);
  BOOST_TEST(read_json_members("{}")->empty());
}

BOOST_AUTO_TEST_SUITE_END()
