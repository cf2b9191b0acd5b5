// What every bus::Subscriber owes its users, as test cases. Define `ContractBuses`, a std::tuple of harness types, then
// include this file once: each case runs for each type. The fake and the real adapter pass the same cases.
//
// A harness is default-constructible and has: `subscriber()`; `destroy_subscriber()`; `publish(topic, payload)` as
// another client of the bus would, true when it went to the subscriber; `lose_connection()`, after which the bus comes
// back by itself; `run_until(predicate)`, false at its deadline; `max_payload()`.
#pragma once

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "bus/subscriber.hpp"
#include "tests/unit/bus/recording_sink.hpp"

namespace pulsegate::test::contract {

// The sink outlives the subscriber; every call into the subscriber is watched for callbacks from inside it.
template <class Bus>
struct Case {
  Case() {
    quietly([this] { bus.subscriber().start(sink); });
  }

  template <class Call>
  void quietly(Call&& call) {
    sink.inside_call = true;
    call();
    sink.inside_call = false;
    BOOST_TEST(!sink.called_from_inside);
  }
  void subscribe(const std::vector<std::string>& topics) {
    quietly([&] { bus.subscriber().subscribe(topics); });
  }
  void unsubscribe(const std::vector<std::string>& topics) {
    quietly([&] { bus.subscriber().unsubscribe(topics); });
  }
  void await_line(const std::string& line, std::size_t times = 1) {
    BOOST_REQUIRE_MESSAGE(bus.run_until([&] { return sink.count(line) >= times; }), "missing: " << line);
  }
  void subscribe_and_wait(const std::string& topic) {
    const std::size_t before = sink.count("subscribed " + topic);
    subscribe({topic});
    await_line("subscribed " + topic, before + 1);
  }
  // The bus keeps the order of one publisher, so once the marker is here, everything before it is, too.
  void publish_marker() {
    const std::string payload = std::to_string(++markers);
    BOOST_REQUIRE(bus.publish("marker", payload));
    await_line("event marker " + payload);
  }

  RecordingSink sink;
  Bus bus;
  int markers = 0;
};

}  // namespace pulsegate::test::contract

BOOST_AUTO_TEST_SUITE(SubscriberContract)

using pulsegate::test::contract::Case;

