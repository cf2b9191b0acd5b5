// ChannelTable and ChannelSet: names, the operator's additions, and what is refused.
#include "proto/channel.hpp"

#include <boost/test/unit_test.hpp>

#include <stdexcept>

using namespace pulsegate::proto;

BOOST_AUTO_TEST_SUITE(ChannelTableTest)

BOOST_AUTO_TEST_CASE(knows_the_five_channels_of_the_guide) {
  const ChannelTable table;
  BOOST_TEST(table.size() == kBuiltInChannels);
  const std::pair<const char*, Channel> rows[] = {{"metrics", Channel::metrics},
                                                  {"system-info", Channel::system_info},
                                                  {"processes", Channel::processes},
                                                  {"history", Channel::history},
                                                  {"network-interfaces", Channel::network_interfaces}};
  for (const auto& [name, channel] : rows) {
    BOOST_TEST((table.find(name) == channel), name);
    BOOST_TEST(table.name(channel) == name);
  }
}

BOOST_AUTO_TEST_CASE(finds_names_exactly) {
  const ChannelTable table({"logs"});
  for (const char* name : {"", "Metrics", "metrics ", "metric", "system_info", "log", "state", "broadcast"})
    BOOST_TEST(!table.find(name).has_value(), name);
}

BOOST_AUTO_TEST_CASE(numbers_pass_through_channels_in_the_order_of_configuration) {
  const ChannelTable table({"logs", "0-alarms"});
  BOOST_TEST(table.size() == kBuiltInChannels + 2);
  BOOST_TEST(index(*table.find("logs")) == kBuiltInChannels);
  BOOST_TEST(index(*table.find("0-alarms")) == kBuiltInChannels + 1);
  BOOST_TEST(table.name(*table.find("0-alarms")) == "0-alarms");
}

BOOST_AUTO_TEST_CASE(refuses_names_with_a_sentence_for_the_operator) {
  const std::pair<std::vector<std::string>, const char*> rows[] = {
      {{""}, "1 to 32"},
      {{"Logs"}, "1 to 32"},
      {{"-logs"}, "must not start"},
      {{"lo gs"}, "1 to 32"},
      {{"l\xc3\xb6gs"}, "1 to 32"},
      {{std::string(33, 'a')}, "1 to 32"},
      {{"metrics"}, "built in"},
      {{"network-interfaces"}, "built in"},
      {{"state"}, "reserved"},
      {{"broadcast"}, "reserved"},
      {{"logs", "logs"}, "named twice"},
  };
  for (const auto& [names, expected] : rows)
    BOOST_CHECK_EXCEPTION(ChannelTable{names}, std::invalid_argument, [&](const std::invalid_argument& error) {
      return std::string(error.what()).find(expected) != std::string::npos;
    });
  BOOST_CHECK_NO_THROW(ChannelTable({std::string(32, 'a')}));
}

BOOST_AUTO_TEST_CASE(holds_as_many_channels_as_a_set_has_bits) {
  std::vector<std::string> names;
  for (std::size_t i = kBuiltInChannels; i < kMaxChannels; ++i) names.push_back("c" + std::to_string(i));
  BOOST_TEST(ChannelTable(names).size() == kMaxChannels);
  names.push_back("one-more");
  BOOST_CHECK_THROW(ChannelTable{names}, std::invalid_argument);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ChannelSetTest)

BOOST_AUTO_TEST_CASE(holds_every_channel_index_on_its_own) {
  for (std::size_t i = 0; i < kMaxChannels; ++i) {
    ChannelSet set;
    BOOST_TEST(set.empty());
    set.add(static_cast<Channel>(i));
    for (std::size_t j = 0; j < kMaxChannels; ++j) BOOST_TEST(set.contains(static_cast<Channel>(j)) == (i == j));
    set.remove(static_cast<Channel>(i));
    BOOST_TEST((set == ChannelSet{}));
  }
}

BOOST_AUTO_TEST_CASE(visits_members_in_ascending_order) {
  ChannelSet set;
  set.add(static_cast<Channel>(31));
  set.add(Channel::metrics);
  set.add(Channel::history);
  std::vector<std::size_t> seen;
  set.for_each([&](Channel channel) { seen.push_back(index(channel)); });
  BOOST_TEST(seen == (std::vector<std::size_t>{0, 3, 31}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
