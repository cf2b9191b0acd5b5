// TopicTable: what it builds it parses, and it takes nothing that is not exactly its own.
#include "proto/topic.hpp"

#include <boost/test/unit_test.hpp>

#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::device;
using test::kUuid;

BOOST_AUTO_TEST_SUITE(TopicTableTest)

BOOST_AUTO_TEST_CASE(builds_the_topics_that_the_api_server_publishes_on) {
  const ChannelTable channels;
  const TopicTable topics("", channels);
  const std::string stem = "device:" + std::string(kUuid) + ":";
  BOOST_TEST(
      topics.topics_of(device()) == (std::vector<std::string>{stem + "metrics", stem + "state", stem + "broadcast"}),
      boost::test_tools::per_element());
  BOOST_TEST(topics.topics_per_device() == 3u);
  BOOST_TEST(topics.metrics_topic(device()) == stem + "metrics");
}

BOOST_AUTO_TEST_CASE(parses_every_topic_that_it_builds) {
  const ChannelTable channels({"logs", "alarms"});
  for (const char* prefix : {"", "tenant:{acme}:", "device:", "a"}) {
    const TopicTable topics(prefix, channels);
    const std::vector<std::string> all = topics.topics_of(device());
    BOOST_TEST(all.size() == topics.topics_per_device());
    const TopicKind kinds[] = {TopicKind::metrics, TopicKind::state, TopicKind::broadcast, TopicKind::pass_through,
                               TopicKind::pass_through};
    for (std::size_t i = 0; i < all.size(); ++i) {
      const auto topic = topics.parse(all[i]);
      BOOST_REQUIRE_MESSAGE(topic.has_value(), all[i]);
      BOOST_TEST((topic->device == device()));
      BOOST_TEST((topic->kind == kinds[i]), all[i]);
    }
    BOOST_TEST((topics.parse(all[3])->channel == channels.find("logs")));
    BOOST_TEST((topics.parse(all[4])->channel == channels.find("alarms")));
  }
}

BOOST_AUTO_TEST_CASE(keeps_the_braces_of_a_tenant) {
  const ChannelTable channels;
  const TopicTable topics("tenant:{acme}:", channels);
  const std::string topic = "tenant:{acme}:device:" + std::string(kUuid) + ":metrics";
  BOOST_TEST(topics.metrics_topic(device()) == topic);
  BOOST_TEST(topics.parse(topic).has_value());
  BOOST_TEST(!topics.parse("tenant:acme:device:" + std::string(kUuid) + ":metrics").has_value());
  BOOST_TEST(!topics.parse("device:" + std::string(kUuid) + ":metrics").has_value());
}

BOOST_AUTO_TEST_CASE(takes_nothing_else) {
  const ChannelTable channels({"logs"});
  const TopicTable topics("", channels);
  const std::string uuid(kUuid);
  for (const std::string& topic :
       {std::string(), std::string("device:"), "device:" + uuid, "device:" + uuid + ":", "device:" + uuid + ":metric",
        "device:" + uuid + ":metrics:", "device:" + uuid + ":metrics ", " device:" + uuid + ":metrics",
        "device:" + uuid + ":METRICS", "device:" + uuid + ":processes", "device:" + uuid + ":history",
        "device:" + uuid + ":alarms", "Device:" + uuid + ":metrics", "device:" + uuid + "metrics",
        std::string("device:0F3C9A52-7d1e-4b86-9c2f-1a2b3c4d5e6f:metrics"), std::string("device:*:metrics"),
        "x:device:" + uuid + ":metrics"})
    BOOST_TEST(!topics.parse(topic).has_value(), topic);
}

BOOST_AUTO_TEST_SUITE_END()
