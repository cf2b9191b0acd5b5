// A small blocking WebSocket client for tests. Nothing happens behind the caller's back: it reads only inside
// receive…() and expect…(), so a client that is not read from is a slow client.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/http_client.hpp"
#include "tests/support/json.hpp"
#include "tests/support/tcp_socket.hpp"
#include "tests/support/ws_frame.hpp"

namespace pulsegate::test {

struct WsOptions {
  std::string host = "127.0.0.1";
  Headers headers;                        // for instance {"Origin", …}, {"Authorization", …}
  std::vector<std::string> subprotocols;  // Sec-WebSocket-Protocol
  std::string extensions;                 // Sec-WebSocket-Extensions; empty: none. What comes compressed is inflated
  bool answer_pings = true;               // false: to be found dead by the server
  bool contract = true;                   // false: what travels is not the protocol's, or is too much to be looked at
  TcpOptions tcp;
};

// For servers that do not speak the protocol, and for measurements.
inline WsOptions without_contract(WsOptions options = {}) {
  options.contract = false;
  return options;
}

// A whole message (fragments joined), or the end of the connection.
struct WsMessage {
  Opcode opcode = Opcode::text;  // text, binary or close
  std::string payload;
  Json json() const { return Json::parse(payload); }
};

struct CloseInfo {
  std::uint16_t code = 1006;  // 1005: a close frame without a code; 1006: the connection ended without one
  std::string reason;
};

// Thread: one at a time.
// Functions called expect…() throw std::runtime_error, with the messages seen meanwhile, when what they wait for does
// not come.
class WsClient {
 public:
  // Performs the handshake and checks it; throws with status and body when the server does not switch protocols.
  static WsClient open(std::uint16_t port, const std::string& target, const WsOptions& options = {});
  // The same without the check: look at response() and is_open().
  static WsClient attempt(std::uint16_t port, const std::string& target, const WsOptions& options = {});

  const HttpResponse& response() const { return response_; }
  bool is_open() const { return open_; }
  // The subprotocol that the server selected; empty: none.
  std::string subprotocol() const { return response_.header("sec-websocket-protocol"); }
  // The extensions that the server has agreed to; empty: none.
  std::string extensions() const { return response_.header("sec-websocket-extensions"); }

  // Sending. False when the peer is gone or does not take the bytes in time.
  // A command; throws std::runtime_error where the contract (proto/schemas) does not have it.
  bool send_text(std::string_view text);
  // For what the contract does not have, on purpose.
  bool send_unchecked(std::string_view text);
  bool send_binary(std::string_view bytes);
  bool send_fragment(Opcode opcode, std::string_view bytes, bool fin);  // continuation for all but the first
  bool send_compressed(std::string_view text);                          // whether or not that was negotiated
  bool send_frame(const WsFrame& frame);                                // masked is taken as it stands
  bool send_raw(std::string_view bytes);
  bool ping(std::string_view payload = {});

  // {"type":"subscribe","channels":[…]}, and the same for unsubscribe. `more` is put in as it is: R"("since":"…")".
  bool subscribe(const std::vector<std::string>& channels, const std::string& more = {});
  bool unsubscribe(const std::vector<std::string>& channels, const std::string& more = {});

  // Every text that is received must be a message of the contract, or these throw, too.
  // The next text, binary or close message. Pings are answered and, like pongs, counted but not returned.
  // nullopt: nothing within the deadline, or the connection has ended (then ended() is true).
  std::optional<WsMessage> receive(Millis deadline = kDeadline);
  // The next frame as it came, of any kind; nothing is answered.
  std::optional<WsFrame> receive_frame(Millis deadline = kDeadline);
  bool ended() const { return ended_; }
  std::size_t pings_received() const { return pings_; }
  std::size_t pongs_received() const { return pongs_; }
  // Messages that came compressed. One that cannot be inflated, or was not agreed on, makes receive() throw.
  std::size_t compressed_received() const { return compressed_; }

  // The next message as JSON.
  Json expect_json(Millis deadline = kDeadline);
  // The next message of that type; others before it are skipped.
  Json expect(const std::string& type, Millis deadline = kDeadline);
  // All messages up to and including the first that satisfies `predicate`.
  std::vector<Json> expect_until(const std::function<bool(const Json&)>& predicate, Millis deadline = kDeadline);
  // Like expect_until, but returns what came by the deadline, satisfied or not.
  std::vector<Json> receive_until(const std::function<bool(const Json&)>& predicate, Millis deadline = kDeadline);
  // Sends the command `ping` and returns all messages before its `pong`: proves that nothing else was sent, without
  // waiting.
  std::vector<Json> expect_until_pong(Millis deadline = kDeadline);
  // A protocol-level ping, and the messages that came before its pong.
  bool expect_pong(Millis deadline = kDeadline);
  // Reads to the end of the connection; messages before it are skipped. Answers the server's close frame.
  CloseInfo expect_close(Millis deadline = kDeadline);

  // The closing handshake: sends a close frame, waits for the answer. Returns what the server said.
  CloseInfo close(std::uint16_t code = 1000, const std::string& reason = {}, Millis deadline = kDeadline);
  // Drops the connection without a close frame; `reset` by RST.
  void drop(bool reset = false);

  TcpSocket& socket() { return socket_; }

 private:
  WsClient() = default;
  bool send_command(const char* type, const std::vector<std::string>& channels, const std::string& more);
  WsMessage take_partial();
  void inflate(WsMessage& message);
  [[noreturn]] void fail(const std::string& wanted, const std::vector<Json>& seen) const;

  TcpSocket socket_;
  HttpResponse response_;
  std::string buffer_;                // bytes received and not yet decoded
  std::optional<WsMessage> partial_;  // a fragmented message in progress
  bool partial_compressed_ = false;   // its first frame had RSV1
  std::optional<CloseInfo> close_;    // the server's close frame
  bool open_ = false;
  bool ended_ = false;
  bool answer_pings_ = true;
  bool contract_ = true;
  std::size_t pings_ = 0;
  std::size_t pongs_ = 0;
  std::size_t compressed_ = 0;
};

}  // namespace pulsegate::test
