// What a hostile, broken or merely slow peer can do to the endpoint, and where it ends. Each guard has its case.
#include <boost/test/unit_test.hpp>

#include <sys/socket.h>

#include <unistd.h>

#include <asio/posix/stream_descriptor.hpp>

#include "gateway/ws/endpoint.hpp"
#include "tests/integration/ws/endpoint_fixture.hpp"

using namespace pulsegate;
using namespace pulsegate::test;
using proto::CloseCode;
using std::chrono::milliseconds;
using std::chrono::seconds;

namespace {

// A client whose kernel takes little, and an endpoint whose kernel keeps little: the backlog is ours to see.
WsOptions slow_reader() {
  WsOptions options;
  options.tcp.receive_buffer = 4 * 1024;
  return options;
}

ws::EndpointConfig small_buffers() {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.socket_send_buffer = 4 * 1024;
  return config;
}

// The header of a masked frame that declares any length, with a masking key of zeros.
std::string frame_header(unsigned char first_byte, std::uint64_t length) {
  std::string header{static_cast<char>(first_byte), static_cast<char>(0x80 | 127)};
  for (int shift = 56; shift >= 0; shift -= 8) header.push_back(static_cast<char>((length >> shift) & 0xff));
  return header.append(4, '\0');
}

std::string http_status_line(std::uint16_t port, const std::string& request) {
  TcpSocket socket("127.0.0.1", port);
  socket.write(request);
  std::string answer;
  socket.read_until(answer, "\r\n");
  return answer.substr(0, answer.find("\r\n"));
}

}  // namespace

BOOST_AUTO_TEST_SUITE(EndpointGuardsTest)

// websocketpp compares the length with its limit after an addition that overflows.
BOOST_AUTO_TEST_CASE(a_continuation_of_two_to_the_64_bytes_ends_at_the_cap) {
  EndpointFixture fixture;
  WsClient client = fixture.open();
  client.send_fragment(Opcode::text, "ten bytes.", false);
  client.send_raw(frame_header(0x80, ~std::uint64_t{0}));
  const std::string chunk(1024, 'x');
  int chunks = 0;
  while (chunks < 20'000 && client.send_raw(chunk) && !fixture.session().closed) ++chunks;
  BOOST_TEST(client.expect_close().code == 1009);
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 1009);
  BOOST_TEST(fixture.session().texts.empty());
  BOOST_TEST(chunks < 20'000);
}

BOOST_AUTO_TEST_CASE(a_message_above_the_cap_is_too_big) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.max_message = 1000;
  EndpointFixture fixture(config);
  WsClient exact = fixture.open();
  exact.send_text(std::string(1000, 'x'));
  BOOST_TEST(exact.receive().value().payload.size() == 1000u);

  WsClient whole = fixture.open();
  whole.send_text(std::string(1001, 'x'));
  BOOST_TEST(whole.expect_close().code == 1009);

  WsClient fragments = fixture.open();
  for (int i = 0; i < 11; ++i)
    fragments.send_fragment(i == 0 ? Opcode::text : Opcode::continuation, std::string(100, 'x'), false);
  BOOST_TEST(fragments.expect_close().code == 1009);
}

// A socket closed with unread input is reset, and a reset takes the close frame away from the peer.
BOOST_AUTO_TEST_CASE(the_reason_reaches_a_peer_that_is_still_sending) {
  EndpointFixture fixture;
  for (int i = 0; i < 10; ++i) {
    WsClient client = fixture.open();
    client.send_text(std::string(300 * 1024, 'x'));
    const CloseInfo close = client.expect_close();
    BOOST_TEST(close.code == 1009);
    BOOST_TEST(!close.reason.empty());
  }
}

BOOST_AUTO_TEST_CASE(an_http_body_is_not_read_beyond_a_few_kilobytes) {
  EndpointFixture fixture;
  const std::string head = "POST " + kTarget + " HTTP/1.1\r\nHost: x\r\nContent-Length: ";
  BOOST_TEST(http_status_line(fixture.port(), head + "5000\r\n\r\n" + std::string(5000, 'x')) ==
             "HTTP/1.1 413 Request Entity Too Large");
  BOOST_TEST(http_status_line(fixture.port(), head + "99999999999999999999\r\n\r\n") ==
             "HTTP/1.1 413 Request Entity Too Large");
  BOOST_TEST(http_status_line(fixture.port(), head + "2\r\n\r\n{}") == "HTTP/1.1 405 Method Not Allowed");
}

