// permessage-deflate on real sockets: who gets it, that it changes nothing but the bytes, and what a hostile client can
// do with it.
#include <boost/test/unit_test.hpp>

#include <unistd.h>

#include <string>
#include <vector>

#include "tests/integration/ws/endpoint_fixture.hpp"
#include "tests/support/gateway_process.hpp"
#include "tests/support/ws_deflate.hpp"

using namespace pulsegate;
using namespace pulsegate::test;

namespace {

const std::string kAnswer = "permessage-deflate; server_no_context_takeover; client_no_context_takeover";

ws::EndpointConfig compressing() {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.compress = true;
  return config;
}

WsOptions offering(const std::string& extensions = "permessage-deflate; client_max_window_bits") {
  WsOptions options;
  options.extensions = extensions;
  return options;
}

// A message like those of devices; `number` makes it one of its kind.
std::string event(int number, std::size_t size = 1200) {
  std::string text = "{\"number\":" + std::to_string(number) + ",\"processes\":[";
  for (int i = 0; text.size() + 2 < size; ++i)
    text += "{\"pid\":" + std::to_string(i * (number + 7)) + ",\"name\":\"node\"},";
  return text + "{}]}";
}

// To every open session, as a device does it: one frame, shared.
void send_to_all(EndpointFixture& fixture, const std::string& text, ws::ConflationKey key = 0) {
  fixture.run([&] {
    const FramePtr frame = Frame::text(text);
    fixture.endpoint().for_each([&](ws::Link& link) { link.send(frame, key); });
  });
}

}  // namespace

BOOST_AUTO_TEST_SUITE(CompressionTest)

BOOST_AUTO_TEST_CASE(an_acceptable_offer_is_answered) {
  EndpointFixture fixture(compressing());
  BOOST_TEST(fixture.open(offering()).extensions() == kAnswer);
  BOOST_TEST(fixture.open(offering("permessage-deflate; server_max_window_bits=10, permessage-deflate")).extensions() ==
             kAnswer);
  BOOST_TEST(fixture.open().extensions() == "");
}

BOOST_AUTO_TEST_CASE(other_offers_go_without_and_are_no_reason_to_refuse) {
  EndpointFixture fixture(compressing());
  for (const char* offers : {"permessage-deflate; server_max_window_bits=10", "x-webkit-deflate-frame", ";;;", "=",
                             "permessage-deflate; a=\"", ",", "\"\\"}) {
    WsClient client = fixture.open(offering(offers));
    BOOST_TEST(client.extensions() == "");
    client.send_text("still there");
    BOOST_TEST(client.receive().value().payload == "still there");
  }
  BOOST_TEST(fixture.counters().compressed_connections == 0u);
}

BOOST_AUTO_TEST_CASE(a_refusal_agrees_to_nothing) {
  EndpointFixture fixture(compressing());
  WsClient client = WsClient::attempt(fixture.port(), "/elsewhere", offering());
  BOOST_TEST(client.response().status == 404);
  BOOST_TEST(client.extensions() == "");
}

BOOST_AUTO_TEST_CASE(clients_with_and_without_get_the_same_messages_and_an_event_is_compressed_once) {
  EndpointFixture fixture(compressing());
  std::vector<WsClient> clients;
  for (int i = 0; i < 6; ++i) clients.push_back(fixture.open(i % 3 == 0 ? WsOptions() : offering()));
  BOOST_TEST(eventually([&] { return fixture.counters().connections == 6; }));
  BOOST_TEST(fixture.counters().compressed_connections == 4u);

  std::vector<std::string> sent;
  for (const std::size_t size : {20, 600, 1200, 70'000}) sent.push_back(event(static_cast<int>(size), size));
  for (const std::string& text : sent) send_to_all(fixture, text);
  for (std::size_t i = 0; i < clients.size(); ++i) {
    for (const std::string& text : sent) BOOST_TEST((clients[i].receive().value().payload == text));
    BOOST_TEST(clients[i].compressed_received() == (i % 3 == 0 ? 0u : 3u));
  }
  const ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.compressions == 3u);  // the first message is too short
  BOOST_TEST(counters.compressed_frames_sent == 12u);

  clients.clear();
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().compressed_connections == 0u);
}

BOOST_AUTO_TEST_CASE(commands_may_come_compressed_or_not) {
  EndpointFixture fixture(compressing());
  WsClient client = fixture.open(offering());
  for (const char* text : {"{\"type\":\"subscribe\",\"channels\":[\"metrics\"]}", "",
                           "Gr\xc3\xb6\xc3\x9f"
                           "e"}) {
    client.send_compressed(text);
    BOOST_TEST(client.receive().value().payload == text);
    client.send_text(text);
    BOOST_TEST(client.receive().value().payload == text);
  }
  client.send_frame({true, 4, Opcode::binary, true, deflate_message("\xff\xfe")});
  client.send_compressed("last");
  BOOST_TEST(client.receive().value().payload == "last");
  BOOST_TEST(fixture.session().binaries == 1);
  const ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.messages_received == 8u);
  BOOST_TEST(counters.compressed_received == 5u);
}

