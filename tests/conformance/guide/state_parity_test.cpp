// What becomes of a row of device_state_records: `system-info`, `processes`, `network-interfaces`.
#include <boost/test/unit_test.hpp>

#include "tests/conformance/guide/world.hpp"

using namespace pulsegate::test;

namespace {

const std::set<std::string> kJsonTypes = {"processes", "network-interfaces"};

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

}  // namespace

BOOST_AUTO_TEST_SUITE(GuideParity)

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

BOOST_AUTO_TEST_CASE(newest_state_row_counts_and_is_not_mixed_with_older_ones) {
  compare_all(
      [](DeviceRows& rows) {
        rows.state(minute(2), {{"hostname", "newest"}, {"uptime", "3"}});
        rows.state(minute(0), full_state());
        rows.state(minute(1), full_state());
      },
      {"system-info"});
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

BOOST_AUTO_TEST_SUITE_END()
