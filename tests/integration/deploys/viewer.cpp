// No JSON reader: a fleet must not cost more than the gateways that it is about. The form of messages is tested
// elsewhere.
#include "viewer.hpp"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>
#include <stdexcept>

#include "gateway/commands/reconnect.hpp"
#include "reporter.hpp"

namespace pulsegate::test {
namespace {

constexpr const char* kKey = "dGhlIHNhbXBsZSBub25jZQ==";

// What stands behind `key` up to `end`; empty: no such key.
std::string_view text_after(std::string_view message, std::string_view key, char end) {
  const std::size_t at = message.find(key);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = message.substr(at + key.size());
  return rest.substr(0, rest.find(end));
}

long long number_after(std::string_view message, std::string_view key) {
  const std::size_t at = message.find(key);
  long long value = -1;
  if (at != std::string_view::npos)
    std::from_chars(message.data() + at + key.size(), message.data() + message.size(), value);
  return value;
}

bool begins_with(std::string_view text, std::string_view prefix) {
  return text.substr(0, prefix.size()) == prefix;
}

void note(FleetTally& tally, std::string_view fault) {
  if (tally.first_fault.empty()) tally.first_fault = fault.substr(0, 500);
}

}  // namespace

bool Viewer::connect(std::uint16_t port) {
  fd_ = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) throw std::runtime_error(std::string("no socket: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 && errno != EINPROGRESS)
    throw std::runtime_error(std::string("no connection to the proxy: ") + std::strerror(errno));
  state_ = State::connecting;
  received_.clear();
  return true;
}

bool Viewer::on_ready(bool writable, FleetTally& tally, std::mt19937_64& random) {
  const State before = state_;
  if (state_ == State::connecting && writable) {
    send_handshake();
    return true;
  }
  char buffer[16 * 1024];
  const ssize_t size = ::recv(fd_, buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return false;
  if (size <= 0) {
    if (state_ == State::open) ++tally.lost;
    if (state_ != State::open) ++failures_;
    leave(1006, 0, random);
    return true;
  }
  received_.append(buffer, static_cast<std::size_t>(size));
  if (state_ == State::shaking_hands) read_handshake(tally, random);
  if (state_ == State::open) read_frames(tally, random);
  return state_ != before;
}

void Viewer::send_handshake() {
  state_ = State::shaking_hands;
  const std::string request = "GET /api/v1/devices/" + reported_device(device_) +
                              "/ws HTTP/1.1\r\nHost: fleet\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                              kKey + "\r\n\r\n";
  ::send(fd_, request.data(), request.size(),
         MSG_NOSIGNAL);  // less than any socket's buffer; a failure shows in recv()
}

void Viewer::read_handshake(FleetTally& tally, std::mt19937_64& random) {
  const std::size_t end = received_.find("\r\n\r\n");
  if (end == std::string::npos) return;
  if (!begins_with(received_, "HTTP/1.1 101 ")) {
    ++tally.refused;
    ++failures_;
    note(tally, received_);
    int status = 0;
    std::from_chars(received_.data() + sizeof "HTTP/1.1", received_.data() + received_.size(), status);
    return leave(0, status, random);
  }
  received_.erase(0, end + 4);
  state_ = State::open;
  send(Opcode::text, R"({"type":"subscribe","channels":["metrics"])" +
                         (cursor_.empty() ? std::string() : R"(,"since":")" + cursor_ + '"') + "}");
}

void Viewer::read_frames(FleetTally& tally, std::mt19937_64& random) {
  while (state_ == State::open) {
    const std::optional<WsFrame> frame = decode_frame(received_);
    if (!frame) return;
    if (frame->opcode == Opcode::ping) send(Opcode::pong, frame->payload);
    if (frame->opcode == Opcode::text) take(frame->payload, tally);
    if (frame->opcode != Opcode::close) continue;
    const auto* bytes = reinterpret_cast<const unsigned char*>(frame->payload.data());
    const auto code = static_cast<std::uint16_t>(frame->payload.size() < 2 ? 1005 : bytes[0] << 8 | bytes[1]);
    if (code == 1012) ++tally.sent_away;
    if (code != 1012) note(tally, "closed with " + std::to_string(code));
    send(Opcode::close, frame->payload);
    leave(code, 0, random);
  }
}

void Viewer::take(std::string_view message, FleetTally& tally) {
  if (begins_with(message, R"({"type":"metrics")")) return take_sample(message, tally);
  const std::string_view type = text_after(message, R"({"type":")", '"');
  if (type == "reconnect") hint_ms_ = number_after(message, R"("after_ms":)");
  if (type == "subscribed" && !cursor_.empty()) {
    const bool whole = message.find(R"("resumed":true)") != std::string_view::npos;
    ++(whole ? tally.resumed : tally.not_resumed);
    if (!whole) note(tally, message);
  }
  if (type != "gap" && type != "error") return;
  ++(type == "gap" ? tally.gaps : tally.errors);
  note(tally, message);
}

void Viewer::take_sample(std::string_view message, FleetTally& tally) {
  failures_ = 0;
  hint_ms_ = 0;
  ++tally.deliveries;
  const long long number = number_after(message, R"("network_rx":)");
  if (last_ >= 0 && number <= last_) {
    ++tally.duplicates;
    note(tally, "again, after " + std::to_string(last_) + ": " + std::string(message));
  } else if (last_ >= 0 && number != last_ + 1) {
    tally.missed += static_cast<std::uint64_t>(number - last_ - 1);
    note(tally, "after " + std::to_string(last_) + ": " + std::string(message));
  }
  if (number > last_) last_ = number;
  cursor_ = text_after(message, R"("cursor":")", '"');
}

void Viewer::send(Opcode opcode, const std::string& payload) {
  WsFrame frame;
  frame.opcode = opcode;
  frame.masked = true;
  frame.payload = payload;
  const std::string bytes = encode_frame(frame);
  ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
}

// By the rule of our own clients.
void Viewer::leave(std::uint16_t code, int http_status, std::mt19937_64& random) {
  drop();
  commands::Ended ended;
  ended.close_code = code;
  ended.http_status = http_status;
  ended.hint = std::chrono::milliseconds(hint_ms_);
  ended.failures = failures_;
  ended.random = std::uniform_real_distribution<double>(0, 1)(random);
  due_ = Clock::now() + commands::plan_reconnect(ended).after;
}

void Viewer::drop() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
  state_ = State::away;
}

}  // namespace pulsegate::test
