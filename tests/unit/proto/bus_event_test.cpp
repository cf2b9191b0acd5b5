// BusEventParser: envelopes and bare objects, slices of the original text, and hostile payloads.
#include "proto/bus_event.hpp"

#include <boost/test/unit_test.hpp>

#include "proto/limits.hpp"
#include "tests/unit/proto/values.hpp"

using namespace pulsegate::proto;
using test::at;

namespace {

struct Parser {
  BusEventParser parser{limits::kMaxBusPayload};
  BusEvent event;

  BusEventError parse(TopicKind kind, std::string_view payload) { return parser.parse(kind, payload, event); }
  BusEventError metrics(std::string_view payload) { return parse(TopicKind::metrics, payload); }
  BusEventError state(std::string_view payload) { return parse(TopicKind::state, payload); }

  double value(Metric metric) const {
    BOOST_TEST_REQUIRE(event.values[metric].present, metric_name(metric));
    return event.values[metric].value;
  }
  bool has(Metric metric) const { return event.values[metric].present; }
  const std::string& field(SystemField f) const { return event.system.json[static_cast<std::size_t>(f)]; }
};

constexpr std::string_view kMetricsObject =
    R"({"cpu_usage": 45.20, "cpu_temp":null,"memory_usage":"3435973836","memory_total":8589934592,)"
    R"("network_rx":1e3,"network_tx":"-.5","storage_usage":"n/a","storage_total":true,)"
    R"("top_processes":[ {"pid":1,"name":"init","cpu":99.9,"cpu_usage":1} ],"network_interfaces":[{"name":"eth0"}]})";

const std::string kEnvelope =
    R"({"deviceUuid":"u","metrics":)" + std::string(kMetricsObject) + R"(,"timestamp":"2026-11-22T14:05:00.123Z"})";

}  // namespace

BOOST_FIXTURE_TEST_SUITE(BusEventParserTest, Parser)

BOOST_AUTO_TEST_CASE(reads_the_envelope_that_the_api_server_publishes) {
  BOOST_TEST_REQUIRE((metrics(kEnvelope) == BusEventError::none));
  BOOST_TEST((event.timestamp == at("2026-11-22T14:05:00.123Z")));
  BOOST_TEST(event.object == kMetricsObject);
  BOOST_TEST(event.top_processes == R"([ {"pid":1,"name":"init","cpu":99.9,"cpu_usage":1} ])");
  BOOST_TEST(event.network_interfaces == R"([{"name":"eth0"}])");
  BOOST_TEST(value(Metric::cpu_usage) == 45.2);
  BOOST_TEST(value(Metric::memory_usage) == 3435973836.0);
  BOOST_TEST(value(Metric::memory_total) == 8589934592.0);
  BOOST_TEST(value(Metric::network_rx) == 1000);
  BOOST_TEST(value(Metric::network_tx) == -0.5);
  for (const Metric metric : {Metric::cpu_temp, Metric::storage_usage, Metric::storage_total}) BOOST_TEST(!has(metric));
  BOOST_TEST(static_cast<int>(event.values[Metric::cpu_usage].decimals) == -1);
  BOOST_TEST(event.system.empty());
}

BOOST_AUTO_TEST_CASE(slices_point_into_the_payload) {
  BOOST_TEST_REQUIRE((metrics(kEnvelope) == BusEventError::none));
  for (const std::string_view slice : {event.object, event.top_processes, event.network_interfaces}) {
    BOOST_TEST((slice.data() >= kEnvelope.data()));
    BOOST_TEST((slice.data() + slice.size() <= kEnvelope.data() + kEnvelope.size()));
  }
}

BOOST_AUTO_TEST_CASE(finds_the_timestamp_on_either_side_of_the_object) {
  BOOST_TEST((metrics(R"({"timestamp":"2026-11-22T14:05:00Z","metrics":{"cpu_usage":1}})") == BusEventError::none));
  BOOST_TEST((event.timestamp == at("2026-11-22T14:05:00Z")));
  BOOST_TEST(value(Metric::cpu_usage) == 1);
  for (const char* timestamp : {"null", "5", R"("yesterday")", R"(["2026-11-22T14:05:00Z"])", R"("")"}) {
    const std::string text = R"({"metrics":{},"timestamp":)" + std::string(timestamp) + "}";
    BOOST_TEST((metrics(text) == BusEventError::none));
    BOOST_TEST(!event.timestamp.has_value(), text);
  }
}

