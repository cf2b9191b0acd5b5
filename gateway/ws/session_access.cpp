// What a session may do, as its token says, and when that ends.
#include <string>
#include <utility>

#include "gateway/log.hpp"
#include "gateway/ws/session.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using access::AccessEnd;
using access::Forbidden;
using proto::ErrorCode;

std::vector<proto::Channel> Session::allowed(const proto::Command& command) {
  std::vector<proto::Channel> channels;
  for (const proto::Channel channel : command.channels) {
    const std::string_view name = channels_.name(channel);
    if (access::allows_channel(grant_, name)) {
      channels.push_back(channel);
    } else {
      gate_.count(Forbidden::channel);
      send_error(ErrorCode::forbidden, "The token does not name the channel \"" + std::string(name) + "\".",
                 command.id);
    }
  }
  return channels;
}

// A token that is no good changes nothing: the one before holds until its own end.
void Session::carry_out(const proto::AuthRequest& request, const Now& now) {
  std::string text;
  if (grant_ == nullptr) {
    proto::append_authenticated(text, std::nullopt, request.id);
    return deliver_control(Frame::text(text));
  }
  auto checked = gate_.check(request.token, now);
  if (const auto* fault = std::get_if<access::TokenFault>(&checked))
    return send_error(access::error_code(*fault), access::sentence(*fault), request.id);
  const access::GrantPtr fresh = std::move(std::get<access::GrantPtr>(checked));
  // Whoever watches is counted and audited by subject: another one needs a connection of its own.
  if (fresh->identity.subject != grant_->identity.subject) {
    gate_.count(Forbidden::subject);
    return send_error(ErrorCode::forbidden, "The token is another subject's; connect anew with it.", request.id);
  }
  ++gate_.counters().refreshes;
  grant_ = fresh;
  generation_ = gate_.generation();
  log::debug("client.renewed", {{"connection", link_.id()}, {"token_id", grant_->identity.token_id}});
  proto::append_authenticated(text, grant_->ends, request.id);
  deliver_control(Frame::text(text));
  if (!grant_->permissions.allows(device_)) return end_access(AccessEnd::rights);
  drop_forbidden_channels();
}

void Session::drop_forbidden_channels() {
  if (member_.device == nullptr) return;
  std::vector<proto::Channel> lost;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const auto channel = static_cast<proto::Channel>(i);
    const bool has = member_.subscribed.contains(channel) || member_.unacked.contains(channel);
    if (has && !access::allows_channel(grant_, channels_.name(channel))) lost.push_back(channel);
  }
  if (lost.empty()) return;
  hub_.unsubscribe(member_, lost);
  for (const proto::Channel channel : lost) {
    gate_.count(Forbidden::channel);
    send_error(ErrorCode::forbidden, "The new token does not name the channel \"" +
                                         std::string(channels_.name(channel)) + "\"; it was unsubscribed.");
  }
}

void Session::end_access(AccessEnd why) {
  if (link_.closing()) return;
  ++gate_.counters().ended[static_cast<std::size_t>(why)];
  switch (why) {
    case AccessEnd::expired:
      send_error(ErrorCode::token_expired, access::sentence(access::TokenFault::expired));
      return link_.close(proto::CloseCode::unauthorized);
    case AccessEnd::revoked:
      send_error(ErrorCode::token_revoked, access::sentence(access::TokenFault::revoked));
      return link_.close(proto::CloseCode::unauthorized);
    case AccessEnd::rights:
      send_error(ErrorCode::forbidden, "The new token does not name this device.");
      return link_.close(proto::CloseCode::forbidden);
  }
}

}  // namespace pulsegate::ws
