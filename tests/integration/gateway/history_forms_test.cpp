// The forms of `history` in the real gateway, over a real table: more points, spans, appended, resumed, older clients.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

std::string subscribe(const std::string& history, const std::string& more = {}) {
  return R"({"type":"subscribe","channels":["history","metrics"],"history":)" + history + more + "}";
}

Json next_history(WsClient& client) {
  return client.expect_until([](const Json& message) { return message.type() == "history"; }).back();
}

// Rows 1, 2, … a second apart, the newest `age` seconds old.
void insert_rows(Stack& stack, const std::string& device, int count, int age) {
  stack.sql().exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT '" + device +
                   "', (now() AT TIME ZONE 'utc') - make_interval(secs => " + std::to_string(count + age) +
                   " - i), i FROM generate_series(1, " + std::to_string(count) + ") i");
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryForms)

BOOST_AUTO_TEST_CASE(more_points_and_spans_are_read_once_for_all_who_want_them) {
  Stack stack({"--history-min-interval", "0"});
  const std::string device = new_device();
  insert_rows(stack, device, 90, 600);
  WsClient plain = stack.watch(device, {"history"});
  BOOST_TEST(cpu_values(next_history(plain)).size() == 30u);
  WsClient more = stack.open(device), span = stack.open(device), same = stack.open(device);
  more.send_text(subscribe(R"({"points":60})"));
  BOOST_TEST(cpu_values(next_history(more)).front() == 31);
  span.send_text(subscribe(R"({"window":"1h"})"));
  BOOST_TEST(cpu_values(next_history(span)).size() == 90u);
  same.send_text(subscribe(R"({"window":3600})"));
  BOOST_TEST(cpu_values(next_history(same)).size() == 90u);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_history_reads_total") == 1);
  stack.publish(device, 91, now_ms());
  BOOST_TEST(cpu_values(next_history(plain)).back() == 91);
  BOOST_TEST(cpu_values(next_history(more)).size() == 60u);
  BOOST_TEST(cpu_values(next_history(span)).size() == 91u);
  BOOST_TEST(cpu_values(next_history(same)).back() == 91);
}

BOOST_AUTO_TEST_CASE(an_appending_client_goes_on_where_it_stood_when_it_comes_back) {
  Stack stack({"--history-min-interval", "0"});
  const std::string device = new_device();
  insert_rows(stack, device, 10, 600);
  std::string cursor;
  {
    WsClient client = stack.open(device);
    client.send_text(subscribe(R"({"mode":"append"})"));
    const Json whole = next_history(client);
    BOOST_TEST(whole.at("mode").string() == "replace");
    BOOST_TEST(cpu_values(whole).size() == 10u);
    stack.publish(device, 11, now_ms());
    const Json added = next_history(client);
    BOOST_TEST(added.at("mode").string() == "append");
    BOOST_TEST(cpu_values(added) == (std::vector<int>{11}), boost::test_tools::per_element());
    cursor = added.at("cursor").string();
  }
  stack.publish(device, 12, now_ms());
  stack.publish(device, 13, now_ms());
  WsClient back = stack.open(device);
  back.send_text(subscribe(R"({"mode":"append"})", R"(,"since":")" + cursor + '"'));
  const Json missed = next_history(back);
  BOOST_TEST(missed.at("mode").string() == "append");
  BOOST_TEST(cpu_values(missed) == (std::vector<int>{12, 13}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(older_dashboards_append_where_the_operator_says_so) {
  Stack stack({"--history-min-interval", "0", "--legacy-history", "append"});
  const std::string device = new_device();
  insert_rows(stack, device, 5, 600);
  WsClient legacy = stack.gateway().open("/ws?deviceUuid=" + device);
  legacy.send_text(R"({"type":"subscribe","channel":"history"})");
  BOOST_TEST(cpu_values(next_history(legacy)).size() == 5u);
  WsClient guide = stack.watch(device, {"history"});
  BOOST_TEST(cpu_values(next_history(guide)).size() == 5u);
  stack.publish(device, 6, now_ms());
  BOOST_TEST(cpu_values(next_history(legacy)) == (std::vector<int>{6}), boost::test_tools::per_element());
  BOOST_TEST(cpu_values(next_history(guide)).size() == 6u);
}

BOOST_AUTO_TEST_CASE(a_span_is_completed_when_the_database_is_back) {
  Stack stack({"--history-min-interval", "0"}, Stack::Servers::own);
  const std::string device = new_device();
  insert_rows(stack, device, 60, 600);
  WsClient plain = stack.watch(device, {"history"});
  BOOST_TEST(cpu_values(next_history(plain)).size() == 30u);
  stack.postgres().stop();
  WsClient client = stack.open(device);
  client.send_text(subscribe(R"({"window":"1h"})"));
  BOOST_TEST(cpu_values(next_history(client)).size() == 30u);
  stack.postgres().start();
  client.expect_until(
      [](const Json& message) { return message.type() == "history" && cpu_values(message).size() == 60u; });
}

BOOST_AUTO_TEST_SUITE_END()