BOOST_AUTO_TEST_CASE(accepts_a_bare_object) {
  const std::string text =
      std::string(" ") + R"({"cpu_usage":7,"timestamp":"2026-11-22T14:05:00Z","top_processes":[]})" + "\n";
  BOOST_TEST_REQUIRE((metrics(text) == BusEventError::none));
  BOOST_TEST(event.object == std::string_view(text).substr(1, text.size() - 2));
  BOOST_TEST(value(Metric::cpu_usage) == 7);
  BOOST_TEST((event.timestamp == at("2026-11-22T14:05:00Z")));
  BOOST_TEST(event.top_processes == "[]");
  BOOST_TEST((metrics("{}") == BusEventError::none));
  BOOST_TEST(event.object == "{}");
}

BOOST_AUTO_TEST_CASE(takes_the_fields_of_the_wanted_object_only) {
  BOOST_TEST((metrics(R"({"cpu_usage":1,"top_processes":[1],"metrics":{"x":{"cpu_usage":2,"top_processes":[2]},)"
                      R"("y":[{"cpu_usage":3}],"memory_usage":4},"state":{"cpu_usage":5},"network_interfaces":[6]})") ==
              BusEventError::none));
  BOOST_TEST(!has(Metric::cpu_usage));
  BOOST_TEST(value(Metric::memory_usage) == 4);
  BOOST_TEST(event.top_processes.empty());
  BOOST_TEST(event.network_interfaces.empty());

  BOOST_TEST((metrics(R"({"data":{"cpu_usage":2,"metrics":{}},"list":[{"metrics":5}],"cpu_usage":"6%"})") ==
              BusEventError::none));
  BOOST_TEST(value(Metric::cpu_usage) == 6);
}

BOOST_AUTO_TEST_CASE(refuses_an_envelope_without_an_object) {
  for (const char* text : {R"({"metrics":null})", R"({"metrics":5,"cpu_usage":1})", R"({"metrics":[{}]})",
                           R"({"metrics":"{}"})", R"({"metrics":{"cpu_usage":1},"metrics":null})",
                           R"({"metrics":true})", "[]", "null", "5", R"("x")", R"([{"metrics":{}}])"})
    BOOST_TEST((metrics(text) == BusEventError::not_an_object), text);
  BOOST_TEST((state(R"({"state":null})") == BusEventError::not_an_object));
  BOOST_TEST((state("[]") == BusEventError::not_an_object));
}

BOOST_AUTO_TEST_CASE(the_last_of_repeated_members_counts) {
  BOOST_TEST(
      (metrics(R"({"metrics":{"cpu_usage":1,"top_processes":[1]},"metrics":{"cpu_usage":2,"cpu_usage":3},)"
               R"("timestamp":"2026-11-22T14:05:00Z","timestamp":"2026-11-22T14:06:00Z"})") == BusEventError::none));
  BOOST_TEST(event.object == R"({"cpu_usage":2,"cpu_usage":3})");
  BOOST_TEST(value(Metric::cpu_usage) == 3);
  BOOST_TEST(event.top_processes.empty());
  BOOST_TEST((event.timestamp == at("2026-11-22T14:06:00Z")));

  BOOST_TEST((metrics(R"({"cpu_usage":1,"cpu_usage":null,"top_processes":[1],"top_processes":null,)"
                      R"("network_interfaces":[1],"network_interfaces":[2]})") == BusEventError::none));
  BOOST_TEST(!has(Metric::cpu_usage));
  BOOST_TEST(event.top_processes.empty());
  BOOST_TEST(event.network_interfaces == "[2]");
  BOOST_TEST((metrics(R"({"metrics":null,"metrics":{"cpu_usage":2}})") == BusEventError::none));
}

BOOST_AUTO_TEST_CASE(ignores_processes_and_interfaces_that_are_no_array) {
  for (const char* other : {"null", "5", R"("[]")", "{}", R"({"a":[1]})", "true"}) {
    const std::string text = R"({"top_processes":)" + std::string(other) + R"(,"network_interfaces":)" + other + "}";
    BOOST_TEST((metrics(text) == BusEventError::none));
    BOOST_TEST(event.top_processes.empty(), other);
    BOOST_TEST(event.network_interfaces.empty(), other);
  }
  BOOST_TEST((metrics(R"({"top_processes":[[],[[1],{"a":[2]}]],"cpu_usage":1})") == BusEventError::none));
  BOOST_TEST(event.top_processes == R"([[],[[1],{"a":[2]}]])");
}

