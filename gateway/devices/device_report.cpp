// The device's own account of itself, for operators: read only, in time linear in its channels.
#include "gateway/devices/device_report.hpp"

#include <chrono>
#include <string>

#include "gateway/devices/device.hpp"
#include "gateway/devices/hub.hpp"

namespace pulsegate::devices {

namespace {

std::optional<double> age(SteadyTime then, SteadyTime now) {
  if (then == SteadyTime{}) return std::nullopt;
  return std::chrono::duration<double>(now - then).count();
}

}  // namespace

DeviceReport Device::report(const Now& now) const {
  DeviceReport report;
  report.phase = kDevicePhaseNames[static_cast<std::size_t>(phase())];
  report.members = members_.size();
  report.confirmed = confirmed_;
  report.freshness = freshness();
  report.stale_since = stale_since();
  report.confirmed_at = confirmed_at_;
  report.bus_lost_at = bus_lost_at_;
  report.database_failed = database_failed_;
  report.gap_from = gap_from_;
  report.last_event = last_event_;
  report.last_event_age = age(heard_at_, now.steady);
  report.remembered_bytes = remembered_bytes();
  for (const ChannelState& state : channels_) {
    DeviceReport::Channel channel;
    channel.name = env_.channels.name(state.channel);
    channel.subscribers = state.members.size();
    if (state.latest || !state.json.empty()) channel.value_time = state.own_time;
    channel.sent_age = age(state.last_sent, now.steady);
    report.channels.push_back(std::move(channel));
  }
  return report;
}

std::optional<DeviceReport> Hub::report(const proto::DeviceId& id) const {
  const Device* device = find(id);
  if (device == nullptr) return std::nullopt;
  DeviceReport report = device->report(parts_.clock.now());
  report.members = client_count(id);
  report.bus_up = bus_up();
  report.has_database = has_database();
  report.database_up = database_up();
  return report;
}

}  // namespace pulsegate::devices
