// What a connection makes of the messages and pings of its peer, and how it takes in those that it sends.
#include <string>
#include <string_view>
#include <utility>

#include <asio/post.hpp>
#include <websocketpp/utf8_validator.hpp>

#include "gateway/ws/config.hpp"
#include "gateway/ws/connection.hpp"

namespace pulsegate::ws {
namespace {

constexpr char kPongHeader = '\x8a';

// Of valid UTF-8 but for its end: whether that lies within a character (RFC 3629, section 3).
bool ends_within_character(std::string_view text) {
  for (std::size_t behind = 0; behind < 3 && behind < text.size(); ++behind) {
    const auto byte = static_cast<unsigned char>(text[text.size() - 1 - behind]);
    if ((byte & 0xc0) == 0x80) continue;
    const std::size_t wanted = byte >= 0xf0 ? 3 : byte >= 0xe0 ? 2 : byte >= 0xc0 ? 1 : 0;
    return wanted > behind;
  }
  return false;
}

}  // namespace

void Connection::on_message(const InboundMessage& message) {
  inbound_->delivered();
  message_pending_ = false;
  if (phase_ != Phase::open || inbound_->overflowed()) return;
  ++host_->counters.messages_received;
  try {
    std::string_view payload;
    if (!unpack(message, payload)) return;
    const Now now = host_->clock.now();
    message.is_text() ? handler_->on_text(payload, now) : handler_->on_binary(payload, now);
  } catch (...) {
    close(proto::CloseCode::internal_error);
  }
}

bool Connection::unpack(const InboundMessage& message, std::string_view& payload) {
  payload = message.get_payload();
  if (!message.is_compressed()) {
    // The library has checked the rest; the end it checks only where the last frame is no continuation.
    if (!message.is_text() || !ends_within_character(payload)) return true;
    reject(proto::CloseCode::invalid_payload);
    return false;
  }
  ++host_->counters.compressed_received;
  const Inflater::Message inflated = host_->inflater.inflate(payload, host_->config.max_message);
  switch (inflated.status) {
    case Inflater::Status::complete:
      break;
    case Inflater::Status::too_big:
      reject(proto::CloseCode::message_too_big);
      return false;
    case Inflater::Status::invalid:
      reject(proto::CloseCode::invalid_payload);
      return false;
  }
  host_->counters.inflated_bytes += inflated.payload.size();
  payload = inflated.payload;
  websocketpp::utf8_validator::validator utf8;
  if (!message.is_text() || (utf8.decode(payload.begin(), payload.end()) && utf8.complete())) return true;
  reject(proto::CloseCode::invalid_payload);
  return false;
}

// For what the peer has sent: nothing that is queued matters to it any more.
void Connection::reject(proto::CloseCode code) {
  drop_unsent();
  close(code);
}

void Connection::on_ping(const std::string& payload) {
  if (!pong_pending_) return send_pong(payload);
  // RFC 6455, section 5.5.3: of several unanswered pings the latest is enough.
  waiting_ping_ = payload;
  ping_waiting_ = true;
}

void Connection::send_pong(const std::string& payload) {
  pong_pending_ = true;
  std::string bytes{kPongHeader, static_cast<char>(payload.size())};
  bytes += payload;
  queue_control(Frame::raw(bytes), [this] {
    pong_pending_ = false;
    if (std::exchange(ping_waiting_, false)) send_pong(std::exchange(waiting_ping_, {}));
  });
}

Outbox::Push Connection::send(FramePtr frame, ConflationKey key) {
  if (phase_ != Phase::open || overflowed_) return Outbox::Push::overflow;
  if (compressed_) frame = host_->compressor.shared(std::move(frame));
  const Outbox::Push result = queue(std::move(frame), key);
  if (host_->session_backlog() > host_->config.backlog_limit) host_->relieve();
  if (result == Outbox::Push::overflow) {
    overflowed_ = true;
    asio::post(host_->io, [this, self = shared_from_this()] { close_slow(); });
  }
  return result;
}

void Connection::make_room(std::size_t devices) {
  outbox().make_room(limits_for(host_->config.outbox, devices),
                     static_cast<ConflationKey>(devices * kMaxConflationKey));
}

void Connection::forget(ConflationKey first, ConflationKey last) {
  forget_queued(first, last);
}

void Connection::send_apart(FramePtr frame) {
  if (phase_ != Phase::open || overflowed_) return;
  if (compressed_) frame = host_->compressor.shared(std::move(frame));
  queue_apart(std::move(frame));
  if (host_->session_backlog() > host_->config.backlog_limit) host_->relieve();
}

}  // namespace pulsegate::ws
