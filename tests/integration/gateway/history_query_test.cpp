// `history-query` in the real gateway, over a real table: ranges, the live tail, long ranges, bad questions.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

std::string query(const std::string& id, const std::string& more) {
  return R"({"type":"history-query","id":")" + id + R"(",)" + more + "}";
}

// From `seconds` ago until now.
std::string since(long long seconds) {
  return R"("from":")" + iso_time(now_ms() - 1000 * seconds) + R"(")";
}

// The first message of that type; what comes before it is passed over.
Json next(WsClient& client, const std::string& type) {
  return client.expect_until([&](const Json& message) { return message.type() == type; }).back();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HistoryQueries)

BOOST_AUTO_TEST_CASE(rows_and_live_events_are_one_line_without_a_seam) {
  Stack stack;
  const std::string device = new_device();
  stack.sql().exec("INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT '" + device +
                   "', (now() AT TIME ZONE 'utc') - make_interval(secs => 300 - i), i FROM generate_series(1, 100) i");
  WsClient client = stack.watch(device, {"history", "metrics"});
  next(client, "history");
  for (int i = 101; i <= 103; ++i) {
    stack.publish(device, i, now_ms());
    if (i < 103) insert_metrics(stack.sql(), row_of(device, i));
  }
  client.expect_until(
      [](const Json& m) { return m.type() == "metrics" && m.at("data").at("cpu_usage").number() == 103; });
  client.send_text(query("whole", since(3600)));
  const Json result = next(client, "history-result");
  BOOST_TEST(result.at("id").string() == "whole");
  std::vector<int> wanted(103);
  for (int i = 0; i < 103; ++i) wanted[static_cast<std::size_t>(i)] = i + 1;
  BOOST_TEST(cpu_values(result) == wanted, boost::test_tools::per_element());

  client.send_text(query("few", since(3600) + R"(,"points":10,"downsample":"minmax")"));
  const auto few = cpu_values(next(client, "history-result"));
  BOOST_TEST(few.size() <= 10u);
  BOOST_TEST(few.front() == 1);
  BOOST_TEST(few.back() == 103);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_history_queries_total") == 2);
}

BOOST_AUTO_TEST_CASE(a_range_of_many_rows_is_reduced_by_the_database_and_keeps_its_spike) {
  Stack stack;
  const std::string device = new_device();
  stack.sql().exec(
      "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage) SELECT '" + device +
      "', (now() AT TIME ZONE 'utc') - make_interval(secs => 60060 - i), CASE WHEN i = 31234 THEN 99 ELSE 10 END"
      " FROM generate_series(1, 60000) i");
  WsClient client = stack.open(device);
  client.send_text(query("long", since(70'000) + R"(,"points":500)"));
  const auto cpu = cpu_values(next(client, "history-result"));
  BOOST_TEST(cpu.size() > 400u);  // the buckets that have rows
  BOOST_TEST(cpu.size() <= 500u);
  BOOST_TEST(*std::max_element(cpu.begin(), cpu.end()) == 99);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_history_reduced_total") == 1);
}

BOOST_AUTO_TEST_CASE(a_bad_question_is_answered_and_disturbs_nothing) {
  Stack stack;
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  for (const char* members :
       {R"("from":"yesterday")", R"("to":"2026-11-22T14:00:00Z")",
        R"("from":"2026-11-22T15:00:00Z","to":"2026-11-22T14:00:00Z")", R"("from":"1970-01-01T00:00:00Z")",
        R"("from":"2026-11-22T14:00:00Z","points":0)", R"("from":"2026-11-22T14:00:00Z","points":2001)",
        R"("from":"2026-11-22T14:00:00Z","downsample":"best")"}) {
    client.send_unchecked(query("bad", members));
    const Json error = next(client, "error");
    BOOST_TEST(error.at("data").at("code").string() == "bad-query", members);
    BOOST_TEST(error.at("id").string() == "bad");
  }
  stack.publish(device, 7, now_ms());
  next(client, "metrics");
}

BOOST_AUTO_TEST_CASE(a_database_that_is_away_is_told_and_live_goes_on) {
  Stack stack({}, Stack::Servers::own);
  const std::string device = new_device();
  WsClient client = stack.watch(device, {"metrics"});
  stack.postgres().stop();
  client.send_text(query("now", since(60)));
  const Json error = next(client, "error");
  BOOST_TEST(error.at("data").at("code").string() == "unavailable");
  stack.publish(device, 7, now_ms());
  next(client, "metrics");
}

BOOST_AUTO_TEST_SUITE_END()
