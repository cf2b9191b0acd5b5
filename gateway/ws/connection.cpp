// The only translation unit that instantiates websocketpp, hence long: a connection of ours is the base of one of the
// library's.
#include "gateway/ws/connection.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <asio/post.hpp>
#include <websocketpp/connection.hpp>
#include <websocketpp/processors/hybi00.hpp>
#include <websocketpp/processors/hybi07.hpp>
#include <websocketpp/processors/hybi08.hpp>
#include <websocketpp/processors/hybi13.hpp>
#include <websocketpp/utf8_validator.hpp>

#include "gateway/ws/config.hpp"
#include "gateway/ws/http_answer.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {
namespace {

using Library = websocketpp::connection<Websocket>;
namespace status = websocketpp::close::status;

constexpr std::string_view kSubprotocol = "pulsegate.v1";
constexpr std::string_view kPing("\x89\x00", 2);
constexpr char kPongHeader = '\x8a';

Library& library(Connection& connection) {
  return static_cast<Library&>(connection);
}
const Library& library(const Connection& connection) {
  return static_cast<const Library&>(connection);
}

const FramePtr& ping_frame() {
  thread_local const FramePtr frame = Frame::raw(kPing);  // reference counts are not atomic: one per shard
  return frame;
}

}  // namespace

std::shared_ptr<Connection> Connection::create(Host& host, asio::ip::tcp::socket socket) {
  // Stateless, and shared by all connections of the process.
  static const auto log = std::make_shared<websocketpp::log::stub>();
  static Websocket::rng_type random;

  const auto connection = std::make_shared<Library>(true, "pulsegate", log, log, random);
  connection->set_handle(connection);
  connection->set_max_message_size(host.config.max_message);
  connection->set_max_http_body_size(Websocket::max_http_body_size);

  Connection& self = *connection;
  self.host_ = &host;
  self.id_ = host.next_id();
  self.since_ = host.clock.now().steady;
  self.attach(std::move(socket), host.config.outbox, host.counters, host.clock);
  self.inbound_ = &connection->get_message(websocketpp::frame::opcode::close, 0)->messages();
  self.inbound_->set_cap(host.config.max_message);
  const_cast<HandshakeRequest&>(connection->get_request()).allow_compression(host.config.compress);

  using Handle = websocketpp::connection_hdl;
  connection->set_validate_handler([&self](const Handle&) { return self.on_handshake(); });
  connection->set_http_handler([&self](const Handle&) { self.on_plain_http(); });
  connection->set_open_handler([&self](const Handle&) { self.on_open(); });
  connection->set_message_handler(
      [&self](const Handle&, const InboundMessage::ptr& message) { self.on_message(*message); });
  connection->set_ping_handler([&self](const Handle&, const std::string& payload) {
    self.on_ping(payload);
    return false;  // answered by ourselves: the library would queue any number of pongs for a peer that does not read
  });
  return connection;
}

void Connection::start() {
  library(*this).start();
}

bool Connection::on_handshake() {
  Library& con = library(*this);
  auto admission = std::make_unique<access::Admission>(access::decide(handshake_request(), host_->accepting));
  // A proxy tries a 503 elsewhere; a close code would be left to the client.
  if (host_->draining && admission->http_status == 503) admission->refuse_by_close = false;
  if (!admission->accepted && !admission->refuse_by_close) {
    refuse(*admission);
    return false;
  }
  const std::vector<std::string>& offered = con.get_requested_subprotocols();
  std::error_code ignored;
  if (std::find(offered.begin(), offered.end(), kSubprotocol) != offered.end())
    con.select_subprotocol(std::string(kSubprotocol), ignored);
  admission_ = std::move(admission);
  return true;
}

access::Request Connection::handshake_request() const {
  const HandshakeRequest& sent = library(*this).get_request();
  access::Request request;
  request.method = sent.get_method();
  request.target = sent.get_uri();
  request.origin = sent.sent("Origin");
  request.websocket_version = sent.sent("Sec-WebSocket-Version");
  // Asked of the base class, which sees the header even where the handshake is not one that we speak.
  request.upgrade = websocketpp::processor::is_websocket_handshake(static_cast<const HandshakeRequest::Base&>(sent));
  return request;
}

void Connection::respond(const HttpAnswer& answer) {
  Library& con = library(*this);
  con.set_status(static_cast<websocketpp::http::status_code::value>(answer.status));
  con.set_body(con.get_request().get_method() == "HEAD" ? std::string() : answer.body);
  con.replace_header("Content-Type", "application/json");
  con.replace_header("Cache-Control", "no-store");
  con.replace_header("Connection", "close");  // the library serves one request a connection
  for (const auto& [name, value] : answer.headers) con.replace_header(name, value);
}

