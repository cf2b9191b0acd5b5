// What a device does with an event: keep the latest values, and fan them out. This is the data path: an event is parsed
// once by the hub, spliced once per channel that somebody wants, framed once, and shared by all members.
#include <algorithm>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::TopicKind;

namespace {

proto::Timestamp plausible(proto::Timestamp time, const Now& now) {
  return std::min(time, now.wall + kClockAhead);
}

}  // namespace

void Device::on_event(const proto::Topic& topic, const proto::BusEvent& event, const Now& now) {
  const proto::Timestamp time = event.timestamp.value_or(now.wall);
  // Redis confirms the topics of a device one after another; events of the first may come before the last is confirmed.
  if (!first_confirmed_) first_confirmed_ = now.wall;
  if (event.timestamp) env_.counters.event_age.observe(std::chrono::duration<double>(now.wall - time).count());
  switch (topic.kind) {
    case TopicKind::metrics:
      on_metrics(event, time, now);
      return sign_of_life(time, now);
    case TopicKind::state:
      on_state(event, time, now);
      return sign_of_life(time, now);
    case TopicKind::broadcast:
      broadcast(event.object);
      return;
    // Nor this is a sign of life, since whoever watches the device may publish it; but something is known now.
    case TopicKind::pass_through: {
      ChannelState& passed = state(topic.channel);
      env_.scratch.clear();
      proto::append_verbatim(env_.scratch, env_.channels.name(topic.channel), id_, time, event.object, {}, event.trace);
      passed.latest = Frame::text(env_.scratch);
      passed.time = time;
      publish(passed, now);
      return take_back_unknown(std::min(time, now.wall));
    }
  }
}

void Device::on_metrics(const proto::BusEvent& event, proto::Timestamp time, const Now& now) {
  ChannelState& metrics = state(Channel::metrics);
  if (gap_from_ && !confirmed_) begin_repair(now);  // the last topic of the device is still to be confirmed
  const proto::Cursor cursor = memory_.next_cursor(time, event.values);
  metrics.latest = metrics_frame(cursor, time, event.object, event.trace);
  metrics.time = plausible(time, now);
  metrics.from_event = true;
  memory_.push({cursor, event.values, metrics.latest}, memory_limits());
  latest_cursor_ = cursor;
  publish(metrics, now);
  heard_at_ = now.steady;
  heard_time_ = time;
  if (recovery_) hold_live(now);
  const proto::Timestamp seen = std::min(time, now.wall);
  last_event_ = last_event_ ? std::max(*last_event_, seen) : seen;

  take_lists(event, time, now);

  take_sample(event.values, time, now);
}

void Device::on_state(const proto::BusEvent& event, proto::Timestamp time, const Now& now) {
  if (!event.system.empty()) {
    if (!system_) system_ = std::make_unique<proto::SystemInfo>();
    ChannelState& info = state(Channel::system_info);
    info.time = plausible(time, now);
    info.own_time = time;
    info.from_event = true;
    if (system_->merge_newer(event.system)) {
      info.latest.reset();
      publish(info, now, event.trace);
    }
  }
  take_lists(event, time, now);
}

// Either kind of event may carry them.
void Device::take_lists(const proto::BusEvent& event, proto::Timestamp time, const Now& now) {
  const ValueTime known{time, plausible(time, now)};
  if (take_json(Channel::processes, event.top_processes, known, true))
    publish(state(Channel::processes), now, event.trace);
  if (take_json(Channel::network_interfaces, event.network_interfaces, known, true))
    publish(state(Channel::network_interfaces), now, event.trace);
}

// Returns whether the value is there and differs from the one before.
bool Device::take_json(Channel channel, std::string_view json, const ValueTime& time, bool from_event) {
  if (json.empty()) return false;
  ChannelState& value = state(channel);
  value.time = time.plausible;
  value.own_time = time.own;
  value.from_event = from_event;
  if (value.json == json) return false;
  value.json.assign(json);
  value.latest.reset();
  return true;
}

void Device::publish(ChannelState& published, const Now& now, const proto::TraceContext& trace) {
  if (published.channel == Channel::metrics) {
    ++samples_shown_;
    shown_ = latest_cursor_;
  }
  if (published.members.empty()) return;
  published.fan_out(latest_frame(published, trace));
  published.last_sent = now.steady;
  env_.counters.messages[index(published.channel)] += published.members.size();
}

FramePtr Device::latest_frame(ChannelState& wanted, const proto::TraceContext& trace) {
  if (wanted.latest) return wanted.latest;
  env_.scratch.clear();
  switch (wanted.channel) {
    case Channel::system_info:
      if (!system_) return {};
      proto::append_system_info(env_.scratch, id_, wanted.own_time, *system_, trace);
      break;
    case Channel::processes:
      if (wanted.json.empty()) return {};
      proto::append_processes(env_.scratch, id_, wanted.own_time, wanted.json, trace);
      break;
    case Channel::network_interfaces:
      if (wanted.json.empty()) return {};
      proto::append_network_interfaces(env_.scratch, id_, wanted.own_time, wanted.json, trace);
      break;
    default:
      return {};
  }
  wanted.latest = Frame::text(env_.scratch);
  return wanted.latest;
}

}  // namespace pulsegate::devices
