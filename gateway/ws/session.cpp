#include "gateway/ws/session.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "gateway/log.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using proto::Command;
using proto::ErrorCode;

namespace {

static_assert(proto::kMaxChannels <= kMaxConflationKey);

constexpr ConflationKey key_of(proto::Channel channel) {
  return static_cast<ConflationKey>(1 + index(channel));
}

// Who watched what from when to when: one line, written when it is over.
void write_audit(std::string_view connection, const proto::DeviceId& device, const access::Identity& identity,
                 proto::Timestamp from, proto::Timestamp to) {
  std::string begin, end;
  proto::append_iso8601(begin, from);
  proto::append_iso8601(end, to);
  log::info("audit.watched", {{"connection", connection},
                              {"device", device.text()},
                              {"subject", identity.subject},
                              {"token_id", identity.token_id},
                              {"from", begin},
                              {"to", end}});
}

}  // namespace

Session::Session(Link& link, const access::Admission& admission, const SessionConfig& config, access::Gate& gate,
                 devices::Hub& hub, const proto::ChannelTable& channels, SessionCounters& counters, const Now& now)
    : link_(link),
      device_(*admission.device),
      gate_(gate),
      grant_(admission.grant),
      hub_(hub),
      channels_(channels),
      counters_(counters),
      member_(*this),
      history_append_only_(config.legacy_append && admission.route == access::Route::legacy_device),
      rate_(config.command_rate, config.command_burst),
      opened_(now.wall) {
  std::string text;
  proto::append_connected(text, device_, now.wall,
                          {link_.id(), config.max_message, config.command_rate, admission.device_as_sent});
  deliver_control(Frame::text(text));
  if (!hub_.join(device_, member_)) {
    send_error(ErrorCode::device_limit, "This gateway serves as many devices as it is allowed to; try again later.");
    link_.close(proto::CloseCode::try_again_later);
  }
  if (grant_ == nullptr) {
    log::info("client.open", {{"connection", link_.id()}, {"device", device_.text()}});
  } else {
    log::info("client.open", {{"connection", link_.id()},
                              {"device", device_.text()},
                              {"subject", grant_->identity.subject},
                              {"token_id", grant_->identity.token_id}});
  }
}

Session::~Session() {
  hub_.leave(member_);
}

void Session::on_text(std::string_view message, const Now& now) {
  if (const auto error = obey(message, now)) send_error(error->code, error->message, error->id);
}

// The guide's server reads a command whatever the kind of its message, so old clients may send bytes.
void Session::on_binary(std::string_view message, const Now& now) {
  if (obey(message, now))
    send_error(ErrorCode::binary_message, "This binary message is not a command; commands are JSON, in text messages.");
}

// Returns why the message is no command. What is above the rate is not looked at.
std::optional<proto::CommandError> Session::obey(std::string_view message, const Now& now) {
  if (!within_rate(now)) return std::nullopt;
  auto parsed = proto::parse_command(message, channels_, now.wall);
  if (auto* const error = std::get_if<proto::CommandError>(&parsed)) return std::move(*error);
  if (const auto* query = std::get_if<proto::HistoryQuery>(&parsed)) {
    carry_out(*query);
  } else if (const auto* request = std::get_if<proto::AuthRequest>(&parsed)) {
    carry_out(*request, now);
  } else {
    carry_out(std::get<Command>(parsed), now);
  }
  return std::nullopt;
}

bool Session::within_rate(const Now& now) {
  if (rate_.take(now.steady)) return true;
  ++counters_.rate_limited;
  // Telling about every refused command would let a flood in cause a flood out.
  if (rate_told_ == SteadyTime{} || now.steady - rate_told_ >= std::chrono::seconds(1)) {
    rate_told_ = now.steady;
    send_error(ErrorCode::rate_limited, "Too many commands; those above the limit were not carried out.");
  }
  return false;
}

void Session::carry_out(const Command& command, const Now& now) {
  ++counters_.commands[static_cast<std::size_t>(command.type)];
  for (const std::string& name : command.unknown_channels)
    send_error(ErrorCode::unknown_channel, "There is no channel \"" + name + "\".", command.id);
  switch (command.type) {
    case Command::Type::subscribe:
      if (member_.device != nullptr)
        hub_.subscribe(member_, allowed(command), {command.since, command.history, history_append_only_, command.id});
      break;
    case Command::Type::unsubscribe:
      if (member_.device != nullptr) hub_.unsubscribe(member_, command.channels);
      break;
    case Command::Type::ping: {
      std::string text;
      proto::append_pong(text, device_, now.wall);
      deliver_control(Frame::text(text));
      break;
    }
  }
}

void Session::carry_out(const proto::HistoryQuery& query) {
  if (member_.device == nullptr) return;
  if (!access::allows_channel(grant_, channels_.name(proto::Channel::history))) {
    gate_.count(access::Forbidden::channel);
    return send_error(ErrorCode::forbidden, "The token does not name the channel \"history\".", query.id);
  }
  if (link_.answering() || !hub_.query_history(member_, query))
    send_error(ErrorCode::query_open, "One history-query at a time: the last one has not been answered yet.", query.id);
}

void Session::send_error(ErrorCode code, std::string_view message, std::string_view id) {
  ++counters_.errors;
  std::string text;
  proto::append_error(text, code, message, id);
  deliver_control(Frame::text(text));
}

void Session::deliver(proto::Channel channel, const FramePtr& frame) {
  link_.send(frame, key_of(channel));
}

void Session::deliver_control(const FramePtr& frame) {
  link_.send(frame, 0);
}

void Session::deliver_answer(const FramePtr& frame) {
  link_.send_apart(frame);
}

void Session::on_drained(const Conflated& lost, const Now& now) {
  // Of channels that send whole values the latest has arrived; of those where each message is a sample some are
  // missing. `history` is one or the other, as its form is.
  proto::ChannelSet samples;
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const auto channel = static_cast<proto::Channel>(i);
    if (!lost.keys.contains(key_of(channel))) continue;
    if (proto::carries_samples(channel) || (channel == proto::Channel::history && !hub_.restore_history(member_)))
      samples.add(channel);
  }
  if (samples.empty()) return;
  const auto ago = std::chrono::ceil<std::chrono::microseconds>(now.steady - lost.since);
  std::string text;
  proto::append_gap(text, device_, std::max(opened_, now.wall - ago), now.wall, samples, channels_, "conflated");
  deliver_control(Frame::text(text));
}

void Session::on_tick(const Now& now) {
  if (grant_ == nullptr) return;
  if (now.wall >= grant_->ends) return end_access(access::AccessEnd::expired);
  if (generation_ == gate_.generation()) return;
  generation_ = gate_.generation();
  if (gate_.revoked(*grant_)) end_access(access::AccessEnd::revoked);
}

void Session::on_closed(std::uint16_t code, std::string_view reason, const Now& now) {
  hub_.leave(member_);
  const auto seconds = std::chrono::duration<double>(now.wall - opened_).count();
  log::info("client.close", {{"connection", link_.id()},
                             {"device", device_.text()},
                             {"code", code},
                             {"reason", reason},
                             {"seconds", seconds}});
  if (grant_ != nullptr) write_audit(link_.id(), device_, grant_->identity, opened_, now.wall);
}

}  // namespace pulsegate::ws
