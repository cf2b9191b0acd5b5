// The server's messages, spliced together from parts that are JSON already. The history message has its own file.
#include "proto/message.hpp"

#include <utility>

namespace pulsegate::proto {
namespace {

void append_time(std::string& out, Timestamp time) {
  out.push_back('"');
  append_iso8601(out, time);
  out.push_back('"');
}

void append_device(std::string& out, const DeviceId& device) {
  out.append("\"deviceUuid\":\"");
  device.append_to(out);
  out.push_back('"');
}

// The end that all data messages share.
void append_tail(std::string& out, const DeviceId& device, Timestamp time, std::string_view cursor = {},
                 const TraceContext& trace = {}) {
  out.push_back(',');
  append_device(out, device);
  out.append(",\"timestamp\":");
  append_time(out, time);
  if (!cursor.empty()) {
    out.append(",\"cursor\":\"").append(cursor).append(1, '"');  // nothing in it needs escaping
  }
  if (!trace.parent.empty()) {
    out.append(",\"traceparent\":\"").append(trace.parent).append(1, '"');  // nor in this
    if (!trace.state.empty()) {
      out.append(",\"tracestate\":");
      append_json_string(out, trace.state);
    }
  }
  out.push_back('}');
}

void append_ack(std::string& out, std::string_view type, const DeviceId& device, std::string_view channel,
                std::optional<bool> resumed = {}) {
  out.append("{\"type\":\"").append(type).append("\",\"channel\":");
  append_json_string(out, channel);
  out.push_back(',');
  append_device(out, device);
  if (resumed) out.append(*resumed ? ",\"resumed\":true" : ",\"resumed\":false");
  out.push_back('}');
}

std::string_view text(LinkState state) noexcept {
  return state == LinkState::up ? "\"up\"" : "\"down\"";
}

std::string_view text(DeviceState state) noexcept {
  switch (state) {
    case DeviceState::live:
      return "\"live\"";
    case DeviceState::stale:
      return "\"stale\"";
    case DeviceState::unknown:
      break;
  }
  return "\"unknown\"";
}

// The same of a message that is about no device.
void append_tail(std::string& out, Timestamp time) {
  out.append(",\"timestamp\":");
  append_time(out, time);
  out.push_back('}');
}

// Up to the first member of `data`.
void append_replay_head(std::string& out, std::string_view type, const DeviceId& device, std::string_view id) {
  out.append("{\"type\":\"").append(type).append("\",");
  if (!id.empty()) out.append("\"id\":").append(id).append(",");
  append_device(out, device);
  out.append(",\"data\":{");
}

void append_connection(std::string& out, Timestamp now, const ConnectedInfo& info) {
  out.append("\"timestamp\":");
  append_time(out, now);
  out.append(",\"protocol\":1,\"connectionId\":");
  append_json_string(out, info.connection_id);
  out.append(",\"limits\":{\"maxMessageBytes\":").append(std::to_string(info.max_message_bytes));
  out.append(",\"commandsPerSecond\":");
  append_json_number(out, info.commands_per_second);
  if (info.max_devices > 0) out.append(",\"maxDevices\":").append(std::to_string(info.max_devices));
  out.append("}}");
}

}  // namespace

void append_connected(std::string& out, const DeviceId& device, Timestamp now, const ConnectedInfo& info) {
  out.append("{\"type\":\"connected\",\"data\":{");
  if (info.device_as_sent.empty()) {
    append_device(out, device);
  } else {
    out.append("\"deviceUuid\":");
    append_json_string(out, info.device_as_sent);
  }
  out.push_back(',');
  append_connection(out, now, info);
  append_tail(out, device, now);
}

void append_connected(std::string& out, Timestamp now, const ConnectedInfo& info) {
  out.append("{\"type\":\"connected\",\"data\":{");
  append_connection(out, now, info);
  append_tail(out, now);
}

void append_subscribed(std::string& out, const DeviceId& device, std::string_view channel,
                       std::optional<bool> resumed) {
  append_ack(out, "subscribed", device, channel, resumed);
}

void append_unsubscribed(std::string& out, const DeviceId& device, std::string_view channel) {
  append_ack(out, "unsubscribed", device, channel);
}

void append_pong(std::string& out, const DeviceId& device, Timestamp now) {
  out.append("{\"type\":\"pong\",\"data\":{\"timestamp\":");
  append_time(out, now);
  out.push_back('}');
  append_tail(out, device, now);
}

void append_pong(std::string& out, Timestamp now) {
  out.append("{\"type\":\"pong\",\"data\":{\"timestamp\":");
  append_time(out, now);
  out.push_back('}');
  append_tail(out, now);
}

void append_error(std::string& out, ErrorCode code, std::string_view message, std::string_view id,
                  const DeviceId* device) {
  out.append("{\"type\":\"error\",\"data\":{\"code\":\"").append(name(code)).append("\",\"message\":");
  append_json_string(out, message);
  out.push_back('}');
  if (device != nullptr) {
    out.push_back(',');
    append_device(out, *device);
  }
  if (!id.empty()) out.append(",\"id\":").append(id);
  out.push_back('}');
}

void append_authenticated(std::string& out, std::optional<Timestamp> expires, std::string_view id) {
  out.append("{\"type\":\"authenticated\",\"data\":{\"expires\":");
  if (expires) {
    out.push_back('"');
    append_iso8601(out, *expires);
    out.push_back('"');
  } else {
    out.append("null");
  }
  out.push_back('}');
  if (!id.empty()) out.append(",\"id\":").append(id);
  out.push_back('}');
}

void append_reconnect(std::string& out, std::uint64_t after_ms) {
  out.append("{\"type\":\"reconnect\",\"data\":{\"after_ms\":").append(std::to_string(after_ms)).append("}}");
}

void append_verbatim(std::string& out, std::string_view type, const DeviceId& device, Timestamp time,
                     std::string_view json, std::string_view cursor, const TraceContext& trace) {
  out.append("{\"type\":");
  append_json_string(out, type);
  out.append(",\"data\":").append(json);
  append_tail(out, device, time, cursor, trace);
}

void append_metric_values(std::string& out, const MetricValues& values, std::uint8_t mask) {
  out += '{';
  bool first = true;
  for (std::size_t i = 0; i < kMetricCount; ++i) {
    if (((mask >> i) & 1u) == 0) continue;
    if (!std::exchange(first, false)) out += ',';
    append_json_string(out, metric_name(static_cast<Metric>(i)));
    out += ':';
    if (values.items[i].present) {
      append_json_number(out, values.items[i].value);
    } else {
      out += "null";
    }
  }
  out += '}';
}

void append_processes(std::string& out, const DeviceId& device, Timestamp time, std::string_view json,
                      const TraceContext& trace) {
  out.append("{\"type\":\"processes\",\"data\":{\"top_processes\":").append(json).push_back('}');
  append_tail(out, device, time, {}, trace);
}

void append_network_interfaces(std::string& out, const DeviceId& device, Timestamp time, std::string_view json,
                               const TraceContext& trace) {
  out.append("{\"type\":\"network-interfaces\",\"data\":{\"interfaces\":").append(json).push_back('}');
  append_tail(out, device, time, {}, trace);
}

void append_system_info(std::string& out, const DeviceId& device, Timestamp time, const SystemInfo& info,
                        const TraceContext& trace) {
  out.append("{\"type\":\"system-info\",\"data\":{");
  for (std::size_t i = 0; i < kSystemFieldCount; ++i) {
    if (i > 0) out.push_back(',');
    out.append(1, '"').append(system_field_key(static_cast<SystemField>(i))).append("\":");
    out.append(info.json[i].empty() ? std::string_view("null") : std::string_view(info.json[i]));
  }
  out.push_back('}');
  append_tail(out, device, time, {}, trace);
}

void append_status(std::string& out, const DeviceId& device, const Status& status) {
  out.append("{\"type\":\"status\",");
  append_device(out, device);
  out.append(",\"data\":{");
  const char* separator = "";
  const auto add_key = [&](std::string_view key) {
    out.append(separator).append(1, '"').append(key).append("\":");
    separator = ",";
  };
  if (status.bus) {
    add_key("bus");
    out.append(text(*status.bus));
  }
  if (status.database) {
    add_key("database");
    out.append(text(*status.database));
  }
  if (status.device) {
    add_key("device");
    out.append(text(*status.device));
  }
  if (status.since) {
    add_key("since");
    append_time(out, *status.since);
  }
  out.append("}}");
}

void append_gap(std::string& out, const DeviceId& device, Timestamp from, Timestamp to, ChannelSet channels,
                const ChannelTable& table, std::string_view reason) {
  out.append("{\"type\":\"gap\",");
  append_device(out, device);
  out.append(",\"data\":{\"from\":");
  append_time(out, from);
  out.append(",\"to\":");
  append_time(out, to);
  out.append(",\"channels\":[");
  const char* separator = "";
  channels.for_each([&](Channel channel) {
    out.append(separator);
    append_json_string(out, table.name(channel));
    separator = ",";
  });
  out.append("],\"reason\":");
  append_json_string(out, reason);
  out.append("}}");
}

void append_replay_begin(std::string& out, const DeviceId& device, const ReplayRequest& request,
                         const ChannelTable& table) {
  append_replay_head(out, "replay-begin", device, request.id);
  out.append("\"from\":");
  append_time(out, request.from);
  out.append(",\"to\":");
  append_time(out, request.to);
  out.append(",\"speed\":");
  if (request.speed > 0) {
    append_json_number(out, request.speed);
  } else {
    out.append("\"max\"");
  }
  out.append(",\"live\":");
  append_json_string(out, name(request.live));
  out.append(",\"channels\":[");
  const char* separator = "";
  for (const Channel channel : request.channels) {
    out.append(std::exchange(separator, ","));
    append_json_string(out, table.name(channel));
  }
  out.append("]}}");
}

void append_replay_end(std::string& out, const DeviceId& device, std::string_view id, std::string_view reason,
                       std::uint64_t events, Timestamp until) {
  append_replay_head(out, "replay-end", device, id);
  out.append("\"reason\":");
  append_json_string(out, reason);
  out.append(",\"events\":").append(std::to_string(events)).append(",\"until\":");
  append_time(out, until);
  out.append("}}");
}

void mark_replayed(std::string& message) {
  message.pop_back();
  message.append(",\"replay\":true}");
}

}  // namespace pulsegate::proto
