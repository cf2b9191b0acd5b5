// What people see: lines per message, sparklines, sizes, and that a device cannot drive the terminal.
#include "gateway/commands/watch_view.hpp"

#include <boost/test/unit_test.hpp>
#include <string>

#include "gateway/commands/printable.hpp"

using namespace pulsegate;
using namespace pulsegate::commands;

namespace {

std::string plain(const std::string& json) {
  const auto message = proto::parse_server_message(json);
  BOOST_REQUIRE(message.has_value());
  return WatchView(false).render(*message);
}

}  // namespace

BOOST_AUTO_TEST_SUITE(WatchViewText)

BOOST_AUTO_TEST_CASE(metrics_are_one_line) {
  BOOST_TEST(plain(R"({"type":"metrics","data":{"cpu_usage":45.25,"memory_usage":3221225472,"memory_total":8589934592,
    "cpu_temp":"51.5","network_rx":2048,"network_tx":10},"timestamp":"2026-11-22T14:05:00.123Z"})") ==
             "14:05:00 metrics            cpu  45.2 %  mem 3.0 GiB/8.0 GiB  temp 51.5 °C  down 2.0 KiB  up 10 B\n");
}

BOOST_AUTO_TEST_CASE(what_is_replayed_says_so) {
  BOOST_TEST(plain(R"({"type":"metrics","data":{"memory_usage":1024},"replay":true})") ==
             "         metrics (replay)   mem 1.0 KiB\n");
}

BOOST_AUTO_TEST_CASE(missing_metrics_are_left_out) {
  BOOST_TEST(plain(R"({"type":"metrics","data":{"cpu_usage":null,"memory_usage":1024}})") ==
             "         metrics            mem 1.0 KiB\n");
}

BOOST_AUTO_TEST_CASE(history_is_sparklines) {
  const std::string text = plain(
      R"({"type":"history","mode":"replace","data":{"cpu":[{"time":"02:05 PM","value":0},{"time":"02:06 PM","value":50},
      {"time":"02:07 PM","value":100}],"memory":[{"used":1,"available":2},{"used":1,"available":2}],
      "network":[{"download":1,"upload":2}]}})");
  BOOST_TEST(text.find("3 points") != std::string::npos);
  BOOST_TEST(text.find("cpu  ▁▅█ 100 %") != std::string::npos);
  BOOST_TEST(text.find("mem  ▁▁ 1.0 MiB") != std::string::npos);
  BOOST_TEST(text.find("up   ▁ 2 B") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(processes_are_a_short_table) {
  std::string json = R"({"type":"processes","data":{"top_processes":[)";
  for (int i = 0; i < 10; ++i)
    json += std::string(i == 0 ? "" : ",") + R"({"pid":)" + std::to_string(100 + i) +
            R"(,"name":"node","cpu":12.34,"mem":1})";
  const std::string text = plain(json + "]}}");
  BOOST_TEST(text.find("10 on top") != std::string::npos);
  BOOST_TEST(text.find("     104    12.3     1.0  node") != std::string::npos);
  BOOST_TEST(text.find("105") == std::string::npos);
}

BOOST_AUTO_TEST_CASE(interfaces_are_listed_with_state_and_address) {
  BOOST_TEST(
      plain(R"({"type":"network-interfaces","data":{"interfaces":[{"name":"eth0","ip4":"10.0.0.5","operstate":"up"},
    {"name":"wlan0","operstate":"down"}]}})") == "         network-interfaces eth0 up 10.0.0.5, wlan0 down\n");
}

BOOST_AUTO_TEST_CASE(acks_and_notices_are_short) {
  BOOST_TEST(plain(R"({"type":"subscribed","channel":"metrics"})") == "         subscribed         metrics\n");
  BOOST_TEST(plain(R"({"type":"error","data":{"code":"unknown-channel","message":"No."}})") ==
             "         error              code unknown-channel  message No.\n");
}

BOOST_AUTO_TEST_CASE(what_was_missed_shows) {
  BOOST_TEST(plain(R"({"type":"subscribed","channel":"metrics","resumed":true})") ==
             "         subscribed         metrics  resumed\n");
  BOOST_TEST(plain(R"({"type":"subscribed","channel":"logs","resumed":false})") ==
             "         subscribed         logs  not resumed\n");
  BOOST_TEST(plain(R"({"type":"gap","data":{"from":"2026-11-22T14:05:00.123Z","to":"2026-11-22T14:05:07.000Z",
    "channels":["metrics","lo\u001bgs"],"reason":"bus"}})") ==
             "         gap                metrics, logs  from 2026-11-22T14:05:00.123Z  to 2026-11-22T14:05:07.000Z  "
             "reason bus\n");
}

BOOST_AUTO_TEST_CASE(colour_is_only_for_terminals) {
  const auto message = proto::parse_server_message(R"({"type":"metrics","data":{"cpu_usage":95}})");
  BOOST_TEST(WatchView(false).render(*message).find('\x1b') == std::string::npos);
  BOOST_TEST(WatchView(true).render(*message).find("\x1b[31m") != std::string::npos);
}

BOOST_AUTO_TEST_CASE(text_of_a_device_cannot_drive_the_terminal) {
  const std::string text = plain(R"({"type":"x\u001b[2J","data":{"k\u0007":"a\u009bb\nc"}})");
  BOOST_TEST(text == "         x[2J               k abc\n");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(WatchPieces)

BOOST_AUTO_TEST_CASE(a_sparkline_spans_least_to_greatest) {
  BOOST_TEST(sparkline({}) == "");
  BOOST_TEST(sparkline({5}) == "▁");
  BOOST_TEST(sparkline({5, 5}) == "▁▁");
  BOOST_TEST(sparkline({-1, 0, 1}) == "▁▅█");
  BOOST_TEST(sparkline({9, 1, 2, 3}, 3) == "▁▅█");
}

BOOST_AUTO_TEST_CASE(bytes_have_binary_units) {
  BOOST_TEST(show_bytes(0) == "0 B");
  BOOST_TEST(show_bytes(1023) == "1023 B");
  BOOST_TEST(show_bytes(1536) == "1.5 KiB");
  BOOST_TEST(show_bytes(1024.0 * 1024 * 1024) == "1.0 GiB");
  BOOST_TEST(show_bytes(1e18) == "909494.7 TiB");
}

BOOST_AUTO_TEST_CASE(printable_cuts_on_a_character_boundary) {
  BOOST_TEST(printable("ab€", 3) == "ab€");
  BOOST_TEST(printable("ab€c", 5) == "ab€");
  BOOST_TEST(printable("abc", 2) == "ab");
}

BOOST_AUTO_TEST_SUITE_END()
