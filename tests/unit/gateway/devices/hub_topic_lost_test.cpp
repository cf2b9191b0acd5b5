// A device whose topics are lost alone (a slot of a sharded cluster moves, a node is away): to its clients the bus is
// down, to all others nothing has happened.
#include <boost/test/unit_test.hpp>
#include <chrono>
#include <string>
#include <vector>

#include "tests/unit/gateway/devices/hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::Channel;
using Types = std::vector<std::string>;

namespace {

std::string metrics_of(int device) {
  return "device:" + HubFixture::text(device) + ":metrics";
}
std::string state_of(int device) {
  return "device:" + HubFixture::text(device) + ":state";
}

}  // namespace

BOOST_AUTO_TEST_SUITE(HubTopicLostTest)

BOOST_AUTO_TEST_CASE(its_clients_are_told_and_get_what_they_missed_while_others_go_on) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics, Channel::history});
  f.answer(f.rows({1}));
  TestClient other(f, 2, {Channel::metrics});
  f.answer(f.rows({5}));
  client.take();
  other.take();

  f.subscriber.lose(metrics_of(1));
  f.run();
  BOOST_TEST(client.take_types() == (Types{"status"}), boost::test_tools::per_element());
  f.subscriber.lose(state_of(1));  // of the same device: nothing new
  f.run();
  BOOST_TEST(client.take().empty());
  BOOST_TEST(other.take().empty());
  f.publish_metrics(2, 6);
  BOOST_TEST(other.take_types() == (Types{"metrics"}), boost::test_tools::per_element());

  f.advance(std::chrono::seconds(2));
  f.confirm(metrics_of(1));
  f.run();
  BOOST_TEST(client.take().empty());  // one of its topics is still lost
  f.confirm(state_of(1));
  f.run();
  BOOST_TEST(client.take_types() == (Types{"status"}), boost::test_tools::per_element());
  BOOST_REQUIRE_EQUAL(f.source.outstanding(), 1u);
  BOOST_TEST((f.source.outstanding_request().reason == storage::ReadReason::repair));
  BOOST_TEST(f.source.outstanding_request().device.text() == HubFixture::text(1));
}

BOOST_AUTO_TEST_CASE(whoever_comes_meanwhile_is_acknowledged_and_told) {
  HubFixture f;
  TestClient client(f, f.device(1));
  client.subscribe({Channel::metrics});
  BOOST_TEST(client.take().empty());
  f.subscriber.lose(metrics_of(1));  // never confirmed: its node is away
  f.run();
  BOOST_TEST(client.take_types() == (Types{"status", "subscribed"}), boost::test_tools::per_element());
  TestClient late(f, f.device(1));
  late.subscribe({Channel::metrics});
  BOOST_TEST(late.take_types() == (Types{"subscribed", "status"}), boost::test_tools::per_element());
  // Another device waits for its own confirmation, as the bus is up.
  TestClient other(f, f.device(2));
  other.subscribe({Channel::metrics});
  BOOST_TEST(other.take().empty());
}

BOOST_AUTO_TEST_CASE(bus_that_is_lost_as_well_and_comes_back_leaves_nothing_behind) {
  HubFixture f;
  TestClient client(f, 1, {Channel::metrics});
  f.answer(f.rows({1}));
  client.take();
  f.subscriber.lose(metrics_of(1));
  f.run();
  BOOST_TEST(client.take_types() == (Types{"status"}), boost::test_tools::per_element());
  f.interrupt_bus(1);
  BOOST_TEST(client.take_types() == (Types{"status"}), boost::test_tools::per_element());
  TestClient late(f, f.device(1));
  late.subscribe({Channel::metrics});
  BOOST_TEST(late.take_types().at(0) == "subscribed");
  f.subscriber.lose("device:" + HubFixture::text(1) + ":broadcast");
  f.run();
  BOOST_TEST(client.take_types() == (Types{"status"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(topic_that_nobody_uses_is_ignored) {
  HubFixture f;
  f.hub->on_topic_lost("device:" + HubFixture::text(9) + ":metrics");
  f.hub->on_topic_lost("something else");
  TestClient client(f, f.device(9));
  client.subscribe({Channel::metrics});
  BOOST_TEST(client.take().empty());
}

BOOST_AUTO_TEST_SUITE_END()
