#include "gateway/ws/device_feed.hpp"

#include <algorithm>
#include <chrono>
#include <string>

#include "gateway/log.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using proto::ErrorCode;

namespace {

static_assert(proto::kMaxChannels <= DeviceFeed::kKeys);

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

DeviceFeed::DeviceFeed(Client& client, const proto::DeviceId& device, std::size_t slot, bool one_of_many,
                       const Now& now)
    : client_(client),
      device_(device),
      first_key_(static_cast<ConflationKey>(1 + slot * kKeys)),
      one_of_many_(one_of_many),
      member_(*this),
      since_(now.wall) {}

DeviceFeed::~DeviceFeed() {
  client_.parts.hub.leave(member_);
}

void DeviceFeed::leave(const Now& now) {
  throttle_.reset();
  client_.parts.hub.leave(member_);
  // Whoever gets these keys next has nothing to do with what this feed has queued, or lost.
  if (one_of_many_) client_.link.forget(first_key_, first_key_ + kKeys - 1);
  if (const access::GrantPtr& grant = client_.grant())
    write_audit(client_.link.id(), device_, grant->identity, since_, now.wall);
}

void DeviceFeed::subscribe(const proto::Command& command, const std::optional<proto::Since>& since,
                           bool history_append_only) {
  if (!joined()) return;
  std::vector<proto::Channel> channels;
  for (const proto::Channel channel : command.channels) {
    if (client_.allows(channel)) {
      channels.push_back(channel);
    } else {
      client_.forbid_channel(channel, command.id, named());
    }
  }
  set_rates(channels, command.max_rate);
  client_.parts.hub.subscribe(member_, channels, {since, command.history, history_append_only, command.id});
}

// Before the hub subscribes: what it sends at once is the first that the rate counts.
void DeviceFeed::set_rates(const std::vector<proto::Channel>& channels, std::optional<double> rate) {
  if (throttle_ == nullptr) {
    if (!rate || channels.empty()) return;
    Throttle::Sink& sink = *this;
    throttle_ = std::make_unique<Throttle>(client_.parts.throttles, sink, client_.parts.counters);
  }
  for (const proto::Channel channel : channels) throttle_->set(channel, rate);
  if (throttle_->empty()) throttle_.reset();
}

void DeviceFeed::unsubscribe(const std::vector<proto::Channel>& channels) {
  if (!joined()) return;
  if (throttle_ != nullptr) {
    for (const proto::Channel channel : channels) throttle_->remove(channel);
    if (throttle_->empty()) throttle_.reset();
  }
  if (Replay* const replay = client_.replay_of(device_))
    for (const proto::Channel channel : channels) replay->forget(channel);
  client_.parts.hub.unsubscribe(member_, channels);
}

bool DeviceFeed::query(const proto::HistoryQuery& query) {
  return client_.parts.hub.query_history(member_, query);
}

std::vector<proto::Channel> DeviceFeed::wanted() const {
  std::vector<proto::Channel> channels;
  for (std::size_t i = 0; i < client_.parts.channels.size(); ++i) {
    const auto channel = static_cast<proto::Channel>(i);
    if (member_.subscribed.contains(channel) || member_.unacked.contains(channel)) channels.push_back(channel);
  }
  return channels;
}

void DeviceFeed::drop_forbidden_channels() {
  if (!joined()) return;
  std::vector<proto::Channel> lost = wanted();
  const auto kept = [this](proto::Channel channel) { return client_.allows(channel); };
  lost.erase(std::remove_if(lost.begin(), lost.end(), kept), lost.end());
  if (lost.empty()) return;
  unsubscribe(lost);
  for (const proto::Channel channel : lost) {
    client_.parts.gate.count(access::Forbidden::channel);
    client_.send_error(ErrorCode::forbidden,
                       "The new token does not name the channel \"" +
                           std::string(client_.parts.channels.name(channel)) + "\"; it was unsubscribed.",
                       {}, named());
  }
}

void DeviceFeed::forbid() {
  unsubscribe(wanted());
  client_.parts.gate.count(access::Forbidden::device);
  client_.send_error(ErrorCode::forbidden, "The new token does not name this device; it was unsubscribed.", {},
                     named());
}

void DeviceFeed::deliver(proto::Channel channel, const FramePtr& frame) {
  if (throttle_ != nullptr && throttle_->take(channel, frame)) return;
  if (client_.has_replay()) return send(channel, frame);
  client_.link.send(frame, key_of(channel));
}

void DeviceFeed::send(proto::Channel channel, const FramePtr& frame) {
  if (Replay* const replay = client_.replay_of(device_);
      replay != nullptr && replay->take(channel, key_of(channel), frame))
    return;
  client_.link.send(frame, key_of(channel));
}

// Notices say how things stand after what came before them, and what is delivered of the past follows it.
void DeviceFeed::deliver_control(const FramePtr& frame) {
  if (throttle_ != nullptr) throttle_->flush();
  client_.link.send(frame, 0);
}

// Says nothing of the messages that are held, so these keep their time.
void DeviceFeed::deliver_broadcast(const FramePtr& frame) {
  client_.link.send(frame, 0);
}

void DeviceFeed::deliver_answer(const FramePtr& frame) {
  client_.link.send_apart(frame);
}

void DeviceFeed::tell_conflated(const Conflated& lost, const Now& now) {
  // Of channels that send whole values the latest has arrived; of those where each message is a sample some are
  // missing. `history` is one or the other, as its form is.
  const proto::ChannelTable& channels = client_.parts.channels;
  proto::ChannelSet samples;
  for (std::size_t i = 0; i < channels.size(); ++i) {
    const auto channel = static_cast<proto::Channel>(i);
    if (!lost.keys.contains(key_of(channel))) continue;
    if (proto::carries_samples(channel) ||
        (channel == proto::Channel::history && !client_.parts.hub.restore_history(member_)))
      samples.add(channel);
  }
  if (samples.empty()) return;
  const auto ago = std::chrono::ceil<std::chrono::microseconds>(now.steady - lost.since);
  std::string text;
  proto::append_gap(text, device_, std::max(client_.opened(), now.wall - ago), now.wall, samples, channels,
                    "conflated");
  deliver_control(Frame::text(text));
}

}  // namespace pulsegate::ws
