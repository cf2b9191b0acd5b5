// Settings of the hub and its devices, and the services that a device asks of its hub.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>

#include "gateway/clock.hpp"
#include "proto/channel.hpp"
#include "proto/limits.hpp"
#include "storage/history_source.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

class Device;

using Millis = std::chrono::milliseconds;

struct DeviceConfig {
  Millis linger{30'000};        // the bus subscription outlives the last member for so long
  Millis row_lag{15'000};       // longest time from an event to its row
  Millis gap_tolerance{1'000};  // clock error allowed between our bus confirmation and the database
  Millis reread{300'000};       // bounded re-read of a device with subscribers; 0: off
  Millis retry_min{1'000};      // first wait after a failed snapshot read; doubles up to retry_max
  Millis retry_max{30'000};
  std::size_t history_points = proto::limits::kHistoryPoints;
  Millis history_min_interval{1'000};  // `history` in replace form at most so often
  // Latest value sent again when nothing was sent for so long, by built-in channel; 0: never.
  std::array<Millis, proto::kBuiltInChannels> refresh{Millis(0), Millis(30'000), Millis(60'000), Millis(30'000),
                                                      Millis(30'000)};
  Millis down_refresh{30'000};            // while the bus is down, the database is read in its stead so often
  double repair_rate = 500;               // reads a second that no client asked for, per hub
  std::size_t max_reads_in_flight = 256;  // per hub, well below the queue of the source
  std::size_t max_devices = 200'000;      // per hub
  std::size_t max_bus_payload = proto::limits::kMaxBusPayload;  // bytes
};

// Implemented by the hub, faked in tests of Device. Thread: the shard.
class DeviceHost {
 public:
  enum class Bus : unsigned char { connecting, up, down };

  virtual Bus bus() const noexcept = 0;
  virtual bool has_database() const noexcept = 0;
  // Asks for a snapshot; the answer comes by Device::on_snapshot(), never before this returns, unless the device is
  // gone. `awaited`: by a client, so it goes before those that are paced.
  virtual void request_read(Device& device, storage::ReadReason reason, bool awaited) = 0;
  // Asks for the rows of a range; the answer comes by Device::on_range() with this number, never before this returns,
  // unless the device is gone.
  virtual void request_range(Device& device, std::uint32_t view, const storage::RangeRequest& request) = 0;
  // Device::on_time() is to be called at `due` or soon after; replaces an earlier request of this device.
  virtual void wake_at(Device& device, SteadyTime due) = 0;
  // A uniform number in [0, 1), for jitter.
  virtual double random() = 0;

 protected:
  ~DeviceHost() = default;
};

}  // namespace pulsegate::devices
