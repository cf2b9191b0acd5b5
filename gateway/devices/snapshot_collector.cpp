#include "gateway/devices/snapshot_collector.hpp"

#include <utility>
#include <vector>

#include "proto/message.hpp"

namespace pulsegate::devices {

using proto::Channel;

namespace {

constexpr std::string_view kReserved[] = {"deviceUuid", "timestamp", "status"};

// A channel that the operator has given the name of another member is not told.
bool reserved(std::string_view name) noexcept {
  for (const std::string_view each : kReserved)
    if (name == each) return true;
  return false;
}

}  // namespace

SnapshotCollector::SnapshotCollector(Hub& hub, const proto::ChannelTable& channels, const proto::DeviceId& id,
                                     storage::Executor post, Done done)
    : hub_(hub),
      channels_(channels),
      id_(id),
      post_(std::move(post)),
      done_(std::move(done)),
      member_(*this),
      alive_(std::make_shared<SnapshotCollector*>(this)) {
  hub_.add(id_, *this);
}

SnapshotCollector::~SnapshotCollector() {
  *alive_ = nullptr;
  hub_.leave(member_);
  hub_.remove(id_, *this);
}

bool SnapshotCollector::start(proto::ChannelSet left_out) {
  if (!hub_.join(id_, member_)) return false;
  left_out_ = left_out;
  std::vector<Channel> wanted;
  for (std::size_t i = 0; i < channels_.size(); ++i)
    if (!left_out_.contains(static_cast<Channel>(i))) wanted.push_back(static_cast<Channel>(i));
  hub_.subscribe(member_, wanted);
  look_later();
  return true;
}

void SnapshotCollector::on_read_ended(storage::SnapshotError error) {
  overloaded_ = error == storage::SnapshotError::overloaded;
  look_later();
}

void SnapshotCollector::deliver(Channel channel, const FramePtr& frame) {
  latest_[index(channel)] = frame;
  look_later();
}

// An acknowledgement, or a status: what is awaited may have changed.
void SnapshotCollector::deliver_control(const FramePtr&) {
  look_later();
}

// Never from inside the device, which delivers in loops over its members.
void SnapshotCollector::look_later() {
  if (std::exchange(look_posted_, true)) return;
  post_([alive = alive_] {
    if (*alive != nullptr) (*alive)->look();
  });
}

void SnapshotCollector::look() {
  look_posted_ = false;
  if (!done_ || !member_.unacked.empty()) return;
  if (!member_.awaiting.empty() && !member_.told_database_down) {
    if (!overloaded_) return;
    // What is missing is not unknown: it could be read in a moment, and somebody who asks once would never learn.
    return std::exchange(done_, nullptr)(std::nullopt);
  }
  // With a database that is down the rest may take as long as it likes: what is known is the answer.
  std::string json = text();
  std::exchange(done_, nullptr)(std::move(json));
}

std::string SnapshotCollector::text() const {
  std::string json = "{\"deviceUuid\":\"";
  id_.append_to(json);
  json += "\",\"timestamp\":\"";
  proto::append_iso8601(json, hub_.now().wall);
  json += '"';
  for (std::size_t i = 0; i < channels_.size(); ++i) {
    const std::string_view name = channels_.name(static_cast<Channel>(i));
    if (reserved(name) || left_out_.contains(static_cast<Channel>(i))) continue;
    json.append(",\"").append(name).append("\":");
    json += latest_[i] ? latest_[i]->payload() : std::string_view("null");
  }
  const bool database_up = hub_.database_up() && !member_.told_database_down;
  json.append(",\"status\":{\"bus\":\"").append(hub_.bus_up() ? "up" : "down");
  json.append("\",\"database\":\"").append(!hub_.has_database() ? "none" : database_up ? "up" : "down");
  const Device& device = *member_.device;
  json.append("\",\"device\":\"").append(kFreshnessNames[static_cast<std::size_t>(device.freshness())]);
  json += '"';
  if (device.stale_since()) {
    json += ",\"since\":\"";
    proto::append_iso8601(json, *device.stale_since());
    json += '"';
  }
  json += "}}";
  return json;
}

}  // namespace pulsegate::devices
