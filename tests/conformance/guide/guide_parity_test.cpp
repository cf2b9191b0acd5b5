// Same database content, same commands: a client of the guide cannot tell the gateway from the guide's own server.
// Each case is tried on installations with different column types. What may differ, and why, stands in parity.cpp.
#include <boost/test/unit_test.hpp>
#include <functional>
#include <memory>

#include "tests/conformance/guide/installation.hpp"

using namespace pulsegate::test;

namespace {

// As the guide's own client sends it.
const std::string kSubscribeAll =
    R"({"type":"subscribe","channels":["metrics","processes","system-info","history","network-interfaces"]})";
const std::set<std::string> kEverything = {"system-info", "processes", "history", "network-interfaces"};

struct World {
  RedisServer redis;
  PostgresServer postgres;
  std::vector<std::unique_ptr<Installation>> installations;

  World() {
    redis.start();
    postgres.start();
    add("uuid, TIMESTAMP", {}, "");
    GuideSchema later;
    later.device_uuid_type = "text";
    later.timestamptz = true;
    add("text, TIMESTAMPTZ", later, "");
    add("other column types", {},
        "ALTER TABLE device_metrics ALTER cpu_usage TYPE DOUBLE PRECISION, ALTER memory_usage TYPE NUMERIC,"
        " ALTER memory_total TYPE DOUBLE PRECISION;"
        "ALTER TABLE device_state_records ALTER uptime TYPE INTEGER, ALTER hostname TYPE VARCHAR(200),"
        " ALTER ip_address TYPE INET USING ip_address::inet, ALTER mac_address TYPE MACADDR USING mac_address::macaddr,"
        " ALTER top_processes TYPE JSON, ALTER network_interfaces TYPE JSON");
  }
  void add(const std::string& name, const GuideSchema& schema, const std::string& alterations) {
    installations.push_back(std::make_unique<Installation>(name, redis, postgres, schema, alterations));
  }
};

std::unique_ptr<World> world;

void start_world() {
  world = std::make_unique<World>();
}

void stop_world() {
  for (auto& installation : world->installations) BOOST_TEST(installation->stop_gateway() == 0, installation->logs());
  world.reset();
}

void compare(Installation& installation, const Conversation& conversation) {
  BOOST_TEST_CONTEXT("with " << installation.name()) {
    const Transcript guide = installation.ask_guide(conversation);
    // Without this a guide's server that cannot read its tables would be matched by a gateway that cannot either.
    BOOST_TEST(data_types(guide) == conversation.expected, boost::test_tools::per_element());
    const Transcript gateway = installation.ask_gateway(conversation);
    for (const std::string& difference : differences(guide, gateway)) BOOST_ERROR(difference);
  }
}

// The same rows on every installation, and a client that subscribes to everything.
void compare_all(const std::function<void(DeviceRows&)>& fill, const std::set<std::string>& expected) {
  for (auto& installation : world->installations) {
    DeviceRows rows = installation->rows(new_device());
    fill(rows);
    compare(*installation, {rows.device(), {kSubscribeAll}, expected});
  }
}

std::string minute(int i) {
  return "2026-11-22 14:" + std::to_string(10 + i) + ":00";
}

Columns full_metrics() {
  return {{"cpu_usage", "45.27"},
          {"cpu_temp", "51.5"},
          {"memory_usage", "2147483648"},
          {"memory_total", "8589934592"},
          {"storage_usage", "10737418240"},
          {"storage_total", "64424509440"},
          {"network_rx", "123456789"},
          {"network_tx", "987654321"},
          {"top_processes", R"([{"pid": 9, "name": "of the metrics row"}])"}};
}

Columns full_state() {
  return {{"os_version", "Debian GNU/Linux 12 (bookworm)"},
          {"architecture", "arm64"},
          {"uptime", "86400"},
          {"hostname", "device-1"},
          {"ip_address", "192.0.2.10"},
          {"mac_address", "02:00:00:00:00:01"},
          {"top_processes", R"([{"pid": 1, "name": "init", "cpu": 0.1, "mem": 0.25, "command": "/sbin/init"}])"},
          {"network_interfaces", R"([{"name": "eth0", "type": "wired", "ip4": "192.0.2.10", "ip6": null,)"
                                 R"( "mac": "02:00:00:00:00:01", "default": true, "signalLevel": -61.5}])"}};
}

// One row a minute, oldest first, with these values in one column and some in the others.
void compare_metrics(const std::string& column, const std::vector<SqlValue>& values) {
  compare_all(
      [&](DeviceRows& rows) {
        for (std::size_t i = 0; i < values.size(); ++i) {
          Columns columns = full_metrics();
          columns[column] = values[i];
          rows.metrics(minute(static_cast<int>(i)), columns);
        }
      },
      {"history"});
}

// A full state row with other content in the two JSON columns.
void compare_json(const SqlValue& content, std::set<std::string> expected) {
  expected.insert("system-info");
  compare_all(
      [&](DeviceRows& rows) {
        Columns columns = full_state();
        columns["top_processes"] = columns["network_interfaces"] = content;
        rows.state(minute(0), columns);
      },
      expected);
}

const std::set<std::string> kJsonTypes = {"processes", "network-interfaces"};

}  // namespace

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

