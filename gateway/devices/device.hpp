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
#include "gateway/devices/device_report.hpp"
#include "gateway/devices/event_memory.hpp"
#include "gateway/devices/freshness.hpp"
#include "gateway/devices/history_views.hpp"
#include "gateway/devices/history_window.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/devices/position.hpp"
#include "gateway/devices/recovery.hpp"
#include "gateway/devices/repeated_values.hpp"
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

// A publisher's clock may be ahead of ours by so much. What claims to be later still would make every row look old.
inline constexpr std::chrono::seconds kClockAhead{30};

inline proto::ChannelSet only_metrics() {
  proto::ChannelSet set;
  set.add(proto::Channel::metrics);
  return set;
}

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
  const HistoryWindow& window() const noexcept { return history_; }
  proto::DeviceState freshness() const noexcept;
  // For operators: device_report.cpp. What only the hub knows is left to it.
  DeviceReport report(const Now& now) const;
  // Null: not stale.
  const std::optional<proto::Timestamp>& stale_since() const noexcept { return freshness_.stale_since(); }

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

  // The answer to DeviceHost::request_past().
  void on_past(std::shared_ptr<Past> past, const Now& now);

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

  // When a value was published: as the publisher says, and as far as that can be true.
  struct ValueTime {
    proto::Timestamp own;
    proto::Timestamp plausible;
  };

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
  bool deliver_latest(Member& member, proto::Channel channel, const Now& now);
  void send_status(const proto::Status& status);
  void send_status(Member& member, const proto::Status& status);
  // Is nothing of this device to be expected from the bus for now?
  bool bus_away() const noexcept { return hub.lost || env_.host.bus() == DeviceHost::Bus::down; }
  void tell_bus_down(Member& member);
  void tell_database_down(Member& member);
  bool nothing_known() const noexcept;
  void distrust_memory();

  // device_resume.cpp
  struct Known {
    std::size_t next;  // of the memory: the first that a member lacks
    bool connected;    // nothing is missing before that
  };
  Position position(const Member& member) const;
  void stand(Member& member, const Position& position);
  bool is_news(const Member& member, const Now& now) const;
  RepeatedValues repeated_values() const;
  void show_latest(const Now& now);
  void resume_from_rows(Member& member, const Position& from, const Now& now);
  void resume(Member& member, const proto::Since& since, const Now& now);
  std::chrono::microseconds row_lead(const Now& now,
                                     std::chrono::microseconds offset = std::chrono::microseconds(0)) const;
  void replay(Member& member, std::size_t from, const Now& now);
  void deliver_past(Member& member, const FramePtr& frame);
  void wait_for_past(Recovery::Waiting waiting, const Now& now);
  std::optional<Recovery::Waiting> stop_waiting(Member& member);
  void begin_metrics(Member& member, bool with_since, const Now& now);
  bool takes_latest(Member& member, const Now& now);
  void give_up_past(const Now& now);
  void give_up_past(const Recovery::Waiting& waiting, proto::Timestamp confirmed, const Now& now);
  Known known_after(const Recovery::Waiting& waiting, const Now& now) const;
  proto::Timestamp gap_until(std::size_t i) const;
  void tell_missing(Member& member, proto::Timestamp to, std::string_view reason);
  std::chrono::microseconds ahead(const Now& now) const;
  std::chrono::microseconds clock_unknown() const noexcept;
  proto::Timestamp heard_at_by_wall(const Now& now) const;
  CatchUpRules catch_up_rules(const Now& now) const;
  proto::Timestamp publishers_time(proto::Timestamp ours, const Now& now) const;
  EventMemory::Limits memory_limits() const noexcept;
  FramePtr metrics_frame(const proto::Cursor& cursor, proto::Timestamp time, std::string_view json,
                         const proto::TraceContext& trace = {});
  Remembered remembered(const CatchUp& catch_up, std::size_t i, const Past& past);

  // device_recovery.cpp
  void set_recovery_start(proto::Timestamp confirmed, const Now& now);
  void begin_repair(const Now& now);
  void suspend_recovery(const Now& now);
  std::optional<proto::Timestamp> past_wanted(const Now& now) const;
  void look_for_past(const Now& now);
  void settle_stream(Past& past);
  void use_past(const Now& now);
  const Remembered& frame_of(PastFrames& frames, std::size_t i);
  void send_found(Recovery::Waiting& waiting, const Finding& finding, PastFrames& frames, const Now& now);
  void finish(const Recovery::Waiting& waiting, std::size_t live, bool from_stream, const Now& now);
  bool take_latest(PastFrames& frames, const Now& now);
  void remember_found(PastFrames& frames);
  void plan_next_look(const Findings& findings, bool searching, const Now& now);
  void hold_live(const Now& now);
  void recovery_on_time(const Now& now);
  void give_up_held(const Now& now);
  SteadyTime recovery_due() const noexcept;

  // device_tail.cpp
  void tail_check_on_time(const Now& now);
  Position last_heard(const Now& now) const;
  bool checks_tail_first(const Now& now);
  bool start_tail_check(const Now& now);
  void check_tail(const std::shared_ptr<const Past>& past, const Now& now);
  void find_lost_tail(const std::shared_ptr<const Past>& past, const Now& now);
  void take_rows_of_outage(const storage::Snapshot& snapshot, const Now& now);
  void send_rows_of_outage(Member& member, PastFrames& frames, const Now& now);
  void remember_rows_of_outage(PastFrames& frames);

  // device_events.cpp
  void on_metrics(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void on_state(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  void take_lists(const proto::BusEvent& event, proto::Timestamp time, const Now& now);
  bool take_json(proto::Channel channel, std::string_view json, const ValueTime& time, bool from_event);
  // `trace`: of the event that the value came with, if it is one.
  void publish(ChannelState& state, const Now& now, const proto::TraceContext& trace = {});
  FramePtr latest_frame(ChannelState& state, const proto::TraceContext& trace = {});

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

  // device_freshness.cpp
  // The device has reported. `time`: the event's own. On the data path, so what is rare is elsewhere.
  void sign_of_life(proto::Timestamp time, const Now& now) {
    freshness_.on_event(now.steady);
    if (freshness_due_ == kNever || told_unknown_) awaited_sign_of_life(time, now);
  }
  void awaited_sign_of_life(proto::Timestamp time, const Now& now);
  void take_signs_of_life(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now);
  std::optional<std::chrono::microseconds> silence_limit() const;
  bool silent(const Now& now) const;
  void check_freshness(const Now& now);
  void on_freshness_due(SteadyTime due, const Now& now);
  void watch_silence(const Now& now);
  void declare_stale(const Now& now);
  void tell_stale();
  void tell_stale(Member& member);
  void tell_unknown(Member& member);
  void take_back_unknown(proto::Timestamp since);
  void tell_live(proto::Timestamp since);
  void tell_freshness(Member& member, proto::DeviceState state, std::optional<proto::Timestamp> since);

  // device_snapshot.cpp
  void want_read(storage::ReadReason reason);
  void start_read_if_wanted();
  void read_succeeded(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now);
  void plan_look(const Now& now);
  void look_at_guess(const Now& now);
  SteadyTime next_look(const Now& now);
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
  SteadyTime freshness_due_ = kNever;   // when the silence is looked at again
  Freshness freshness_;
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
  proto::Cursor latest_cursor_;      // of the latest value of `metrics`, where there is one
  proto::Cursor shown_;              // of the last sample that all members of `metrics` got
  std::uint64_t samples_shown_ = 0;  // how many that were

  // The database.
  std::optional<proto::Timestamp> database_failed_;  // told to subscribers as down since
  Millis retry_after_{0};

  SteadyTime linger_until_ = kNever;
  SteadyTime held_row_due_ = kNever;
  SteadyTime retry_at_ = kNever;
  SteadyTime second_look_at_ = kNever;
  SteadyTime reread_at_ = kNever;
  SteadyTime tail_check_at_ = kNever;     // next comparison with the table and the stream
  SteadyTime heard_at_{};                 // last metrics event
  proto::Timestamp heard_time_{};         // … by the publisher's clock
  SteadyTime looked_at_{};                // when a look at the past was last asked for
  SteadyTime tail_checked_for_ = kNever;  // heard_at_ of the silence that was checked last
  SteadyTime down_refresh_at_ = kNever;   // while the bus is down: the next read in its stead

 public:
  // The hub's own book-keeping.
  struct HubState {
    TimerNode timer;
    std::uint32_t confirmed_topics = 0;  // bit per topic, in the order of TopicTable::topics_of()
    bool lost = false;                   // its topics alone, while the bus is up; until all are confirmed again
    std::uint64_t generation = 0;        // tells this device from an earlier one of the same id
    // As which it is counted in the hub's gauges.
    DevicePhase counted_phase{};
    proto::DeviceState counted_freshness{};
    std::size_t counted_bytes = 0;
  } hub;
};

}  // namespace pulsegate::devices