BOOST_AUTO_TEST_CASE(request_headers_are_bounded) {
  EndpointFixture fixture;
  const std::string status = http_status_line(
      fixture.port(), "GET " + kTarget + " HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(20'000, 'x') + "\r\n\r\n");
  BOOST_TEST(status == "HTTP/1.1 431 Request Header Fields Too Large");
}

// The kernel refuses to watch a descriptor when a user watches too many; here, since the loop watches it already.
BOOST_AUTO_TEST_CASE(a_socket_that_cannot_be_watched_is_closed) {
  EndpointFixture fixture;
  int ends[2];
  BOOST_REQUIRE_EQUAL(::socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
  fixture.run([&] {
    asio::posix::stream_descriptor watched(fixture.io(), ends[0]);
    fixture.endpoint().adopt(asio::ip::tcp::v4(), ends[0]);
    watched.release();
  });
  char byte;
  BOOST_TEST(::recv(ends[1], &byte, 1, MSG_DONTWAIT) == 0);  // the end; a leaked descriptor would leave it waiting
  ::close(ends[1]);
  BOOST_TEST(fixture.counters().handshake_failures == 1u);
  BOOST_TEST(fixture.counters().sockets == 0u);
}

BOOST_AUTO_TEST_CASE(what_is_not_http_is_a_handshake_failure) {
  EndpointFixture fixture;
  TcpSocket socket("127.0.0.1", fixture.port());
  socket.write("\x16\x03\x01 not http at all\r\n\r\n");
  std::string answer;
  socket.read_until(answer, "}}");
  BOOST_TEST(answer.substr(0, 12) == "HTTP/1.1 400");
  BOOST_TEST(answer.find("{\"error\":{\"code\":\"bad-request\"") != std::string::npos);
  socket.close();
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().handshake_failures == 1u);
  BOOST_TEST(fixture.counters().handshaking == 0u);
}

BOOST_AUTO_TEST_CASE(a_probe_that_says_nothing_is_no_failure) {
  EndpointFixture fixture;
  {
    TcpSocket probe("127.0.0.1", fixture.port());
    BOOST_TEST(eventually([&] { return fixture.counters().sockets == 1; }));
  }
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().handshake_failures == 0u);
}

BOOST_AUTO_TEST_CASE(a_handshake_has_a_deadline) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.handshake_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  TcpSocket silent("127.0.0.1", fixture.port());
  TcpSocket partial("127.0.0.1", fixture.port());
  partial.write("GET " + kTarget + " HTTP/1.1\r\nHost: x\r\n");
  std::string rest;
  BOOST_TEST((silent.read_some(rest) == TcpSocket::Read::end));
  BOOST_TEST((partial.read_some(rest) == TcpSocket::Read::end));
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().handshake_failures == 2u);
  BOOST_TEST(fixture.counters().handshaking == 0u);
}

BOOST_AUTO_TEST_CASE(a_message_in_progress_has_a_deadline) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.message_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  WsClient client = fixture.open();
  client.send_fragment(Opcode::text, "begun", false);
  // Neither further fragments nor pings extend it.
  while (!fixture.session().closed && client.send_fragment(Opcode::continuation, "x", false) && client.ping()) {
    BOOST_REQUIRE(client.receive_frame().has_value());
    pause_for(milliseconds(10));
  }
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 1008);
}