BOOST_AUTO_TEST_CASE(knows_escaped_keys) {
  BOOST_TEST((metrics(R"({"m\u0065trics":{"cpu\u005fusage":5}})") == BusEventError::none));
  BOOST_TEST(event.object == R"({"cpu\u005fusage":5})");
  BOOST_TEST(value(Metric::cpu_usage) == 5);
}

BOOST_AUTO_TEST_CASE(reads_the_system_fields_of_a_state) {
  BOOST_TEST_REQUIRE(
      (state(R"({"deviceUuid":"u","state":{"apps":{"hostname":"no"},"os_version":"Debian \"12\" \u00e4",)"
             R"("architecture":"arm64","uptime":3600.50,"hostname":"pump-7","ip_address":"10.0.0.7",)"
             R"("local_ip":"10.0.0.8","mac_address":"02:00","cpu_usage":5,"top_processes":[1],)"
             R"("network_interfaces":[2]},"timestamp":"2026-11-22T14:05:00.123Z","hostname":"outer"})") ==
       BusEventError::none));
  BOOST_TEST(field(SystemField::os) == "\"Debian \\\"12\\\" \xc3\xa4\"");
  BOOST_TEST(field(SystemField::architecture) == R"("arm64")");
  BOOST_TEST(field(SystemField::uptime) == "3600.50");
  BOOST_TEST(field(SystemField::hostname) == R"("pump-7")");
  BOOST_TEST(field(SystemField::ip_address) == R"("10.0.0.7")");
  BOOST_TEST(field(SystemField::mac_address) == R"("02:00")");
  BOOST_TEST(event.top_processes == "[1]");
  BOOST_TEST(event.network_interfaces == "[2]");
  BOOST_TEST(!has(Metric::cpu_usage));
  BOOST_TEST((event.timestamp == at("2026-11-22T14:05:00.123Z")));
}

BOOST_AUTO_TEST_CASE(falls_back_to_the_local_address) {
  BOOST_TEST((state(R"({"local_ip":"10.0.0.8"})") == BusEventError::none));
  BOOST_TEST(field(SystemField::ip_address) == R"("10.0.0.8")");
  BOOST_TEST((state(R"({"state":{"ip_address":null,"local_ip":"10.0.0.8"}})") == BusEventError::none));
  BOOST_TEST(field(SystemField::ip_address) == R"("10.0.0.8")");
}

BOOST_AUTO_TEST_CASE(keeps_only_scalars_that_say_something) {
  BOOST_TEST((
      state(R"({"uptime":"3600","hostname":null,"os_version":{"name":"x"},"architecture":true,"mac_address":["x"]})") ==
      BusEventError::none));
  BOOST_TEST(field(SystemField::uptime) == R"("3600")");
  for (const SystemField f :
       {SystemField::hostname, SystemField::os, SystemField::architecture, SystemField::mac_address})
    BOOST_TEST(field(f).empty());
  // The next event starts from nothing.
  BOOST_TEST((state(R"({"hostname":"a","hostname":5})") == BusEventError::none));
  BOOST_TEST(field(SystemField::uptime).empty());
  BOOST_TEST(field(SystemField::hostname) == "5");
}

BOOST_AUTO_TEST_CASE(a_broadcast_is_an_object_with_a_type) {
  const std::string text = R"( {"type":"alarm","data":{"type":5},"timestamp":"2026-11-22T14:05:00Z"} )";
  BOOST_TEST((parse(TopicKind::broadcast, text) == BusEventError::none));
  BOOST_TEST(event.object == text);
  BOOST_TEST((event.timestamp == at("2026-11-22T14:05:00Z")));
  for (const char* bad : {"{}", R"({"type":5})", R"({"type":null})", R"({"x":{"type":"a"}})",
                          R"({"type":"a","type":1})", R"({"type":["a"]})"})
    BOOST_TEST((parse(TopicKind::broadcast, bad) == BusEventError::missing_type), bad);
  for (const char* bad : {"[]", R"("type")", "5", "null"})
    BOOST_TEST((parse(TopicKind::broadcast, bad) == BusEventError::not_an_object), bad);
  BOOST_TEST((parse(TopicKind::broadcast, R"({"type":"a","metrics":null})") == BusEventError::none));
}

