// The life of a device: members come and go, the bus is confirmed and lost. See device_events.cpp and
// device_snapshot.cpp for what happens to values.
#include "gateway/devices/device.hpp"

#include <algorithm>
#include <utility>

namespace pulsegate::devices {

using proto::Channel;
using proto::LinkState;

namespace {

// What its subscribe of this channel said that it has.
std::optional<proto::Since> take_since(Member& member, Channel channel) {
  const auto of_channel = [&](const auto& pending) { return pending.first == channel; };
  const auto said = std::find_if(member.since.begin(), member.since.end(), of_channel);
  if (said == member.since.end()) return std::nullopt;
  const proto::Since since = said->second;
  member.since.erase(said);
  return since;
}

}  // namespace

Device::Device(const proto::DeviceId& id, DeviceEnvironment& environment, const Now& now)
    : id_(id), env_(environment), history_(environment.config.history_points) {
  hub.timer.device = this;
  linger_until_ = now.steady + env_.config.linger;
  if (env_.host.bus() == DeviceHost::Bus::down) {
    gap_from_ = bus_lost_at_ = now.wall;
    freshness_.on_bus_down(now.steady);
  }
}

Device::~Device() = default;

DevicePhase Device::phase() const noexcept {
  if (members_.empty()) return DevicePhase::lingering;
  if (!confirmed_) return DevicePhase::subscribing;
  if (read_in_flight_ && read_ != Read::done) return DevicePhase::catching_up;
  return DevicePhase::live;
}

void Device::join(Member& member, const Now&) {
  member.device = this;
  member.position = members_.size();
  members_.push_back(&member);
  linger_until_ = kNever;
}

void Device::leave(Member& member, const Now& now) {
  member.subscribed.for_each([&](Channel channel) {
    state(channel).remove(member);
    --env_.counters.subscriptions[index(channel)];
  });
  stop_waiting(member);
  leave_history(member, now);
  members_[member.position] = members_.back();
  members_[member.position]->position = member.position;
  members_.pop_back();
  member.device = nullptr;
  member.subscribed.clear();
  member.unacked.clear();
  member.awaiting.clear();
  member.told_bus_down = member.told_database_down = member.in_gap = member.recovers = member.wants_latest = false;
  member.told_freshness = proto::DeviceState::live;
  member.query = 0;
  member.since.clear();
  if (bus_lost_at_ && !has_subscribers()) distrust_memory();
  if (members_.empty()) {
    linger_until_ = now.steady + env_.config.linger;
    wake_by(linger_until_);
  }
}

void Device::subscribe(Member& member, const std::vector<Channel>& channels, const Now& now) {
  proto::ChannelSet wanted;
  for (const Channel channel : channels) wanted.add(channel);
  if (!confirmed_ && !bus_away()) {
    // The acknowledgement promises delivery of whatever is published after it, so it waits for the bus.
    wanted.for_each([&](Channel channel) { member.unacked.add(channel); });
    return;
  }
  begin(member, wanted, now);
  look_for_past(now);
}

// Acknowledges channels and delivers what they begin with: what the client has missed, or the latest.
void Device::begin(Member& member, proto::ChannelSet channels, const Now& now) {
  proto::ChannelSet lost;
  proto::Timestamp lost_from = now.wall;
  proto::ChannelSet fresh = channels;
  channels.for_each([&](Channel channel) {
    const auto since = take_since(member, channel);
    member.awaiting.remove(channel);
    if (channel == Channel::metrics) begin_metrics(member, since.has_value(), now);
    enlist(member, channel, now);
    if (!since) return send_subscribed(member, channel, std::nullopt);
    if (channel == Channel::metrics) {
      fresh.remove(channel);
      return resume(member, *since, now);
    }
    bool resumed = !proto::carries_samples(channel);  // of the others the latest is all there is to have
    // While the first window is still to be read, it is to come whole.
    if (channel == Channel::history)
      resumed = (first_read_pending() && env_.host.has_database()) || history_resumes(member, *since);
    if (!resumed) {
      lost.add(channel);
      lost_from = std::min(lost_from, proto::time_of(*since));
    }
    send_subscribed(member, channel, resumed);
  });
  if (bus_away()) tell_bus_down(member);
  if (!lost.empty()) {
    send_gap(member, lost_from, now.wall, lost, "resume");
    ++env_.counters.gaps;
  }
  if (!fresh.empty()) deliver_first(member, fresh, now);
}

void Device::unsubscribe(Member& member, const std::vector<Channel>& channels, const Now& now) {
  for (const Channel channel : channels) {
    if (member.subscribed.contains(channel)) {
      state(channel).remove(member);
      --env_.counters.subscriptions[index(channel)];
    }
    if (channel == Channel::history) leave_history(member, now);
    member.subscribed.remove(channel);
    member.unacked.remove(channel);
    member.awaiting.remove(channel);
    if (channel == Channel::metrics) stop_waiting(member);
    env_.scratch.clear();
    proto::append_unsubscribed(env_.scratch, id_, env_.channels.name(channel));
    member.receiver.deliver_control(Frame::text(env_.scratch));
  }
}

void Device::on_bus_confirmed(const Now& now) {
  confirmed_ = true;
  confirmed_at_ = now.wall;
  tail_check_at_ = env_.config.tail_check.count() > 0 ? now.steady + env_.config.tail_check : kNever;
  freshness_.on_bus_confirmed(now.steady);
  if (!first_confirmed_) first_confirmed_ = now.wall;
  down_refresh_at_ = kNever;
  const bool after_gap = gap_from_.has_value();
  if (std::exchange(bus_lost_at_, std::nullopt)) {
    for (Member* member : members_) member->told_bus_down = false;
    proto::Status status;
    status.bus = LinkState::up;
    status.since = now.wall;
    send_status(status);
  }
  if (after_gap) {
    gap_until_ = now.wall;
    gap_to_announce_ = true;
  }
  if (after_gap) begin_repair(now);
  if (after_gap && env_.host.has_database()) {
    if (has_subscribers()) {
      want_read(storage::ReadReason::repair);
    } else {
      // Nobody misses anything now; whoever subscribes next gets a fresh snapshot. A read in flight may be older.
      read_ = Read::unread;
      state(Channel::metrics).from_event = false;
      forget_gap();
    }
  }
  acknowledge_pending(now);
  check_freshness(now);
  if (after_gap && !env_.host.has_database()) announce_gap(true, now);
  wake_by(next_due());
}

void Device::acknowledge_pending(const Now& now) {
  for (Member* member : members_) {
    const proto::ChannelSet pending = member->unacked;
    member->unacked.clear();
    if (!pending.empty()) begin(*member, pending, now);
  }
  look_for_past(now);
}

void Device::send_gap(Member& member, proto::Timestamp from, proto::Timestamp to, proto::ChannelSet lost,
                      std::string_view reason) {
  env_.scratch.clear();
  proto::append_gap(env_.scratch, id_, from, to, lost, env_.channels, reason);
  member.receiver.deliver_control(Frame::text(env_.scratch));
}

void Device::on_bus_down(const Now& now) {
  // A dead connection is noticed late: events may have been lost since the last sign of life.
  if (!gap_from_) gap_from_ = confirmed_ ? std::max(*confirmed_at_, last_event_.value_or(*confirmed_at_)) : now.wall;
  confirmed_ = false;
  suspend_recovery(now);
  history_.on_gap();
  memory_.on_gap();
  tail_check_at_ = kNever;
  freshness_.on_bus_down(now.steady);
  if (!bus_lost_at_) bus_lost_at_ = now.wall;
  for (Member* member : members_) {
    tell_bus_down(*member);
    member->in_gap = true;
    member->recovers = false;
  }
  // Whoever waits for an acknowledgement is served from the database meanwhile, and has been told that nothing is live.
  acknowledge_pending(now);
  if (!has_subscribers()) distrust_memory();
  // A bus that comes and goes must not put this off for ever.
  if (env_.host.has_database() && has_subscribers())
    down_refresh_at_ = std::min(down_refresh_at_, now.steady + env_.config.down_refresh);
  wake_by(next_due());
}

std::size_t Device::broadcast(std::string_view json) {
  const FramePtr frame = Frame::text(json);
  for (Member* member : members_) member->receiver.deliver_broadcast(frame);
  env_.counters.broadcasts += members_.size();
  return members_.size();
}

ChannelState* Device::find_state(Channel channel) noexcept {
  for (ChannelState& candidate : channels_)
    if (candidate.channel == channel) return &candidate;
  return nullptr;
}

ChannelState& Device::state(Channel channel) {
  if (ChannelState* found = find_state(channel)) return *found;
  return channels_.emplace_back(channel);
}

bool Device::has_subscribers() const noexcept {
  if (recovery_ && !recovery_->waiting.empty()) return true;
  if (further_views_.has_members()) return true;
  return std::any_of(channels_.begin(), channels_.end(), [](const ChannelState& s) { return !s.members.empty(); });
}

// Only from here on does the member get what is published: an event that comes earlier is part of its first value.
void Device::enlist(Member& member, Channel channel, const Now& now) {
  if (!member.subscribed.contains(channel)) {
    ChannelState& subscribed = state(channel);
    // The refresh timer of a channel starts with its first member.
    if (subscribed.members.empty()) subscribed.last_sent = now.steady;
    subscribed.members.push_back(&member);
    member.subscribed.add(channel);
    if (bus_lost_at_) member.in_gap = true;
    ++env_.counters.subscriptions[index(channel)];
  }
  if (channel == Channel::history) enter_history(member, now);
}

void Device::send_subscribed(Member& member, Channel channel, std::optional<bool> resumed) {
  env_.scratch.clear();
  proto::append_subscribed(env_.scratch, id_, env_.channels.name(channel), resumed);
  member.receiver.deliver_control(Frame::text(env_.scratch));
}

void Device::deliver_first(Member& member, proto::ChannelSet channels, const Now& now) {
  const bool all_read = !env_.host.has_database() || read_ == Read::done;
  bool waiting = false;
  if (database_failed_) tell_database_down(member);
  channels.for_each([&](Channel channel) {
    // What the bus has shown is at hand: after a failed read it is all there is for now, and a sample of `metrics` that
    // came by the bus is the latest there is in any case.
    const bool from_memory = all_read || read_ == Read::failed || index(channel) >= proto::kBuiltInChannels ||
                             (channel == Channel::metrics && state(channel).from_event);
    const bool waits_for_history = channel == Channel::history && waits_for_view(member);
    if (from_memory && !waits_for_history && deliver_latest(member, channel, now)) return;
    if (waits_for_history) read_for_view(member);
    if ((all_read && !waits_for_history) || index(channel) >= proto::kBuiltInChannels) return;
    member.awaiting.add(channel);
    waiting = true;
  });
  if (!waiting) ++env_.counters.memory_snapshots;
  if (waiting && read_ == Read::unread) want_read(storage::ReadReason::first);
  // Somebody has been told that the database is away: somebody must find out that it is back.
  if (database_failed_ && !read_in_flight_ && retry_at_ == kNever) want_read(storage::ReadReason::retry);
  if (all_read && nothing_known()) tell_unknown(member);
  if (!waiting && freshness_.stale()) tell_stale(member);
  // While the bus is away what is remembered grows old: read again at once what nobody kept fresh, the rest in its
  // turn.
  if (env_.host.bus() == DeviceHost::Bus::down && down_refresh_at_ == kNever)
    down_refresh_at_ = now.steady + (read_ == Read::done ? Millis(0) : env_.config.down_refresh);
  wake_by(next_due());
}

bool Device::deliver_latest(Member& member, Channel channel, const Now& now) {
  if (channel == Channel::history) return deliver_history(member, now);
  const FramePtr frame = latest_frame(state(channel));
  if (!frame) return false;
  if (channel == Channel::metrics) {
    if (!takes_latest(member, now)) return true;
  }
  member.receiver.deliver(channel, frame);
  ++env_.counters.messages[index(channel)];
  return true;
}

void Device::send_status(const proto::Status& status) {
  env_.scratch.clear();
  proto::append_status(env_.scratch, id_, status);
  const FramePtr frame = Frame::text(env_.scratch);
  for (Member* member : members_) member->receiver.deliver_control(frame);
}

void Device::send_status(Member& member, const proto::Status& status) {
  env_.scratch.clear();
  proto::append_status(env_.scratch, id_, status);
  member.receiver.deliver_control(Frame::text(env_.scratch));
}

void Device::tell_bus_down(Member& member) {
  if (std::exchange(member.told_bus_down, true)) return;
  proto::Status status;
  status.bus = LinkState::down;
  status.since = bus_lost_at_;
  send_status(member, status);
}

void Device::tell_database_down(Member& member) {
  if (std::exchange(member.told_database_down, true)) return;
  proto::Status status;
  status.database = LinkState::down;
  status.since = database_failed_;
  send_status(member, status);
}

bool Device::nothing_known() const noexcept {
  if (!history_.samples().empty() || system_ != nullptr) return false;
  return std::none_of(channels_.begin(), channels_.end(),
                      [](const ChannelState& s) { return s.latest || !s.json.empty(); });
}

// The bus is away, and nobody has the database read in its stead: whoever subscribes next gets a fresh snapshot.
void Device::distrust_memory() {
  if (!env_.host.has_database()) return;
  read_ = Read::unread;
  state(Channel::metrics).from_event = false;
}

}  // namespace pulsegate::devices
