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
  Millis stale_after{15'000};   // shortest silence that makes a device `stale`; 0: none does
  Millis reread{300'000};       // bounded re-read of a device with subscribers; 0: off
  Millis retry_min{1'000};      // first wait after a failed snapshot read; doubles up to retry_max
  Millis retry_max{30'000};
  std::size_t history_points = proto::limits::kHistoryPoints;
  Millis history_min_interval{1'000};  // `history` in replace form at most so often
  // Latest value sent again when nothing was sent for so long, by built-in channel; 0: never.
  std::array<Millis, proto::kBuiltInChannels> refresh{Millis(0), Millis(30'000), Millis(60'000), Millis(30'000),
                                                      Millis(30'000)};
  Millis down_refresh{30'000};  // while the bus is down, the database is read in its stead so often
  // What a device remembers of `metrics` for those who come back with `since`.
  std::size_t resume_events = 64;
  std::size_t resume_bytes = 128 * 1024;
  std::size_t resume_memory = 64 * 1024 * 1024;  // bytes of all devices of a hub: with many each remembers less
  std::size_t replay_bytes = 256 * 1024;         // of stream and table for one client; of what is older a gap tells
  Millis resume_hold{5'000};                     // live samples wait for missed ones no longer than that
  Millis tail_check{30'000};              // a silent device is compared with its table and stream so often; 0: never
  double repair_rate = 500;               // reads a second that no client asked for, per hub
  std::size_t max_reads_in_flight = 256;  // per hub, well below the queue of the source
  std::size_t max_devices = 200'000;      // per hub
  std::size_t max_bus_payload = proto::limits::kMaxBusPayload;  // bytes
  bool trace_context = false;                                   // events may carry one
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
  // There is a stream or a table in which the past can be looked up.
  virtual bool has_past() const noexcept = 0;
  // Asks for all that is stored of what came after `from` (publisher's or database's clock), and of the time shortly
  // before it. The answer comes by Device::on_past(), as above.
  virtual void request_past(Device& device, proto::Timestamp from, bool awaited) = 0;
  // A loss that nothing else had shown.
  virtual void on_silent_loss(const Device& device) = 0;
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
