// Builds every message that the server sends, as JSON text appended to `out`. Pure; values are spliced, never
// re-serialised. Shape of all but the acks: {"type":…,"data":…,"deviceUuid":…,"timestamp":…}; the guide's clients look
// at type and data only.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/channel.hpp"
#include "proto/command.hpp"
#include "proto/device_id.hpp"
#include "proto/history_point.hpp"
#include "proto/metric_values.hpp"
#include "proto/system_info.hpp"
#include "proto/time.hpp"
#include "proto/trace_context.hpp"

namespace pulsegate::proto {

// Appends a JSON string literal with quotes. `text` must be valid UTF-8.
void append_json_string(std::string& out, std::string_view text);
// Appends a finite double as JavaScript prints it for the magnitudes of metrics: integers without a point, else
// shortest.
void append_json_number(std::string& out, double value);

struct ConnectedInfo {
  std::string_view connection_id;
  std::size_t max_message_bytes = 0;  // limits.maxMessageBytes
  double commands_per_second = 0;     // limits.commandsPerSecond
  std::string_view device_as_sent{};  // data.deviceUuid: as the client wrote it; empty: in canonical form
  std::size_t max_devices = 0;        // limits.maxDevices; 0: left out
};

// {"type":"connected","data":{"deviceUuid","timestamp","protocol":1,"connectionId","limits":{…}},"deviceUuid","timestamp"}
void append_connected(std::string& out, const DeviceId& device, Timestamp now, const ConnectedInfo& info);
// The same without a device, on the fleet endpoint.
void append_connected(std::string& out, Timestamp now, const ConnectedInfo& info);
// {"type":"subscribed","channel":…,"deviceUuid":…,"resumed":true}; `resumed` only answers a `since`: whether all that
// came after it follows.
void append_subscribed(std::string& out, const DeviceId& device, std::string_view channel,
                       std::optional<bool> resumed = {});
void append_unsubscribed(std::string& out, const DeviceId& device, std::string_view channel);
// {"type":"pong","data":{"timestamp":…},"deviceUuid":…,"timestamp":…}
void append_pong(std::string& out, const DeviceId& device, Timestamp now);
// The same without a device.
void append_pong(std::string& out, Timestamp now);
// {"type":"error","data":{"code":…,"message":…},"deviceUuid":…,"id":…}; `id` is JSON text and left out when empty,
// the device when null.
void append_error(std::string& out, ErrorCode code, std::string_view message, std::string_view id = {},
                  const DeviceId* device = nullptr);
// {"type":"authenticated","data":{"expires":…},"id":…}: the answer to an `auth`; `expires` is null where nobody is
// asked for a token, `id` as in append_error().
void append_authenticated(std::string& out, std::optional<Timestamp> expires, std::string_view id = {});
// {"type":"reconnect","data":{"after_ms":…}}
void append_reconnect(std::string& out, std::uint64_t after_ms);

// Verbatim values: `type` is a channel name, `json` a JSON value (the metrics object, a pass-through payload). `cursor`
// is the text of a cursor, left out when empty. `trace`: the last members, "traceparent" and "tracestate", here and
// below; each is left out when empty.
void append_verbatim(std::string& out, std::string_view type, const DeviceId& device, Timestamp time,
                     std::string_view json, std::string_view cursor = {}, const TraceContext& trace = {});
// {"cpu_usage":45.2,"cpu_temp":null,…}: every metric whose bit is set in `mask`, by its column's name.
void append_metric_values(std::string& out, const MetricValues& values, std::uint8_t mask);
// {"type":"processes","data":{"top_processes":…},…}
void append_processes(std::string& out, const DeviceId& device, Timestamp time, std::string_view json,
                      const TraceContext& trace = {});
// {"type":"network-interfaces","data":{"interfaces":…},…}
void append_network_interfaces(std::string& out, const DeviceId& device, Timestamp time, std::string_view json,
                               const TraceContext& trace = {});
// All six keys always; unknown ones are null.
void append_system_info(std::string& out, const DeviceId& device, Timestamp time, const SystemInfo& info,
                        const TraceContext& trace = {});

// The points of three charts, oldest first, as a `history` message:
// {"type":"history","data":{"cpu":[{"time","value","timestamp"}],"memory":[{"time","used","available","timestamp"}],
//  "network":[{"time","download","upload","timestamp"}]},"deviceUuid","timestamp","mode":"replace","cursor"}
// `timestamp` at the top is the newest point's time. Or as the answer to a history-query:
// {"type":"history-result","id":…,"deviceUuid":…,"data":{"cpu":[…],"memory":[…],"network":[…]}}
class HistoryMessage {
 public:
  HistoryMessage(const DeviceId& device, const ClockFormat& clock);
  // To all three charts.
  void add(const HistoryPoint& point);
  // To one: charts that are down-sampled keep different points.
  void add(Chart chart, const ChartPoint& point);
  // Requires: at least one point was added. `cursor` as in append_verbatim(). Leaves the builder empty.
  void append_to(std::string& out, std::string_view mode = "replace", std::string_view cursor = {});
  // `id` is JSON text. Charts without points are empty arrays. Leaves the builder empty.
  void append_result_to(std::string& out, std::string_view id);
  // The same answer over plain HTTP: {"deviceUuid":…,"from":…,"to":…,"data":{…}}. Leaves the builder empty.
  void append_range_to(std::string& out, Timestamp from, Timestamp to);

