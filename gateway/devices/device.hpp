// One device: its state machine from the first client to the last, its latest values and window, and the fan-out to its
// members. No websocketpp, no Redis, no SQL, no clock of its own: it is told what happened and when, and asks its host
// for the rest.
#pragma once

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
#include "gateway/devices/history_views.hpp"
#include "gateway/devices/history_window.hpp"
#include "gateway/devices/member.hpp"
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
  std::string scratch;  // for building messages
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

  // Members.
  void join(Member& member, const Now& now);
  void leave(Member& member, const Now& now);
  // Acknowledges each channel (once the bus has confirmed, or at once while it is down), then delivers its snapshot.
  // A channel that is subscribed already is acknowledged and delivered again.
  void subscribe(Member& member, const std::vector<proto::Channel>& channels, const Now& now);
  void unsubscribe(Member& member, const std::vector<proto::Channel>& channels, const Now& now);

  // `history` of a member. Whoever asks for a form of its own says so before it subscribes.
  void wish_history(Member& member, const std::vector<proto::Channel>& channels, const SubscribeOptions& options);
  // Whether the member, subscribed, gets all that came after `since`: its form is `replace`, or the sample stands in
  // the window. False too where that is not known yet.
  bool history_resumes(const Member& member, const proto::Since& since) const;
  // Messages of `history` to this member were dropped for newer ones. It gets its window again where it lacks points
  // now; false: it does not, since it would draw points twice.
  bool history_lost(Member& member, const Now& now);

  // The bus.
  void on_bus_confirmed(const Now& now);  // all topics of the device
  void on_bus_down(const Now& now);
  void on_event(const proto::Topic& topic, const proto::BusEvent& event, const Now& now);
  // A message for every member whatever its subscriptions. Returns how many got it.
  std::size_t broadcast(std::string_view json);

  // The answer to DeviceHost::request_read(). `asked`: when the source was asked, so the table was looked at later.
  void on_snapshot(const storage::SnapshotResult& result, proto::Timestamp asked, const Now& now);

  // The answer to a history query: `history` is null where there is no database, or where it failed.
  void answer_query(std::uint32_t number, const proto::HistoryQuery& query, const storage::HistoryResult& result);

  // The answer to DeviceHost::request_range().
  void on_range(std::uint32_t view, const storage::HistoryResult& result, const Now& now);
  // Called by the hub when it asks the source: how many rows are wanted.
  std::size_t begin_read() noexcept { return points_asked_ = history_.capacity(); }

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
  void acknowledge(Member& member, proto::Channel channel, const Now& now);
  void acknowledge_pending(const Now& now);
  void tell_missed(Member& member, proto::ChannelSet channels, const Now& now);
  void send_gap(Member& member, proto::Timestamp from, proto::Timestamp to, proto::ChannelSet lost,
                std::string_view reason);
  void deliver_first(Member& member, proto::ChannelSet channels, const Now& now);
  bool deliver_latest(Member& member, proto::Channel channel, const Now& now);
  void send_status(const proto::Status& status);
  void send_status(Member& member, const proto::Status& status);
  void tell_bus_down(Member& member);
  void tell_database_down(Member& member);
  void tell_unknown(Member& member);
  void take_back_unknown(proto::Timestamp since);
  bool nothing_known() const noexcept;

  // device_events.cpp
  void on_metrics(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void on_state(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void take_lists(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  bool take_json(proto::Channel channel, std::string_view json, proto::Timestamp time, bool from_event);
  void publish(ChannelState& state, const Now& now);
  FramePtr latest_frame(ChannelState& state);

  // device_history.cpp
  HistoryContext history_context(const Now& now);
  bool first_read_pending() const noexcept;
  bool waits_for_view(const Member& member) const noexcept;
  void enter_history(Member& member, const Now& now);
  void leave_history(Member& member, const Now& now);
  void read_for_view(const Member& member);
  bool deliver_history(Member& member, const Now& now);
  void serve_views(const Now& now);
  void views_were_read(bool well, const Now& now);
  void further_views_on_time(const Now& now);
  void take_sample(const proto::MetricValues& values, proto::Timestamp time, const Now& now);
  HistoryWindow::Applied merge_rows(const storage::Snapshot& snapshot, proto::Timestamp earliest_row_of_events,
                                    const Now& now);
  FramePtr history_frame();
  void history_changed(const Now& now, bool at_once);

  // device_snapshot.cpp
  void want_read(storage::ReadReason reason);
  void start_read_if_wanted();
  void read_succeeded(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now);
  void read_failed(storage::SnapshotError error, const Now& now);
  void database_is_away(const Now& now);
  void retry_later(const Now& now);
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
  bool confirmed_ = false;  // by the bus
  bool told_unknown_ = false;
  bool gap_to_announce_ = false;
  bool look_owed_ = false;                          // a second look, once a read has succeeded
  std::optional<storage::ReadReason> wanted_read_;  // to start when the one in flight is back
  SteadyTime history_sent_at_{};                    // last fan-out of `history`
  SteadyTime history_due_ = kNever;                 // deadlines: kNever when off
  HistoryWindow history_;
  HistoryViews further_views_;         // forms of `history` other than the default one
  std::size_t points_asked_ = 0;       // by the last read that has begun
  bool all_rows_known_ = false;        // the last read returned fewer rows than were asked for
  bool default_view_changed_ = false;  // by the last merge

  std::vector<Member*> members_;
  std::unique_ptr<proto::SystemInfo> system_;
  std::unique_ptr<HeldRow> held_row_;

  // The bus.
  std::optional<proto::Timestamp> first_confirmed_;  // since then events are seen (wall clock)
  std::optional<proto::Timestamp> confirmed_at_;     // the latest time
  std::optional<proto::Timestamp> bus_lost_at_;      // told to members as down since; null: not down
  std::optional<proto::Timestamp> gap_from_;         // events may have been lost since
  std::optional<proto::Timestamp> gap_until_;

  // The database.
  std::optional<proto::Timestamp> database_failed_;  // told to subscribers as down since
  Millis retry_after_{0};

  SteadyTime linger_until_ = kNever;
  SteadyTime held_row_due_ = kNever;
  SteadyTime retry_at_ = kNever;
  SteadyTime second_look_at_ = kNever;
  SteadyTime reread_at_ = kNever;
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
