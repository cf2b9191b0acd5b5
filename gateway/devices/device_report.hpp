// What a device in memory says of itself to operators. A copy: nothing of it refers to the device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "proto/message.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: value. Ages are seconds before the report was made; null: never.
struct DeviceReport {
  struct Channel {
    std::string name;
    std::size_t subscribers = 0;
    std::optional<proto::Timestamp> value_time;  // of the latest value, as its publisher gives it
    std::optional<double> sent_age;              // since it was last sent to all subscribers
  };

  std::size_t shard = 0;    // where it lives
  const char* phase = "";   // of kDevicePhaseNames
  std::size_t members = 0;  // sessions, whatever they have subscribed to
  bool confirmed = false;   // Redis has confirmed the subscription to all of its topics
  bool bus_up = false;
  bool has_database = false;
  bool database_up = false;  // meaningful with a database
  proto::DeviceState freshness = proto::DeviceState::live;
  std::optional<proto::Timestamp> stale_since;
  std::optional<proto::Timestamp> confirmed_at;
  std::optional<proto::Timestamp> bus_lost_at;      // still away since
  std::optional<proto::Timestamp> database_failed;  // its last read failed then
  std::optional<proto::Timestamp> gap_from;         // events may have been lost since, and are being looked for
  std::optional<proto::Timestamp> last_event;       // of `metrics`, the event's own time
  std::optional<double> last_event_age;             // of `metrics`, by our clock
  std::size_t remembered_bytes = 0;                 // for clients that come back
  std::vector<Channel> channels;                    // those that were ever used
};

}  // namespace pulsegate::devices