BOOST_AUTO_TEST_CASE(each_column_of_state_null_in_turn) {
  for (const auto& [column, value] : full_state()) {
    std::set<std::string> expected = {"system-info", "processes", "network-interfaces"};
    if (column == "top_processes") expected.erase("processes");
    if (column == "network_interfaces") expected.erase("network-interfaces");
    BOOST_TEST_CONTEXT(column << " NULL") {
      compare_all(
          [&, name = column](DeviceRows& rows) {
            Columns columns = full_state();
            columns[name].reset();
            rows.state(minute(0), columns);
          },
          expected);
    }
  }
}

BOOST_AUTO_TEST_CASE(each_column_of_metrics_null_in_turn) {
  compare_all(
      [](DeviceRows& rows) {
        int i = 0;
        for (const auto& [column, value] : full_metrics()) {
          Columns columns = full_metrics();
          columns[column].reset();
          rows.metrics(minute(i++), columns);
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(newest_state_row_counts_and_is_not_mixed_with_older_ones) {
  compare_all(
      [](DeviceRows& rows) {
        rows.state(minute(2), {{"hostname", "newest"}, {"uptime", "3"}});
        rows.state(minute(0), full_state());
        rows.state(minute(1), full_state());
      },
      {"system-info"});
}

BOOST_AUTO_TEST_CASE(number_of_points_ends_at_thirty) {
  for (const int count : {1, 2, 29, 30, 31, 49}) {
    BOOST_TEST_CONTEXT(count << " rows") {
      compare_all(
          [&](DeviceRows& rows) {
            // Inserted in an order that is not that of their times: 7 has no factor in common with any of the counts.
            for (int i = 0; i < count; ++i) {
              const int place = count % 7 == 0 ? count - 1 - i : i * 7 % count;
              Columns columns = full_metrics();
              columns["cpu_usage"] = std::to_string(place);
              rows.metrics(minute(place), columns);
            }
          },
          {"history"});
    }
  }
}

BOOST_AUTO_TEST_CASE(equal_rows_close_together_are_points_of_their_own) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time : {"14:05:00.000", "14:05:00.001", "14:05:00.000001", "14:05:00.4", "14:05:01"}) {
          rows.metrics(std::string("2026-11-22 ") + time, full_metrics());
        }
      },
      {"history"});
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

BOOST_AUTO_TEST_CASE(times_of_day) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time :
             {"00:00:00", "00:00:59.999", "00:01:00", "01:09:00", "09:59:59.999999", "10:00:00", "11:59:59.999999",
              "12:00:00", "12:00:59", "12:59:59", "13:00:00", "23:59:59.999999"}) {
          rows.metrics(std::string("2026-11-22 ") + time, full_metrics());
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(times_long_ago_and_in_the_future) {
  compare_all(
      [](DeviceRows& rows) {
        for (const char* time : {"1969-12-31 23:59:30.5", "1970-01-01 00:00:00", "2001-09-09 01:46:40",
                                 "2024-02-29 12:30:00", "2038-01-19 03:14:08", "2099-12-31 23:59:00"}) {
          rows.metrics(time, full_metrics());
        }
      },
      {"history"});
}

BOOST_AUTO_TEST_CASE(cpu_is_rounded_as_by_math_round) {
  compare_metrics("cpu_usage", {"0.5", "1.5", "2.5", "44.5", "44.49999999999999", "0.49999999999999994", "99.999999999",
                                "12.3456789012345678901234567890", "100.0", "0.0000000001", "150", "1000000.5"});
}

BOOST_AUTO_TEST_CASE(negative_cpu_is_rounded_as_by_math_round) {
  compare_metrics("cpu_usage", {"-0.3", "-0.5", "-0.50000001", "-1", "-1.5", "-2.5", "-2.51", "-99.99"});
}

BOOST_AUTO_TEST_CASE(cpu_beyond_reason) {
  compare_metrics("cpu_usage", {"4503599627370497.5", "9007199254740993", "123456789012345678901234567890", "NaN"});
}

BOOST_AUTO_TEST_CASE(memory_is_rounded_to_mebibytes) {
  compare_metrics("memory_usage", {"0", "1", "524287", "524288", "524289", "1572864", "2621440", "8589934591",
                                   "8589410304", "9007199254740993", "9223372036854775807"});
}

BOOST_AUTO_TEST_CASE(more_memory_used_than_there_is) {
  compare_metrics("memory_total", {"2147483647", "2146959360", "2146435072", "1", "0", "-1", std::nullopt});
}

BOOST_AUTO_TEST_CASE(negative_memory) {
  compare_metrics("memory_usage", {"-1", "-524288", "-524289", "-1572864", "-9223372036854775808"});
}

BOOST_AUTO_TEST_CASE(network_counters_of_any_size) {
  const std::vector<SqlValue> counters = {"0",
                                          "1",
                                          "-1",
                                          std::nullopt,
                                          "2147483648",
                                          "9007199254740991",
                                          "9007199254740993",
                                          "9223372036854775807",
                                          "-9223372036854775808"};
  compare_metrics("network_rx", counters);
  compare_metrics("network_tx", counters);
}

BOOST_AUTO_TEST_CASE(text_of_any_kind_in_system_info) {
  for (const char* text : {"", "null", "0", "42", "{}", "\"quoted\" \\ back/slash", "tab\t, line\n, \x01 and \x7f",
                           "Gerät – 装置 – 🛰️ – \u2028", "<script>"}) {
    BOOST_TEST_CONTEXT(text) {
      compare_all(
          [&](DeviceRows& rows) {
            Columns columns = full_state();
            columns["os_version"] = columns["hostname"] = columns["architecture"] = text;
            rows.state(minute(0), columns);
          },
          {"system-info", "processes", "network-interfaces"});
    }
  }
}

BOOST_AUTO_TEST_CASE(uptime_of_any_size) {
  for (const char* uptime : {"0", "-1", "2147483647"}) {
    compare_all([&](DeviceRows& rows) { rows.state(minute(0), {{"uptime", uptime}}); }, {"system-info"});
  }
}

BOOST_AUTO_TEST_CASE(nested_json_with_unicode) {
  compare_json(
      R"([{"name": "Gerät 装置 🛰️", "command": "tab\t \"quoted\" \\ \u0001 \u2028", "é": {"b": [1, [2, {"c": []}]],)"
      R"( "a": {}}, "flag": false, "nothing": null, "": "", "10": "ten", "9": "nine"}, [], {}, "text", 1, null])",
      kJsonTypes);
}

BOOST_AUTO_TEST_CASE(numbers_in_json) {
  compare_json(R"([0, -1, 1.50, 0.1, 1e5, 1.5e-7, 123456789012345678901234567890, 0.12345678901234567890123, 1e300])",
               kJsonTypes);
}

BOOST_AUTO_TEST_CASE(many_processes) {
  std::string content = "[";
  for (int pid = 1; pid <= 300; ++pid) {
    content += (pid > 1 ? ", " : "") + std::string(R"({"pid": )") + std::to_string(pid) +
               R"(, "name": "worker", "cpu": 0.5, "command": ")" + std::string(200, 'x') + "\"}";
  }
  compare_json(content + "]", kJsonTypes);
}