BOOST_AUTO_TEST_CASE(the_backlog_of_a_slow_reader_is_exact) {
  EndpointFixture fixture(small_buffers());
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  std::string expected;
  std::uint64_t sent_before = 0;
  fixture.run([&] {
    const ws::Endpoint::EventScope event(fixture.endpoint());
    sent_before = fixture.endpoint().counters().bytes_sent;
    for (int i = 0; i < 300; ++i) {
      const FramePtr frame = Frame::text("message " + std::to_string(i) + std::string(500, '.'));
      expected.append(frame->bytes());
      BOOST_REQUIRE((fixture.link().send(frame, 0) != ws::Outbox::Push::overflow));
    }
    fixture.endpoint().end_batch(false);
  });
  fixture.run([&] {
    const ws::EndpointCounters& counters = fixture.endpoint().counters();
    BOOST_TEST(fixture.link().backlog() > 50'000u);
    BOOST_TEST(fixture.link().backlog() + (counters.bytes_sent - sent_before) == expected.size());
    BOOST_TEST(counters.backlog_bytes == fixture.link().backlog());
  });
  for (int i = 0; i < 300; ++i)
    BOOST_REQUIRE_EQUAL(client.receive().value().payload, "message " + std::to_string(i) + std::string(500, '.'));
  BOOST_TEST(eventually([&] { return fixture.counters().backlog_bytes == 0; }));
}

BOOST_AUTO_TEST_CASE(a_slow_reader_gets_the_latest_values_and_is_told_what_was_left_out) {
  EndpointFixture fixture(small_buffers());
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  constexpr int kMessages = 2000;
  std::size_t highest = 0;
  fixture.run([&] {
    const ws::Endpoint::EventScope event(fixture.endpoint());
    for (int i = 0; i < kMessages; ++i) {
      fixture.link().send(Frame::text("a" + std::to_string(i) + std::string(500, '.')), 1);
      fixture.link().send(Frame::text("b" + std::to_string(i) + std::string(500, '.')), 2);
      fixture.endpoint().end_batch(false);
      highest = std::max(highest, fixture.link().backlog());
    }
    fixture.link().send(Frame::text("end"), 0);
    fixture.endpoint().end_batch(false);
  });
  BOOST_TEST(highest <= 64u * 1024u);

  std::map<char, int> last{{'a', -1}, {'b', -1}};
  int received = 0;
  for (std::string text; (text = client.receive().value().payload) != "end"; ++received) {
    const int number = std::stoi(text.substr(1));
    BOOST_REQUIRE_GT(number, last[text[0]]);  // in order, with holes
    last[text[0]] = number;
  }
  BOOST_TEST(last['a'] == kMessages - 1);
  BOOST_TEST(last['b'] == kMessages - 1);
  BOOST_TEST(eventually([&] { return fixture.session().drained > 0; }));
  BOOST_TEST(fixture.session().drained + static_cast<std::uint64_t>(received) == 2u * kMessages);
  BOOST_TEST(fixture.counters().conflated == fixture.session().drained);
}

BOOST_AUTO_TEST_CASE(an_overflow_closes_as_slow_consumer) {
  ws::EndpointConfig config = small_buffers();
  config.outbox.close_above = 200 * 1024;
  EndpointFixture fixture(config);
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] {
    int accepted = 0;
    while (fixture.link().send(Frame::text(std::string(1000, 'x')), 0) != ws::Outbox::Push::overflow) ++accepted;
    BOOST_TEST(accepted >= 190);
    BOOST_TEST(fixture.link().backlog() <= 200u * 1024u);
    BOOST_TEST(!fixture.session().closed);  // not before the next turn
  });
  // What was not begun is dropped, so that the close frame comes soon.
  int received = 0;
  std::optional<WsMessage> message;
  while ((message = client.receive()) && message->opcode != Opcode::close) ++received;
  BOOST_TEST(message.value().payload == close_payload(4508, "slow-consumer"));
  BOOST_TEST(received < 100);
  client.drop();
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 4508);
  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().backlog_bytes == 0u);
}

