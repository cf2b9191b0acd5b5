// What a terminal client reads of the server's messages, and that no message can break it.
#include "proto/server_message.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "proto/message.hpp"

using namespace pulsegate::proto;

namespace {

const DeviceId kDevice = *DeviceId::parse("3f1e6b7a-0000-4000-8000-000000000001");
const Timestamp kTime = *parse_iso8601("2026-11-22T14:05:00.123Z");

ServerMessage read(const std::string& text) {
  const auto message = parse_server_message(text);
  BOOST_REQUIRE(message.has_value());
  return *message;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(ServerMessageReader)

BOOST_AUTO_TEST_CASE(metrics_come_back_as_they_were_sent) {
  std::string text;
  append_verbatim(text, "metrics", kDevice, kTime,
                  R"({"cpu_usage":45.2,"memory_usage":"1024","cpu_temp":null,"x":{"y":1}})");
  const ServerMessage message = read(text);
  BOOST_TEST(message.type == "metrics");
  BOOST_TEST(message.device == kDevice.text());
  BOOST_TEST((message.time == kTime));
  BOOST_TEST(message.metrics[Metric::cpu_usage].value == 45.2);
  BOOST_TEST(message.metrics[Metric::memory_usage].value == 1024);
  BOOST_TEST(!message.metrics[Metric::cpu_temp].present);
}

BOOST_AUTO_TEST_CASE(history_comes_back_as_it_was_sent) {
  const ClockFormat clock;
  HistoryMessage builder(kDevice, clock);
  builder.add({kTime, 1, 2, 3, 4, 5});
  builder.add({kTime, 10, 20, 30, 40, 50});
  std::string text;
  builder.append_to(text);
  const ServerMessage message = read(text);
  BOOST_TEST(message.mode == "replace");
  BOOST_TEST((message.history.cpu == std::vector<double>{1, 10}));
  BOOST_TEST((message.history.used == std::vector<double>{2, 20}));
  BOOST_TEST((message.history.available == std::vector<double>{3, 30}));
  BOOST_TEST((message.history.download == std::vector<double>{4, 40}));
  BOOST_TEST((message.history.upload == std::vector<double>{5, 50}));
}

BOOST_AUTO_TEST_CASE(cursors_come_back_as_they_were_sent) {
  std::string text;
  append_verbatim(text, "metrics", kDevice, kTime, R"({"cursor":"not this one"})", "AQ-_");
  BOOST_TEST(read(text).cursor == "AQ-_");
  text.clear();
  append_verbatim(text, "metrics", kDevice, kTime, "{}");
  BOOST_TEST(read(text).cursor.empty());
}

BOOST_AUTO_TEST_CASE(results_tell_their_query_and_their_charts) {
  const ClockFormat clock;
  HistoryMessage builder(kDevice, clock);
  builder.add(Chart::cpu, {kTime, 1, 0});
  builder.add(Chart::cpu, {kTime, 2, 0});
  builder.add(Chart::memory, {kTime, 3, 4});
  std::string text;
  builder.append_result_to(text, "\"q\\u0031\"");
  const ServerMessage message = read(text);
  BOOST_TEST(message.type == "history-result");
  BOOST_TEST(message.id == "q1");
  BOOST_TEST((message.history.cpu == std::vector<double>{1, 2}));
  BOOST_TEST((message.history.available == std::vector<double>{4}));
  BOOST_TEST(message.history.download.empty());
  text.clear();
  append_error(text, ErrorCode::bad_query, "m", "-7");
  BOOST_TEST(read(text).id == "-7");
  BOOST_TEST(read(R"({"type":"x","id":null})").id.empty());
}

BOOST_AUTO_TEST_CASE(processes_and_interfaces_are_lists) {
  std::string text;
  append_processes(text, kDevice, kTime, R"([{"pid":7,"name":"a","cpu":"1.5","mem":2,"command":["x"]},{"pid":8}])");
  const ServerMessage processes = read(text);
  BOOST_REQUIRE(processes.processes.size() == 2u);
  BOOST_TEST(processes.processes[0].pid == "7");
  BOOST_TEST(processes.processes[0].cpu == 1.5);
  BOOST_TEST(processes.processes[1].name == "");
  text.clear();
  append_network_interfaces(text, kDevice, kTime, R"([{"name":"eth0","ip4":"10.0.0.1","operstate":"up","ip6":null}])");
  const ServerMessage interfaces = read(text);
  BOOST_REQUIRE(interfaces.interfaces.size() == 1u);
  BOOST_TEST(interfaces.interfaces[0].name == "eth0");
  BOOST_TEST(interfaces.interfaces[0].state == "up");
}

BOOST_AUTO_TEST_CASE(acks_notices_and_errors_keep_their_words) {
  std::string text;
  append_subscribed(text, kDevice, "metrics");
  BOOST_TEST(read(text).channel == "metrics");
  text.clear();
  append_error(text, ErrorCode::rate_limited, "Slower.");
  BOOST_REQUIRE(read(text).fields.size() == 2u);
  BOOST_TEST(read(text).fields[0].second == "rate-limited");
  text.clear();
  append_reconnect(text, 1500);
  BOOST_TEST(read(text).fields.at(0).first == "after_ms");
  BOOST_TEST(read(text).fields.at(0).second == "1500");
}

BOOST_AUTO_TEST_CASE(an_answer_to_since_says_whether_it_resumed) {
  for (const bool resumed : {true, false}) {
    std::string text;
    append_subscribed(text, kDevice, "metrics", resumed);
    BOOST_TEST((read(text).resumed == resumed));
  }
  std::string text;
  append_subscribed(text, kDevice, "metrics");
  BOOST_TEST(!read(text).resumed.has_value());
  for (const char* value : {"\"true\"", "1", "null", "[true]", "{\"resumed\":true}"})
    BOOST_TEST(!read(std::string(R"({"type":"subscribed","resumed":)") + value + "}").resumed.has_value(), value);
}

BOOST_AUTO_TEST_CASE(a_gap_names_its_channels) {
  const ChannelTable table{{"logs"}};
  ChannelSet lost;
  lost.add(Channel::metrics);
  lost.add(*table.find("logs"));
  std::string text;
  append_gap(text, kDevice, kTime, kTime, lost, table, "resume");
  const ServerMessage message = read(text);
  BOOST_TEST((message.channels == std::vector<std::string>{"metrics", "logs"}));
  BOOST_TEST(message.fields.back().second == "resume");
  BOOST_TEST(read(R"({"type":"gap","data":{"channels":[1,null,["x"],{"y":"z"},"w"]}})").channels.size() == 1u);
}

BOOST_AUTO_TEST_CASE(what_is_not_a_message_is_refused) {
  for (const char* text : {"", "{}", "[]", "5", "null", "\"type\"", "{\"type\":5}", "{\"type\":\"x\"",
                           "[\"type\",\"x\"]", "{\"type\":\"x\"} x", "{\"data\":{\"type\":\"x\"}}", "{\"type\":null}"})
    BOOST_TEST(!parse_server_message(text).has_value(), text);
  BOOST_TEST(!parse_server_message(std::string(100'000, '[')).has_value());
}

BOOST_AUTO_TEST_CASE(unexpected_shapes_are_ignored) {
  for (const char* data :
       {"[1,[2]]", "null", "5", R"({"cpu":5})", R"({"cpu":[1,"x",null]})", R"({"cpu":[[{"value":1}]]})",
        R"({"cpu":{"value":1}})", R"({"cpu":[[1]],"top_processes":[["a"]],"interfaces":["x"]})",
        R"([{"cpu":[{"value":1}]}])"}) {
    const ServerMessage message = read(std::string(R"({"type":"history","data":)") + data + "}");
    BOOST_TEST(message.history.cpu.empty(), data);
    BOOST_TEST(message.processes.empty(), data);
    BOOST_TEST(message.interfaces.empty(), data);
  }
}

BOOST_AUTO_TEST_CASE(long_lists_are_cut) {
  std::string text = R"({"type":"history","data":{"cpu":[{"value":0})";
  for (int i = 1; i < 5'000; ++i) text += ",{\"value\":" + std::to_string(i) + "}";
  const ServerMessage message = read(text + "]}}");
  BOOST_REQUIRE(message.history.cpu.size() == 2'000u);
  BOOST_TEST(message.history.cpu.back() == 1'999);
}

BOOST_AUTO_TEST_SUITE_END()
