// No event between snapshot and live is lost or doubled: with real servers, a slowed query, and rows that come late.
#include <boost/test/unit_test.hpp>

#include <thread>

#include "stack.hpp"

using namespace pulsegate::test;

BOOST_AUTO_TEST_SUITE(SnapshotRace)

BOOST_AUTO_TEST_CASE(events_published_while_the_snapshot_query_is_held_open_are_neither_lost_nor_doubled) {
  Stack stack;
  const std::string device = new_device();
  for (int i = 1; i <= 3; ++i) insert_metrics(stack.sql(), row_of(device, i));

  PostgresClient lock(stack.connection());
  lock.exec("BEGIN; LOCK TABLE device_metrics IN ACCESS EXCLUSIVE MODE");
  WsClient client = stack.watch(device, {"metrics", "history"});
  const long long start = now_ms();
  for (int i = 4; i <= 8; ++i) stack.publish(device, i, start + i * 1'100);
  // Live values do not wait for the query.
  std::vector<int> metrics;
  client.expect_until([&](const Json& message) {
    if (message.type() == "metrics") metrics.push_back(static_cast<int>(message.at("data").at("cpu_usage").number()));
    return metrics.size() == 5;
  });
  BOOST_TEST(metrics == (std::vector<int>{4, 5, 6, 7, 8}), boost::test_tools::per_element());

  // The API server inserts the rows of two of them while the query waits.
  lock.exec("COMMIT");
  insert_metrics(stack.sql(), row_of(device, 4));
  insert_metrics(stack.sql(), row_of(device, 5));
  const Json history = client.expect("history");
  BOOST_TEST(cpu_values(history) == (std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8}), boost::test_tools::per_element());
  for (const Json& message : client.expect_until_pong()) BOOST_TEST(message.type() != "metrics");
}

BOOST_AUTO_TEST_CASE(a_row_that_comes_after_the_snapshot_is_found_by_the_second_look) {
  Stack stack({"--row-lag", "1s"});
  const std::string device = new_device();
  insert_metrics(stack.sql(), row_of(device, 1));
  WsClient client = stack.watch(device, {"history", "metrics"});
  BOOST_TEST(cpu_values(client.expect("history")) == (std::vector<int>{1}), boost::test_tools::per_element());
  stack.publish(device, 3, now_ms());
  client.expect("metrics");
  // Published before we subscribed, written by the worker only now; then the row of the event that we have seen.
  insert_metrics(stack.sql(), row_of(device, 2));
  insert_metrics(stack.sql(), row_of(device, 3));
  client.expect_until([](const Json& message) {
    return message.type() == "history" && cpu_values(message) == std::vector<int>{1, 2, 3};
  });
  for (const Json& message : client.expect_until_pong()) BOOST_TEST(message.type() != "metrics");
}

BOOST_AUTO_TEST_CASE(one_device_costs_one_snapshot_read_however_many_clients_it_has) {
  Stack stack;
  const std::string device = new_device();
  insert_metrics_series(stack.sql(), device, 30);
  std::vector<WsClient> clients;
  for (int i = 0; i < 50; ++i) {
    clients.push_back(stack.open(device));
    clients.back().subscribe(kAllChannels);
  }
  for (WsClient& client : clients) BOOST_TEST(cpu_values(client.expect("history")).size() == 30u);
  BOOST_TEST(stack.gateway().metric_sum("pulsegate_snapshot_reads_total") == 1);
}

BOOST_AUTO_TEST_CASE(a_stream_of_events_around_the_subscription_arrives_once_and_in_order) {
  Stack stack;
  const std::string device = new_device();
  std::atomic<bool> stop{false};
  std::atomic<int> published{0};
  // The API server's part: publish, then insert the row a little later, in order; as fast as it goes.
  std::thread publisher;
  struct Joiner {
    std::atomic<bool>& stop;
    std::thread& thread;
    ~Joiner() {
      stop = true;
      if (thread.joinable()) thread.join();
    }
  } joiner{stop, publisher};
  publisher = std::thread([&] {
    RedisClient redis = stack.redis().client();
    PostgresClient sql(stack.connection());
    const long long start = now_ms();
    std::vector<int> unwritten;
    for (int i = 1; !stop && i < 100'000; ++i) {
      redis.publish("device:" + device + ":metrics", metrics_event(device, i, start + i));
      published = i;
      unwritten.push_back(i);
      if (unwritten.size() == 7) {
        for (const int value : unwritten) insert_metrics(sql, row_of(device, value));
        unwritten.clear();
      }
    }
  });
  for (int round = 0; round < 10; ++round) {
    WsClient client = stack.watch(device, {"metrics", "history"});
    const int floor = published;  // what is published from here on must arrive
    std::vector<int> metrics;
    std::vector<int> history;
    client.expect_until([&](const Json& message) {
      if (message.type() == "metrics" && message.at("data").has("cpu_usage"))
        metrics.push_back(static_cast<int>(message.at("data").at("cpu_usage").number()));
      if (message.type() == "history") history = cpu_values(message);
      return !history.empty() && !metrics.empty() && metrics.back() > floor + 50;
    });
    // The first may be the latest value from before; from then on every number follows the one before.
    const std::size_t first = metrics.size() > 1 && metrics[1] != metrics[0] + 1 ? 1 : 0;
    BOOST_TEST(metrics[first] <= floor + 1);
    for (std::size_t i = first + 1; i < metrics.size(); ++i) BOOST_REQUIRE_EQUAL(metrics[i], metrics[i - 1] + 1);
    for (std::size_t i = 1; i < history.size(); ++i) BOOST_REQUIRE_EQUAL(history[i], history[i - 1] + 1);
    client.close();
  }
}

BOOST_AUTO_TEST_CASE(clocks_five_seconds_apart_do_not_double_points) {
  Stack stack;
  const std::string device = new_device();
  insert_metrics(stack.sql(), row_of(device, 1));
  PostgresClient lock(stack.connection());
  lock.exec("BEGIN; LOCK TABLE device_metrics IN ACCESS EXCLUSIVE MODE");
  WsClient client = stack.watch(device, {"metrics", "history"});
  // The publisher's clock is five seconds ahead; its row carries the database's time.
  stack.publish(device, 2, now_ms() + 5'000);
  client.expect("metrics");
  lock.exec("COMMIT");
  const Json history = client.expect("history");
  insert_metrics(stack.sql(), row_of(device, 2));
  BOOST_TEST(cpu_values(history) == (std::vector<int>{1, 2}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_SUITE_END()
