// What the bus inside the process promises beyond the contract, to which fake_subscriber_test.cpp holds it.
#include "bus/local_bus.hpp"

#include <asio/io_context.hpp>
#include <atomic>
#include <boost/test/unit_test.hpp>
#include <memory>
#include <string>
#include <thread>

#include "tests/support/eventually.hpp"
#include "tests/unit/bus/in_process_bus.hpp"
#include "tests/unit/bus/recording_sink.hpp"

using namespace pulsegate;
using test::InProcessBus;
using test::RecordingSink;

namespace {

constexpr std::size_t kMaxPayload = InProcessBus::kMaxPayload;

}  // namespace

BOOST_AUTO_TEST_SUITE(LocalBusTest)

BOOST_AUTO_TEST_CASE(events_of_subscribed_topics_come_in_order_on_the_subscribers_thread) {
  InProcessBus bus;
  RecordingSink sink;
  bus.subscriber().start(sink);
  BOOST_TEST(!bus.subscriber().up());
  bus.subscriber().subscribe({"a", "b"});
  BOOST_TEST(!bus.publish("a", "too early"));
  BOOST_REQUIRE(bus.run_until([&] { return sink.has("subscribed a") && sink.has("subscribed b"); }));
  BOOST_TEST(bus.subscriber().up());
  for (int i = 0; i < 1'000; ++i) BOOST_TEST(bus.publish(i % 2 == 0 ? "a" : "b", std::to_string(i)));
  BOOST_TEST(!bus.publish("c", "nobody's"));
  BOOST_TEST(sink.count("event a 0") == 0u);
  BOOST_REQUIRE(bus.run_until([&] { return sink.has("event b 999"); }));
  BOOST_TEST(bus.subscriber().counters().messages == 1'000u);
  bus.subscriber().unsubscribe({"a"});
  BOOST_TEST(!bus.publish("a", "x"));
  BOOST_TEST(bus.publish("b", "y"));
  BOOST_TEST(bus.publish("b", std::string(kMaxPayload + 1, 'x')));
  BOOST_REQUIRE(bus.run_until([&] { return bus.subscriber().counters().oversized == 1; }));
  bus.subscriber().stop();
  BOOST_TEST(!bus.publish("b", "z"));
}

BOOST_AUTO_TEST_CASE(a_publisher_waits_for_who_is_behind_and_not_for_ever) {
  asio::io_context io;
  bus::LocalBus bus;
  RecordingSink sink;
  auto subscriber = bus.make_subscriber(io, kMaxPayload);
  subscriber->start(sink);
  subscriber->subscribe({"a"});
  io.poll();
  std::atomic<std::size_t> published{0};
  std::thread publisher([&] {
    while (bus.publish("a", "x") > 0) ++published;
  });
  BOOST_TEST(test::eventually([&] { return published == bus::LocalBus::kMaxWaiting; }));
  io.restart();
  io.poll();
  BOOST_TEST(test::eventually([&] { return published > bus::LocalBus::kMaxWaiting; }));
  bus.stop();
  publisher.join();
  BOOST_TEST(bus.publish("a", "x") == 0u);
  subscriber.reset();
  io.restart();
  io.poll();
}

BOOST_AUTO_TEST_CASE(after_an_interruption_a_publisher_can_wait_until_nothing_is_lost_any_more) {
  asio::io_context io;
  bus::LocalBus bus;
  RecordingSink sink;
  auto subscriber = bus.make_subscriber(io, kMaxPayload);
  subscriber->start(sink);
  subscriber->subscribe({"a"});
  io.poll();
  bus.wait_until_whole();  // nothing was interrupted
  std::atomic<int> received{0};
  std::thread publisher([&] {
    for (int i = 0; i < 50; ++i) {
      bus.interrupt("now");
      bus.wait_until_whole();
      received += static_cast<int>(bus.publish("a", std::to_string(i)));
    }
  });
  BOOST_TEST(test::eventually([&] {
    io.restart();
    io.poll_one();
    return sink.has("event a 49");
  }));
  publisher.join();
  BOOST_TEST(received == 50);
  BOOST_TEST(sink.count("down") == 50u);
  bus.interrupt("and nobody to wait for");
  subscriber.reset();
  bus.wait_until_whole();
}

BOOST_AUTO_TEST_CASE(interest_is_waited_for) {
  asio::io_context io;
  bus::LocalBus bus;
  RecordingSink sink;
  auto subscriber = bus.make_subscriber(io, kMaxPayload);
  subscriber->start(sink);
  std::atomic<bool> interested{false};
  std::thread waiting([&] { interested = bus.wait_for_interest(); });
  io.poll();
  BOOST_TEST(!interested);
  subscriber->subscribe({"a"});
  io.restart();
  io.poll();
  waiting.join();
  BOOST_TEST(interested);
  bus.stop();
  bus::LocalBus unused;
  std::thread ending([&] { BOOST_TEST(!unused.wait_for_interest()); });
  unused.stop();
  ending.join();
}

BOOST_AUTO_TEST_SUITE_END()
