#include "tests/conformance/rfc6455/judge.hpp"

#include <algorithm>

#include "tests/support/ws_client.hpp"

namespace pulsegate::test {
namespace {

const std::string kEnd = "the end of the case";

// Everything that came, until the pong of our last ping or the end of the connection.
struct Received {
  std::vector<Echo> messages;
  std::vector<std::string> pongs;
  std::uint16_t code = 1006;  // of the first close frame; 1005: it had none
  bool at_the_end = false;    // our last ping was answered
  bool ended = false;         // the server has closed the connection
  std::string fault;          // what no server may send
};

// What a client of the gateway gets without having asked.
bool is_notice(const std::string& text) {
  const std::string type = Json::parse(text).type();
  return type == "connected" || type == "status";
}

void take(const WsFrame& frame, Server server, Received& received) {
  if (frame.masked || frame.rsv != 0 || !frame.fin) received.fault = "a frame that no server may send";
  if (received.code != 1006) received.fault = "a frame after the close frame";
  switch (frame.opcode) {
    case Opcode::text:
    case Opcode::binary:
      if (server == Server::echoes || !is_notice(frame.payload))
        received.messages.push_back({frame.opcode, frame.payload});
      break;
    case Opcode::pong:
      if (frame.payload == kEnd) {
        received.at_the_end = true;
      } else {
        received.pongs.push_back(frame.payload);
      }
      break;
    case Opcode::close:
      received.code = 1005;
      if (frame.payload.size() >= 2)
        received.code = static_cast<std::uint16_t>(static_cast<std::uint8_t>(frame.payload[0]) << 8 |
                                                   static_cast<std::uint8_t>(frame.payload[1]));
      break;
    case Opcode::ping:
      break;
    default:
      received.fault = "a frame of an unknown kind";
  }
}

bool wait_for_pong(WsClient& client, Server server, Received& received) {
  const std::size_t before = received.pongs.size();
  while (received.pongs.size() == before) {
    const auto frame = client.receive_frame();
    if (!frame) return false;
    take(*frame, server, received);
  }
  return true;
}

Received converse(const Case& one, Server server, WsClient& client) {
  Received received;
  for (const std::string& bytes : one.writes) {
    if (!client.send_raw(bytes)) break;  // the server has had enough
    if (one.wait_for_pongs && !wait_for_pong(client, server, received)) break;
  }
  if (one.codes.empty()) client.ping(kEnd);
  while (!received.at_the_end) {
    const auto frame = client.receive_frame();
    if (!frame) break;
    take(*frame, server, received);
  }
  received.ended = client.ended();
  return received;
}

std::string in_words(const Received& received) {
  std::string text = "got " + std::to_string(received.messages.size()) + " messages and " +
                     std::to_string(received.pongs.size()) + " pongs";
  if (received.code != 1006) text += ", a close with " + std::to_string(received.code);
  if (received.ended) text += ", the end of the connection";
  if (!received.at_the_end && !received.ended) text += ", and then nothing in time";
  return text;
}

bool right_messages(const Case& one, Server server, const std::vector<Echo>& got) {
  if (got.size() != one.echoes.size()) return false;
  return server == Server::answers ||
         std::equal(got.begin(), got.end(), one.echoes.begin(),
                    [](const Echo& a, const Echo& b) { return a.opcode == b.opcode && a.payload == b.payload; });
}

bool right_pongs(const Case& one, const std::vector<std::string>& got) {
  if (!one.only_last_pong) return got == one.pongs;
  // Some of them in order. The last may be left out too, since the ping behind it is later still.
  auto next = one.pongs.begin();
  for (const std::string& pong : got) {
    next = std::find(next, one.pongs.end(), pong);
    if (next++ == one.pongs.end()) return false;
  }
  return !got.empty();
}

}  // namespace

std::string play(const Case& one, Server server, std::uint16_t port, const std::string& target) {
  WsClient client = WsClient::open(port, target, without_contract());
  const Received received = converse(one, server, client);
  if (!received.fault.empty()) return received.fault;
  if (!one.codes.empty()) {
    const bool right = std::find(one.codes.begin(), one.codes.end(), received.code) != one.codes.end();
    return right && received.ended ? "" : in_words(received);
  }
  const bool right =
      received.at_the_end && right_messages(one, server, received.messages) && right_pongs(one, received.pongs);
  return right ? "" : in_words(received);
}

}  // namespace pulsegate::test
