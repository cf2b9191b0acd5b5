// All devices of one shard: routes bus events to them, gives them time and snapshots, and creates and drops them.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bus/stream_source.hpp"
#include "bus/subscriber.hpp"
#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/device.hpp"
#include "gateway/devices/device_config.hpp"
#include "gateway/devices/past_page.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/bus_event.hpp"
#include "proto/history_request.hpp"
#include "proto/topic.hpp"
#include "storage/history_source.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

class SnapshotCollector;

// What a hub reports to the log. The detail is a reason, the topic of a bad event, or a device.
enum class Notice : std::uint8_t { bus_up, bus_down, database_up, database_down, read_failed, bad_event, silent_loss };

// What a hub stands on. All of it must outlive the hub.
struct HubParts {
  const proto::ChannelTable& channels;
  const proto::TopicTable& topics;
  const proto::ClockFormat& clock_format;
  const Clock& clock;
  bus::Subscriber& subscriber;
  storage::SnapshotSource* source = nullptr;     // null: `--database none`
  storage::HistorySource* history = nullptr;     // null: as above
  storage::Executor executor;                    // brings snapshot answers back to this thread
  std::function<void(bool more_waiting)> flush;  // after each batch of events; as EventSink::on_batch_end()
  std::function<void(SteadyTime)> arm;           // run advance() at this time; replaces the earlier request
  std::function<void(Notice, std::string_view detail)> notice;  // for the log; whoever writes it limits the rate
  bus::StreamSource* stream = nullptr;                          // null: `--stream-key none`
};

// Thread: one shard. Owner: Shard.
class Hub final : public bus::EventSink, private DeviceHost {
 public:
  Hub(const DeviceConfig& config, HubParts parts, std::uint64_t seed);
  ~Hub() override;

  // Members. join() subscribes the device's topics when it is the first; false: the hub has as many devices as it may.
  bool join(const proto::DeviceId& id, Member& member);
  void leave(Member& member);
  void subscribe(Member& member, const std::vector<proto::Channel>& channels, const SubscribeOptions& options = {});
  void unsubscribe(Member& member, const std::vector<proto::Channel>& channels);
  // The member lost messages of `history` because it was too slow, and has taken all that was left. Sends it its window
  // again where it lacks points; false: it does not get those, tell it.
  bool restore_history(Member& member);
  // Answered by Receiver::deliver_answer(), or by an `error`; never before this returns, and not at all once the member
  // has left. False: its last query is still open.
  bool query_history(Member& member, const proto::HistoryQuery& query);

  // The same question of somebody who is no member; the device need not be in memory, and does not come there. `done`
  // runs once, never before this returns, and not at all after stop(). `json`, unless there was an error:
  // {"deviceUuid":…,"from":…,"to":…,"data":{"cpu":[…],"memory":[…],"network":[…]}}
  using HistoryDone = std::function<void(storage::SnapshotError error, std::string json)>;
  void query_history(const proto::DeviceId& id, const proto::HistoryQuery& query, HistoryDone done);

  // What stream and table hold of a device, see PastPages; the device need not be in memory. Past::failed: at least one
  // of the two could not be read. `done` runs once, never before this returns, and not at all after stop().
  using PastDone = std::function<void(std::shared_ptr<const Past> past)>;
  void read_past(const proto::DeviceId& id, const PageRequest& request, PastDone done);
  bool has_past() const noexcept override { return parts_.history != nullptr || parts_.stream != nullptr; }

  // Collectors are members that come and go: they hear of every read of their device that has ended, and are not
  // counted as clients. add() before join(), remove() at their end.
  void add(const proto::DeviceId& id, SnapshotCollector& collector);
  void remove(const proto::DeviceId& id, SnapshotCollector& collector);

  // Returns how many members got it. `json`: an object with a string `type`, checked by the caller.
  std::size_t broadcast(const proto::DeviceId& id, std::string_view json);
  // Members that stay, whatever they have subscribed to.
  std::size_t client_count(const proto::DeviceId& id) const;

  // How the device stands, for operators; null: not in memory. Brings nothing there.
  std::optional<DeviceReport> report(const proto::DeviceId& id) const;

  // Runs what is due, and arms the next deadline.
  void advance();

  // From here on no answer of the source reaches a device.
  void stop();

