#include "gateway/ws/session.hpp"

#include <chrono>
#include <string>
#include <utility>

#include "gateway/log.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using proto::Command;
using proto::ErrorCode;

Session::Session(Link& link, const access::Admission& admission, const SessionConfig& config, const SessionParts& parts,
                 const Now& now)
    : client_(link, admission.grant, config, parts, now),
      feed_(client_, *admission.device, 0, false, now),
      history_append_only_(config.legacy_append && admission.route == access::Route::legacy_device) {
  std::string text;
  proto::append_connected(text, feed_.device(), now.wall,
                          {link.id(), config.max_message, config.command_rate, admission.device_as_sent});
  client_.send(text);
  if (!feed_.join()) {
    client_.send_error(ErrorCode::device_limit,
                       "This gateway serves as many devices as it is allowed to; try again later.");
    link.close(proto::CloseCode::try_again_later);
  }
  const access::GrantPtr& grant = client_.grant();
  if (grant == nullptr) {
    log::write_bounded(log::Level::info, "client.open", {{"connection", link.id()}, {"device", feed_.device().text()}});
  } else {
    log::write_bounded(log::Level::info, "client.open",
                       {{"connection", link.id()},
                        {"device", feed_.device().text()},
                        {"subject", grant->identity.subject},
                        {"token_id", grant->identity.token_id}});
  }
}

void Session::on_text(std::string_view message, const Now& now) {
  if (const auto error = obey(message, now)) client_.send_error(error->code, error->message, error->id);
}

// The guide's server reads a command whatever the kind of its message, so old clients may send bytes.
void Session::on_binary(std::string_view message, const Now& now) {
  if (obey(message, now))
    client_.send_error(ErrorCode::binary_message,
                       "This binary message is not a command; commands are JSON, in text messages.");
}

// Returns why the message is no command. What is above the rate is not looked at.
std::optional<proto::CommandError> Session::obey(std::string_view message, const Now& now) {
  if (!client_.within_rate(now)) return std::nullopt;
  auto parsed = proto::parse_command(message, client_.parts.channels, now.wall);
  if (auto* const error = std::get_if<proto::CommandError>(&parsed)) return std::move(*error);
  if (const auto* query = std::get_if<proto::HistoryQuery>(&parsed)) {
    carry_out(*query);
  } else if (const auto* request = std::get_if<proto::AuthRequest>(&parsed)) {
    carry_out(*request, now);
  } else if (auto* const replay = std::get_if<proto::ReplayRequest>(&parsed)) {
    carry_out(std::move(*replay), now);
  } else if (const auto* stop = std::get_if<proto::ReplayStop>(&parsed)) {
    client_.stop_replay(*stop);
  } else {
    carry_out(std::get<Command>(parsed), now);
  }
  return std::nullopt;
}

void Session::carry_out(const Command& command, const Now& now) {
  ++client_.parts.counters.commands[static_cast<std::size_t>(command.type)];
  client_.refuse_unknown(command);
  switch (command.type) {
    case Command::Type::subscribe:
      feed_.subscribe(command, command.since, history_append_only_);
      break;
    case Command::Type::unsubscribe:
      feed_.unsubscribe(command.channels);
      break;
    case Command::Type::ping: {
      std::string text;
      proto::append_pong(text, feed_.device(), now.wall);
      client_.send(text);
      break;
    }
  }
}

void Session::carry_out(const proto::HistoryQuery& query) {
  if (!feed_.joined()) return;
  if (!client_.allows(proto::Channel::history))
    return client_.forbid_channel(proto::Channel::history, query.id, nullptr);
  if (client_.link.answering() || !feed_.query(query))
    client_.send_error(ErrorCode::query_open, "One history-query at a time: the last one has not been answered yet.",
                       query.id);
}

void Session::carry_out(const proto::AuthRequest& request, const Now& now) {
  if (!client_.renew(request, now)) return;
  if (!client_.allows(feed_.device())) return client_.end_access(access::AccessEnd::rights);
  feed_.drop_forbidden_channels();
}

void Session::carry_out(proto::ReplayRequest request, const Now& now) {
  if (feed_.joined()) client_.replay(feed_.device(), std::move(request), now);
}

void Session::on_drained(const Conflated& lost, const Now& now) {
  feed_.tell_conflated(lost, now);
}

void Session::on_tick(const Now& now) {
  client_.tick(now);
}

void Session::describe(SessionReport& report) const {
  client_.describe(report);
  report.feeds.push_back(feed_.report());
}

void Session::on_closed(std::uint16_t code, std::string_view reason, const Now& now) {
  const auto seconds = std::chrono::duration<double>(now.wall - client_.opened()).count();
  log::write_bounded(log::Level::info, "client.close",
                     {{"connection", client_.link.id()},
                      {"device", feed_.device().text()},
                      {"code", code},
                      {"reason", reason},
                      {"seconds", seconds}});
  feed_.leave(now);
}

}  // namespace pulsegate::ws