BOOST_AUTO_TEST_CASE(empty_json_is_sent) {
  compare_json("[]", kJsonTypes);
  compare_json("{}", kJsonTypes);
}

BOOST_AUTO_TEST_CASE(json_that_is_no_list_is_sent_when_javascript_takes_it_for_true) {
  for (const char* content : {"true", "1", "-0.5", "\"text\"", "{\"a\": 1}"}) compare_json(content, kJsonTypes);
}

BOOST_AUTO_TEST_CASE(json_that_javascript_takes_for_false_is_not_sent) {
  for (const char* content : {"null", "false", "0", "0.00", "\"\""}) {
    BOOST_TEST_CONTEXT(content) {
      compare_json(content, {});
    }
  }
}

BOOST_AUTO_TEST_CASE(each_channel_alone_brings_its_own_type_alone) {
  for (const std::string channel : {"metrics", "processes", "system-info", "history", "network-interfaces"}) {
    BOOST_TEST_CONTEXT(channel) {
      for (auto& installation : world->installations) {
        DeviceRows rows = installation->rows(new_device());
        rows.metrics(minute(0), full_metrics());
        rows.state(minute(0), full_state());
        const std::string subscribe = R"({"type":"subscribe","channels":[")" + channel + "\"]}";
        compare(*installation,
                {rows.device(), {subscribe}, channel == "metrics" ? std::set<std::string>() : std::set{channel}});
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(client_that_does_not_subscribe_gets_no_data) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.state(minute(0), full_state());
  compare(installation, {rows.device(), {}, {}, false});
}

BOOST_AUTO_TEST_CASE(commands_without_meaning_leave_the_connection_open) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.state(minute(0), full_state());
  const std::vector<std::string> texts = {"not JSON",
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
  compare(installation, {rows.device(), texts, {}, false});
}

BOOST_AUTO_TEST_CASE(meaningless_commands_do_not_disturb_those_that_follow) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.metrics(minute(0), full_metrics());
  rows.state(minute(0), full_state());
  compare(installation, {rows.device(), {"not JSON", R"({"type":"subscribe"})", kSubscribeAll}, kEverything});
}

BOOST_AUTO_TEST_CASE(unknown_channels_among_known_ones_are_passed_over) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.state(minute(0), full_state());
  compare(installation,
          {rows.device(), {R"({"type":"subscribe","channels":["alarms","system-info"]})"}, {"system-info"}});
}

