// What a client may do, as its token says, and when that ends.
#include "gateway/ws/client.hpp"

#include <algorithm>
#include <chrono>
#include <utility>
#include <variant>

#include "gateway/log.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using access::AccessEnd;
using access::Forbidden;
using proto::ErrorCode;

Client::Client(Link& client_link, access::GrantPtr grant, const SessionConfig& config,
               const SessionParts& session_parts, const Now& now)
    : link(client_link),
      parts(session_parts),
      grant_(std::move(grant)),
      burst_(config.command_burst),
      rate_(config.command_rate, config.command_burst),
      opened_(now.wall) {}

bool Client::charge(const Now& now, double commands) {
  if (rate_.take(now.steady, commands)) return true;
  ++parts.counters.rate_limited;
  // Telling about every refused command would let a flood in cause a flood out.
  if (rate_told_ == SteadyTime{} || now.steady - rate_told_ >= std::chrono::seconds(1)) {
    rate_told_ = now.steady;
    send_error(ErrorCode::rate_limited, "Too many commands; those above the limit were not carried out.");
  }
  return false;
}

void Client::send(std::string_view text) {
  link.send(Frame::text(text), 0);
}

void Client::send_error(ErrorCode code, std::string_view message, std::string_view id, const proto::DeviceId* device) {
  ++parts.counters.errors;
  ++errors_;
  std::string text;
  proto::append_error(text, code, message, id, device);
  send(text);
}

void Client::describe(SessionReport& report) const {
  report.opened = opened_;
  report.errors = errors_;
  if (grant_ == nullptr) return;
  const access::Permissions& permissions = grant_->permissions;
  SessionReport::Auth auth{
      grant_->identity.subject, grant_->identity.token_id, grant_->ends, permissions.debug, std::nullopt,
      permissions.channels};
  if (permissions.devices) auth.devices = permissions.devices->size();
  report.auth = std::move(auth);
}

void Client::refuse_unknown(const proto::Command& command) {
  for (const std::string& name : command.unknown_channels)
    send_error(ErrorCode::unknown_channel, "There is no channel \"" + name + "\".", command.id);
}

void Client::forbid_channel(proto::Channel channel, std::string_view id, const proto::DeviceId* device) {
  parts.gate.count(Forbidden::channel);
  send_error(ErrorCode::forbidden,
             "The token does not name the channel \"" + std::string(parts.channels.name(channel)) + "\".", id, device);
}

// A token that is no good changes nothing: the one before holds until its own end.
bool Client::renew(const proto::AuthRequest& request, const Now& now) {
  std::string text;
  if (grant_ == nullptr) {
    proto::append_authenticated(text, std::nullopt, request.id);
    send(text);
    return false;
  }
  auto checked = parts.gate.check(request.token, now);
  if (const auto* fault = std::get_if<access::TokenFault>(&checked)) {
    send_error(access::error_code(*fault), access::sentence(*fault), request.id);
    return false;
  }
  const access::GrantPtr fresh = std::move(std::get<access::GrantPtr>(checked));
  // Whoever watches is counted and audited by subject: another one needs a connection of its own.
  if (fresh->identity.subject != grant_->identity.subject) {
    parts.gate.count(Forbidden::subject);
    send_error(ErrorCode::forbidden, "The token is another subject's; connect anew with it.", request.id);
    return false;
  }
  ++parts.gate.counters().refreshes;
  grant_ = fresh;
  generation_ = parts.gate.generation();
  if (replays()) {
    const std::vector<proto::Channel>& shown = replay_->channels();
    const bool all = std::all_of(shown.begin(), shown.end(), [this](proto::Channel each) { return allows(each); });
    if (!all || !may_replay() || !allows(replay_->device())) replay_->stop(ReplayEnd::forbidden);
  }
  log::write_bounded(log::Level::debug, "client.renewed",
                     {{"connection", link.id()}, {"token_id", grant_->identity.token_id}});
  proto::append_authenticated(text, grant_->ends, request.id);
  send(text);
  return true;
}

bool Client::may_replay() const noexcept {
  switch (parts.replays.right) {
    case ReplayRight::nobody:
      return false;
    case ReplayRight::debug:
      return grant_ != nullptr && grant_->permissions.debug;
    case ReplayRight::all:
      return true;
  }
  return false;
}

void Client::replay(const proto::DeviceId& device, proto::ReplayRequest request, const Now& now) {
  if (!may_replay()) {
    parts.gate.count(Forbidden::replay);
    return send_error(ErrorCode::forbidden,
                      parts.replays.right == ReplayRight::debug ? "A replay needs a token with the scope \"debug\"."
                                                                : "This gateway shows no replays.",
                      request.id, &device);
  }
  for (const proto::Channel channel : request.channels)
    if (!allows(channel)) return forbid_channel(channel, request.id, &device);
  const auto span = std::chrono::duration_cast<std::chrono::seconds>(parts.replays.max_span);
  if (request.to - request.from > parts.replays.max_span)
    return send_error(ErrorCode::bad_replay,
                      "\"from\" and \"to\" must lie within " + std::to_string(span.count()) + " seconds.", request.id,
                      &device);
  if (!parts.hub.has_past())
    return send_error(ErrorCode::unavailable, "This gateway has neither a stream nor a database to replay from.",
                      request.id, &device);
  if (replays())
    return send_error(ErrorCode::replay_open, "One replay at a time: stop the last one, or wait for its end.",
                      request.id, &device);
  if (parts.counters.replays_open >= parts.replays.max_open)
    return send_error(ErrorCode::too_many_replays,
                      "This gateway shows as many replays as it is allowed to; try again later.", request.id, &device);
  log::write_bounded(log::Level::info, "replay.begin",
                     {{"connection", link.id()},
                      {"device", device.text()},
                      {"subject", grant_ == nullptr ? std::string() : grant_->identity.subject},
                      {"seconds", std::chrono::duration<double>(request.to - request.from).count()}});
  replay_ = std::make_unique<Replay>(
      link, ReplayParts{parts.hub, parts.channels, parts.clock_format, parts.counters, parts.throttles}, parts.replays,
      device, std::move(request), now);
}

void Client::stop_replay(const proto::ReplayStop& command) {
  if (replays() && !replay_->ended()) return replay_->stop(ReplayEnd::stopped);
  send_error(ErrorCode::bad_replay, "There is no replay to stop.", command.id);
}

void Client::tick(const Now& now) {
  if (replay_ != nullptr && replay_->over()) replay_.reset();
  if (grant_ == nullptr) return;
  if (now.wall >= grant_->ends) return end_access(AccessEnd::expired);
  if (generation_ == parts.gate.generation()) return;
  generation_ = parts.gate.generation();
  if (parts.gate.revoked(*grant_)) end_access(AccessEnd::revoked);
}

void Client::end_access(AccessEnd why) {
  if (link.closing()) return;
  ++parts.gate.counters().ended[static_cast<std::size_t>(why)];
  switch (why) {
    case AccessEnd::expired:
      send_error(ErrorCode::token_expired, access::sentence(access::TokenFault::expired));
      return link.close(proto::CloseCode::unauthorized);
    case AccessEnd::revoked:
      send_error(ErrorCode::token_revoked, access::sentence(access::TokenFault::revoked));
      return link.close(proto::CloseCode::unauthorized);
    case AccessEnd::rights:
      send_error(ErrorCode::forbidden, "The new token does not name this device.");
      return link.close(proto::CloseCode::forbidden);
  }
}

}  // namespace pulsegate::ws
