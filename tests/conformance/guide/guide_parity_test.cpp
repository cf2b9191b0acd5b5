// Same database content, same commands: a client of the guide cannot tell the gateway from the guide's own server.
// Here: which messages come. Their values are compared in history_parity_test.cpp and state_parity_test.cpp, which add
// to the same suite.
#include <boost/test/unit_test.hpp>
#include <cctype>

#include "tests/conformance/guide/world.hpp"

using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(GuideParity, *boost::unit_test::fixture(&start_world, &stop_world))

BOOST_AUTO_TEST_CASE(full_rows) {
  compare_all(
      [](DeviceRows& rows) {
        for (int i = 0; i < 10; ++i) rows.metrics(minute(i), full_metrics());
        rows.state(minute(0), full_state());
      },
      kEverything);
}

BOOST_AUTO_TEST_CASE(no_rows_bring_no_data) {
  compare_all([](DeviceRows&) {}, {});
}

BOOST_AUTO_TEST_CASE(metrics_rows_alone_bring_history_alone) {
  compare_all([](DeviceRows& rows) { rows.metrics(minute(0), full_metrics()); }, {"history"});
}

BOOST_AUTO_TEST_CASE(state_rows_alone_bring_no_history) {
  compare_all([](DeviceRows& rows) { rows.state(minute(0), full_state()); },
              {"system-info", "processes", "network-interfaces"});
}

BOOST_AUTO_TEST_CASE(rows_of_nothing_but_null) {
  compare_all(
      [](DeviceRows& rows) {
        rows.metrics(minute(0), {});
        rows.state(minute(0), {});
      },
      {"history", "system-info"});
}

BOOST_AUTO_TEST_CASE(rows_of_other_devices_are_not_seen) {
  compare_all(
      [](DeviceRows& rows) {
        DeviceRows others(rows.sql(), new_device());
        others.metrics(minute(5), full_metrics());
        others.state(minute(5), full_state());
        rows.metrics(minute(0), {{"cpu_usage", "1"}});
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(each_channel_alone_brings_its_own_type_alone) {
  for (const std::string channel : {"metrics", "processes", "system-info", "history", "network-interfaces"}) {
    std::set<std::string> expected;
    if (channel != "metrics") expected.insert(channel);
    BOOST_TEST_CONTEXT(channel) {
      for (auto& installation : installations()) {
        const DeviceRows rows = device_with_full_rows(*installation);
        compare(*installation, {rows.device(), {R"({"type":"subscribe","channels":[")" + channel + "\"]}"}, expected});
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(client_that_does_not_subscribe_gets_no_data) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  Conversation silence;
  silence.device = rows.device();
  silence.subscribes = false;
  compare(any_installation(), silence);
}

BOOST_AUTO_TEST_CASE(subscribing_again_brings_everything_again) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  Conversation twice{rows.device(), {kSubscribeAll}, kEverything};
  twice.rounds = 2;
  compare(any_installation(), twice);
}

BOOST_AUTO_TEST_CASE(commands_without_meaning_leave_the_connection_open) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  Conversation nonsense;
  nonsense.device = rows.device();
  nonsense.texts = {"not JSON",
                    "",
                    "{",
                    "[]",
                    "null",
                    "1",
                    "{}",
                    R"({"type":"no such command"})",
                    R"({"type":"subscribe"})",
                    R"({"type":"subscribe","channels":[]})",
                    R"({"type":"subscribe","channels":["no such channel"]})",
                    R"({"type":"unsubscribe","channels":["history"]})",
                    R"({"type":"unsubscribe"})"};
  nonsense.subscribes = false;
  compare(any_installation(), nonsense);
}

BOOST_AUTO_TEST_CASE(commands_without_meaning_do_not_disturb_those_that_follow) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  compare(any_installation(), {rows.device(), {"not JSON", R"({"type":"subscribe"})", kSubscribeAll}, kEverything});
}

BOOST_AUTO_TEST_CASE(unknown_channels_among_known_ones_are_passed_over) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  const std::string subscribe = R"({"type":"subscribe","channels":["alarms","system-info"]})";
  compare(any_installation(), {rows.device(), {subscribe}, {"system-info"}});
}

BOOST_AUTO_TEST_CASE(query_of_the_url_is_passed_over) {
  const DeviceRows rows = device_with_full_rows(any_installation());
  Conversation conversation{rows.device(), {kSubscribeAll}, kEverything};
  conversation.query = "?token=abc&x=%20";
  compare(any_installation(), conversation);
}

BOOST_AUTO_TEST_CASE(device_uuid_in_capitals) {
  for (auto& installation : installations()) {
    // A text column compares letters, and the gateway asks for a UUID in its canonical, small ones.
    if (installation->name().rfind("text", 0) == 0) continue;
    std::string capitals = new_device();
    for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    DeviceRows rows = installation->rows(capitals);
    rows.metrics(minute(0), full_metrics());
    rows.state(minute(0), full_state());
    compare(*installation, {capitals, {kSubscribeAll}, kEverything});
  }
}

BOOST_AUTO_TEST_SUITE_END()
