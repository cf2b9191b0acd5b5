// The opening handshake (RFC 6455, section 4.2) over a raw socket: what must be taken, and what must not.
#include <boost/test/unit_test.hpp>

#include "tests/support/gateway_process.hpp"
#include "tests/support/redis_server.hpp"
#include "tests/support/run_results.hpp"

using namespace pulsegate::test;

namespace {

const std::string kTarget = "/api/v1/devices/0f8fad5b-d9cb-469f-a165-70867728950e/ws";
const std::string kKey = "dGhlIHNhbXBsZSBub25jZQ==";

struct Handshake {
  const char* name;
  std::vector<int> statuses;  // 0: the connection ends without an answer
  std::string line;
  Headers headers;
};

Headers usual() {
  return {{"Host", "gateway.example"},
          {"Upgrade", "websocket"},
          {"Connection", "Upgrade"},
          {"Sec-WebSocket-Key", kKey},
          {"Sec-WebSocket-Version", "13"}};
}
// `value` instead of what is usual; without one the header is left out.
Headers with(const std::string& name, const std::string& value) {
  Headers headers = usual();
  for (auto& header : headers)
    if (header.first == name) {
      header.second = value;
      return headers;
    }
  headers.emplace_back(name, value);
  return headers;
}
Headers without(const std::string& name) {
  Headers headers;
  for (const auto& header : usual())
    if (header.first != name) headers.push_back(header);
  return headers;
}
Headers renamed() {
  return {{"HOST", "gateway.example"},
          {"upgrade", "WebSocket"},
          {"CONNECTION", "keep-alive, upgrade"},
          {"sec-websocket-key", kKey},
          {"SEC-WEBSOCKET-VERSION", "13"}};
}

std::vector<Handshake> handshakes() {
  const std::string get = "GET " + kTarget + " HTTP/1.1";
  return {
      {"as it should be", {101}, get, usual()},
      {"names and values in other letters, and another token", {101}, get, renamed()},
      {"with a query", {101}, "GET " + kTarget + "?a=b HTTP/1.1", usual()},
      {"with the absolute form of a target", {101}, "GET http://gateway.example" + kTarget + " HTTP/1.1", usual()},
      {"with an extension that nobody knows", {101}, get, with("Sec-WebSocket-Extensions", "x-unknown; a=1")},
      {"with a subprotocol that nobody knows", {101}, get, with("Sec-WebSocket-Protocol", "mqtt")},
      {"with headers that nobody knows", {101}, get, with("X-Unknown", "a: b, c")},
      {"without Upgrade", {400, 426}, get, without("Upgrade")},
      {"with another Upgrade", {400, 426}, get, with("Upgrade", "h2c")},
      {"without Connection", {400, 426}, get, without("Connection")},
      {"with another Connection", {400, 426}, get, with("Connection", "keep-alive")},
      {"without a key", {400}, get, without("Sec-WebSocket-Key")},
      {"with a key of 15 bytes", {400}, get, with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25j")},
      {"with a key of 17 bytes", {400}, get, with("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZSE=")},
      {"with a key that is no base64", {400}, get, with("Sec-WebSocket-Key", "dGhlIHNhbXBs-SBub25jZQ==")},
      {"without a version", {400, 426}, get, without("Sec-WebSocket-Version")},
      {"of version 8", {426}, get, with("Sec-WebSocket-Version", "8")},
      {"of version 14", {426}, get, with("Sec-WebSocket-Version", "14")},
      {"of a version that is no number", {426}, get, with("Sec-WebSocket-Version", "thirteen")},
      {"without a host", {400}, get, without("Host")},
      {"by POST", {400, 405}, "POST " + kTarget + " HTTP/1.1", usual()},
      {"by OPTIONS", {400, 405}, "OPTIONS " + kTarget + " HTTP/1.1", usual()},
      {"in HTTP/1.0", {400, 426, 505}, "GET " + kTarget + " HTTP/1.0", usual()},
      {"in HTTP/0.9", {0, 400, 505}, "GET " + kTarget, usual()},
      {"without a method", {0, 400}, kTarget + " HTTP/1.1", usual()},
      {"with an empty line for a request", {0, 400}, "", usual()},
      {"with a path that there is not", {404}, "GET /chat HTTP/1.1", usual()},
      {"with a device that is none", {400}, "GET /api/v1/devices/kitchen/ws HTTP/1.1", usual()},
      {"with a head that is too long", {431}, get, with("X-Long", std::string(17'000, 'x'))},
      {"with a body that is too long", {413}, get, with("Content-Length", "5000")},
      {"with a length that is none", {400, 413}, get, with("Content-Length", "-1")},
  };
}

std::string bytes_of(const Handshake& one) {
  std::string bytes = one.line + "\r\n";
  for (const auto& [name, value] : one.headers) bytes += name + ": " + value + "\r\n";
  return bytes + "\r\n";
}

// The status line's number, and whether an acceptance is one that a client may take.
struct Answer {
  int status = 0;
  std::string fault;
};

Answer ask(std::uint16_t port, const std::string& bytes) {
  TcpSocket socket("127.0.0.1", port);
  socket.write(bytes);
  std::string text;
  Answer answer;
  if (socket.read_until(text, "\r\n\r\n") == TcpSocket::Read::timeout) answer.fault = "nothing came in time";
  if (text.empty()) return answer;
  const auto head = parse_http_head(text.substr(0, text.find("\r\n\r\n") + 4));
  if (!head) return {0, "the answer is no HTTP"};
  answer.status = head->status;
  if (answer.status != 101) return answer;
  if (head->header("sec-websocket-accept") != accept_key(kKey)) answer.fault = "a wrong Sec-WebSocket-Accept";
  if (!head->header("sec-websocket-extensions").empty()) answer.fault = "an extension that was not offered";
  if (!head->header("sec-websocket-protocol").empty()) answer.fault = "a subprotocol that was not offered";
  return answer;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(Rfc6455)

BOOST_AUTO_TEST_CASE(section_10_opening_handshake) {
  RedisServer redis;
  redis.start();
  GatewayProcess gateway(
      std::vector<std::string>{"--redis", redis.url(), "--database", "none", "--auth", "none", "--stream-key", "none"});
  std::size_t passed = 0;
  const std::vector<Handshake> all = handshakes();
  for (const Handshake& one : all) {
    const Answer answer = ask(gateway.port(), bytes_of(one));
    const bool right = answer.fault.empty() &&
                       std::find(one.statuses.begin(), one.statuses.end(), answer.status) != one.statuses.end();
    BOOST_TEST(right, "a handshake " << one.name << ": status " << answer.status << ' ' << answer.fault);
    if (right) ++passed;
  }
  record_result("conformance", "10 opening handshake, gateway",
                std::to_string(passed) + " of " + std::to_string(all.size()) + " cases pass");
}

BOOST_AUTO_TEST_SUITE_END()
