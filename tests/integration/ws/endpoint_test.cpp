// The WebSocket endpoint as clients see it: handshakes, messages, refusals, closes.
#include "gateway/ws/endpoint.hpp"

#include <boost/test/unit_test.hpp>

#include <set>
#include <stdexcept>

#include "tests/integration/ws/endpoint_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::CloseCode;
using std::chrono::milliseconds;

namespace {

HttpResponse raw_request(std::uint16_t port, const std::string& request) {
  TcpSocket socket("127.0.0.1", port);
  socket.write(request);
  std::string rest;
  return read_http_response(socket, rest);
}

std::string error_code(const HttpResponse& response) {
  return response.json().at("error").at("code").string();
}

}  // namespace

BOOST_AUTO_TEST_SUITE(EndpointTest)

BOOST_AUTO_TEST_CASE(a_session_receives_and_sends) {
  EndpointFixture fixture;
  fixture.on_open = [](ws::Link& link) { link.send(Frame::text("welcome"), 0); };
  WsClient client = fixture.open();
  BOOST_TEST(client.receive().value().payload == "welcome");
  client.send_text("hello");
  BOOST_TEST(client.receive().value().payload == "hello");
  client.send_binary("\x01\x02");
  BOOST_TEST(eventually([&] { return fixture.session().binaries == 1; }));
  BOOST_TEST(fixture.session().device == kUuid);

  const ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.connections == 1u);
  BOOST_TEST(counters.handshaking == 0u);
  BOOST_TEST(counters.opened == 1u);
  BOOST_TEST(counters.sockets == 1u);
  BOOST_TEST(counters.messages_received == 2u);
  BOOST_TEST(counters.backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(the_legacy_path_opens_the_same_device) {
  EndpointFixture fixture;
  WsClient client = WsClient::open(fixture.port(), "/ws?token=abc&deviceUuid=" + kUuid, without_contract());
  client.send_text("x");
  BOOST_TEST(client.receive().has_value());
  BOOST_TEST(fixture.session().device == kUuid);
}

BOOST_AUTO_TEST_CASE(fragments_and_large_messages_arrive_whole) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  client.send_fragment(Opcode::text, "one ", false);
  client.ping("between");
  client.send_fragment(Opcode::continuation, "two ", false);
  client.send_fragment(Opcode::continuation, "three", true);
  BOOST_TEST(client.receive().value().payload == "one two three");
  for (const std::size_t size : {0u, 125u, 126u, 4096u, 16u * 1024u}) {
    const std::string text(size, 'x');
    client.send_text(text);
    BOOST_TEST((client.receive().value().payload == text));
  }
}

BOOST_AUTO_TEST_CASE(a_message_that_comes_with_the_handshake_is_delivered) {
  EndpointFixture fixture;
  TcpSocket socket("127.0.0.1", fixture.port());
  socket.write("GET " + kTarget + " HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" +
               "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n" +
               encode_frame({true, 0, Opcode::text, true, "early"}));
  BOOST_TEST(eventually([&] { return fixture.session().texts == std::vector<std::string>{"early"}; }));
}

BOOST_AUTO_TEST_CASE(only_our_subprotocol_is_selected_and_only_if_offered) {
  EndpointFixture fixture;
  WsOptions options;
  BOOST_TEST(fixture.open(options).subprotocol().empty());
  options.subprotocols = {"bearer.abc", "pulsegate.v1"};
  BOOST_TEST(fixture.open(options).subprotocol() == "pulsegate.v1");
  options.subprotocols = {"graphql-ws", "bearer.abc"};
  BOOST_TEST(fixture.open(options).subprotocol().empty());
}

BOOST_AUTO_TEST_CASE(compression_is_not_negotiated_unless_switched_on) {
  EndpointFixture fixture;
  WsOptions options;
  options.extensions = "permessage-deflate; client_max_window_bits";
  WsClient client = fixture.open(options);
  BOOST_TEST(client.response().header("sec-websocket-extensions").empty());
  client.send_frame({true, 4, Opcode::text, true, "pretends to be compressed"});
  BOOST_TEST(client.expect_close().code == 1002);
}