BOOST_AUTO_TEST_CASE(a_peer_that_never_reads_is_stalled_and_forced_out) {
  ws::EndpointConfig config = small_buffers();
  config.outbox.stalled_after = milliseconds(200);
  config.close_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] {
    for (int i = 0; i < 100; ++i) fixture.link().send(Frame::text(std::string(1000, 'x')), 0);
  });
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 4508);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_peer_that_never_answers_a_close_is_forced_out) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.close_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  WsClient client = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] { fixture.link().close(CloseCode::service_restart); });
  BOOST_TEST((client.receive_frame().value().opcode == Opcode::close));
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 1012);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_refused_peer_that_never_answers_is_forced_out) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.close_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  WsOptions options;
  options.headers = {{"Origin", "https://dashboard.example"}};
  WsClient client = WsClient::open(fixture.port(), "/nothing", options);
  TcpSocket http("127.0.0.1", fixture.port());
  http.write("GET /nothing HTTP/1.1\r\nHost: x\r\n\r\n");
  BOOST_TEST(eventually([&] { return fixture.counters().refused[404] == 2; }));
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_peer_that_closes_without_reading_is_not_waited_for) {
  ws::EndpointConfig config = small_buffers();
  config.close_timeout = milliseconds(200);
  EndpointFixture fixture(config);
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] {
    for (int i = 0; i < 100; ++i) fixture.link().send(Frame::text(std::string(1000, 'x')), 0);
  });
  client.send_frame({true, 0, Opcode::close, true, close_payload(1001)});
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 1001);
  BOOST_TEST(fixture.wait_empty());
}

BOOST_AUTO_TEST_CASE(a_peer_from_which_nothing_comes_is_idle) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.ping_interval = milliseconds(50);
  config.idle_timeout = milliseconds(250);
  EndpointFixture fixture(config);
  WsOptions options;
  options.answer_pings = false;
  WsClient dead = fixture.open(options);
  const CloseInfo close = dead.expect_close();
  BOOST_TEST(close.code == 4408);
  BOOST_TEST(dead.pings_received() >= 2u);
  BOOST_TEST(fixture.wait_closed());
  BOOST_TEST(fixture.session().code == 4408);
  BOOST_TEST(fixture.session().ticks > 0);
}

BOOST_AUTO_TEST_CASE(pongs_alone_keep_a_connection) {
  ws::EndpointConfig config = EndpointFixture::quick();
  config.ping_interval = milliseconds(50);
  config.idle_timeout = milliseconds(1000);
  EndpointFixture fixture(config);
  WsClient client = fixture.open();
  while (client.pings_received() < 26) {
    const auto message = client.receive(milliseconds(100));
    BOOST_REQUIRE(!message);
    BOOST_REQUIRE(!client.ended());
  }
  BOOST_TEST(!fixture.session().closed);
}

