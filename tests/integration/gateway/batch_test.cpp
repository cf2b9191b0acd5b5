// Rows that a worker writes by one statement have one stamp. Which of them are the newest, only their order says.
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

BOOST_AUTO_TEST_SUITE_END()
