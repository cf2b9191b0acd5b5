// One accepted socket from its handshake to its end: what websocketpp asks for, the Link of its session, and every
// deadline. Knows websocketpp only in the source file; the endpoint needs none of it.
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <asio/io_context.hpp>

#include "gateway/access/admission.hpp"
#include "gateway/access/gate.hpp"
#include "gateway/access/limiter.hpp"
#include "gateway/web/page.hpp"
#include "gateway/ws/arrival.hpp"
#include "gateway/ws/compressor.hpp"
#include "gateway/ws/endpoint.hpp"
#include "gateway/ws/http_answerer.hpp"
#include "gateway/ws/inflater.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/plain_request.hpp"
#include "gateway/ws/transport.hpp"

namespace pulsegate::ws {

class Connection;
class InboundMessage;
class InboundMessages;

// What a connection needs of its endpoint. Thread: the shard.
class Host {
 public:
  Host(asio::io_context& io_context, const EndpointConfig& endpoint_config, LinkFactory& link_factory,
       HttpAnswerer& http_answerer, access::Gate& shard_gate, const Clock& shard_clock, access::Limiter& limits)
      : io(io_context),
        config(endpoint_config),
        factory(link_factory),
        answerer(http_answerer),
        gate(shard_gate),
        limiter(limits),
        clock(shard_clock) {}

  // Has `connection` written: at the end of the batch when in_event, else of this loop turn. Requires: not listed
  // there.
  virtual void enlist(Connection& connection) = 0;
  // Has `connection` written before that, because it has much to write. Requires: not has_much.
  virtual void hurry(Connection& connection) = 0;
  // The outboxes hold more than they may together: has the slowest closed in a later loop turn.
  virtual void relieve() = 0;
  // Somebody (an address, a subject) is above a limit. Writes it down once a minute.
  virtual void note_limited(access::Limit limit, const std::string& whose) = 0;
  // The connection is closed: lets go of it in a later loop turn.
  virtual void retire(Connection& connection) noexcept = 0;
  virtual std::string next_id() = 0;
  // The WebSocket of `connection` is open.
  virtual void opened(Connection& connection, SteadyTime now) = 0;

  // Bytes that wait for open WebSockets. Answers of plain requests have a bound of their own; as they are sent it is
  // less than there is, by what they have sent.
  std::uint64_t session_backlog() const noexcept {
    return counters.backlog_bytes - std::min(counters.backlog_bytes, counters.answer_bytes);
  }

  asio::io_context& io;
  const EndpointConfig config;
  LinkFactory& factory;
  HttpAnswerer& answerer;
  access::Gate& gate;
  access::Limiter& limiter;
  const Clock& clock;
  EndpointCounters counters;
  Compressor compressor{counters};
  Inflater inflater;
  // Files of the page that somebody has loaded, one for each coding, by where their bytes lie.
  std::map<const char*, FramePtr> page_files;
  bool accepting = true;
  bool draining = false;
  bool in_event = false;  // see Endpoint::EventScope

 protected:
  ~Host() = default;
};

// Thread: the shard. Owner: shared by the endpoint and the operations in flight.
// Invariants: 1. on_open() and on_closed() of a session come in pairs, and nothing of it is called before or after.
// 2. A closed connection touches neither the host nor the session. 3. Whatever a peer does or leaves undone, one of the
// deadlines in tick() ends it.
class Connection : public Transport, public Link {
 public:
  // Takes over a connected socket of host.io. Throws what allocation throws.
  static std::shared_ptr<Connection> create(Host& host, asio::ip::tcp::socket socket, Arrival arrival);
  // Begins to read the handshake.
  void start();
  // Deadlines and pings; about once a second.
  void tick(const Now& now);
  // Ends it at once, without a close frame.
  void abort();
  void flush(SteadyTime now) { write(now); }
  // Closes it as too slow, at once where what it holds cannot be dropped since a part of it was sent.
  void shed();
  // Tells the client to come back, and closes with service_restart.
  void send_away(std::uint64_t after_ms);
  // For operators. Requires: it is open, or closing with a session.
  SessionReport report(SteadyTime now) const;
  // A session has it.
  bool has_session() const noexcept { return handler_ != nullptr; }
  // A session has it, and it is not closing.
  bool is_open() const noexcept { return phase_ == Phase::open; }

  // websocketpp's class, which derives from this one, has functions of the same names. Nobody calls ours through it.
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Woverloaded-virtual"
  Outbox::Push send(FramePtr frame, ConflationKey key) override;
  void send_apart(FramePtr frame) override;
  void make_room(std::size_t devices) override;
  void forget(ConflationKey first, ConflationKey last) override;
  void close(proto::CloseCode code) override;
#pragma GCC diagnostic pop
  bool closing() const noexcept override {
    return phase_ != Phase::open;
  }
  bool answering() const noexcept override {
    return outbox().holds_apart();
  }
  std::size_t backlog() const noexcept override {
    return outbox().backlog();
  }
  std::string_view id() const noexcept override {
    return id_;
  }

