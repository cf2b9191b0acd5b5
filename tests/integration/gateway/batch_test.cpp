// Rows that a worker writes by one statement have one stamp. Which of them are the newest, only their order says, also
// where a window begins amid a batch.
#include <boost/test/unit_test.hpp>

#include "stack.hpp"

using namespace pulsegate::test;

namespace {

// `from` … `to`, by one statement.
void insert_batch(Stack& stack, const std::string& device, int from, int to) {
  stack.sql().exec(
      "INSERT INTO device_metrics (device_uuid, recorded_at, cpu_usage, memory_usage, memory_total, network_rx,"
      " network_tx) SELECT '" +
      device + "', now() AT TIME ZONE 'UTC', i, 1048576, 4194304, 10, 20 FROM generate_series(" + std::to_string(from) +
      ", " + std::to_string(to) + ") i");
}

std::vector<int> numbers(int from, int to) {
  std::vector<int> all;
  for (int i = from; i <= to; ++i) all.push_back(i);
  return all;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Batches)

BOOST_AUTO_TEST_CASE(a_window_that_holds_whole_batches_shows_them_in_the_order_of_insertion) {
  Stack stack;
  const std::string device = new_device();
  insert_batch(stack, device, 1, 10);
  insert_batch(stack, device, 11, 30);
  WsClient client = stack.watch(device, {"history"});
  BOOST_TEST(cpu_values(client.expect("history")) == numbers(1, 30), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_window_that_begins_amid_a_batch_shows_the_newest_of_it) {
  Stack stack;
  const std::string device = new_device();
  insert_batch(stack, device, 1, 10);
  insert_batch(stack, device, 11, 35);
  WsClient client = stack.watch(device, {"history"});
  BOOST_TEST(cpu_values(client.expect("history")) == numbers(6, 35), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(a_second_look_at_part_of_a_batch_takes_no_newer_point_away) {
  Stack stack({"--row-lag", "1s"});
  const std::string device = new_device();
  insert_batch(stack, device, 1, 10);
  insert_batch(stack, device, 11, 30);
  WsClient client = stack.watch(device, {"history"});
  client.expect("history");
  const long long now = now_ms();
  for (int i = 31; i <= 32; ++i) stack.publish(device, i, now + i);
  client.expect_until([](const Json& m) { return m.type() == "history" && cpu_values(m) == numbers(3, 32); });
  insert_batch(stack, device, 31, 31);  // so the newest thirty rows are now a part of the first batch, and later ones
  const auto seen = client.receive_until([](const Json& m) { return m.type() == "history"; }, Millis(2'500));
  for (const Json& message : seen)
    if (message.type() == "history")
      BOOST_TEST(cpu_values(message) == numbers(3, 32), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(the_latest_sample_of_a_batch_larger_than_a_window_is_its_last_row) {
  Stack stack;
  const std::string device = new_device();
  insert_batch(stack, device, 1, 40);
  WsClient client = stack.watch(device, {"metrics", "history"});
  BOOST_TEST(cpu_values(client.expect("history")) == numbers(11, 40), boost::test_tools::per_element());
  BOOST_TEST(client.expect("metrics").at("data").at("cpu_usage").number() == 40);
}

BOOST_AUTO_TEST_SUITE_END()