BOOST_AUTO_TEST_CASE(connection_ids_differ) {
  EndpointFixture fixture;
  std::vector<WsClient> clients;
  std::set<std::string> ids;
  for (std::size_t i = 0; i < 20; ++i) {
    clients.push_back(fixture.open());
    BOOST_TEST(eventually([&] { return fixture.sessions() == i + 1; }));
    ids.insert(fixture.session(i).id);
  }
  BOOST_TEST(ids.size() == 20u);
  BOOST_TEST(ids.begin()->size() <= 15u);
}

BOOST_AUTO_TEST_CASE(pings_are_answered) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  client.ping("payload");
  const WsFrame pong = client.receive_frame().value();
  BOOST_TEST((pong.opcode == Opcode::pong));
  BOOST_TEST(pong.payload == "payload");
}

BOOST_AUTO_TEST_CASE(a_close_of_the_peer_is_answered_and_told) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  const CloseInfo answer = client.close(4321, "had enough");
  BOOST_TEST(answer.code == 4321);
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 4321);
  BOOST_TEST(fixture.session().reason == "had enough");
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().closed[4321] == 1u);
  BOOST_TEST(fixture.counters().connections == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_queued_leaves_before_the_close_frame) {
  EndpointFixture fixture;
  bool refused = false;  // read after the session was closed
  fixture.on_text = [&refused](ws::Link& link, std::string_view) {
    link.send(Frame::text("last words"), 0);
    link.close(CloseCode::going_away);
    link.close(CloseCode::idle);
    refused = link.closing() && link.send(Frame::text("too late"), 0) == ws::Outbox::Push::overflow;
  };
  WsClient client = fixture.open();
  client.send_text("bye");
  BOOST_TEST(client.receive().value().payload == "last words");
  const CloseInfo close = client.expect_close();
  BOOST_TEST(close.code == 1001);
  BOOST_TEST(close.reason == "going-away");
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(refused);
  BOOST_TEST(fixture.session().code == 1001);
}

BOOST_AUTO_TEST_CASE(a_connection_that_just_ends_is_abnormal) {
  EndpointFixture fixture;
  for (const bool reset : {false, true}) {
    const std::size_t index = reset ? 1 : 0;
    WsClient client = fixture.open();
    BOOST_TEST(eventually([&] { return fixture.sessions() == index + 1; }));
    client.drop(reset);
    BOOST_TEST(fixture.wait_closed(index));
    BOOST_TEST(fixture.session(index).code == 1006);
  }
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_session_that_throws_is_closed_with_internal_error) {
  EndpointFixture fixture;
  fixture.on_text = [](ws::Link&, std::string_view) { throw std::runtime_error("bug"); };
  WsClient client = fixture.open();
  client.send_text("x");
  BOOST_TEST(client.expect_close().code == 1011);
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 1011);
}

BOOST_AUTO_TEST_CASE(a_factory_that_throws_is_closed_with_internal_error) {
  EndpointFixture fixture;
  fixture.on_open = [](ws::Link&) { throw std::runtime_error("bug"); };
  WsClient client = fixture.open();
  BOOST_TEST(client.expect_close().code == 1011);
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().connections == 0u);
}

BOOST_AUTO_TEST_CASE(many_frames_of_one_turn_leave_in_one_write) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  std::uint64_t writes = 0;
  fixture.run([&] {
    writes = fixture.endpoint().counters().writes;
    const ws::Endpoint::EventScope event(fixture.endpoint());
    for (int i = 0; i < 50; ++i) fixture.link().send(Frame::text(std::to_string(i)), 1);
    BOOST_TEST(fixture.link().backlog() > 0u);
    fixture.endpoint().end_batch(false);
    BOOST_TEST(fixture.link().backlog() == 0u);
    writes = fixture.endpoint().counters().writes - writes;
  });
  BOOST_TEST(writes == 1u);
  for (int i = 0; i < 50; ++i) BOOST_REQUIRE_EQUAL(client.receive().value().payload, std::to_string(i));
}

BOOST_AUTO_TEST_CASE(events_within_the_window_leave_in_one_write_in_order) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.coalesce = std::chrono::milliseconds(50);
  EndpointFixture fixture(config);
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  const std::uint64_t writes = fixture.counters().writes;
  const auto begin = std::chrono::steady_clock::now();
  for (int batch = 0; batch < 3; ++batch) {
    fixture.run([&] {
      const ws::Endpoint::EventScope event(fixture.endpoint());
      for (int i = 0; i < 5; ++i) fixture.link().send(Frame::text(std::to_string(batch * 5 + i)), 1);
      fixture.endpoint().end_batch(false);
      BOOST_TEST(fixture.link().backlog() > 0u);
    });
  }
  for (int i = 0; i < 15; ++i) BOOST_REQUIRE_EQUAL(client.receive().value().payload, std::to_string(i));
  BOOST_TEST((std::chrono::steady_clock::now() - begin >= config.coalesce));
  BOOST_TEST(fixture.counters().writes == writes + 1);
}

