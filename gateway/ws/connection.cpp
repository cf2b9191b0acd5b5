// The only translation unit that instantiates websocketpp, hence long: a connection of ours is the base of one of the
// library's.
#include "gateway/ws/connection.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <websocketpp/common/network.hpp>
#include <websocketpp/connection.hpp>
#include <websocketpp/processors/hybi00.hpp>
#include <websocketpp/processors/hybi07.hpp>
#include <websocketpp/processors/hybi08.hpp>
#include <websocketpp/processors/hybi13.hpp>

#include "gateway/ws/config.hpp"
#include "gateway/ws/http_answer.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {
namespace {

using Library = websocketpp::connection<Websocket>;
namespace status = websocketpp::close::status;

constexpr std::string_view kSubprotocol = "pulsegate.v1";
constexpr std::string_view kPing("\x89\x00", 2);

// The library finds out the byte order with its first call, in a variable that it shares without a lock. So that call
// is made here, before there are shards.
[[maybe_unused]] const std::uint64_t kByteOrderIsKnown = websocketpp::lib::net::_htonll(1);

Library& library(Connection& connection) {
  return static_cast<Library&>(connection);
}
const Library& library(const Connection& connection) {
  return static_cast<const Library&>(connection);
}

const FramePtr& ping_frame() {
  thread_local const FramePtr kFrame = Frame::raw(kPing);  // reference counts are not atomic: one per shard
  return kFrame;
}

// Where the library has no code for what a peer did, it calls it an internal error: a length in more bytes than it
// takes (RFC 6455, section 5.2) for one. Our own faults never reach it.
std::uint16_t fault_of_peer(std::uint16_t code) {
  return code == status::internal_endpoint_error ? std::uint16_t{status::protocol_error} : code;
}

}  // namespace

std::shared_ptr<Connection> Connection::create(Host& host, asio::ip::tcp::socket socket, Arrival arrival) {
  // Stateless, and shared by all connections of the process.
  static const auto kLog = std::make_shared<websocketpp::log::stub>();
  static Websocket::rng_type random;

  const auto connection = std::make_shared<Library>(true, "pulsegate", kLog, kLog, random);
  connection->set_handle(connection);
  connection->set_max_message_size(host.config.max_message);
  connection->set_max_http_body_size(Websocket::max_http_body_size);

  Connection& self = *connection;
  self.host_ = &host;
  self.arrival_ = std::move(arrival);
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
  auto admission = std::make_unique<access::Admission>(admit());
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
  request.host = sent.sent("Host");
  request.authorization = sent.sent("Authorization");
  request.subprotocols = sent.sent("Sec-WebSocket-Protocol");
  request.forwarded =
      sent.sent(host_->limiter.rules().header == access::ForwardedHeader::forwarded ? "Forwarded" : "X-Forwarded-For");
  request.websocket_version = sent.sent("Sec-WebSocket-Version");
  // Asked of the base class, which sees the header even where the handshake is not one that we speak.
  request.has_page = host_->config.page != nullptr;
  request.upgrade = websocketpp::processor::is_websocket_handshake(static_cast<const HandshakeRequest::Base&>(sent));
  return request;
}

web::PageRequest Connection::page_request() const {
  const HandshakeRequest& sent = library(*this).get_request();
  return {sent.sent("Host"), sent.sent("Accept-Encoding"), sent.sent("If-None-Match")};
}

void Connection::respond(const HttpAnswer& answer) {
  Library& con = library(*this);
  con.set_status(static_cast<websocketpp::http::status_code::value>(answer.status));
  con.set_body(con.get_request().get_method() == "HEAD" ? std::string() : answer.body);
  if (!answer.body.empty()) con.replace_header("Content-Type", "application/json");
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
  blame(admission.http_status);
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
  drop_unsent();
  close(proto::CloseCode::slow_consumer);
}

void Connection::shed() {
  close_slow();
  if (outbox().backlog() > host_->config.outbox.conflate_above) force();
}

void Connection::async_write(const std::vector<websocketpp::transport::buffer>& pieces,
                             websocketpp::transport::write_handler handler) {
  std::string bytes;
  for (const auto& piece : pieces) bytes.append(piece.buf, piece.len);
  // While it is open for us and the peer has not closed, a close frame is one that the library has decided on. Its code
  // is in bytes 2 and 3.
  const bool by_peer = library(*this).get_remote_close_code() != status::abnormal_close;
  if (phase_ == Phase::open && !by_peer && bytes.size() >= 4 && bytes[0] == '\x88') {
    const auto byte = [&bytes](std::size_t i) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[i])); };
    const std::uint16_t code = fault_of_peer(static_cast<std::uint16_t>(byte(2) << 8 | byte(3)));
    bytes[2] = static_cast<char>(code >> 8);
    bytes[3] = static_cast<char>(code & 0xff);
  }
  Transport::async_write(bytes.data(), bytes.size(), std::move(handler));
}

void Connection::async_write(const char* bytes, std::size_t size, websocketpp::transport::write_handler handler) {
  if (plain_ == nullptr || !plain_->file) return Transport::async_write(bytes, size, std::move(handler));
  queue_control(Frame::raw({bytes, size}), {});
  queue_control(std::exchange(plain_->file, {}), [handler = std::move(handler)] { handler({}); });
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
  begin_closing(by_peer ? con.get_remote_close_code() : fault_of_peer(con.get_local_close_code()), now);
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

SessionReport Connection::report(SteadyTime now) const {
  const auto age = [now](SteadyTime then) -> std::optional<double> {
    if (then == SteadyTime{}) return std::nullopt;
    return std::max(0.0, std::chrono::duration<double>(now - then).count());
  };
  SessionReport report;
  report.id = id_;
  report.closing = phase_ != Phase::open;
  report.close_code = close_code_;
  report.backlog = outbox().backlog();
  report.conflated = outbox().conflated();
  report.stalled = outbox().stalled(now);
  report.compressed = compressed_;
  report.received_age = age(last_received_);
  report.sent_age = age(last_taken());
  if (handler_ != nullptr) handler_->describe(report);
  return report;
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
    if (!handshake_counted_ && (received_anything() || close_code_ != 0)) {
      ++counters.handshake_failures;
      blame(400);
    }
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
  arrival_.place.release();
  subject_place_.release();
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
