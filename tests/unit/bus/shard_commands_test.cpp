// ShardCommands: one command a slot, and answers belong to the oldest one.
#include "bus/shard_commands.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

using namespace pulsegate::bus;

namespace {

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (auto at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ShardCommandsTest)

BOOST_AUTO_TEST_CASE(topics_of_a_slot_share_a_command) {
  ShardCommands commands;
  std::string out;
  commands.send(true, {"{a}1", "{b}1", "{a}2"}, out);
  BOOST_TEST(count(out, "SSUBSCRIBE") == 2u);
  BOOST_TEST(count(out, "*3\r\n") == 1u);
  BOOST_TEST(out.find("{a}1\r\n$4\r\n{a}2") != std::string::npos);
  out.clear();
  commands.send(false, {"{a}1"}, out);
  BOOST_TEST(out == "*2\r\n$12\r\nSUNSUBSCRIBE\r\n$4\r\n{a}1\r\n");
}

BOOST_AUTO_TEST_CASE(answers_come_in_order_and_others_are_none) {
  ShardCommands commands;
  std::string out;
  BOOST_TEST(!commands.answered(true, "{a}1"));
  commands.send(true, {"{a}1", "{a}2"}, out);
  commands.send(false, {"{a}1"}, out);
  BOOST_TEST(!commands.answered(false, "{a}1"));  // the server has ended it by itself
  BOOST_TEST(!commands.answered(true, "{a}2"));
  BOOST_TEST(commands.answered(true, "{a}1"));
  BOOST_TEST(commands.answered(true, "{a}2"));
  BOOST_TEST(commands.answered(false, "{a}1"));
  BOOST_TEST(!commands.answered(false, "{a}1"));
}

BOOST_AUTO_TEST_CASE(an_error_is_the_answer_to_a_whole_command) {
  ShardCommands commands;
  std::string out;
  BOOST_TEST(!commands.refused().has_value());
  commands.send(true, {"{a}1", "{a}2"}, out);
  commands.send(true, {"{a}3"}, out);
  const auto refused = commands.refused();
  BOOST_REQUIRE(refused.has_value());
  BOOST_TEST(refused->subscribe);
  BOOST_TEST(refused->topics.size() == 2u);
  BOOST_TEST(commands.answered(true, "{a}3"));
  commands.send(true, {"{a}1", "{a}2"}, out);
  BOOST_TEST(commands.answered(true, "{a}1"));
  BOOST_TEST(!commands.refused().has_value());  // half of it was answered already
  commands.clear();
  BOOST_TEST(!commands.answered(true, "{a}2"));
}

BOOST_AUTO_TEST_CASE(errors_about_slots_are_told_from_others) {
  for (const char* error : {"MOVED 1 h:1", "ASK 1 h:1", "TRYAGAIN Multiple keys", "CLUSTERDOWN Hash slot not served"})
    BOOST_TEST(is_redirect(error), error);
  for (const char* error : {"", "NOPERM this user", "ERR unknown command", "CROSSSLOT Keys", "MOVED"})
    BOOST_TEST(!is_redirect(error), error);
}

BOOST_AUTO_TEST_SUITE_END()
