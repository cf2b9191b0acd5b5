// One device: its state machine from the first client to the last, its latest values and window, and the fan-out to its
// members. No websocketpp, no Redis, no SQL, no clock of its own: it is told what happened and when, and asks its host
// for the rest.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/channel_state.hpp"
#include "gateway/devices/device_config.hpp"
#include "gateway/devices/event_memory.hpp"
#include "gateway/devices/history_window.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/devices/recovery.hpp"
#include "gateway/devices/timer_heap.hpp"
#include "proto/bus_event.hpp"
#include "proto/history_request.hpp"
#include "proto/message.hpp"
#include "storage/history_source.hpp"

namespace pulsegate::devices {

// What all devices of a hub share. Everything outlives the devices.
struct DeviceEnvironment {
  const DeviceConfig& config;
  const proto::ChannelTable& channels;
  const proto::ClockFormat& clock;
  HubCounters& counters;
  DeviceHost& host;
  std::string scratch;           // for building messages
  std::size_t memory_share = 0;  // bytes that one device may remember, see DeviceConfig::resume_memory
};

// Where a device stands, for operators. Order as kDevicePhaseNames.
enum class DevicePhase : std::uint8_t { cold, subscribing, catching_up, live, lingering };

// Thread: one shard. Owner: Hub.
// Invariants: 1. An event published after a member's `subscribed` reaches that member. 2. Nothing of a channel follows
// its `unsubscribed`. 3. Live events never wait for the database. 4. At most one snapshot read is in flight.
class Device {
 public:
  Device(const proto::DeviceId& id, DeviceEnvironment& environment, const Now& now);
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  const proto::DeviceId& id() const noexcept { return id_; }
  std::size_t member_count() const noexcept { return members_.size(); }
  DevicePhase phase() const noexcept;
  std::size_t remembered_bytes() const noexcept { return memory_.bytes(); }

  // Members.
  void join(Member& member, const Now& now);
  void leave(Member& member, const Now& now);
  // Acknowledges each channel (once the bus has confirmed, or at once while it is down), then delivers its snapshot.
  // A channel that is subscribed already is acknowledged and delivered again.
  void subscribe(Member& member, const std::vector<proto::Channel>& channels, const Now& now);
  void unsubscribe(Member& member, const std::vector<proto::Channel>& channels);

  // The bus.
  void on_bus_confirmed(const Now& now);  // all topics of the device
  void on_bus_down(const Now& now);
  void on_event(const proto::Topic& topic, const proto::BusEvent& event, const Now& now);
  // A message for every member whatever its subscriptions. Returns how many got it.
  std::size_t broadcast(std::string_view json);

  // The answer to DeviceHost::request_read(). `asked`: when the source was asked, so the table was looked at later.
  void on_snapshot(const storage::SnapshotResult& result, proto::Timestamp asked, const Now& now);

  // The answer to DeviceHost::request_past().
  void on_past(std::shared_ptr<const Past> past, const Now& now);

  // The answer to a history query: `history` is null where there is no database, or where it failed.
  void answer_query(std::uint32_t number, const proto::HistoryQuery& query, const storage::HistoryResult& result);

  void on_time(const Now& now);
  // No member for the whole linger time: the hub may drop it.
  bool expired(const Now& now) const noexcept { return members_.empty() && now.steady >= linger_until_; }

 private:
  // Whether the snapshot is there. `unread` while a read is in flight: its answer has been overtaken and will not do.
  enum class Read : std::uint8_t { unread, reading, failed, done };

  // A row that may belong to an event that has not reached us yet.
  struct HeldRow {
    storage::MetricsRow row;
    std::string json;
  };

  // device.cpp
  ChannelState& state(proto::Channel channel);
  ChannelState* find_state(proto::Channel channel) noexcept;
  bool has_subscribers() const noexcept;
  void begin(Member& member, proto::ChannelSet channels, const Now& now);
  void enlist(Member& member, proto::Channel channel, const Now& now);
  void acknowledge_pending(const Now& now);
  void send_subscribed(Member& member, proto::Channel channel, std::optional<bool> resumed);
  void send_gap(Member& member, proto::Timestamp from, proto::Timestamp to, proto::ChannelSet lost,
                std::string_view reason);
  void deliver_first(Member& member, proto::ChannelSet channels, const Now& now);
  bool deliver_latest(Member& member, proto::Channel channel);
  void send_status(const proto::Status& status);
  void send_status(Member& member, const proto::Status& status);
  void tell_bus_down(Member& member);
  void tell_database_down(Member& member);
  void tell_unknown(Member& member);
  void take_back_unknown(proto::Timestamp since);
  bool nothing_known() const noexcept;

  // device_resume.cpp
  enum class Resume : std::uint8_t { from_memory, waiting, impossible };
  Resume resume(Member& member, const proto::Since& since, const Now& now);
  void replay(Member& member, std::size_t from);
  void deliver_past(Member& member, const FramePtr& frame);
  void set_recovery_start(proto::Timestamp confirmed, const Now& now);
  void wait_for_past(Member& member, const proto::Since& since, bool resumed, const Now& now);
  std::optional<Recovery::Waiting> stop_waiting(const Member& member);
  proto::Timestamp earliest_after(const proto::Since& since, std::chrono::microseconds offset) const;
  void begin_repair(const Now& now);
  proto::Since last_shown(const Member& member, const Now& now) const;
  void suspend_recovery(const Now& now);
  void look_for_past(const Now& now);
  void use_past(const Now& now);
  void plan_next_look(Millis soon, const Now& now);
  void hold_live(const Now& now);
  void give_up_past(const Now& now);
  void give_up_past(const Member& member, const Now& now);
  void give_up_past(const Recovery::Waiting& waiting, proto::Timestamp confirmed, bool held, const Now& now);
  static std::string_view reason(const Recovery::Waiting& waiting) noexcept;
  void recovery_on_time(const Now& now);
  SteadyTime recovery_due() const noexcept;
  EventMemory::Limits memory_limits() const noexcept;
  FramePtr metrics_frame(const proto::Cursor& cursor, proto::Timestamp time, std::string_view json);
  Remembered remembered(const PastSample& sample, const Past& past);

