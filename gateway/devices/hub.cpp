// Members and bus events; see hub_reads.cpp for snapshots and time.
#include "gateway/devices/hub.hpp"

#include <algorithm>

namespace pulsegate::devices {
namespace {

// In Device::HubState::confirmed_topics.
unsigned bit_of(const proto::Topic& topic) noexcept {
  return topic.kind == proto::TopicKind::pass_through
             ? 3 + static_cast<unsigned>(index(topic.channel) - proto::kBuiltInChannels)
             : static_cast<unsigned>(topic.kind);
}

}  // namespace

using proto::BusEventError;

Hub::Hub(const DeviceConfig& config, HubParts parts, std::uint64_t seed)
    : config_(config),
      parts_(std::move(parts)),
      environment_{config_, parts_.channels, parts_.clock_format, counters_, *this, {}, 0},
      parser_(config.max_bus_payload, config.trace_context),
      all_topics_(static_cast<std::uint32_t>((std::uint64_t{1} << parts_.topics.topics_per_device()) - 1)),
      pace_tokens_(std::max(1.0, config.repair_rate / 10)),
      random_(seed),
      alive_(std::make_shared<Hub*>(this)) {}

Hub::~Hub() {
  stop();
}

void Hub::stop() {
  if (alive_) *alive_ = nullptr;
  alive_.reset();
}

Device* Hub::find(const proto::DeviceId& id) const {
  const auto it = devices_.find(id);
  return it == devices_.end() ? nullptr : it->second.get();
}

bool Hub::join(const proto::DeviceId& id, Member& member) {
  const Now now = parts_.clock.now();
  Device* device = find(id);
  if (device == nullptr) {
    if (devices_.size() >= config_.max_devices) return false;
    auto created = std::make_unique<Device>(id, environment_, now);
    device = created.get();
    device->hub.generation = next_generation_++;
    device->hub.counted_phase = device->phase();
    device->hub.counted_freshness = device->freshness();
    ++counters_.devices[static_cast<std::size_t>(device->phase())];
    ++counters_.freshness[static_cast<std::size_t>(device->freshness())];
    devices_.emplace(id, std::move(created));
    share_memory();
    // Broadcasts reach clients that have subscribed to nothing, so the bus subscription starts with the connection.
    parts_.subscriber.subscribe(parts_.topics.topics_of(id));
  }
  device->join(member, now);
  count(*device);
  return true;
}

// What all devices remember together is bounded, so with many each remembers less.
void Hub::share_memory() {
  environment_.memory_share = config_.resume_memory / std::max<std::size_t>(1, devices_.size());
}

void Hub::leave(Member& member) {
  if (member.device == nullptr) return;
  Device& device = *member.device;
  device.leave(member, parts_.clock.now());
  count(device);
  rearm();
}

void Hub::subscribe(Member& member, const std::vector<proto::Channel>& channels, const SubscribeOptions& options) {
  for (const proto::Channel channel : channels) {
    const auto of_channel = [&](const auto& pending) { return pending.first == channel; };
    member.since.erase(std::remove_if(member.since.begin(), member.since.end(), of_channel), member.since.end());
    if (options.since) member.since.emplace_back(channel, *options.since);
  }
  member.device->wish_history(member, channels, options);
  member.device->subscribe(member, channels, parts_.clock.now());
  count(*member.device);
  pump_reads(parts_.clock.now());
  rearm();
}

void Hub::unsubscribe(Member& member, const std::vector<proto::Channel>& channels) {
  member.device->unsubscribe(member, channels, parts_.clock.now());
  count(*member.device);
  rearm();
}

bool Hub::restore_history(Member& member) {
  return member.device == nullptr || member.device->history_lost(member, parts_.clock.now());
}

std::size_t Hub::broadcast(const proto::DeviceId& id, std::string_view json) {
  Device* device = find(id);
  return device == nullptr ? 0 : device->broadcast(json);
}

std::size_t Hub::client_count(const proto::DeviceId& id) const {
  const Device* device = find(id);
  return device == nullptr ? 0 : device->member_count() - collectors_.count(id);
}

void Hub::add(const proto::DeviceId& id, SnapshotCollector& collector) {
  collectors_.emplace(id, &collector);
}

void Hub::remove(const proto::DeviceId& id, SnapshotCollector& collector) {
  const auto [first, last] = collectors_.equal_range(id);
  for (auto each = first; each != last; ++each)
    if (each->second == &collector) return void(collectors_.erase(each));
}

void Hub::drop_event(EventDrop reason, std::string_view topic) {
  ++counters_.dropped[static_cast<std::size_t>(reason)];
  event_.trace = {};  // whatever was read of it is not of an event
  // A device that has just been dropped may still be talking; everything else is somebody's fault.
  if (reason != EventDrop::no_device) parts_.notice(Notice::bad_event, topic);
}

void Hub::on_event(std::string_view topic_text, std::string_view payload) {
  const auto topic = parts_.topics.parse(topic_text);
  if (!topic) return drop_event(EventDrop::bad_topic, topic_text);
  ++counters_.events[static_cast<std::size_t>(topic->kind)];
  Device* device = find(topic->device);
  if (device == nullptr) return drop_event(EventDrop::no_device, topic_text);
  switch (parser_.parse(topic->kind, payload, event_)) {
    case BusEventError::none:
      break;
    case BusEventError::too_big:
      return drop_event(EventDrop::too_big, topic_text);
    case BusEventError::malformed:
      return drop_event(EventDrop::malformed, topic_text);
    case BusEventError::too_deep:
      return drop_event(EventDrop::too_deep, topic_text);
    case BusEventError::not_an_object:
      return drop_event(EventDrop::not_an_object, topic_text);
    case BusEventError::missing_type:
      return drop_event(EventDrop::missing_type, topic_text);
  }
  if (event_.trace_finding != proto::TraceFinding::none)
    ++counters_.traces[static_cast<std::size_t>(event_.trace_finding) - 1];
  if (!batch_now_) batch_now_ = parts_.clock.now();
  device->on_event(*topic, event_, *batch_now_);
  count(*device);
}

void Hub::on_batch_end(bool more_waiting) {
  batch_now_.reset();
  rearm();
  parts_.flush(more_waiting);
}

void Hub::on_subscribed(std::string_view topic_text) {
  const auto topic = parts_.topics.parse(topic_text);
  Device* device = topic ? find(topic->device) : nullptr;
  if (device == nullptr) return;
  const unsigned bit = bit_of(*topic);
  const bool was_complete = device->hub.confirmed_topics == all_topics_;
  device->hub.confirmed_topics |= 1u << bit;
  if (was_complete || device->hub.confirmed_topics != all_topics_) return;
  device->hub.lost = false;
  const Now now = parts_.clock.now();
  device->on_bus_confirmed(now);
  count(*device);
  pump_reads(now);
  rearm();
}

// To the device it is as if the bus were down: nothing is live until all of its topics are confirmed again.
void Hub::on_topic_lost(std::string_view topic_text) {
  const auto topic = parts_.topics.parse(topic_text);
  Device* device = topic ? find(topic->device) : nullptr;
  if (device == nullptr) return;
  device->hub.confirmed_topics &= ~(1u << bit_of(*topic));
  if (std::exchange(device->hub.lost, true)) return;
  const Now now = parts_.clock.now();
  device->on_bus_down(now);
  count(*device);
  pump_reads(now);
  rearm();
}

void Hub::on_bus_up() {
  bus_ = Bus::up;
  parts_.notice(Notice::bus_up, {});
}

void Hub::on_bus_down(std::string_view reason) {
  bus_ = Bus::down;
  parts_.notice(Notice::bus_down, reason);
  const Now now = parts_.clock.now();
  for (const auto& entry : devices_) {
    entry.second->hub.confirmed_topics = 0;
    entry.second->hub.lost = false;
    entry.second->on_bus_down(now);
    count(*entry.second);
  }
  pump_reads(now);
  rearm();
  parts_.flush(false);
}

void Hub::count(Device& device) noexcept {
  Device::HubState& counted = device.hub;
  if (const DevicePhase phase = device.phase(); phase != counted.counted_phase) {
    --counters_.devices[static_cast<std::size_t>(counted.counted_phase)];
    ++counters_.devices[static_cast<std::size_t>(phase)];
    counted.counted_phase = phase;
  }
  if (const proto::DeviceState freshness = device.freshness(); freshness != counted.counted_freshness) {
    --counters_.freshness[static_cast<std::size_t>(counted.counted_freshness)];
    ++counters_.freshness[static_cast<std::size_t>(freshness)];
    counted.counted_freshness = freshness;
  }
  counters_.remembered_bytes -= counted.counted_bytes;
  counters_.remembered_bytes += counted.counted_bytes = device.remembered_bytes();
}

void Hub::uncount(const Device& device) noexcept {
  --counters_.devices[static_cast<std::size_t>(device.hub.counted_phase)];
  --counters_.freshness[static_cast<std::size_t>(device.hub.counted_freshness)];
  counters_.remembered_bytes -= device.hub.counted_bytes;
}

}  // namespace pulsegate::devices
