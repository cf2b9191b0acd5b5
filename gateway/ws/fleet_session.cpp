#include "gateway/ws/fleet_session.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <utility>
#include <variant>

#include "gateway/log.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {

using proto::Command;
using proto::ErrorCode;

namespace {

// A command for many devices, or for what is no device, costs as much as so many commands: what it makes the gateway
// send is many times its size.
double cost_of(std::size_t devices) {
  constexpr std::size_t kDevicesPerCommand = 16;
  return static_cast<double>((devices + kDevicesPerCommand - 1) / kDevicesPerCommand);
}

std::optional<proto::Since> since_of(const Command& command, const proto::FleetCommand& named,
                                     const proto::DeviceId& device) {
  for (const auto& [of, since] : named.since)
    if (of == device) return since;
  return command.since;
}

}  // namespace

FleetSession::FleetSession(Link& link, const access::Admission& admission, const SessionConfig& config,
                           const SessionParts& parts, const Now& now)
    : client_(link, admission.grant, config, parts, now), max_devices_(config.max_fleet_devices) {
  proto::ConnectedInfo info{link.id(), config.max_message, config.command_rate};
  info.max_devices = max_devices_;
  std::string text;
  proto::append_connected(text, now.wall, info);
  client_.send(text);
  ++parts.counters.fleet_connections;
  const access::GrantPtr& grant = client_.grant();
  if (grant == nullptr) {
    log::write_bounded(log::Level::info, "client.open", {{"connection", link.id()}, {"fleet", true}});
  } else {
    log::write_bounded(log::Level::info, "client.open",
                       {{"connection", link.id()},
                        {"fleet", true},
                        {"subject", grant->identity.subject},
                        {"token_id", grant->identity.token_id}});
  }
}

FleetSession::~FleetSession() {
  --client_.parts.counters.fleet_connections;
  client_.parts.counters.fleet_devices -= feeds_.size();
}

void FleetSession::on_text(std::string_view message, const Now& now) {
  if (const auto error = obey(message, now)) client_.send_error(error->code, error->message, error->id);
}

void FleetSession::on_binary(std::string_view message, const Now& now) {
  if (obey(message, now))
    client_.send_error(ErrorCode::binary_message,
                       "This binary message is not a command; commands are JSON, in text messages.");
}

// As Session::obey().
std::optional<proto::CommandError> FleetSession::obey(std::string_view message, const Now& now) {
  if (!client_.within_rate(now)) return std::nullopt;
  proto::FleetCommand named = proto::parse_fleet_command(message, client_.parts.channels, now.wall);
  if (auto* const error = std::get_if<proto::CommandError>(&named.command)) return std::move(*error);
  if (!client_.within_rate(now, cost_of(named.devices.size() + named.bad_devices.size()))) return std::nullopt;
  if (const auto* request = std::get_if<proto::AuthRequest>(&named.command)) {
    renew(*request, now);
    return std::nullopt;
  }
  if (const auto* stop = std::get_if<proto::ReplayStop>(&named.command)) {
    client_.stop_replay(*stop);
    return std::nullopt;
  }
  const auto* const asked = std::get_if<proto::HistoryQuery>(&named.command);
  auto* const replay = std::get_if<proto::ReplayRequest>(&named.command);
  const std::string& id = asked != nullptr    ? asked->id
                          : replay != nullptr ? replay->id
                                              : std::get<Command>(named.command).id;
  for (const std::string& name : named.bad_devices)
    client_.send_error(ErrorCode::invalid_device, "\"" + name + "\" is not the UUID of a device.", id);
  if (replay != nullptr) {
    if (!named.devices.empty() && permits(named.devices.front(), id))
      client_.replay(named.devices.front(), std::move(*replay), now);
    return std::nullopt;
  }
  if (asked != nullptr) {
    if (!named.devices.empty()) query(*asked, named.devices.front(), now);
    return std::nullopt;
  }
  const Command& command = std::get<Command>(named.command);
  ++client_.parts.counters.commands[static_cast<std::size_t>(command.type)];
  client_.refuse_unknown(command);
  switch (command.type) {
    case Command::Type::subscribe:
      subscribe(command, named, now);
      break;
    case Command::Type::unsubscribe:
      unsubscribe(command, named, now);
      break;
    case Command::Type::ping:
      ping(now);
      break;
  }
  return std::nullopt;
}

void FleetSession::subscribe(const Command& command, const proto::FleetCommand& named, const Now& now) {
  // Without one channel to deliver, nothing is asked of the bus or the database.
  const bool delivers = std::any_of(command.channels.begin(), command.channels.end(),
                                    [this](proto::Channel channel) { return client_.allows(channel); });
  for (const proto::DeviceId& device : named.devices) {
    if (!delivers && find(device) == nullptr) {
      if (!permits(device, command.id)) continue;
      for (const proto::Channel channel : command.channels) client_.forbid_channel(channel, command.id, &device);
      continue;
    }
    DeviceFeed* const feed = open_feed(device, command.id, now);
    if (feed == nullptr) continue;
    feed->subscribe(command, since_of(command, named, device), false);
    close_if_idle(device, now);
  }
}

