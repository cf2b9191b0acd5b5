// The test clients against a server that is a few lines of this file: frames by hand, so that nothing of the gateway is
// needed.
#include "tests/support/ws_client.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <boost/test/unit_test.hpp>
#include <functional>
#include <string>
#include <thread>
#include <utility>

namespace pulsegate::test {
namespace {

// Accepts one connection and hands it to `serve` on a thread of its own.
class OneShotServer {
 public:
  explicit OneShotServer(std::function<void(int fd)> serve)
      : listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    BOOST_REQUIRE(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0);
    BOOST_REQUIRE(::listen(listener_, 1) == 0);
    BOOST_REQUIRE(::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this, serve = std::move(serve)] {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      serve(fd);
      ::close(fd);
    });
  }
  ~OneShotServer() {
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
  }
  std::uint16_t port() const { return port_; }

 private:
  int listener_;
  std::uint16_t port_ = 0;
  std::thread thread_;
};

std::string receive_until(int fd, const std::string& text) {
  std::string received;
  char byte = 0;
  while (received.find(text) == std::string::npos && ::recv(fd, &byte, 1, 0) == 1) received.push_back(byte);
  return received;
}

void send_all(int fd, const std::string& bytes) {
  ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

WsFrame receive_frame(int fd) {
  std::string buffer;
  char byte = 0;
  for (;;) {
    if (auto frame = decode_frame(buffer)) return *frame;
    if (::recv(fd, &byte, 1, 0) != 1) return {};
    buffer.push_back(byte);
  }
}

void accept_handshake(int fd) {
  const std::string request = receive_until(fd, "\r\n\r\n");
  const std::string name = "Sec-WebSocket-Key: ";
  const std::size_t key = request.find(name) + name.size();
  send_all(fd,
           "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: " +
               accept_key(request.substr(key, request.find("\r\n", key) - key)) + "\r\n\r\n");
}

std::string text_frame(const std::string& text) {
  return encode_frame({true, 0, Opcode::text, false, text});
}

BOOST_AUTO_TEST_SUITE(ws_frame)

BOOST_AUTO_TEST_CASE(every_length_form_reads_back) {
  for (const std::size_t size : {0, 1, 125, 126, 65'535, 65'536, 200'000}) {
    for (const bool masked : {false, true}) {
      std::string bytes = encode_frame({false, 4, Opcode::binary, masked, std::string(size, 'x')});
      std::string partial = bytes.substr(0, bytes.size() - 1);
      BOOST_TEST(!decode_frame(partial));
      const auto frame = decode_frame(bytes);
      BOOST_REQUIRE(frame);
      BOOST_TEST(frame->payload.size() == size);
      BOOST_TEST((frame->payload == std::string(size, 'x')));
      BOOST_TEST(!frame->fin);
      BOOST_TEST(int{frame->rsv} == 4);
      BOOST_TEST((frame->opcode == Opcode::binary && frame->masked == masked));
      BOOST_TEST(bytes.empty());
    }
  }
}

BOOST_AUTO_TEST_CASE(headers_are_those_of_the_rfc) {
  BOOST_TEST((text_frame("Hello") == std::string("\x81\x05Hello")));
  BOOST_TEST((encode_frame({true, 0, Opcode::binary, false, std::string(256, 'x')}).substr(0, 4) ==
              std::string("\x82\x7e\x01\x00", 4)));
  BOOST_TEST(accept_key("dGhlIHNhbXBsZSBub25jZQ==") == "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(ws_client)

BOOST_AUTO_TEST_CASE(talks_and_closes) {
  OneShotServer server([](int fd) {
    accept_handshake(fd);
    send_all(fd, text_frame(R"({"type":"connected"})") + encode_frame({true, 0, Opcode::ping, false, "p"}) +
                     encode_frame({false, 0, Opcode::text, false, R"({"type":)"}) +
                     encode_frame({true, 0, Opcode::continuation, false, R"("metrics"})"}));
    const WsFrame pong = receive_frame(fd);
    const WsFrame ping = receive_frame(fd);
    send_all(fd, text_frame(R"({"type":"got","masked":)" + std::string(ping.masked && pong.masked ? "true" : "false") +
                            "}"));
    send_all(fd, text_frame(R"({"type":"pong"})"));
    send_all(fd, encode_frame(receive_frame(fd)));
  });
  WsClient client = WsClient::open(server.port(), "/ws", without_contract());
  BOOST_TEST(client.expect_json().type() == "connected");
  BOOST_TEST(client.expect("metrics").type() == "metrics");
  BOOST_TEST(client.pings_received() == 1U);
  const auto before = client.expect_until_pong();
  BOOST_REQUIRE(before.size() == 1U);
  BOOST_TEST(before[0].at("masked").boolean());
  const CloseInfo info = client.close(1000, "bye");
  BOOST_TEST(info.code == 1000);
  BOOST_TEST(info.reason == "bye");
}

BOOST_AUTO_TEST_CASE(silence_and_a_lost_connection_are_told_apart) {
  OneShotServer server([](int fd) {
    accept_handshake(fd);
    receive_frame(fd);
  });
  WsClient client = WsClient::open(server.port(), "/ws", without_contract());
  BOOST_TEST(!client.receive(Millis(20)));
  BOOST_TEST(!client.ended());
  client.send_text("{}");
  BOOST_TEST(client.expect_close().code == 1006);
  BOOST_TEST(client.ended());
}

BOOST_AUTO_TEST_CASE(a_close_of_the_server_is_answered) {
  std::string answer;
  {
    OneShotServer server([&](int fd) {
      accept_handshake(fd);
      send_all(fd, encode_frame({true, 0, Opcode::close, false, close_payload(4401, "token expired")}));
      answer = receive_frame(fd).payload;
    });
    WsClient client = WsClient::open(server.port(), "/ws", without_contract());
    const CloseInfo info = client.expect_close();
    BOOST_TEST(info.code == 4401);
    BOOST_TEST(info.reason == "token expired");
  }
  BOOST_TEST((answer == close_payload(4401)));
}

BOOST_AUTO_TEST_CASE(a_refusal_shows_status_and_body) {
  const auto refuse = [](int fd) {
    receive_until(fd, "\r\n\r\n");
    send_all(fd, "HTTP/1.1 403 Forbidden\r\nContent-Length: 17\r\nX-Why: origin\r\n\r\n{\"code\":\"origin\"}");
  };
  OneShotServer server(refuse);
  WsClient client = WsClient::attempt(server.port(), "/ws", without_contract());
  BOOST_TEST(!client.is_open());
  BOOST_TEST(client.response().status == 403);
  BOOST_TEST(client.response().header("x-why") == "origin");
  BOOST_TEST(client.response().json().at("code").string() == "origin");
  OneShotServer again(refuse);
  BOOST_CHECK_THROW(WsClient::open(again.port(), "/ws"), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(http_client)

BOOST_AUTO_TEST_CASE(reads_every_form_of_body) {
  const std::pair<const char*, const char*> answers[] = {
      {"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", "hello"},
      {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", "hello"},
      {"HTTP/1.0 200 OK\r\n\r\nhello", "hello"},
      {"HTTP/1.1 204 No Content\r\n\r\n", ""},
  };
  for (const auto& [answer, body] : answers) {
    std::string request;
    {
      OneShotServer server([&request, bytes = std::string(answer)](int fd) {
        request = receive_until(fd, "\r\n\r\nq");
        send_all(fd, bytes);
      });
      BOOST_TEST(http_post(server.port(), "/path", "q").body == body);
    }
    BOOST_TEST(request.find("POST /path HTTP/1.1\r\n") == 0U);
    BOOST_TEST(request.find("Content-Length: 1\r\n") != std::string::npos);
  }
}

BOOST_AUTO_TEST_CASE(json_accessors_name_what_is_missing) {
  const Json json =
      Json::parse(R"({"type":"history","data":{"cpu":[{"time":"02:05 PM","value":12}]},"big":9007199254740993})");
  BOOST_TEST(json.type() == "history");
  BOOST_TEST(json.at("data").at("cpu").at(0).at("value").number() == 12);
  BOOST_TEST(json.at("big").integer() == 9007199254740993);
  BOOST_TEST(
      json ==
      Json::parse(R"({"big":9007199254740993,"type":"history","data":{"cpu":[{"value":12,"time":"02:05 PM"}]}})"));
  BOOST_CHECK_EXCEPTION(json.at("data").at("memory"), std::runtime_error, [](const std::runtime_error& error) {
    return std::string(error.what()).find("\"memory\"") != std::string::npos;
  });
  BOOST_CHECK_THROW(Json::parse("{"), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pulsegate::test