// websocketpp would queue a pong for each of them, where no limit of ours counts them.
BOOST_AUTO_TEST_CASE(pings_of_a_peer_that_does_not_read_pile_up_no_pongs) {
  EndpointFixture fixture(small_buffers());
  WsClient client = fixture.open(slow_reader());
  BOOST_TEST(eventually([&] { return fixture.sessions() == 1; }));
  fixture.run([&] {
    for (int i = 0; i < 50; ++i) fixture.link().send(Frame::text(std::string(1000, 'x')), 0);
  });
  std::size_t backlog = 0;
  fixture.run([&] { backlog = fixture.link().backlog(); });
  BOOST_TEST(backlog > 0u);
  const std::string payload(100, 'p');
  for (int i = 0; i < 5'000; ++i) BOOST_REQUIRE(client.ping(payload + std::to_string(i)));
  client.send_text("after the pings");
  BOOST_TEST(eventually([&] { return fixture.session().texts.size() == 1; }));
  fixture.run([&] { BOOST_TEST(fixture.link().backlog() < backlog + 300); });
  // The latest ping is answered, once there is room.
  std::string last_pong;
  while (last_pong != payload + "4999") {
    const auto frame = client.receive_frame();
    BOOST_REQUIRE(frame.has_value());
    if (frame->opcode == Opcode::pong) last_pong = frame->payload;
  }
}

BOOST_AUTO_TEST_CASE(broken_protocol_is_closed_with_its_code) {
  EndpointFixture fixture;
  WsClient utf8 = fixture.open();
  utf8.send_text("\xff\xfe");
  BOOST_TEST(utf8.expect_close().code == 1007);

  WsClient unmasked = fixture.open();
  unmasked.send_frame({true, 0, Opcode::text, false, "x"});
  BOOST_TEST(unmasked.expect_close().code == 1002);

  WsClient continuation = fixture.open();
  continuation.send_fragment(Opcode::continuation, "x", true);
  BOOST_TEST(continuation.expect_close().code == 1002);

  WsClient control = fixture.open();
  control.send_frame({false, 0, Opcode::ping, true, "fragmented"});
  BOOST_TEST(control.expect_close().code == 1002);

  // To the library a length in more bytes than it takes is an internal error.
  WsClient length = fixture.open();
  length.send_raw(std::string("\x81\xfe\x00\x01\x00\x00\x00\x00x", 9));
  BOOST_TEST(length.expect_close().code == 1002);

  // The library looks at the end of a text only where it does not come in fragments.
  WsClient cut = fixture.open();
  cut.send_fragment(Opcode::text, "\xe2", false);
  cut.send_fragment(Opcode::continuation, "\x82", true);
  BOOST_TEST(cut.expect_close().code == 1007);

  BOOST_TEST(fixture.wait_empty());
  BOOST_TEST(fixture.counters().closed[1007] == 2u);
  BOOST_TEST(fixture.counters().closed[1002] == 4u);
  BOOST_TEST(fixture.counters().closed[1011] == 0u);
}

// Each is within its own bounds, all of them together are not.
BOOST_AUTO_TEST_CASE(above_the_common_limit_the_slowest_are_closed_and_the_others_stay) {
  ws::EndpointConfig config = small_buffers();
  config.backlog_limit = 1024 * 1024;
  EndpointFixture fixture(config);
  std::vector<WsClient> clients;
  for (int i = 0; i < 3; ++i) {
    clients.push_back(fixture.open(slow_reader()));
    BOOST_TEST(eventually([&] { return fixture.sessions() == clients.size(); }));
  }
  WsClient quick = fixture.open();
  BOOST_TEST(eventually([&] { return fixture.sessions() == 4; }));
  const auto send = [&](std::size_t index, int messages) {
    fixture.run([&] {
      for (int i = 0; i < messages; ++i) fixture.link(index).send(Frame::text(std::string(1'000, 'x')), 0);
    });
  };
  send(0, 200);
  send(1, 300);
  send(2, 450);
  fixture.run([&] { BOOST_TEST(fixture.endpoint().counters().backlog_bytes > 900'000u); });
  BOOST_TEST(fixture.counters().backlog_closed == 0u);
  send(0, 180);
  std::optional<WsMessage> message;
  while ((message = clients[2].receive()) && message->opcode != Opcode::close) continue;
  BOOST_TEST(message.value().payload == close_payload(4508, "slow-consumer"));
  BOOST_TEST(fixture.counters().backlog_closed == 1u);
  // The others lose nothing.
  for (int i = 0; i < 380; ++i) BOOST_REQUIRE_EQUAL(clients[0].receive().value().payload.size(), 1'000u);
  for (int i = 0; i < 300; ++i) BOOST_REQUIRE_EQUAL(clients[1].receive().value().payload.size(), 1'000u);
  quick.send_text("still here");
  BOOST_TEST(quick.receive().value().payload == "still here");
  BOOST_TEST(eventually([&] { return fixture.counters().backlog_bytes == 0; }));
  BOOST_TEST(fixture.counters().backlog_closed == 1u);
}

// A frame of which a byte was sent cannot be dropped.
BOOST_AUTO_TEST_CASE(above_the_common_limit_a_frame_that_is_half_sent_goes_with_its_connection) {
  ws::EndpointConfig config = small_buffers();
  config.backlog_limit = 1024 * 1024;
  EndpointFixture fixture(config);
  std::vector<WsClient> clients;
  for (int i = 0; i < 2; ++i) {
    clients.push_back(fixture.open(slow_reader()));
    BOOST_TEST(eventually([&] { return fixture.sessions() == clients.size(); }));
  }
  fixture.run([&] { fixture.link(0).send(Frame::text(std::string(700'000, 'x')), 0); });
  fixture.run([] {});  // its beginning has been written
  fixture.run([&] { fixture.link(1).send(Frame::text(std::string(400'000, 'x')), 0); });
  BOOST_TEST(fixture.wait_closed(0));
  BOOST_TEST(fixture.session(0).code == 4508);
  BOOST_TEST(eventually([&] { return fixture.counters().backlog_bytes < 400'100; }));
  BOOST_TEST(clients[1].receive().value().payload.size() == 400'000u);
  BOOST_TEST(fixture.counters().backlog_closed == 1u);
}

BOOST_AUTO_TEST_SUITE_END()