// 400 KB at once, while an outbox conflates above 64 KiB.
void send_burst(EndpointFixture& fixture, bool bus_had_more) {
  fixture.run([&] {
    fixture.endpoint().end_batch(bus_had_more);
    for (int i = 0; i < 200; ++i) {
      const ws::Endpoint::EventScope event(fixture.endpoint());
      fixture.link().send(Frame::text(std::to_string(1000 + i) + std::string(2'000, ' ')), 1);
    }
    fixture.endpoint().end_batch(false);
  });
}

BOOST_AUTO_TEST_CASE(a_burst_is_not_conflated_for_a_client_that_takes_it) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  send_burst(fixture, false);
  for (int i = 0; i < 200; ++i)
    BOOST_REQUIRE_EQUAL(client.receive().value().payload.substr(0, 4), std::to_string(1000 + i));
  BOOST_TEST(fixture.counters().conflated == 0u);
}

BOOST_AUTO_TEST_CASE(a_burst_is_conflated_when_the_bus_has_more_than_we_read) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  send_burst(fixture, true);
  BOOST_TEST(eventually([&] { return client.receive().value().payload.substr(0, 4) == "1199"; }));
  BOOST_TEST(fixture.counters().conflated > 100u);
}

BOOST_AUTO_TEST_CASE(behind_the_bus_outboxes_are_emptied_for_a_while_and_then_conflate) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  const auto read_full = [&](int times) {
    fixture.run([&] {
      for (int read = 0; read < times; ++read) {
        for (int i = 0; i < 15; ++i) {
          const ws::Endpoint::EventScope event(fixture.endpoint());
          fixture.link().send(Frame::text(std::string(2'000, ' ')), 1);
        }
        fixture.endpoint().end_batch(true);
      }
    });
  };
  read_full(24);
  BOOST_TEST(fixture.counters().conflated == 0u);
  read_full(16);
  BOOST_TEST(fixture.counters().conflated > 0u);
}

BOOST_AUTO_TEST_CASE(an_answer_does_not_wait_for_the_window_and_takes_along_what_came_before) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.coalesce = std::chrono::hours(1);
  EndpointFixture fixture(config);
  WsClient client = fixture.open();
  WsClient other = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 2; }));
  fixture.run([&] {
    const ws::Endpoint::EventScope event(fixture.endpoint());
    for (std::size_t i = 0; i < 2; ++i) fixture.link(i).send(Frame::text("event"), 1);
    fixture.endpoint().end_batch(false);
  });
  client.send_text("answer");
  BOOST_TEST(client.receive().value().payload == "event");
  BOOST_TEST(client.receive().value().payload == "answer");
  fixture.run([&] { BOOST_TEST(fixture.link(1).backlog() > 0u); });  // whom nobody answers
}

BOOST_AUTO_TEST_CASE(clients_come_after_a_bus_that_has_more_but_not_for_ever) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  const auto batch = [&](const std::string& text, bool more_waiting) {
    std::size_t backlog = 0;
    fixture.run([&] {
      const ws::Endpoint::EventScope event(fixture.endpoint());
      fixture.link().send(Frame::text(text), 1);
      fixture.endpoint().end_batch(more_waiting);
      backlog = fixture.link().backlog();
    });
    return backlog;
  };
  for (int read = 1; read < 4; ++read) BOOST_TEST(batch("held", true) > 0u);
  BOOST_TEST(batch("the fourth read", true) == 0u);
  BOOST_TEST(batch("held", true) > 0u);
  BOOST_TEST(batch("the last read", false) == 0u);
  for (const char* text : {"held", "held", "held", "the fourth read", "held", "the last read"})
    BOOST_REQUIRE_EQUAL(client.receive().value().payload, text);
}

