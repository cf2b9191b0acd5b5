// One client of many devices (/api/v1/ws): its commands say which devices they are about. Each device of it is a
// DeviceFeed, so what holds for a session of one device holds for each of them.
#pragma once

#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>

#include "gateway/ws/client.hpp"
#include "gateway/ws/device_feed.hpp"
#include "gateway/ws/link.hpp"
#include "proto/command.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::ws {

// Thread: its shard. Owner: the connection.
// Invariants: 1. At most max_fleet_devices feeds, each of which has joined its device. 2. A feed with nothing
// subscribed and nothing asked goes at once, or with the next tick. 3. With a grant, no feed is there that it does not
// allow.
class FleetSession final : public LinkHandler {
 public:
  // Sends `connected`. No device is joined before a command names it.
  FleetSession(Link& link, const access::Admission& admission, const SessionConfig& config, const SessionParts& parts,
               const Now& now);
  ~FleetSession() override;

  void on_text(std::string_view message, const Now& now) override;
  void on_binary(std::string_view message, const Now& now) override;
  void on_drained(const Conflated& lost, const Now& now) override;
  void on_tick(const Now& now) override;
  void describe(SessionReport& report) const override;
  void on_closed(std::uint16_t code, std::string_view reason, const Now& now) override;

 private:
  using Feeds = std::unordered_map<proto::DeviceId, std::unique_ptr<DeviceFeed>, proto::DeviceIdHash>;

  std::optional<proto::CommandError> obey(std::string_view message, const Now& now);
  void subscribe(const proto::Command& command, const proto::FleetCommand& named, const Now& now);
  void unsubscribe(const proto::Command& command, const proto::FleetCommand& named, const Now& now);
  void query(const proto::HistoryQuery& query, const proto::DeviceId& device, const Now& now);
  void ping(const Now& now);
  void renew(const proto::AuthRequest& request, const Now& now);

  DeviceFeed* find(const proto::DeviceId& device) const;
  // The grant names the device. Tells the client where not.
  bool permits(const proto::DeviceId& device, std::string_view id);
  // That of the device, which is joined where it was not. Null: it cannot be, and the client was told.
  DeviceFeed* open_feed(const proto::DeviceId& device, std::string_view id, const Now& now);
  Feeds::iterator close_feed(Feeds::iterator feed, const Now& now);
  void close_if_idle(const proto::DeviceId& device, const Now& now);
  void close_idle(const Now& now);

  Client client_;
  const std::size_t max_devices_;
  Feeds feeds_;
  std::size_t slots_ = 0;               // that were ever in use
  std::deque<std::size_t> free_slots_;  // of these; the one that has been free for longest is used first
};

}  // namespace pulsegate::ws