  bool bus_up() const noexcept { return bus_ == Bus::up; }
  bool has_database() const noexcept override { return parts_.source != nullptr; }
  bool database_up() const noexcept { return database_up_; }
  // Gauges are kept up to date, so asking costs the same with one device and with 10 000.
  const HubCounters& counters() const noexcept { return counters_; }
  Now now() const { return parts_.clock.now(); }
  // The own time of the event that was last forwarded.
  const std::optional<proto::Timestamp>& event_time() const noexcept { return event_.timestamp; }
  // The trace context of the last event; empty where that was dropped. Valid until the next one.
  const proto::TraceContext& event_trace() const noexcept { return event_.trace; }
  // When the batch began of which that event is. Requires: an event was forwarded since the last on_batch_end().
  SteadyTime batch_time() const noexcept { return batch_now_ ? batch_now_->steady : SteadyTime{}; }

  // bus::EventSink
  void on_event(std::string_view topic, std::string_view payload) override;
  void on_subscribed(std::string_view topic) override;
  void on_bus_up() override;
  void on_bus_down(std::string_view reason) override;
  void on_topic_lost(std::string_view topic) override;
  void on_batch_end(bool more_waiting) override;

 private:
  using Devices = std::unordered_map<proto::DeviceId, std::unique_ptr<Device>, proto::DeviceIdHash>;

  // DeviceHost
  Bus bus() const noexcept override { return bus_; }
  void request_past(Device& device, proto::Timestamp from, bool awaited) override;
  void on_silent_loss(const Device& device) override;
  void request_read(Device& device, storage::ReadReason reason, bool awaited) override;
  void request_range(Device& device, std::uint32_t view, const storage::RangeRequest& request) override;
  void wake_at(Device& device, SteadyTime due) override;
  double random() override;

  struct WaitingRead {
    proto::DeviceId device;
    std::uint64_t generation;
    storage::ReadReason reason;
    std::optional<proto::Timestamp> past_from;  // a look at what is stored since then; otherwise a snapshot
  };

  Device* find(const proto::DeviceId& id) const;
  void read_range(const proto::DeviceId& id, const proto::HistoryQuery& query,
                  std::function<void(Hub& hub, const storage::HistoryResult& result)> done);
  void count_failure(const storage::HistoryResult& result);
  void drop_event(EventDrop reason, std::string_view topic);
  // Brings the gauges up to date with a device: after every call of it that may change what it is counted as.
  void count(Device& device) noexcept;
  void uncount(const Device& device) noexcept;
  void pump_reads(const Now& now);
  void read(const WaitingRead& wanted, const Now& now);
  void on_answer(const WaitingRead& wanted, proto::Timestamp asked, const storage::SnapshotResult& result);
  void look(const WaitingRead& wanted, const Now& now);
  // First the stream, then the table: what leaves the stream in between is in the table by then. `done`: as of
  // read_past(), with what may still be changed.
  using Gathered = std::function<void(Hub& hub, std::shared_ptr<Past> past)>;
  void gather_past(const proto::DeviceId& id, const PageRequest& request, std::shared_ptr<Past> past, Gathered done);
  void take_stream(Past& past, const bus::StreamAnswer& answer);
  void gather_rows(const proto::DeviceId& id, const PageRequest& request, std::shared_ptr<Past> past, Gathered done);
  void on_looked(const WaitingRead& wanted, std::shared_ptr<Past> past);
  void share_memory();
  void on_range(const proto::DeviceId& device, std::uint64_t generation, std::uint32_t view,
                const storage::HistoryResult& result);
  void rearm();

  const DeviceConfig config_;
  HubParts parts_;
  HubCounters counters_;
  DeviceEnvironment environment_;
  Devices devices_;
  std::unordered_multimap<proto::DeviceId, SnapshotCollector*, proto::DeviceIdHash> collectors_;
  TimerHeap timers_;
  proto::BusEventParser parser_;
  proto::BusEvent event_;
  std::uint32_t all_topics_;  // mask of Device::HubState::confirmed_topics when every topic is confirmed
  std::uint64_t next_generation_ = 1;
  std::uint32_t last_query_ = 0;
  Bus bus_ = Bus::connecting;
  bool database_up_ = true;
  std::optional<Now> batch_now_;  // one clock reading per batch of events

  // Reads: those that a client waits for go first, the rest at repair_rate. At most one per device, so bounded.
  std::deque<WaitingRead> urgent_reads_;
  std::deque<WaitingRead> paced_reads_;
  std::size_t reads_in_flight_ = 0;
  double pace_tokens_;
  SteadyTime pace_updated_{};
  SteadyTime pace_due_ = kNever;

  SteadyTime armed_ = kNever;
  std::mt19937_64 random_;
  std::shared_ptr<Hub*> alive_;  // what answers of the source hold; null after stop()
};

}  // namespace pulsegate::devices