BOOST_AUTO_TEST_CASE(query_of_the_url_is_passed_over) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.state(minute(0), full_state());
  compare(
      installation,
      {rows.device(), {kSubscribeAll}, {"system-info", "processes", "network-interfaces"}, true, "?token=abc&x=%20"});
}

BOOST_AUTO_TEST_CASE(device_uuid_in_capitals) {
  for (auto& installation : world->installations) {
    std::string capitals = new_device();
    for (char& c : capitals) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    DeviceRows rows = installation->rows(capitals);
    rows.metrics(minute(0), full_metrics());
    rows.state(minute(0), full_state());
    compare(*installation, {capitals, {kSubscribeAll}, kEverything});
  }
}
BOOST_AUTO_TEST_CASE(probe_infinity) {
  compare_metrics("cpu_usage", {"Infinity", "-Infinity"});
}
BOOST_AUTO_TEST_CASE(probe_1e400) {
  compare_json("[1e400]", kJsonTypes);
}
BOOST_AUTO_TEST_CASE(probe_deep) {
  for (int d : {20, 30, 31, 32, 33, 100}) BOOST_TEST_CONTEXT(d) {
      compare_json(std::string(d, '[') + std::string(d, ']'), kJsonTypes);
    }
}
BOOST_AUTO_TEST_CASE(probe_big) {
  for (int d : {100, 200, 255, 257, 500}) BOOST_TEST_CONTEXT(d) {
      compare_json("[\"" + std::string(d * 1024, 'x') + "\"]", kJsonTypes);
    }
}
BOOST_AUTO_TEST_CASE(probe_timeinf) {
  compare_all(
      [](DeviceRows& rows) {
        rows.metrics("infinity", full_metrics());
        rows.metrics(minute(1), full_metrics());
      },
      {"history"});
}
BOOST_AUTO_TEST_CASE(probe_bc) {
  compare_all(
      [](DeviceRows& rows) {
        rows.metrics("0044-03-15 12:00:00 BC", full_metrics());
        rows.metrics("0900-03-15 13:14:00", full_metrics());
        rows.metrics("12000-03-15 13:14:00", full_metrics());
      },
      {"history"});
}
BOOST_AUTO_TEST_CASE(probe_subscribe_twice) {
  Installation& installation = *world->installations.front();
  DeviceRows rows = installation.rows(new_device());
  rows.metrics(minute(0), full_metrics());
  rows.state(minute(0), full_state());
  compare(installation, {rows.device(), {kSubscribeAll, kSubscribeAll}, kEverything});
}
BOOST_AUTO_TEST_SUITE_END()