void Connection::defer_response() {
  library(*this).defer_http_response();
}

void Connection::send_response() {
  Library& con = library(*this);
  std::error_code ignored;  // "invalid state": nothing was deferred
  con.send_http_response(ignored);
  // The library holds the response once more as the bytes that it has written.
  const_cast<HandshakeResponse&>(con.get_response()).forget();
}

void Connection::on_open() {
  const Now now = host_->clock.now();
  const std::unique_ptr<access::Admission> admission = std::move(admission_);
  compressed_ = !library(*this).get_response().get_header("Sec-WebSocket-Extensions").empty();
  forget_handshake();
  --host_->counters.handshaking;
  since_ = last_received_ = now.steady;
  if (!admission->accepted) return tell_and_close(*admission);

  phase_ = Phase::open;
  next_ping_ = now.steady + host_->config.ping_interval;
  ++host_->counters.opened;
  ++host_->counters.connections;
  if (compressed_) ++host_->counters.compressed_connections;
  host_->opened(*this, now.steady);
  try {
    handler_ = host_->factory.on_open(*this, *admission, now);
  } catch (...) {
    close(proto::CloseCode::internal_error);
  }
}

void Connection::tell_and_close(const access::Admission& admission) {
  phase_ = Phase::refused;
  ++host_->counters.refused[admission.http_status];
  std::string text;
  proto::append_error(text, admission.error, admission.message);
  queue(Frame::text(text), 0);
  tell_when_to_return(admission.close);
  send_close_frame(admission.close);
}

// Whoever is told that there is no room must not come back with all the others at the same moment.
void Connection::tell_when_to_return(proto::CloseCode code) {
  if (!proto::close_info(code).reconnect) return;
  std::string text;
  proto::append_reconnect(text, static_cast<std::uint64_t>(retry_after(code).count()));
  queue(Frame::text(text), 0);
}

void Connection::forget_handshake() {
  Library& con = library(*this);
  // The library keeps all of it for the life of the connection, and hands it out only as const.
  const_cast<HandshakeRequest&>(con.get_request()).forget();
  const_cast<HandshakeResponse&>(con.get_response()).forget();
  std::vector<std::string>().swap(const_cast<std::vector<std::string>&>(con.get_requested_subprotocols()));
  con.set_uri({});
}

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
  if (!message.is_compressed()) return true;
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
  // The library has checked what is not compressed.
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
  if (result == Outbox::Push::overflow) {
    overflowed_ = true;
    asio::post(host_->io, [this, self = shared_from_this()] { close_slow(); });
  }
  return result;
}

void Connection::send_apart(FramePtr frame) {
  if (phase_ != Phase::open || overflowed_) return;
  if (compressed_) frame = host_->compressor.shared(std::move(frame));
  queue_apart(std::move(frame));
}

void Connection::send_away(std::uint64_t after_ms) {
  if (phase_ != Phase::open) return;
  std::string text;
  proto::append_reconnect(text, after_ms);
  send(Frame::text(text), 0);
  close(proto::CloseCode::service_restart);
}

void Connection::close(proto::CloseCode code) {
  if (phase_ != Phase::open) return;
  if (code == proto::CloseCode::try_again_later) tell_when_to_return(code);
  begin_closing(static_cast<std::uint16_t>(code), host_->clock.now().steady);
  send_close_frame(code);
}

void Connection::send_close_frame(proto::CloseCode code) {
  std::error_code ignored;  // "invalid state": the library is closing already
  library(*this).close(static_cast<status::value>(code), std::string(proto::close_info(code).name), ignored);
}

void Connection::begin_closing(std::uint16_t code, SteadyTime now) {
  phase_ = Phase::closing;
  since_ = now;
  if (close_code_ == 0) close_code_ = code;
}

void Connection::close_slow() {
  if (phase_ != Phase::open) return;
  drop_unsent();  // or the close frame would wait behind what the peer does not read
  close(proto::CloseCode::slow_consumer);
}

void Connection::on_queued() {
  if (!wants_write()) return;
  if (!(host_->in_event ? has_events : has_answers)) host_->enlist(*this);
  // A slice of these may take several reads of the bus, so well before the outbox conflates.
  if (host_->in_event && !has_much && outbox().backlog() > host_->config.outbox.conflate_above / 4) host_->hurry(*this);
}

void Connection::on_received(SteadyTime now) {
  last_received_ = now;
}

