// ShardTopics: topics are found by name and by slot, however they come and go.
#include "bus/shard_topics.hpp"

#include <boost/test/unit_test.hpp>
#include <set>
#include <string>

using namespace pulsegate::bus;

BOOST_AUTO_TEST_SUITE(ShardTopicsTest)

BOOST_AUTO_TEST_CASE(references_are_counted_and_the_slot_knows_its_topics) {
  ShardTopics topics;
  BOOST_TEST((topics.find("{x}a") == nullptr));
  auto& a = topics.add("{x}a");
  topics.add("{x}b");
  BOOST_TEST(topics.add("{x}a").second.references == 2u);
  BOOST_TEST(a.second.unanswered == 2u);
  BOOST_TEST((topics.find("{x}a") == &a));
  BOOST_TEST(a.second.slot == slot_of("x"));
  BOOST_TEST(topics.of_slot(slot_of("x")).size() == 2u);
  BOOST_TEST(topics.wanted() == 2u);
}

BOOST_AUTO_TEST_CASE(confirmations_are_counted_once) {
  ShardTopics topics;
  auto& a = topics.add("a");
  topics.confirm(a, false);
  topics.confirm(a, true);
  topics.confirm(a, true);
  BOOST_TEST(topics.confirmed() == 1u);
  topics.confirm(a, false);
  BOOST_TEST(topics.confirmed() == 0u);
  topics.confirm(a, true);
  topics.erase(a);
  BOOST_TEST(topics.confirmed() == 0u);
  BOOST_TEST(topics.wanted() == 0u);
}

BOOST_AUTO_TEST_CASE(erasing_any_topic_of_a_slot_keeps_the_others) {
  ShardTopics topics;
  const std::uint16_t slot = slot_of("x");
  std::set<std::string> names;
  for (int i = 0; i < 20; ++i) names.insert("{x}" + std::to_string(i));
  for (const std::string& name : names) topics.add(name);
  while (!names.empty()) {
    const std::string name = *std::next(names.begin(), static_cast<std::ptrdiff_t>(names.size() / 2));
    topics.erase(*topics.find(name));
    names.erase(name);
    std::set<std::string> left;
    for (const auto* entry : topics.of_slot(slot)) left.insert(entry->first);
    BOOST_TEST(left == names, boost::test_tools::per_element());
  }
}

BOOST_AUTO_TEST_SUITE_END()
