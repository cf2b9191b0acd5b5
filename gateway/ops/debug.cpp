#include "gateway/ops/debug.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <string_view>

#include "proto/message.hpp"
#include "proto/time.hpp"

namespace pulsegate::ops {

namespace {

using devices::DeviceReport;
using ws::SessionReport;

// An outbox that holds so much is being left behind; a healthy one is empty most of the time.
constexpr std::size_t kSlowBacklog = 16 * 1024;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f", value);
  return text;
}

std::string seconds(double value) {
  char text[32];
  std::snprintf(text, sizeof text, value < 10 ? "%.1f s" : "%.0f s", value);
  return text;
}

std::string iso(proto::Timestamp time) {
  std::string text;
  proto::append_iso8601(text, time);
  return text;
}

const char* freshness(proto::DeviceState state) {
  return state == proto::DeviceState::live ? "live" : state == proto::DeviceState::stale ? "stale" : "unknown";
}

// Members of one JSON object or array, with their commas.
class Json {
 public:
  explicit Json(char open) : close_(open == '{' ? '}' : ']') { text_ += open; }

  Json& raw(std::string_view key, std::string_view json) {
    if (text_.size() > 1) text_ += ',';
    if (!key.empty()) {
      proto::append_json_string(text_, key);
      text_ += ':';
    }
    text_ += json;
    return *this;
  }
  Json& text(std::string_view key, std::string_view value) {
    std::string quoted;
    proto::append_json_string(quoted, value);
    return raw(key, quoted);
  }
  Json& flag(std::string_view key, bool value) { return raw(key, value ? "true" : "false"); }
  Json& count(std::string_view key, std::uint64_t value) { return raw(key, std::to_string(value)); }
  Json& age(std::string_view key, const std::optional<double>& value) {
    return raw(key, value ? number(*value) : "null");
  }
  Json& time(std::string_view key, const std::optional<proto::Timestamp>& value) {
    return value ? text(key, iso(*value)) : raw(key, "null");
  }
  std::string done() { return std::move(text_) + close_; }

 private:
  std::string text_;
  const char close_;
};

std::string names(proto::ChannelSet set, const proto::ChannelTable& channels) {
  Json list('[');
  set.for_each([&](proto::Channel channel) { list.text({}, channels.name(channel)); });
  return list.done();
}

std::string device_json(const DeviceReport& report) {
  Json channels('[');
  for (const DeviceReport::Channel& channel : report.channels)
    channels.raw({}, Json('{')
                         .text("channel", channel.name)
                         .count("subscribers", channel.subscribers)
                         .time("valueTime", channel.value_time)
                         .age("sentAge", channel.sent_age)
                         .done());
  Json json('{');
  json.count("shard", report.shard)
      .text("state", report.phase)
      .text("freshness", freshness(report.freshness))
      .time("staleSince", report.stale_since)
      .count("clients", report.members)
      .text("bus", report.bus_up ? "up" : "down")
      .flag("busConfirmed", report.confirmed)
      .time("busConfirmedAt", report.confirmed_at)
      .time("busLostAt", report.bus_lost_at)
      .text("database", !report.has_database ? "none"
                        : report.database_up ? "up"
                                             : "down")
      .time("databaseFailedAt", report.database_failed)
      .time("gapFrom", report.gap_from)
      .time("lastEvent", report.last_event)
      .age("lastEventAge", report.last_event_age)
      .count("rememberedBytes", report.remembered_bytes)
      .raw("channels", channels.done());
  return json.done();
}

// Empty: the device explains no silence.
std::string fault_of(const DeviceReport& report) {
  if (!report.bus_up)
    return "The bus is down: this gateway is not connected to Redis, so nothing live arrives for any device of shard " +
           std::to_string(report.shard) + ". See `bus.down` in the log.";
  if (!report.confirmed)
    return "Redis has not confirmed the subscription to the device's channels yet: a slow or just restarted Redis, a "
           "missing right to the channels, or a cluster node that is away.";
  const std::string database =
      report.has_database && !report.database_up ? " The database is down too, so no snapshot can be read either." : "";
  if (report.freshness == proto::DeviceState::unknown)
    return "The device is unknown: neither the bus nor the database has shown anything of it. Is the UUID right, and "
           "does --topic-prefix match what the API server publishes?" +
           database;
  if (report.freshness == proto::DeviceState::stale)
    return "No events on the bus since " + (report.stale_since ? iso(*report.stale_since) : std::string("long ago")) +
           ": the device, or what publishes for it, is silent; the gateway is subscribed and listens." + database;
  if (!report.last_event_age)
    return "No `metrics` event has come on the bus since the gateway subscribed" +
           (report.confirmed_at ? " at " + iso(*report.confirmed_at) : std::string()) +
           "; what is shown comes from the database." + database;
  return report.has_database && !report.database_up
             ? "The database is down: live events arrive (the last " + seconds(*report.last_event_age) +
                   " ago), but snapshots and history cannot be read."
             : "";
}

std::string auth_json(const std::optional<SessionReport::Auth>& auth) {
  if (!auth) return "null";
  Json channels('[');
  if (auth->channels)
    for (const std::string& name : *auth->channels) channels.text({}, name);
  Json json('{');
  json.text("subject", auth->subject)
      .text("tokenId", auth->token_id)
      .text("scope", auth->debug ? "debug" : "")
      .time("expires", auth->ends)
      .raw("devices", auth->devices ? std::to_string(*auth->devices) : "null")
      .raw("channels", auth->channels ? channels.done() : "null");
  return json.done();
}

std::string session_json(const SessionReport& session, const proto::ChannelTable& channels, bool whole) {
  Json feeds('[');
  for (const SessionReport::Feed& feed : session.feeds) {
    Json json('{');
    json.text("deviceUuid", feed.device.text())
        .flag("joined", feed.joined)
        .raw("subscribed", names(feed.subscribed, channels))
        .raw("unconfirmed", names(feed.unacked, channels))
        .raw("awaitingFirst", names(feed.awaiting, channels));
    if (whole) json.raw("device", feed.report ? device_json(*feed.report) : "null");
    feeds.raw({}, json.done());
  }
  Json json('{');
  json.text("connectionId", session.id)
      .count("shard", session.shard)
      .text("state", session.closing ? "closing" : "open")
      .raw("closeCode", session.close_code == 0 ? "null" : std::to_string(session.close_code))
      .text("endpoint", session.fleet ? "fleet" : "device")
      .time("opened", session.opened)
      .age("receivedAge", session.received_age)
      .age("sentAge", session.sent_age)
      .count("backlogBytes", session.backlog)
      .count("conflatedFrames", session.conflated)
      .flag("stalled", session.stalled)
      .flag("compressed", session.compressed)
      .count("errors", session.errors)
      .raw("auth", auth_json(session.auth))
      .raw("devices", feeds.done());
  if (whole) json.text("diagnosis", diagnose(session));
  return json.done();
}

}  // namespace