BOOST_AUTO_TEST_CASE(a_pass_through_payload_is_any_json_value) {
  for (const char* text : {"null", "5", R"("x")", "[1]", R"({"":1,"metrics":null})"}) {
    BOOST_TEST((parse(TopicKind::pass_through, text) == BusEventError::none), text);
    BOOST_TEST(event.object == text);
    BOOST_TEST(event.top_processes.empty());
  }
  for (const char* text : {"", "x", "1 2", "{"})
    BOOST_TEST((parse(TopicKind::pass_through, text) == BusEventError::malformed), text);
}

BOOST_AUTO_TEST_CASE(caps_size_and_depth) {
  BusEventParser small(10);
  BOOST_TEST((small.parse(TopicKind::metrics, R"({"a":"bc"})", event) == BusEventError::none));
  BOOST_TEST((small.parse(TopicKind::metrics, R"({"a":"bcd"})", event) == BusEventError::too_big));
  BOOST_TEST((metrics(std::string(limits::kMaxBusPayload + 1, 'x')) == BusEventError::too_big));
  BOOST_TEST((metrics(R"({"metrics":{"top_processes":)" + std::string(100000, '[')) == BusEventError::too_deep));
  const std::size_t inner = limits::kMaxJsonDepth - 1;
  BOOST_TEST((metrics("{\"a\":" + std::string(inner, '[') + std::string(inner, ']') + "}") == BusEventError::none));
  BOOST_TEST((metrics("{\"a\":" + std::string(inner + 1, '[') + std::string(inner + 1, ']') + "}") ==
              BusEventError::too_deep));
}

BOOST_AUTO_TEST_CASE(refuses_malformed_payloads) {
  for (const std::string& text :
       {std::string(), std::string("{"), kEnvelope + "x", kEnvelope + kEnvelope, kEnvelope + std::string(1, '\0'),
        std::string("{\"a\":\"\xff\"}"), std::string(R"({"a":"\ud80"})"),
        std::string(R"({"metrics":{"cpu_usage":NaN}})"), std::string(R"({"metrics":{"cpu_usage":01}})")})
    BOOST_TEST((metrics(text) == BusEventError::malformed), text);
}

BOOST_AUTO_TEST_CASE(survives_every_truncation_and_every_flipped_byte) {
  for (std::size_t i = 0; i < kEnvelope.size(); ++i) {
    BOOST_TEST((metrics(std::string_view(kEnvelope).substr(0, i)) == BusEventError::malformed));
    for (int byte = 0; byte < 256; byte += 17) {
      std::string changed = kEnvelope;
      changed[i] = static_cast<char>(byte);
      for (const TopicKind kind : {TopicKind::metrics, TopicKind::state, TopicKind::broadcast, TopicKind::pass_through})
        parse(kind, changed);
    }
  }
  BOOST_TEST((metrics(kEnvelope) == BusEventError::none));
}

BOOST_AUTO_TEST_CASE(survives_numbers_that_break_naive_parsers) {
  BOOST_TEST((metrics(R"({"cpu_usage":0.)" + std::string(5000, '0') + R"(1e-2147483639,"cpu_temp":"1e999"})") ==
              BusEventError::none));
  BOOST_TEST(value(Metric::cpu_usage) == 0);
  BOOST_TEST(!has(Metric::cpu_temp));
}

BOOST_AUTO_TEST_CASE(names_its_errors_for_the_drop_counter) {
  BOOST_TEST(name(BusEventError::none) == "none");
  BOOST_TEST(name(BusEventError::too_big) == "too-big");
  BOOST_TEST(name(BusEventError::malformed) == "malformed");
  BOOST_TEST(name(BusEventError::too_deep) == "too-deep");
  BOOST_TEST(name(BusEventError::not_an_object) == "not-an-object");
  BOOST_TEST(name(BusEventError::missing_type) == "missing-type");
}

BOOST_AUTO_TEST_SUITE_END()