BOOST_AUTO_TEST_CASE(others_are_served_between_the_slices_of_a_long_flush) {
  EndpointFixture fixture;
  constexpr std::size_t kClients = 600;
  std::vector<WsClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(fixture.open());
  BOOST_TEST(eventually([&] { return fixture.sessions() == kClients; }));
  std::size_t written = 0;
  const auto count = [&] {
    written = 0;
    for (std::size_t i = 0; i < kClients; ++i) written += fixture.link(i).backlog() == 0 ? 1 : 0;
  };
  fixture.run([&] {
    const ws::Endpoint::EventScope event(fixture.endpoint());
    for (std::size_t i = 0; i < kClients; ++i) fixture.link(i).send(Frame::text("event"), 1);
    fixture.endpoint().end_batch(false);
    count();
  });
  BOOST_TEST(written > 0u);
  BOOST_TEST(written < kClients);
  for (WsClient& client : clients) BOOST_REQUIRE_EQUAL(client.receive().value().payload, "event");
  fixture.run([&] { fixture.link(kClients - 1).close(CloseCode::service_restart); });
  fixture.run(count);
  BOOST_TEST(written >= kClients - 1);
}

BOOST_AUTO_TEST_CASE(a_connection_that_ends_is_not_written_by_a_flush_under_way) {
  EndpointFixture fixture;
  constexpr std::size_t kClients = 300;  // more than a slice
  std::vector<WsClient> clients;
  for (std::size_t i = 0; i < kClients; ++i) clients.push_back(fixture.open());
  BOOST_TEST(eventually([&] { return fixture.sessions() == kClients; }));
  fixture.run([&] {
    {
      const ws::Endpoint::EventScope event(fixture.endpoint());
      for (std::size_t i = 0; i < kClients; ++i) fixture.link(i).send(Frame::text("event"), 1);
      fixture.endpoint().end_batch(false);
    }
    fixture.link(kClients - 1).send(Frame::text("answer"), 0);  // in both lists
    fixture.endpoint().abort_all();
  });
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(frames_leave_without_anybody_calling_flush) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] {
    fixture.link().send(Frame::text("by itself"), 1);
    BOOST_TEST(fixture.link().backlog() > 0u);
  });
  BOOST_TEST(client.receive().value().payload == "by itself");
}

BOOST_AUTO_TEST_CASE(for_each_visits_open_links_and_may_close_them) {
  EndpointFixture fixture;
  std::vector<WsClient> clients;
  for (int i = 0; i < 5; ++i) clients.push_back(fixture.open());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 5; }));
  int visited = 0;
  const auto count_and_close = [&] {
    fixture.endpoint().for_each([&](ws::Link& link) {
      ++visited;
      link.close(CloseCode::service_restart);
    });
  };
  fixture.run(count_and_close);
  fixture.run(count_and_close);
  BOOST_TEST(visited == 5);
  for (WsClient& client : clients) BOOST_TEST(client.expect_close().code == 1012);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(abort_all_ends_every_connection_at_once) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  TcpSocket handshaking("127.0.0.1", fixture.port());
  BOOST_TEST(eventually([&] { return fixture.counters().sockets == 2; }));
  fixture.run([&] {
    fixture.endpoint().abort_all();
    BOOST_TEST(fixture.endpoint().counters().sockets == 0u);
  });
  BOOST_TEST(fixture.session().code == 1006);
  BOOST_TEST(client.expect_close().code == 1006);
  std::string rest;
  BOOST_TEST((handshaking.read_some(rest) == TcpSocket::Read::end));
}

BOOST_AUTO_TEST_CASE(destroying_the_endpoint_closes_what_is_open) {
  auto fixture = std::make_unique<EndpointFixture>();
  WsClient client = fixture->open();
  BOOST_TEST(eventually([&] { return fixture->sessions() == 1; }));
  fixture.reset();
  BOOST_TEST(client.expect_close().code == 1006);
}

BOOST_AUTO_TEST_CASE(plain_http_is_answered_with_json) {
  EndpointFixture fixture;
  const HttpResponse upgrade = http_get(fixture.port(), kTarget);
  BOOST_TEST(upgrade.status == 426);
  BOOST_TEST(upgrade.header("upgrade") == "websocket");
  BOOST_TEST(upgrade.header("content-type") == "application/json");
  BOOST_TEST(upgrade.header("connection") == "close, Upgrade");
  BOOST_TEST(error_code(upgrade) == "upgrade-required");

  const HttpResponse missing = http_get(fixture.port(), "/nothing");
  BOOST_TEST(missing.status == 404);
  BOOST_TEST(missing.header("connection") == "close");
  BOOST_TEST(error_code(missing) == "not-found");

  const HttpResponse post = http_post(fixture.port(), kTarget, "{}");
  BOOST_TEST(post.status == 405);
  BOOST_TEST(post.header("allow") == "GET");
  BOOST_TEST(fixture.wait_empty());
  ws::EndpointCounters counters = fixture.counters();
  BOOST_TEST(counters.refused[426] == 1u);
  BOOST_TEST(counters.refused[404] == 1u);
  BOOST_TEST(counters.refused[405] == 1u);
  BOOST_TEST(counters.handshake_failures == 0u);
}

