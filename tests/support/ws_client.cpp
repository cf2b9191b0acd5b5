// See ws_client.hpp.
#include "tests/support/ws_client.hpp"

#include <algorithm>
#include <stdexcept>

#include "tests/support/contract.hpp"
#include "tests/support/ws_deflate.hpp"

namespace pulsegate::test {
namespace {

constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";  // the example of RFC 6455; a fixed one is as good for a test

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const auto& word : words) text += (text.empty() ? "" : ", ") + word;
  return text;
}

std::string handshake(std::uint16_t port, const std::string& target, const WsOptions& options) {
  Headers headers = {{"Host", options.host + ":" + std::to_string(port)},
                     {"Upgrade", "websocket"},
                     {"Connection", "Upgrade"},
                     {"Sec-WebSocket-Key", kKey},
                     {"Sec-WebSocket-Version", "13"}};
  if (!options.subprotocols.empty()) headers.emplace_back("Sec-WebSocket-Protocol", join(options.subprotocols));
  if (!options.extensions.empty()) headers.emplace_back("Sec-WebSocket-Extensions", options.extensions);
  for (const auto& [name, value] : options.headers) {
    // A test's header takes the place of ours, so that it can also send a wrong one.
    const auto ours = std::find_if(headers.begin(), headers.end(), [&n = name](const auto& h) { return h.first == n; });
    if (ours != headers.end()) {
      ours->second = value;
    } else {
      headers.emplace_back(name, value);
    }
  }
  std::string request = "GET " + target + " HTTP/1.1\r\n";
  for (const auto& [name, value] : headers) request += name + ": " + value + "\r\n";
  return request + "\r\n";
}

}  // namespace

WsClient WsClient::attempt(std::uint16_t port, const std::string& target, const WsOptions& options) {
  WsClient client;
  client.answer_pings_ = options.answer_pings;
  client.contract_ = options.contract;
  client.socket_ = TcpSocket(options.host, port, options.tcp);
  client.socket_.write(handshake(port, target, options), options.tcp.deadline);
  client.response_ = read_http_response(client.socket_, client.buffer_, options.tcp.deadline);
  if (client.contract_)
    check_http_body(target, client.response_.status, client.response_.header("content-type"), client.response_.body);
  client.open_ = client.response_.status == 101 && client.response_.header("sec-websocket-accept") == accept_key(kKey);
  return client;
}

WsClient WsClient::open(std::uint16_t port, const std::string& target, const WsOptions& options) {
  WsClient client = attempt(port, target, options);
  if (!client.open_) {
    throw std::runtime_error("no WebSocket at " + target + ": " + std::to_string(client.response_.status) + " " +
                             client.response_.reason + " " + client.response_.body);
  }
  return client;
}

bool WsClient::send_raw(std::string_view bytes) {
  return socket_.write(bytes);
}
bool WsClient::send_frame(const WsFrame& frame) {
  return send_raw(encode_frame(frame));
}

bool WsClient::send_fragment(Opcode opcode, std::string_view bytes, bool fin) {
  return send_frame({fin, 0, opcode, true, std::string(bytes)});
}

bool WsClient::send_unchecked(std::string_view text) {
  return send_fragment(Opcode::text, text, true);
}
bool WsClient::send_text(std::string_view text) {
  if (contract_) check_command(text);
  return send_unchecked(text);
}
bool WsClient::send_compressed(std::string_view text) {
  return send_frame({true, 4, Opcode::text, true, deflate_message(text)});
}
bool WsClient::send_binary(std::string_view bytes) {
  return send_fragment(Opcode::binary, bytes, true);
}
bool WsClient::ping(std::string_view payload) {
  return send_fragment(Opcode::ping, payload, true);
}

bool WsClient::send_command(const char* type, const std::vector<std::string>& channels, const std::string& more) {
  std::string quoted;
  for (const auto& channel : channels) quoted += (quoted.empty() ? "\"" : ",\"") + channel + "\"";
  return send_text(std::string("{\"type\":\"") + type + "\",\"channels\":[" + quoted + "]" + (more.empty() ? "" : ",") +
                   more + "}");
}

bool WsClient::subscribe(const std::vector<std::string>& channels, const std::string& more) {
  return send_command("subscribe", channels, more);
}
bool WsClient::unsubscribe(const std::vector<std::string>& channels, const std::string& more) {
  return send_command("unsubscribe", channels, more);
}

std::optional<WsFrame> WsClient::receive_frame(Millis deadline) {
  const Deadline end(deadline);
  for (;;) {
    if (auto frame = decode_frame(buffer_)) return frame;
    if (ended_) return std::nullopt;
    const auto result = socket_.read_some(buffer_, end.left());
    if (result == TcpSocket::Read::end) ended_ = true;
    if (result == TcpSocket::Read::timeout) return std::nullopt;
  }
}

