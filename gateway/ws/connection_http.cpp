// The plain HTTP side of a connection: refusals, and answers that are made elsewhere and sent when they are ready. Each
// request has a connection of its own, which ends with the answer.
#include <utility>
#include <variant>

#include "gateway/access/target.hpp"
#include "gateway/web/page.hpp"
#include "gateway/ws/connection.hpp"

namespace pulsegate::ws {

using proto::ErrorCode;

namespace {

HttpAnswer too_many_answers() {
  return http_error(503, ErrorCode::unavailable, "Too many requests are being answered; ask again later.");
}

}  // namespace

bool Connection::answers_are_full() const noexcept {
  const EndpointCounters& counters = host_->counters;
  return counters.answering >= host_->config.max_answers || counters.answer_bytes >= host_->config.max_answer_bytes;
}

void Connection::on_plain_http() {
  access::Admission admission = admit();
  if (admission.accepted && admission.route == access::Route::page) return answer_page();
  if (admission.accepted && access::is_plain(admission.route)) return answer_plain(admission);
  if (admission.accepted) {
    admission.http_status = 400;
    admission.error = ErrorCode::bad_request;
    admission.message = "A WebSocket handshake needs HTTP/1.1 and a Sec-WebSocket-Key of 16 bytes in base64.";
  }
  refuse(admission);
}

access::Admission Connection::admit() {
  const access::Request request = handshake_request();
  const Now now = host_->clock.now();
  access::Limiter& limiter = host_->limiter;
  if (limiter.is_proxy(arrival_.source)) {
    arrival_.source =
        access::client_address(arrival_.source, limiter.rules().header, request.forwarded, limiter.rules().trusted);
    arrival_.limited = limiter.arrive(arrival_.source, now.steady, arrival_.place);
    if (arrival_.limited != access::Limit::none) host_->note_limited(arrival_.limited, arrival_.source.text());
  }
  if (arrival_.limited != access::Limit::none) return access::limited(request, arrival_.limited);

  access::Admission admission = host_->gate.admit(request, now, host_->accepting);
  if (!admission.accepted || admission.grant == nullptr) return admission;
  const access::Identity& identity = admission.grant->identity;
  const access::Limit limit = limiter.enter(identity.key, subject_place_);
  if (limit == access::Limit::none) return admission;
  host_->note_limited(limit, identity.key);
  return access::limited(request, limit);
}

// What is told to come back later is not the client's fault.
void Connection::blame(int http_status) {
  if (http_status == 429 || http_status >= 500) return;
  host_->limiter.fail(arrival_.source, host_->clock.now().steady);
}

void Connection::refuse(const access::Admission& admission) {
  respond(refusal(admission));
  blame(admission.http_status);
  // What asks for a WebSocket where there is none is a connection that was refused.
  if (access::is_plain(admission.route) && !handshake_request().upgrade) {
    ++host_->counters.answered(admission.route)[admission.http_status];
  } else {
    ++host_->counters.refused[admission.http_status];
  }
  handshake_counted_ = true;
}

void Connection::answer_plain(const access::Admission& admission) {
  EndpointCounters& counters = host_->counters;
  const Now now = host_->clock.now();
  HttpAnswerer::Answer answer;
  if (answers_are_full()) {
    answer = too_many_answers();
  } else {
    try {
      answer = host_->answerer.on_get(admission, now, [this](HttpAnswer made) { on_answer(std::move(made)); });
    } catch (...) {
      answer = http_error(500, ErrorCode::internal, "The request could not be answered; this is our fault.");
    }
  }
  handshake_counted_ = true;
  if (const auto* made = std::get_if<HttpAnswer>(&answer)) {
    ++counters.answered(admission.route)[made->status];
    return respond(*made);  // the library writes it, like any refusal
  }
  begin_answer({admission.route, std::move(std::get<std::unique_ptr<PendingAnswer>>(answer)), 0, {}});
  defer_response();
}

void Connection::begin_answer(PlainRequest request) {
  plain_ = std::make_unique<PlainRequest>(std::move(request));
  phase_ = Phase::answering;
  since_ = host_->clock.now().steady;
  --host_->counters.handshaking;
  ++host_->counters.answering;
  host_->counters.answer_bytes += plain_->body;
}

// The library writes the head; the file follows as a frame that all who load it share.
void Connection::answer_page() {
  EndpointCounters& counters = host_->counters;
  const access::Request request = handshake_request();
  const web::File* const file = host_->config.page->find(access::split_target(request.target).path);
  handshake_counted_ = true;
  if (file == nullptr || answers_are_full()) {
    const HttpAnswer error = file == nullptr
                                 ? http_error(404, ErrorCode::not_found, "The dashboard page has no such file.")
                                 : too_many_answers();
    ++counters.pages[error.status];
    blame(error.status);
    return respond(error);
  }
  web::PageAnswer answer = web::answer(*file, page_request());
  ++counters.pages[answer.status];
  FramePtr body;
  if (request.method != "HEAD" && !answer.body.empty()) {
    FramePtr& shared = host_->page_files[answer.body.data()];
    if (!shared) shared = Frame::raw(answer.body);
    body = shared;
  }
  begin_answer({access::Route::page, nullptr, body ? body->size() : 0, std::move(body)});
  respond({answer.status, {}, std::move(answer.headers)});
}

void Connection::on_answer(HttpAnswer answer) {
  // Who makes the answer may be who calls: it lives until this returns.
  const std::unique_ptr<PendingAnswer> made = std::move(plain_->pending);
  if (phase_ != Phase::answering || made == nullptr) return;
  ++host_->counters.answered(plain_->route)[answer.status];
  plain_->body = answer.body.size();
  host_->counters.answer_bytes += plain_->body;
  since_ = host_->clock.now().steady;
  try {
    respond(answer);
    send_response();
  } catch (...) {
    force();
  }
}

void Connection::tick_plain(const Now& now) {
  const bool late = now.steady - since_ >= host_->config.answer_timeout;
  if (plain_->pending == nullptr) {
    // The same time again, for the client to take the answer.
    if (late || outbox().stalled(now.steady)) force();
  } else if (peer_reset()) {
    force();
  } else if (late) {
    on_answer(http_error(504, ErrorCode::timed_out, "The answer was not ready in time; ask again later."));
  }
}

// The kernel may hold more of an answer than a slow client takes in the time for a close: then it gets the whole time.
bool Connection::still_taking(SteadyTime now) const {
  return plain_ != nullptr && now - since_ < host_->config.answer_timeout && unacknowledged();
}

void Connection::end_plain() {
  EndpointCounters& counters = host_->counters;
  --counters.answering;
  counters.answer_bytes -= plain_->body;
  // Its client is gone; a status of its own, since it got none.
  if (const auto unanswered = std::move(plain_->pending)) ++counters.answered(plain_->route)[0];
}

}  // namespace pulsegate::ws
