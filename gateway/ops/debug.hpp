// "Why is my panel silent?": what the debug paths of the admin port answer, as JSON, with a sentence that names the
// cause. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "gateway/devices/device_report.hpp"
#include "gateway/ws/session_report.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::ops {

// The longest list of sessions that is answered, over all shards.
inline constexpr std::size_t kMaxListedSessions = 200;

// One sentence: the first cause, from the bus to the client, that explains silence; or that nothing does.
// `reports`: of every shard that has the device in memory.
std::string diagnose(const std::vector<devices::DeviceReport>& reports);
std::string diagnose(const ws::SessionReport& session);

// README.md shows the members. Times are ISO 8601, ages seconds, sizes bytes; null: never, or not known.
std::string debug_device(const proto::DeviceId& device, const std::vector<devices::DeviceReport>& reports);
std::string debug_session(const ws::SessionReport& session, const proto::ChannelTable& channels);
// The largest backlogs first, kMaxListedSessions at most: {"sessions":[…]}, each as debug_session() but for what its
// devices say.
std::string debug_sessions(std::vector<ws::SessionReport> sessions, const proto::ChannelTable& channels);

}  // namespace pulsegate::ops