void FleetSession::unsubscribe(const Command& command, const proto::FleetCommand& named, const Now& now) {
  for (const proto::DeviceId& device : named.devices) {
    if (DeviceFeed* const feed = find(device)) {
      feed->unsubscribe(command.channels);
      close_if_idle(device, now);
      continue;
    }
    // As where a channel was not subscribed: it is not, whatever was before.
    for (const proto::Channel channel : command.channels) {
      std::string text;
      proto::append_unsubscribed(text, device, client_.parts.channels.name(channel));
      client_.send(text);
    }
  }
}

void FleetSession::query(const proto::HistoryQuery& query, const proto::DeviceId& device, const Now& now) {
  const bool open = std::any_of(feeds_.begin(), feeds_.end(), [](const auto& each) { return each.second->querying(); });
  if (open || client_.link.answering())
    return client_.send_error(ErrorCode::query_open,
                              "One history-query at a time: the last one has not been answered yet.", query.id);
  if (client_.allows(device) && !client_.allows(proto::Channel::history))
    return client_.forbid_channel(proto::Channel::history, query.id, &device);
  if (DeviceFeed* const feed = open_feed(device, query.id, now)) feed->query(query);
}

void FleetSession::ping(const Now& now) {
  std::string text;
  proto::append_pong(text, now.wall);
  client_.send(text);
}

void FleetSession::renew(const proto::AuthRequest& request, const Now& now) {
  if (!client_.renew(request, now)) return;
  for (auto each = feeds_.begin(); each != feeds_.end();) {
    DeviceFeed& feed = *each->second;
    if (client_.allows(feed.device())) {
      feed.drop_forbidden_channels();
    } else {
      feed.forbid();
    }
    const bool over = feed.idle() || !client_.allows(feed.device());
    each = over ? close_feed(each, now) : std::next(each);
  }
}

DeviceFeed* FleetSession::find(const proto::DeviceId& device) const {
  const auto it = feeds_.find(device);
  return it == feeds_.end() ? nullptr : it->second.get();
}

bool FleetSession::permits(const proto::DeviceId& device, std::string_view id) {
  if (client_.allows(device)) return true;
  client_.parts.gate.count(access::Forbidden::device);
  client_.send_error(ErrorCode::forbidden, "The token does not name this device.", id, &device);
  return false;
}

DeviceFeed* FleetSession::open_feed(const proto::DeviceId& device, std::string_view id, const Now& now) {
  if (DeviceFeed* const feed = find(device)) return feed;
  if (!permits(device, id)) return nullptr;
  if (feeds_.size() >= max_devices_) {
    client_.send_error(ErrorCode::too_many_devices,
                       "This connection has " + std::to_string(max_devices_) +
                           " devices, which is as many as one may have; unsubscribe from some, or open another.",
                       id, &device);
    return nullptr;
  }
  const bool reused = !free_slots_.empty();
  const std::size_t slot = reused ? free_slots_.front() : slots_;
  if (!reused) client_.link.make_room(slots_ + 1);
  auto feed = std::make_unique<DeviceFeed>(client_, device, slot, true, now);
  if (!feed->join()) {
    client_.send_error(ErrorCode::device_limit,
                       "This gateway serves as many devices as it is allowed to; try again later.", id, &device);
    return nullptr;
  }
  DeviceFeed& opened = *feeds_.emplace(device, std::move(feed)).first->second;
  if (reused) {
    free_slots_.pop_front();
  } else {
    ++slots_;
  }
  ++client_.parts.counters.fleet_devices;
  return &opened;
}

FleetSession::Feeds::iterator FleetSession::close_feed(Feeds::iterator feed, const Now& now) {
  feed->second->leave(now);
  free_slots_.push_back(feed->second->slot());
  --client_.parts.counters.fleet_devices;
  return feeds_.erase(feed);
}

void FleetSession::close_if_idle(const proto::DeviceId& device, const Now& now) {
  const auto feed = feeds_.find(device);
  if (feed->second->idle()) close_feed(feed, now);
}

void FleetSession::close_idle(const Now& now) {
  for (auto each = feeds_.begin(); each != feeds_.end();)
    each = each->second->idle() ? close_feed(each, now) : std::next(each);
}

void FleetSession::on_drained(const Conflated& lost, const Now& now) {
  for (const auto& each : feeds_) each.second->tell_conflated(lost, now);
}

// Also lets go of devices that were only asked for their past.
void FleetSession::on_tick(const Now& now) {
  client_.tick(now);
  close_idle(now);
}

void FleetSession::describe(SessionReport& report) const {
  client_.describe(report);
  report.fleet = true;
  for (const auto& [device, feed] : feeds_) report.feeds.push_back(feed->report());
}

void FleetSession::on_closed(std::uint16_t code, std::string_view reason, const Now& now) {
  const auto seconds = std::chrono::duration<double>(now.wall - client_.opened()).count();
  log::write_bounded(log::Level::info, "client.close",
                     {{"connection", client_.link.id()},
                      {"devices", feeds_.size()},
                      {"code", code},
                      {"reason", reason},
                      {"seconds", seconds}});
  for (auto each = feeds_.begin(); each != feeds_.end();) each = close_feed(each, now);
}

}  // namespace pulsegate::ws