BOOST_AUTO_TEST_CASE_TEMPLATE(start_brings_the_bus_up_later, Bus, ContractBuses) {
  Case<Bus> c;
  BOOST_TEST(!c.bus.subscriber().up());
  c.await_line("up");
  BOOST_TEST(c.bus.subscriber().up());
  BOOST_TEST(c.bus.subscriber().counters().connects == 1u);
  BOOST_TEST(c.sink.lines.front() == "up");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(confirmation_precedes_events, Bus, ContractBuses) {
  Case<Bus> c;
  c.await_line("up");
  c.subscribe({"t"});
  // Published all the time, so some of it falls into the moment of the subscription.
  BOOST_REQUIRE(c.bus.run_until([&] {
    c.bus.publish("t", "x");
    return c.sink.events > 3;
  }));
  BOOST_TEST(c.sink.position("subscribed t") < c.sink.position("event t x"));
  BOOST_TEST(c.sink.count("subscribed t") == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(events_after_the_confirmation_arrive_in_order_and_end_in_a_batch, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("t");
  c.sink.clear();
  std::vector<std::string> expected;
  for (int i = 0; i < 500; ++i) {
    BOOST_REQUIRE(c.bus.publish("t", std::to_string(i)));
    expected.push_back("event t " + std::to_string(i));
  }
  BOOST_REQUIRE(c.bus.run_until([&] { return c.sink.has(expected.back()) && c.sink.lines.back() == "batch"; }));
  std::vector<std::string> events;
  for (const std::string& line : c.sink.lines) {
    if (line.rfind("batch", 0) != 0) events.push_back(line);
  }
  BOOST_TEST(events == expected, boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE_TEMPLATE(any_byte_may_stand_in_topic_and_payload, Bus, ContractBuses) {
  Case<Bus> c;
  const std::string topic("tenant:{a}:\0\r\n\xff", 15);
  const std::string payload("\0$3\r\n*1\r\n\xfe", 10);
  c.subscribe_and_wait(topic);
  BOOST_REQUIRE(c.bus.publish(topic, payload));
  c.await_line("event " + topic + " " + payload);
  BOOST_REQUIRE(c.bus.publish(topic, ""));
  c.await_line("event " + topic + " ");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(topics_wanted_before_the_bus_is_up_are_confirmed_once_it_is, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe({"a", "b"});
  BOOST_TEST(c.bus.subscriber().counters().wanted_topics == 2u);
  c.await_line("subscribed a");
  c.await_line("subscribed b");
  BOOST_TEST(c.sink.position("up") < c.sink.position("subscribed a"));
  BOOST_TEST(c.bus.subscriber().counters().confirmed_topics == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(every_subscribe_is_answered_and_events_come_once, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("marker");
  c.subscribe({"t"});
  c.subscribe({"t", "t"});
  c.await_line("subscribed t", 3);
  c.subscribe({"t"});
  c.await_line("subscribed t", 4);
  BOOST_REQUIRE(c.bus.publish("t", "x"));
  c.publish_marker();
  BOOST_TEST(c.sink.count("event t x") == 1u);
  BOOST_TEST(c.sink.count("subscribed t") == 4u);
  BOOST_TEST(c.bus.subscriber().counters().wanted_topics == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(only_the_last_unsubscribe_ends_the_events, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("marker");
  c.subscribe_and_wait("t");
  c.subscribe_and_wait("t");
  c.unsubscribe({"t"});
  c.publish_marker();
  BOOST_REQUIRE(c.bus.publish("t", "still"));
  c.await_line("event t still");
  c.unsubscribe({"t"});
  BOOST_REQUIRE(c.bus.run_until([&] { return !c.bus.publish("t", "late"); }));
  c.publish_marker();
  const std::size_t events = c.sink.events;
  c.bus.publish("t", "later");
  c.publish_marker();
  BOOST_TEST(c.sink.events == events + 1);
  BOOST_TEST(c.bus.subscriber().counters().wanted_topics == 1u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(topic_that_is_not_held_may_be_unsubscribed, Bus, ContractBuses) {
  Case<Bus> c;
  c.unsubscribe({"t", "t"});
  c.await_line("up");
  c.unsubscribe({"t"});
  c.subscribe_and_wait("t");
  BOOST_TEST(c.sink.count("down") == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(lost_connection_is_told_once_and_every_topic_is_confirmed_again, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe({"a", "b", "c"});
  for (const char* topic : {"a", "b", "c"}) c.await_line("subscribed " + std::string(topic));
  c.unsubscribe({"b"});
  c.sink.clear();
  c.bus.lose_connection();
  c.await_line("subscribed a");
  c.await_line("subscribed c");
  BOOST_TEST(c.sink.count("down") == 1u);
  BOOST_TEST(c.sink.count("up") == 1u);
  BOOST_TEST(c.sink.position("down") < c.sink.position("up"));
  BOOST_TEST(c.sink.position("up") < c.sink.position("subscribed a"));
  BOOST_TEST(c.sink.count("subscribed b") == 0u);
  BOOST_REQUIRE(c.sink.reasons.size() == 1u);
  BOOST_TEST(!c.sink.reasons[0].empty());
  BOOST_TEST(c.bus.subscriber().counters().connects == 2u);
  BOOST_TEST(c.bus.subscriber().counters().disconnects == 1u);
  BOOST_REQUIRE(c.bus.publish("a", "x"));
  c.await_line("event a x");
}

BOOST_AUTO_TEST_CASE_TEMPLATE(changes_of_mind_end_in_what_was_wanted_last, Bus, ContractBuses) {
  Case<Bus> c;
  c.await_line("up");
  for (int round = 0; round < 20; ++round) {
    c.subscribe({"t"});
    if (round % 3 == 1) c.bus.run_until([&, n = 0]() mutable { return ++n > 2; });
    c.unsubscribe({"t"});
    if (round % 4 == 2) c.bus.run_until([&, n = 0]() mutable { return ++n > 1; });
  }
  const std::size_t before = c.sink.count("subscribed t");
  c.subscribe({"t"});
  c.await_line("subscribed t", before + 1);
  BOOST_REQUIRE(c.bus.publish("t", "x"));
  c.await_line("event t x");
  c.unsubscribe({"t"});
  BOOST_REQUIRE(c.bus.run_until([&] { return !c.bus.publish("t", "y"); }));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(callbacks_may_subscribe_and_unsubscribe, Bus, ContractBuses) {
  Case<Bus> c;
  c.sink.react = [&](const std::string& line) {
    if (line == "up") c.bus.subscriber().subscribe({"a"});
    // Once only: the second reference is answered by another "subscribed a".
    if (line == "subscribed a" && c.sink.count(line) == 1) c.bus.subscriber().subscribe({"b", "a"});
    if (line == "event b x") c.bus.subscriber().unsubscribe({"a", "a"});
  };
  c.await_line("subscribed b");
  c.await_line("subscribed a", 2);
  BOOST_REQUIRE(c.bus.publish("a", "y"));
  c.await_line("event a y");
  BOOST_REQUIRE(c.bus.publish("b", "x"));
  c.await_line("event b x");
  BOOST_REQUIRE(c.bus.run_until([&] { return !c.bus.publish("a", "z"); }));
  BOOST_TEST(c.sink.count("subscribed a") == 2u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(oversized_payload_is_dropped_and_counted_and_the_stream_goes_on, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("t");
  const std::size_t cap = c.bus.max_payload();
  BOOST_REQUIRE(c.bus.publish("t", std::string(cap, 'a')));
  c.await_line("event t " + std::string(cap, 'a'));
  c.bus.publish("t", std::string(cap + 1, 'b'));
  c.bus.publish("t", std::string(20 * cap, 'c'));
  BOOST_REQUIRE(c.bus.publish("t", "after"));
  c.await_line("event t after");
  BOOST_TEST(c.sink.events == 2u);
  BOOST_TEST(c.bus.subscriber().counters().oversized == 2u);
  BOOST_TEST(c.bus.subscriber().counters().messages == 4u);
  BOOST_TEST(c.bus.subscriber().counters().disconnects == 0u);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_is_silent_and_final, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("t");
  c.bus.publish("t", "x");
  c.quietly([&] { c.bus.subscriber().stop(); });
  const std::size_t lines = c.sink.lines.size();
  c.quietly([&] { c.bus.subscriber().stop(); });
  c.subscribe({"u"});
  c.unsubscribe({"t"});
  BOOST_TEST(!c.bus.subscriber().up());
  BOOST_REQUIRE(c.bus.run_until([&] { return !c.bus.publish("t", "y"); }));
  BOOST_TEST(c.sink.lines.size() == lines);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(stop_inside_a_callback_is_silent, Bus, ContractBuses) {
  for (const char* where : {"up", "subscribed t", "event t 1", "batch", "down"}) {
    Case<Bus> c;
    c.sink.react = [&](const std::string& line) {
      if (line == where) c.bus.subscriber().stop();
    };
    c.subscribe({"t"});
    c.bus.run_until([&] { return c.sink.has(where) || c.sink.has("subscribed t"); });
    if (!c.sink.has(where)) {
      for (const char* payload : {"1", "2", "3"}) c.bus.publish("t", payload);
      c.bus.run_until([&] { return c.sink.has(where) || c.sink.has("event t 3"); });
    }
    if (!c.sink.has(where)) c.bus.lose_connection();
    c.await_line(where);
    BOOST_REQUIRE(c.bus.run_until([&] { return !c.bus.publish("t", "y"); }));
    BOOST_TEST(c.sink.lines.back() == where);
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_be_destroyed_without_stop, Bus, ContractBuses) {
  Case<Bus> c;
  c.subscribe_and_wait("t");
  c.bus.publish("t", "x");
  c.subscribe({"u"});
  const std::size_t lines = c.sink.lines.size();
  c.bus.destroy_subscriber();
  c.bus.run_until([n = 0]() mutable { return ++n > 5; });
  BOOST_TEST(c.sink.lines.size() == lines);
}

BOOST_AUTO_TEST_SUITE_END()
