// The protocol of the guide, as far as a client that looks at `metrics` needs it.
#include "tests/bench/load/client.hpp"

#include <sys/socket.h>

#include <charconv>

#include "tests/bench/load/event.hpp"
#include "tests/bench/load/socket.hpp"

namespace pulsegate::bench {
namespace {

// The key of RFC 6455, section 1.3, and its answer: a floor needs no SHA-1, and the generator can still check.
constexpr std::string_view kKey = "dGhlIHNhbXBsZSBub25jZQ==";
constexpr std::string_view kAccept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";
constexpr unsigned kText = 1, kClose = 8, kPing = 9, kPong = 10;

std::uint64_t number(std::string_view text) {
  std::uint64_t value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

bool starts_with(std::string_view text, std::string_view head) {
  return text.substr(0, head.size()) == head;
}

bool is_type(std::string_view message, std::string_view type) {
  constexpr std::string_view kHead = R"({"type":")";
  return starts_with(message, kHead) && starts_with(message.substr(kHead.size()), type) &&
         starts_with(message.substr(kHead.size() + type.size()), "\"");
}

}  // namespace

void Client::open(const Options& options, std::size_t device, std::uint64_t first, bool joins_late, std::uint64_t now) {
  *this = Client();
  device_ = static_cast<std::uint32_t>(device);
  opened_at_ = now;
  sequence_.start(first, joins_late);
  awaiting_ = !options.await.empty();
  fd_ = connect_local(options.port);
  state_ = State::connecting;
}

void Client::on_connected(const Options& options) {
  const std::string request = "GET /api/v1/devices/" + device_uuid(device_) +
                              "/ws HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                              "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: " +
                              std::string(kKey) +
                              (options.compress ? "\r\nSec-WebSocket-Extensions: permessage-deflate" : "") + "\r\n\r\n";
  // A fresh socket takes a few hundred bytes at once; if not, the handshake's deadline tells.
  if (::send(fd_, request.data(), request.size(), MSG_NOSIGNAL) > 0) state_ = State::shaking_hands;
}

// Returns how many bytes belonged to the response.
std::size_t Client::take_handshake(const char* data, std::size_t size, const Options& options, ClientCounts& counts) {
  constexpr std::string_view kEnd = "\r\n\r\n";
  const std::size_t before = response_.size();
  response_.append(data, size);
  const std::size_t end = response_.find(kEnd);
  if (end == std::string::npos) {
    if (response_.size() > 16 * 1024) on_failure("the response to the handshake does not end", counts);
    return size;
  }
  if (!starts_with(response_, "HTTP/1.1 101 ") || response_.find(kAccept) > end) {
    on_failure(response_.substr(0, response_.find('\r')), counts);
    return size;
  }
  if (options.compress && response_.find("server_no_context_takeover") > end) {
    on_failure("the server does not agree to compression without context", counts);
    return size;
  }
  const std::size_t taken = end + kEnd.size() - before;
  response_ = std::string();
  if (options.ready == Ready::open) {
    // Such servers forward everything; nchan even closes a subscriber that sends something.
    state_ = State::ready;
    return taken;
  }
  state_ = State::subscribing;
  std::string channels = '"' + options.channel + '"';
  for (std::size_t comma = 0; (comma = channels.find(',', comma)) != std::string::npos; comma += 3)
    channels.replace(comma, 1, "\",\"");
  send_frame(kText, R"({"type":"subscribe","channels":[)" + channels + "]}");
  if (options.ready == Ready::pong) send_frame(kText, R"({"type":"ping"})");
  return taken;
}

void Client::on_bytes(const char* data, std::size_t size, const Options& options, ClientCounts& counts,
                      std::uint64_t now) {
  if (state_ == State::shaking_hands) {
    const std::size_t taken = take_handshake(data, size, options, counts);
    data += taken;
    size -= taken;
  }
  if (state_ == State::closed) return;
  scanner_.feed(data, size, [&](unsigned opcode, std::string_view head, std::uint64_t payload) {
    if (opcode == kText) {
      on_message(head, payload, options, counts, now);
    } else if (opcode == (kText | FrameScanner::kCompressed)) {
      on_message(counts.heads.head(head), payload, options, counts, now);
    } else if (opcode == kPing) {
      send_frame(kPong, head);
    } else if (opcode == kClose && head.size() >= 2) {
      counts.last_close_code = static_cast<unsigned char>(head[0]) << 8 | static_cast<unsigned char>(head[1]);
    }
  });
}

void Client::on_message(std::string_view head, std::uint64_t size, const Options& options, ClientCounts& counts,
                        std::uint64_t now) {
  constexpr std::size_t kStampAt = kEventHead.size() + kSequenceDigits + kStampKey.size();
  if (head.size() >= kStampAt + kStampDigits && starts_with(head, kEventHead)) {
    const std::uint64_t stale = counts.events.stale;
    sequence_.take(number(head.substr(kEventHead.size(), kSequenceDigits)) - kSequenceBase, counts.events);
    if (counts.events.stale != stale) return;
    counts.bytes += size;
    const std::uint64_t stamp = number(head.substr(kStampAt, kStampDigits)) - kStampBase;
    counts.latency.record(now > stamp ? now - stamp : 0);
    return;
  }
  if (is_type(head, "gap")) {
    ++counts.gaps;
  } else {
    ++counts.others;
  }
  if (state_ == State::subscribing && is_type(head, options.ready == Ready::pong ? "pong" : "subscribed"))
    state_ = State::ready;
  if (awaiting_ && is_type(head, options.await)) {
    awaiting_ = false;
    counts.awaited.record(now - opened_at_);
  }
}

// Masked, as a client must (RFC 6455, section 5.3). Requires: payload.size() < 126.
void Client::send_frame(unsigned opcode, std::string_view payload) {
  constexpr unsigned char kMask[4] = {0x37, 0xfa, 0x21, 0x3d};
  std::string frame;
  frame.push_back(static_cast<char>(0x80u | opcode));
  frame.push_back(static_cast<char>(0x80u | payload.size()));
  frame.append(reinterpret_cast<const char*>(kMask), sizeof kMask);
  for (std::size_t i = 0; i < payload.size(); ++i)
    frame.push_back(static_cast<char>(static_cast<unsigned char>(payload[i]) ^ kMask[i % 4]));
  // Clients send a few bytes in their whole life; a socket that does not take them is broken, which recv() will tell.
  [[maybe_unused]] const ssize_t sent = ::send(fd_, frame.data(), frame.size(), MSG_NOSIGNAL);
}

void Client::on_failure(std::string_view why, ClientCounts& counts) {
  ++counts.closed;
  counts.last_failure = why;
  close();
}

void Client::close() noexcept {
  if (fd_ >= 0) reset_and_close(fd_);
  fd_ = -1;
  state_ = State::closed;
}

}  // namespace pulsegate::bench