std::string diagnose(const std::vector<DeviceReport>& reports) {
  const DeviceReport* watched = nullptr;
  for (const DeviceReport& report : reports)
    if (watched == nullptr || report.members > watched->members) watched = &report;
  if (watched == nullptr)
    return "Nobody watches this device here and nobody has of late, so the gateway is not subscribed to it: clients "
           "are "
           "connected to another replica, or do not reach this one.";
  if (const std::string fault = fault_of(*watched); !fault.empty()) return fault;
  if (watched->members == 0)
    return "Events arrive (the last " + seconds(*watched->last_event_age) + " ago), but no client is connected.";
  const auto subscribed = [](const DeviceReport::Channel& channel) { return channel.subscribers > 0; };
  if (std::none_of(watched->channels.begin(), watched->channels.end(), subscribed))
    return "Events arrive (the last " + seconds(*watched->last_event_age) +
           " ago) and clients are connected, but none has subscribed to a channel.";
  return "Nothing is wrong with the device here: the last event came " + seconds(*watched->last_event_age) +
         " ago. Look at the client's own session, GET /debug/sessions/<connectionId>.";
}

std::string diagnose(const SessionReport& session) {
  if (session.closing) return "The connection is being closed: the client will have to connect again.";
  if (session.stalled)
    return "The client is stalled: it takes nothing, " + std::to_string(session.backlog) +
           " bytes wait for it, and it is about to be closed (4508).";
  if (session.backlog > kSlowBacklog || session.conflated > 0)
    return "The client is slow: " + std::to_string(session.backlog) + " bytes wait for it, and " +
           std::to_string(session.conflated) + " frames were dropped for newer ones.";
  bool subscribed = false;
  for (const SessionReport::Feed& feed : session.feeds) {
    if (!feed.joined)
      return "Device " + feed.device.text() +
             " could not be joined: the gateway serves as many as --max-devices allows.";
    subscribed = subscribed || !feed.subscribed.empty() || !feed.unacked.empty();
  }
  if (session.feeds.empty() || !subscribed)
    return "The client has not subscribed to any channel" +
           std::string(session.errors > 0 ? ", and was sent " + std::to_string(session.errors) +
                                                " errors: it asks for what it may not have, or what there is not."
                                          : ".");
  std::string first;
  std::size_t faulty = 0;
  for (const SessionReport::Feed& feed : session.feeds) {
    const std::string fault = feed.report ? fault_of(*feed.report) : std::string();
    if (fault.empty()) continue;
    if (faulty++ == 0) first = session.fleet ? "Device " + feed.device.text() + ": " + fault : fault;
  }
  if (faulty > 1) first += " (" + std::to_string(faulty) + " of its devices have something to say.)";
  if (faulty > 0) return first;
  if (!session.sent_age) return "Nothing was sent to the client yet.";
  return "Nothing is wrong here: the client took something " + seconds(*session.sent_age) +
         " ago. If its panel is silent, the fault is on its side or in a proxy between.";
}

std::string debug_device(const proto::DeviceId& device, const std::vector<DeviceReport>& reports) {
  Json shards('[');
  for (const DeviceReport& report : reports) shards.raw({}, device_json(report));
  return Json('{')
      .text("deviceUuid", device.text())
      .flag("inMemory", !reports.empty())
      .raw("shards", shards.done())
      .text("diagnosis", diagnose(reports))
      .done();
}

std::string debug_session(const SessionReport& session, const proto::ChannelTable& channels) {
  return session_json(session, channels, true);
}

std::string debug_sessions(std::vector<SessionReport> sessions, const proto::ChannelTable& channels) {
  std::stable_sort(sessions.begin(), sessions.end(),
                   [](const SessionReport& a, const SessionReport& b) { return a.backlog > b.backlog; });
  Json list('[');
  for (std::size_t i = 0; i < std::min(sessions.size(), kMaxListedSessions); ++i)
    list.raw({}, session_json(sessions[i], channels, false));
  return Json('{').raw("sessions", list.done()).done();
}

}  // namespace pulsegate::ops