 private:
  void set_time(Timestamp time);
  void append_point(Chart chart, const ChartPoint& point);
  void append_data(std::string& out) const;
  std::size_t size() const noexcept;  // bytes of the charts
  void clear() noexcept;

  const DeviceId device_;
  const ClockFormat& clock_;
  std::array<std::string, kChartCount> charts_;
  std::string head_, tail_;  // what stands before and behind the values of the point that is being added
  Timestamp newest_{};
};

// Two `history` messages of one device and form, as HistoryMessage::append_to() made them, as one message that does to
// a chart what both do: the points of both, with the mode of the older, or the newer alone where its mode is "replace".
// False: one of them is no such message; `out` is as it was.
bool merge_history(std::string& out, std::string_view older, std::string_view newer);

enum class LinkState : std::uint8_t { down, up };
enum class DeviceState : std::uint8_t { live, stale, unknown };

// Only the keys that are set are written.
struct Status {
  std::optional<LinkState> bus;
  std::optional<LinkState> database;
  std::optional<DeviceState> device;
  std::optional<Timestamp> since;
};
// {"type":"status","deviceUuid":…,"data":{"bus":"down","since":…}}
void append_status(std::string& out, const DeviceId& device, const Status& status);

// {"type":"replay-begin","id":…,"deviceUuid":…,"data":{"from":…,"to":…,"speed":1,"live":"hold","channels":[…]}};
// `speed` is a number or "max", `id` as in append_error(), from here on.
void append_replay_begin(std::string& out, const DeviceId& device, const ReplayRequest& request,
                         const ChannelTable& table);
// {"type":"replay-end","id":…,"deviceUuid":…,"data":{"reason":…,"events":…,"until":…}}; `reason` as README.md lists
// them, `until`: all that came before it was shown.
void append_replay_end(std::string& out, const DeviceId& device, std::string_view id, std::string_view reason,
                       std::uint64_t events, Timestamp until);
// Makes a channel message one of a replay: "replay":true, as its last member. Requires: `message` is one of the
// messages of this file.
void mark_replayed(std::string& message);

// {"type":"gap","deviceUuid":…,"data":{"from":…,"to":…,"channels":[…],"reason":…}}; reason "bus" | "conflated" |
// "resume", see README.md.
void append_gap(std::string& out, const DeviceId& device, Timestamp from, Timestamp to, ChannelSet channels,
                const ChannelTable& table, std::string_view reason);

}  // namespace pulsegate::proto