std::optional<WsMessage> WsClient::receive(Millis deadline) {
  const Deadline end(deadline);
  while (auto frame = receive_frame(end.left())) {
    switch (frame->opcode) {
      case Opcode::ping:
        ++pings_;
        if (answer_pings_) send_fragment(Opcode::pong, frame->payload, true);
        break;
      case Opcode::pong:
        ++pongs_;
        break;
      case Opcode::close: {
        CloseInfo info;
        info.code = 1005;
        if (frame->payload.size() >= 2) {
          const auto high = static_cast<std::uint8_t>(frame->payload[0]);
          const auto low = static_cast<std::uint8_t>(frame->payload[1]);
          info.code = static_cast<std::uint16_t>(high << 8 | low);
          info.reason = frame->payload.substr(2);
        }
        if (!close_) close_ = info;
        return WsMessage{Opcode::close, std::move(frame->payload)};
      }
      default:
        if (!partial_) {
          partial_ = WsMessage{frame->opcode, {}};
          partial_compressed_ = frame->rsv == 4;
        }
        partial_->payload += frame->payload;
        if (frame->fin) return take_partial();
    }
  }
  return std::nullopt;
}

WsMessage WsClient::take_partial() {
  WsMessage message = *std::move(partial_);
  partial_.reset();
  if (partial_compressed_) inflate(message);
  if (contract_ && message.opcode == Opcode::text) check_server_message(message.payload);
  return message;
}

void WsClient::inflate(WsMessage& message) {
  ++compressed_;
  auto text = extensions().empty() ? std::nullopt : inflate_message(message.payload);
  if (!text) throw std::runtime_error("a compressed message that nobody can read");
  message.payload = *std::move(text);
}

void WsClient::fail(const std::string& wanted, const std::vector<Json>& seen) const {
  std::string text = "no " + wanted + (ended_ ? "; the connection has ended" : "");
  if (close_) text += "; closed with " + std::to_string(close_->code) + " " + close_->reason;
  text += "; received meanwhile: " + std::to_string(seen.size()) + " messages";
  for (std::size_t i = 0; i < seen.size() && i < 20; ++i) text += "\n  " + seen[i].text().substr(0, 300);
  throw std::runtime_error(text);
}

Json WsClient::expect_json(Millis deadline) {
  const auto message = receive(deadline);
  if (!message || message->opcode == Opcode::close) fail("message", {});
  return message->json();
}

std::vector<Json> WsClient::receive_until(const std::function<bool(const Json&)>& predicate, Millis deadline) {
  const Deadline end(deadline);
  std::vector<Json> seen;
  while (const auto message = receive(end.left())) {
    if (message->opcode == Opcode::close) break;
    seen.push_back(message->json());
    if (predicate(seen.back())) break;
  }
  return seen;
}

std::vector<Json> WsClient::expect_until(const std::function<bool(const Json&)>& predicate, Millis deadline) {
  // Asked once per message: a predicate may count.
  bool satisfied = false;
  auto seen = receive_until([&](const Json& message) { return satisfied = predicate(message); }, deadline);
  if (!satisfied) fail("message as expected", seen);
  return seen;
}

Json WsClient::expect(const std::string& type, Millis deadline) {
  const auto wanted = [&](const Json& message) { return message.type() == type; };
  const auto seen = receive_until(wanted, deadline);
  if (seen.empty() || !wanted(seen.back())) fail("message of type " + type, seen);
  return seen.back();
}

std::vector<Json> WsClient::expect_until_pong(Millis deadline) {
  if (!send_text(R"({"type":"ping"})")) fail("room for a ping", {});
  auto seen = expect_until([](const Json& message) { return message.type() == "pong"; }, deadline);
  seen.pop_back();
  return seen;
}

bool WsClient::expect_pong(Millis deadline) {
  const Deadline end(deadline);
  const std::size_t before = pongs_;
  if (!ping("test")) return false;
  while (const auto frame = receive_frame(end.left())) {
    if (frame->opcode == Opcode::pong) ++pongs_;
    if (frame->opcode == Opcode::close) return false;
    if (pongs_ != before) return frame->payload == "test";
  }
  return false;
}

CloseInfo WsClient::expect_close(Millis deadline) {
  const Deadline end(deadline);
  std::vector<Json> seen;
  while (!close_) {
    const auto message = receive(end.left());
    if (!message) break;
    if (message->opcode == Opcode::text) seen.push_back(message->json());
  }
  if (!close_ && !ended_) fail("end of the connection", seen);
  if (close_ && open_) {
    send_fragment(Opcode::close, close_->code == 1005 ? std::string() : close_payload(close_->code), true);
  }
  open_ = false;
  return close_.value_or(CloseInfo{});
}

CloseInfo WsClient::close(std::uint16_t code, const std::string& reason, Millis deadline) {
  send_fragment(Opcode::close, close_payload(code, reason), true);
  open_ = false;  // ours is sent already: expect_close() must not send another
  return expect_close(deadline);
}

void WsClient::drop(bool reset) {
  open_ = false;
  ended_ = true;
  if (reset) {
    socket_.reset();
  } else {
    socket_.close();
  }
}

}  // namespace pulsegate::test