  // device_tail.cpp
  void tail_check_on_time(const Now& now);
  proto::Since last_heard() const;
  void check_tail(std::shared_ptr<const Past> past, const Now& now);
  void take_rows_of_outage(const storage::Snapshot& snapshot, const Now& now);

  // device_events.cpp
  void on_metrics(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void on_state(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void take_lists(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  bool take_json(proto::Channel channel, std::string_view json, proto::Timestamp time, bool from_event);
  void publish(ChannelState& state, const Now& now);
  FramePtr latest_frame(ChannelState& state);
  FramePtr history_frame();
  void history_changed(const Now& now, bool at_once);

  // device_snapshot.cpp
  void want_read(storage::ReadReason reason);
  void start_read_if_wanted();
  void read_succeeded(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now);
  void plan_look(const Now& now);
  void look_at_guess(const Now& now);
  SteadyTime next_look(const Now& now);
  void read_failed(storage::SnapshotError error, const Now& now);
  proto::ChannelSet apply(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now);
  bool apply_newest_row(const storage::Snapshot& snapshot, bool newest_row_is_known, const Now& now);
  void release_held_row(const Now& now);
  void remember_row(const storage::MetricsRow& row, std::string_view json);
  proto::ChannelSet apply_state(const storage::StateRow& row, proto::Timestamp fallback_time,
                                std::chrono::microseconds offset, proto::Timestamp asked);
  void deliver_snapshot(proto::ChannelSet changed, const Now& now);
  void announce_gap(bool history_too, const Now& now);
  void forget_gap() noexcept;
  SteadyTime next_due() const noexcept;
  void wake_by(SteadyTime due);

  // First what every event touches: with thousands of devices each of these cache lines is a miss.
  const proto::DeviceId id_;
  DeviceEnvironment& env_;
  std::vector<ChannelState> channels_;          // only those that were ever used
  std::optional<proto::Timestamp> last_event_;  // event time of the newest metrics event, never in our future
  Read read_ = Read::unread;
  storage::ReadReason reading_ = storage::ReadReason::first;  // of the read in flight, else of the last one
  bool read_in_flight_ = false;
  bool look_in_flight_ = false;  // at what is stored of the past
  bool confirmed_ = false;       // by the bus
  bool told_unknown_ = false;
  bool gap_to_announce_ = false;
  bool look_owed_ = false;                          // a second look, once a read has succeeded
  int looks_for_guess_ = 0;                         // that may still follow it
  std::optional<storage::ReadReason> wanted_read_;  // to start when the one in flight is back
  SteadyTime history_sent_at_{};                    // last fan-out of `history`
  SteadyTime history_due_ = kNever;                 // deadlines: kNever when off
  HistoryWindow history_;
  EventMemory memory_;
  std::unique_ptr<Recovery> recovery_;  // somebody waits for what it has missed of `metrics`

  std::vector<Member*> members_;
  std::unique_ptr<proto::SystemInfo> system_;
  std::unique_ptr<HeldRow> held_row_;

  // The bus.
  std::optional<proto::Timestamp> first_confirmed_;  // since then events are seen (wall clock)
  std::optional<proto::Timestamp> confirmed_at_;     // the latest time
  std::optional<proto::Timestamp> bus_lost_at_;      // told to members as down since; null: not down
  std::optional<proto::Timestamp> gap_from_;         // events may have been lost since
  std::optional<proto::Timestamp> gap_until_;
  std::optional<proto::Cursor> latest_row_;       // of the latest value of `metrics`, where that is a row's
  std::optional<proto::Cursor> shown_row_;        // the same, where all members got it
  std::uint64_t samples_shown_ = 0;               // on `metrics`, to all members
  std::optional<proto::Timestamp> missed_until_;  // of `metrics`: told, and nothing has been heard since

  // The database.
  std::optional<proto::Timestamp> database_failed_;  // told to subscribers as down since
  Millis retry_after_{0};

  SteadyTime linger_until_ = kNever;
  SteadyTime held_row_due_ = kNever;
  SteadyTime retry_at_ = kNever;
  SteadyTime second_look_at_ = kNever;
  SteadyTime reread_at_ = kNever;
  SteadyTime tail_check_at_ = kNever;    // next comparison with the table and the stream
  SteadyTime heard_at_{};                // last metrics event
  SteadyTime down_refresh_at_ = kNever;  // while the bus is down: the next read in its stead

 public:
  // The hub's own book-keeping.
  struct HubState {
    TimerNode timer;
    std::uint32_t confirmed_topics = 0;  // bit per topic, in the order of TopicTable::topics_of()
    std::uint64_t generation = 0;        // tells this device from an earlier one of the same id
  } hub;
};

}  // namespace pulsegate::devices
