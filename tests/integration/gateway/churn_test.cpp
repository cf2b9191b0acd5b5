// Clients that come and go leave nothing: no memory, no descriptor, no session.
#include <boost/test/unit_test.hpp>

#include <cstdlib>

#include "stack.hpp"
#include "tests/support/run_results.hpp"

using namespace pulsegate::test;

namespace {

constexpr int kShort = 2'000;              // connections, in `make test`
constexpr std::size_t kMostGrowth = 5120;  // KiB
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
constexpr bool kMeasure = false;  // they keep what was freed
#else
constexpr bool kMeasure = true;
#endif

// The ways in which clients leave, one after another.
void come_and_go(Stack& stack, const std::string& device, int number) {
  WsClient client = stack.open(device);
  switch (number % 5) {
    case 0:
      client.close();
      break;
    case 1:
      client.drop();
      break;
    case 2:
      client.drop(true);
      break;
    case 3:
      client.subscribe({"metrics", "history"});
      client.expect("subscribed");
      client.drop(true);
      break;
    default:
      client.send_unchecked("\xff");
      client.expect_close();
  }
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Churn)

// PULSEGATE_TEST_CYCLES: how many; `make check` makes 100 000.
BOOST_AUTO_TEST_CASE(clients_that_come_and_go_leave_nothing) {
  const char* wanted = std::getenv("PULSEGATE_TEST_CYCLES");
  const int cycles = wanted == nullptr ? kShort : std::stoi(wanted);
  Stack stack({"--database", "none", "--stream-key", "none"});
  GatewayProcess& gateway = stack.gateway();
  std::vector<std::string> devices;
  for (int i = 0; i < 10; ++i) devices.push_back(new_device());
  const auto gone = [&] { return gateway.metric_sum("pulsegate_connections") == 0; };
  const auto run = [&](int count) {
    for (int i = 0; i < count; ++i) come_and_go(stack, devices[static_cast<std::size_t>(i) % devices.size()], i);
    BOOST_REQUIRE(eventually(gone, kServerDeadline));
  };

  run(1'000);  // allocators and tables take what they will have
  const std::size_t memory = gateway.rss_kib();
  const std::size_t descriptors = gateway.open_fds();
  run(cycles);
  BOOST_TEST(eventually([&] { return gateway.open_fds() <= descriptors; }, kServerDeadline));
  const std::size_t after = gateway.rss_kib();
  const std::size_t growth = after > memory ? after - memory : 0;
  if (kMeasure) BOOST_TEST(growth < kMostGrowth);
  BOOST_TEST(gateway.metric_sum("pulsegate_backlog_bytes") == 0);
  if (kMeasure)
    record_result("churn", std::to_string(cycles) + " clients that come and go",
                  "memory +" + std::to_string(growth) + " KiB, descriptors back, 0 sessions left");
}

BOOST_AUTO_TEST_SUITE_END()
