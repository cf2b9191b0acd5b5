// A session over a link that remembers what it was given: commands, answers, and what conflation costs.
#include "gateway/ws/session.hpp"

#include <boost/test/unit_test.hpp>
#include <string>
#include <vector>

#include "tests/unit/gateway/devices/hub_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using ws::Outbox;

namespace {

class FakeLink final : public ws::Link {
 public:
  Outbox::Push send(FramePtr frame, ws::ConflationKey key) override {
    messages.push_back(Json::parse(frame->payload()));
    return key == 0 ? Outbox::Push::queued : next;
  }
  void close(proto::CloseCode code) override { closed = code; }
  bool closing() const noexcept override { return closed.has_value(); }
  std::size_t backlog() const noexcept override { return 0; }
  std::string_view id() const noexcept override { return "test-1"; }

  std::vector<std::string> take_types() {
    std::vector<std::string> types;
    for (const Json& message : std::exchange(messages, {})) types.push_back(message.type());
    return types;
  }

  Outbox::Push next = Outbox::Push::queued;  // what becomes of channel messages
  std::vector<Json> messages;
  std::optional<proto::CloseCode> closed;
};

struct SessionFixture {
  explicit SessionFixture(const ws::SessionConfig& config = {}, const devices::DeviceConfig& devices = {})
      : hub(devices) {
    admission.device = HubFixture::device(1);
    session = std::make_unique<ws::Session>(link, admission, config, *hub.hub, hub.channels, counters, hub.clock.now());
  }
  void text(const std::string& message) { session->on_text(message, hub.clock.now()); }

  HubFixture hub;
  FakeLink link;
  access::Admission admission;
  SessionCounters counters;
  std::unique_ptr<ws::Session> session;
};

using Types = std::vector<std::string>;

}  // namespace

BOOST_AUTO_TEST_SUITE(Session)

BOOST_AUTO_TEST_CASE(greets_with_connected_and_its_limits) {
  SessionFixture f;
  const Json connected = f.link.messages.at(0);
  BOOST_TEST(connected.type() == "connected");
  BOOST_TEST(connected.at("data").at("connectionId").string() == "test-1");
  BOOST_TEST(connected.at("data").at("limits").at("maxMessageBytes").integer() == 16 * 1024);
}

BOOST_AUTO_TEST_CASE(is_refused_with_1013_where_the_hub_is_full) {
  devices::DeviceConfig none;
  none.max_devices = 0;
  SessionFixture f({}, none);
  BOOST_TEST((f.link.closed == proto::CloseCode::try_again_later));
  BOOST_TEST(f.link.take_types() == (Types{"connected", "error"}), boost::test_tools::per_element());
  f.text(R"({"type":"subscribe","channels":["metrics"]})");  // on its way when the refusal came
  BOOST_TEST(f.link.take_types().empty());
}

BOOST_AUTO_TEST_CASE(says_which_samples_conflation_cost_once_the_client_has_caught_up) {
  SessionFixture f;
  f.hub.confirm_device(1);
  f.text(R"({"type":"subscribe","channels":["metrics","history"]})");
  f.hub.source.answer({});
  f.hub.run();
  f.link.next = Outbox::Push::conflated;
  f.hub.publish_metrics(1, 1);
  f.hub.advance(std::chrono::seconds(3));
  f.link.messages.clear();
  f.session->on_drained(2, f.hub.clock.now());
  // Of `history` nothing is missing: its newest message holds the whole window.
  const Json gap = f.link.messages.at(0);
  BOOST_TEST(gap.type() == "gap");
  BOOST_TEST(gap.at("data").at("reason").string() == "conflated");
  BOOST_TEST(gap.at("data").at("channels").text() == R"(["metrics"])");
  f.link.messages.clear();
  f.session->on_drained(0, f.hub.clock.now());
  BOOST_TEST(f.link.take_types().empty());
}

BOOST_AUTO_TEST_CASE(tells_of_a_flood_once_a_second_not_once_a_command) {
  ws::SessionConfig config;
  config.command_rate = 1;
  config.command_burst = 1;
  SessionFixture f(config);
  f.link.take_types();
  for (int i = 0; i < 100; ++i) f.text(R"({"type":"ping"})");
  BOOST_TEST(f.link.take_types() == (Types{"pong", "error"}), boost::test_tools::per_element());
  BOOST_TEST(f.counters.rate_limited == 99u);
  f.hub.advance(std::chrono::seconds(1));
  f.text(R"({"type":"ping"})");
  f.text(R"({"type":"ping"})");
  BOOST_TEST(f.link.take_types() == (Types{"pong", "error"}), boost::test_tools::per_element());
}

BOOST_AUTO_TEST_CASE(an_error_echoes_the_id_of_the_command) {
  SessionFixture f;
  f.link.messages.clear();
  f.text(R"({"type":"dance","id":7})");
  BOOST_TEST(f.link.messages.at(0).at("id").integer() == 7);
}

BOOST_AUTO_TEST_CASE(leaves_its_device_when_it_ends) {
  SessionFixture f;
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 1u);
  f.session->on_closed(1000, "", f.hub.clock.now());
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 0u);
  f.session.reset();
  BOOST_TEST(f.hub.hub->client_count(HubFixture::device(1)) == 0u);
}

BOOST_AUTO_TEST_SUITE_END()