void Connection::on_consumed(SteadyTime now) {
  if (phase_ != Phase::open) return;
  if (inbound_->overflowed()) return reject(proto::CloseCode::message_too_big);
  if (inbound_->receiving() && !message_pending_) message_since_ = now;
  message_pending_ = inbound_->receiving();

  const Library& con = library(*this);
  if (con.get_state() != websocketpp::session::state::closing) return;
  // The peer began to close, or broke the protocol. Nothing that is queued matters to it any more.
  drop_unsent();
  const bool by_peer = con.get_remote_close_code() != status::abnormal_close;
  begin_closing(by_peer ? con.get_remote_close_code() : con.get_local_close_code(), now);
}

void Connection::on_written() {
  on_consumed(last_received_);  // what came with the handshake is read once the response is written
  if (phase_ != Phase::open || !outbox().empty() || outbox().conflated() == 0) return;
  try {
    const Now now = host_->clock.now();
    handler_->on_drained(outbox().take_conflated(now.steady), now);
  } catch (...) {
    close(proto::CloseCode::internal_error);
  }
}

void Connection::on_failed() {
  abort();
}

void Connection::on_terminated() {
  const Phase phase = std::exchange(phase_, Phase::ended);
  EndpointCounters& counters = host_->counters;
  if (phase == Phase::handshake) {
    --counters.handshaking;
    // Neither a refusal nor a connection that said nothing, such as a load balancer's probe.
    if (!handshake_counted_ && (received_anything() || close_code_ != 0)) ++counters.handshake_failures;
  }
  if (phase == Phase::answering) end_plain();
  if (phase != Phase::open && phase != Phase::closing) return;

  const std::uint16_t code = close_code();
  --counters.connections;
  if (compressed_) --counters.compressed_connections;
  ++counters.closed[code];
  const std::unique_ptr<LinkHandler> handler = std::move(handler_);
  if (handler == nullptr) return;  // the factory threw
  try {
    handler->on_closed(code, close_reason(code), host_->clock.now());
  } catch (...) {
    // The session is gone either way.
  }
}

void Connection::on_finished() noexcept {
  host_->retire(*this);
}

std::uint16_t Connection::close_code() const {
  if (close_code_ != 0) return close_code_;
  return library(*this).get_remote_close_code();  // 1006 unless one was received
}

std::string_view Connection::close_reason(std::uint16_t code) const {
  const std::string& received = library(*this).get_remote_close_reason();
  if (!received.empty()) return received;
  const auto known = proto::find_close_code(code);
  return known ? proto::close_info(*known).name : std::string_view();
}

void Connection::tick(const Now& now) {
  const EndpointConfig& config = host_->config;
  if (stage() == Stage::lingering) {
    if (now.steady - lingering_since() < config.close_timeout || still_taking(now.steady)) return;
    give_up(true);
    return finish();
  }
  switch (phase_) {
    case Phase::handshake:
      if (now.steady - since_ >= config.handshake_timeout) {
        close_code_ = status::abnormal_close;  // counted even if nothing was received
        force();
      }
      break;
    case Phase::open:
      tick_open(now);
      break;
    case Phase::answering:
      tick_plain(now);
      break;
    case Phase::refused:
    case Phase::closing:
      if (now.steady - since_ >= config.close_timeout) force();
      break;
    case Phase::ended:
      break;
  }
}

void Connection::tick_open(const Now& now) {
  const EndpointConfig& config = host_->config;
  if (message_pending_ && now.steady - message_since_ >= config.message_timeout)
    return close(proto::CloseCode::policy_violation);
  if (now.steady - last_received_ >= config.idle_timeout) return close(proto::CloseCode::idle);
  if (outbox().stalled(now.steady)) return close_slow();
  outbox().note_idle(now.steady);
  if (now.steady >= next_ping_) {
    next_ping_ = now.steady + config.ping_interval;
    queue_control(ping_frame(), {});
  }
  try {
    handler_->on_tick(now);
  } catch (...) {
    close(proto::CloseCode::internal_error);
  }
}

void Connection::force() {
  give_up(true);
  abort();
}

void Connection::abort() {
  give_up(false);
  const auto self = shared_from_this();
  using websocketpp::transport::error::make_error_code;
  try {
    library(*this).terminate(make_error_code(websocketpp::transport::error::operation_aborted));
  } catch (...) {
    // What could throw is the library's log text, before it lets go of the transport.
  }
  if (stage() == Stage::live) on_terminated();
  finish();
}

}  // namespace pulsegate::ws