  // Called by the library, as the rest of Transport. Of frames: sees to the code of a close frame.
  // Behind the head of a plain answer goes the file that it is about, if any.
  void async_write(const char* bytes, std::size_t size, websocketpp::transport::write_handler handler);
  void async_write(const std::vector<websocketpp::transport::buffer>& pieces,
                   websocketpp::transport::write_handler handler);

  // The endpoint's own: where it keeps the connection.
  std::size_t slot = 0;
  SteadyTime leave_at = SteadyTime::max();  // see Departures
  bool has_answers = false;                 // stands in the list of those to be written at the end of this loop turn
  bool has_events = false;                  // … when the batch is over
  bool has_much = false;                    // … as soon as the event is over

 protected:
  // As websocketpp constructs its transport: loggers and role are of no use here.
  template <typename Access, typename Error>
  Connection(bool, const std::shared_ptr<Access>&, const std::shared_ptr<Error>&) {}
  ~Connection() = default;

 private:
  // refused: open only to be told why it is closed. closing: a close frame is on its way, in either direction.
  // answering: a plain HTTP request, whose answer is being made or sent.
  enum class Phase : std::uint8_t { handshake, open, refused, closing, answering, ended };

  // Called by websocketpp.
  bool on_handshake();
  void on_plain_http();
  void on_open();
  void on_message(const InboundMessage& message);
  void on_ping(const std::string& payload);

  // Transport's hooks.
  void on_queued() override;
  void on_received(SteadyTime now) override;
  void on_consumed(SteadyTime now) override;
  void on_written() override;
  void on_failed() override;
  void on_terminated() override;
  void on_finished() noexcept override;

  // Plain HTTP: connection_http.cpp. Once there is a PlainRequest, it stays.
  void refuse(const access::Admission& admission);
  void answer_plain(const access::Admission& admission);
  void answer_page();
  bool answers_are_full() const noexcept;
  // Counted as being answered from now on.
  void begin_answer(PlainRequest request);
  void on_answer(HttpAnswer answer);
  void tick_plain(const Now& now);
  bool still_taking(SteadyTime now) const;
  void end_plain();

  // Limits of its client's address first, then whether it may come in, then limits of its token's subject.
  access::Admission admit();
  // A refusal that the client could have known. Counts against its address.
  void blame(int http_status);

  // What the library does for it. The views of the request are those of the connection.
  access::Request handshake_request() const;
  web::PageRequest page_request() const;
  void respond(const HttpAnswer& answer);  // the library sends it when on_plain_http() or on_handshake() has returned
  void defer_response();                   // … unless this was called: then not before send_response()
  void send_response();

  void tell_and_close(const access::Admission& admission);
  void tell_when_to_return(proto::CloseCode code);
  void forget_handshake();
  // The payload as the session gets it. False: it cannot be, and the connection is closing.
  bool unpack(const InboundMessage& message, std::string_view& payload);
  void reject(proto::CloseCode code);
  void tick_open(const Now& now);
  void begin_closing(std::uint16_t code, SteadyTime now);
  // Drops what is queued, so that the close frame does not wait behind what the peer does not read.
  void close_slow();
  void send_pong(const std::string& payload);
  // Without waiting for the peer, and without leaving the kernel anything to wait with.
  void force();
  void send_close_frame(proto::CloseCode code);
  std::uint16_t close_code() const;
  std::string_view close_reason(std::uint16_t code) const;

  Host* host_ = nullptr;
  InboundMessages* inbound_ = nullptr;  // websocketpp's message manager of this connection, which owns it
  std::unique_ptr<LinkHandler> handler_;
  std::unique_ptr<access::Admission> admission_;  // from the handshake to the opening
  std::unique_ptr<PlainRequest> plain_;
  Arrival arrival_;
  access::Tally::Place subject_place_;
  std::string id_;
  std::string waiting_ping_;  // answered once the pong before it was written
  SteadyTime since_{};        // of the phases handshake, refused and closing; of the making or the sending of an answer
  SteadyTime last_received_{};
  SteadyTime next_ping_{};
  SteadyTime message_since_{};    // meaningful while message_pending_
  std::uint16_t close_code_ = 0;  // the first one that was decided or received; 0: none
  Phase phase_ = Phase::handshake;
  bool compressed_ = false;         // permessage-deflate was agreed on
  bool handshake_counted_ = false;  // as a refusal, or as a plain request
  bool overflowed_ = false;         // close_slow() is posted
  bool pong_pending_ = false;       // a pong is in the outbox
  bool ping_waiting_ = false;       // waiting_ping_ holds one
  bool message_pending_ = false;    // a data message has begun to arrive
};

}  // namespace pulsegate::ws