BOOST_AUTO_TEST_CASE(a_compressed_command_may_come_in_fragments_and_single_bytes) {
  EndpointFixture fixture(compressing());
  WsClient client = fixture.open(offering());
  const std::string text = event(1);
  const std::string compressed = deflate_message(text);
  const std::size_t third = compressed.size() / 3;
  client.send_frame({false, 4, Opcode::text, true, compressed.substr(0, third)});
  client.send_fragment(Opcode::ping, "in between", true);
  client.send_fragment(Opcode::continuation, compressed.substr(third, third), false);
  client.send_fragment(Opcode::continuation, "", false);
  client.send_fragment(Opcode::continuation, compressed.substr(2 * third), true);
  BOOST_TEST((client.receive().value().payload == text));
  BOOST_TEST(client.pongs_received() == 1u);

  for (const char byte : encode_frame({true, 4, Opcode::text, true, deflate_message("byte by byte")}))
    client.send_raw(std::string(1, byte));
  BOOST_TEST(client.receive().value().payload == "byte by byte");

  // What is not compressed may come in fragments as before.
  client.send_fragment(Opcode::text, "plain ", false);
  client.send_fragment(Opcode::continuation, "fragments", true);
  BOOST_TEST(client.receive().value().payload == "plain fragments");
}

BOOST_AUTO_TEST_CASE(a_bomb_is_closed_with_1009_and_takes_no_memory) {
  EndpointFixture fixture(compressing());
  const std::string bomb = deflate_message(std::string(12 * 1024 * 1024, 'x'), 9);
  BOOST_TEST(bomb.size() < fixture.quick().max_message);
  fixture.open(offering()).send_compressed("the inflater has its memory now");
  const std::size_t before = rss_kib(getpid());
  for (int i = 0; i < 20; ++i) {
    WsClient client = fixture.open(offering());
    client.send_frame({true, 4, Opcode::text, true, bomb});
    BOOST_TEST(client.expect_close().code == 1009);
  }
  BOOST_TEST(rss_kib(getpid()) < before + 4 * 1024);
  BOOST_TEST(fixture.session(1).texts.empty());
  WsClient other = fixture.open(offering());
  other.send_compressed("as before");
  BOOST_TEST(other.receive().value().payload == "as before");
}

BOOST_AUTO_TEST_CASE(the_cap_counts_inflated_bytes) {
  ws::EndpointConfig config = compressing();
  config.max_message = 1000;
  EndpointFixture fixture(config);
  WsClient client = fixture.open(offering());
  client.send_compressed(event(1, 900));
  BOOST_TEST(client.receive().value().payload == event(1, 900));
  client.send_compressed(event(1, 1100));
  BOOST_TEST(client.expect_close().code == 1009);

  WsClient declared = fixture.open(offering());
  declared.send_frame({true, 4, Opcode::text, true, std::string(1001, 'x')});
  BOOST_TEST(declared.expect_close().code == 1009);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_inflated_is_closed_with_1007) {
  EndpointFixture fixture(compressing());
  const std::string whole = deflate_message(event(1));
  for (const std::string& bytes : {std::string("not compressed at all"), std::string(), whole.substr(0, 100),
                                   whole + "\xff\xff", deflate_message("\xc3\x28"), deflate_message("cut off \xc3")}) {
    WsClient client = fixture.open(offering());
    client.send_frame({true, 4, Opcode::text, true, bytes});
    BOOST_TEST(client.expect_close().code == 1007);
  }
  BOOST_TEST(eventually([&] { return fixture.counters().closed[1007] == 6; }));
}

BOOST_AUTO_TEST_CASE(a_compressed_control_frame_is_a_protocol_error) {
  EndpointFixture fixture(compressing());
  for (const Opcode opcode : {Opcode::ping, Opcode::pong, Opcode::close}) {
    WsClient client = fixture.open(offering());
    client.send_frame({true, 4, opcode, true, deflate_message("ping")});
    BOOST_TEST(client.expect_close().code == 1002);
  }
  for (const std::uint8_t rsv : {std::uint8_t{1}, std::uint8_t{2}, std::uint8_t{6}}) {
    WsClient client = fixture.open(offering());
    client.send_frame({true, rsv, Opcode::text, true, deflate_message("text")});
    BOOST_TEST(client.expect_close().code == 1002);
  }
}

BOOST_AUTO_TEST_CASE(without_negotiation_a_compressed_message_is_a_protocol_error) {
  EndpointFixture fixture(compressing());
  WsClient client = fixture.open();
  client.send_compressed("text");
  BOOST_TEST(client.expect_close().code == 1002);
}

BOOST_AUTO_TEST_CASE(a_slow_client_gets_the_latest_compressed_values) {
  ws::EndpointConfig config = compressing();
  config.socket_send_buffer = 4 * 1024;
  config.outbox.conflate_above = 16 * 1024;
  EndpointFixture fixture(config);
  WsOptions options = offering();
  options.tcp.receive_buffer = 4 * 1024;
  WsClient slow = fixture.open(options);
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));

  constexpr int kEvents = 500, kKeys = 4;
  for (int i = 0; i < kEvents; ++i) send_to_all(fixture, event(i), static_cast<ws::ConflationKey>(1 + i % kKeys));
  const ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.conflated > 100u);
  BOOST_TEST(counters.compressions == static_cast<std::uint64_t>(kEvents));
  // The backlog is what is queued in fact: compressed frames.
  std::size_t backlog = 0;
  fixture.run([&] { backlog = fixture.link().backlog(); });
  BOOST_TEST(backlog == counters.backlog_bytes);
  BOOST_TEST(backlog <= config.outbox.conflate_above + kKeys * event(kEvents).size());

  int last[kKeys] = {-1, -1, -1, -1};
  for (bool all = false; !all;) {
    const int number = static_cast<int>(slow.expect_json().at("number").number());
    BOOST_TEST(number > last[number % kKeys]);
    last[number % kKeys] = number;
    all = true;
    for (int key = 0; key < kKeys; ++key) all = all && last[key] >= kEvents - kKeys;
  }
  BOOST_TEST(slow.compressed_received() > 0u);
  BOOST_TEST(eventually([&] { return fixture.counters().backlog_bytes == 0; }));
}

BOOST_AUTO_TEST_SUITE_END()