BOOST_AUTO_TEST_CASE(a_websocket_without_origin_is_refused_by_status) {
  EndpointFixture fixture;
  const WsClient client = WsClient::attempt(fixture.port(), "/api/v1/devices/kitchen/ws");
  BOOST_TEST(client.response().status == 400);
  BOOST_TEST(error_code(client.response()) == "invalid-device");
  BOOST_TEST(fixture.sessions() == 0u);
}

BOOST_AUTO_TEST_CASE(a_browser_is_refused_by_error_and_close_code) {
  EndpointFixture fixture;
  WsOptions options;
  options.headers = {{"Origin", "https://dashboard.example"}};
  WsClient client = WsClient::open(fixture.port(), "/nothing", options);
  const Json error = client.expect("error");
  BOOST_TEST(error.at("data").at("code").string() == "not-found");
  BOOST_TEST(client.expect_close().code == 4404);
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.sessions() == 0u);
  BOOST_TEST(fixture.counters().refused[404] == 1u);
  BOOST_TEST(fixture.counters().opened == 0u);
}

BOOST_AUTO_TEST_CASE(while_not_accepting_clients_are_told_to_come_back) {
  EndpointFixture fixture;
  fixture.run([&] { fixture.endpoint().set_accepting(false); });
  const WsClient client = WsClient::attempt(fixture.port(), kTarget);
  BOOST_TEST(client.response().status == 503);
  BOOST_TEST(!client.response().header("retry-after").empty());
  BOOST_TEST(error_code(client.response()) == "unavailable");
  WsOptions options;
  options.headers = {{"Origin", "https://dashboard.example"}};
  WsClient browser = fixture.open(options);
  const double after_ms = browser.expect("reconnect").at("data").at("after_ms").number();
  BOOST_TEST(after_ms >= 5'000);
  BOOST_TEST(after_ms <= 15'000);
  BOOST_TEST(browser.expect_close().code == 1013);
  fixture.run([&] { fixture.endpoint().set_accepting(true); });
  BOOST_TEST(fixture.open().is_open());
}

BOOST_AUTO_TEST_CASE(other_versions_of_the_protocol_are_refused) {
  EndpointFixture fixture;
  for (const char* version : {"0", "7", "8", "12", "99", "x"}) {
    WsOptions options;
    options.headers = {{"Sec-WebSocket-Version", version}};
    const WsClient client = WsClient::attempt(fixture.port(), kTarget, options);
    BOOST_TEST_INFO(version);
    BOOST_TEST(client.response().status == 426);
    BOOST_TEST(client.response().header("sec-websocket-version") == "13");
  }
  // hybi00, whose third key follows the headers.
  const HttpResponse old = raw_request(
      fixture.port(), "GET " + kTarget +
                          " HTTP/1.1\r\nHost: x\r\nUpgrade: WebSocket\r\nConnection: Upgrade\r\nOrigin: http://x\r\n"
                          "Sec-WebSocket-Key1: 4 @1  46546xW%0l 1 5\r\nSec-WebSocket-Key2: 12998 5 Y3 1  .P00\r\n\r\n"
                          "^n:ds[4U");
  BOOST_TEST(old.status == 426);
  BOOST_TEST(fixture.sessions() == 0u);
}

BOOST_AUTO_TEST_CASE(a_handshake_without_a_key_is_a_bad_request) {
  EndpointFixture fixture;
  for (const char* version : {"1.1", "1.0"}) {
    const HttpResponse response =
        raw_request(fixture.port(), "GET " + kTarget + " HTTP/" + version +
                                        "\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
                                        "Sec-WebSocket-Version: 13\r\n\r\n");
    BOOST_TEST(response.status == 400);
    BOOST_TEST(error_code(response) == "bad-request");
  }
}

BOOST_AUTO_TEST_SUITE_END()
