// What a session knows of its client, whatever number of devices it watches: who it is, how much it may ask, and how it
// is answered.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "gateway/access/gate.hpp"
#include "gateway/access/rate_bucket.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/hub.hpp"
#include "gateway/ws/link.hpp"
#include "gateway/ws/replay.hpp"
#include "gateway/ws/throttle.hpp"
#include "proto/channel.hpp"
#include "proto/command.hpp"
#include "proto/limits.hpp"

namespace pulsegate::ws {

struct SessionConfig {
  std::size_t max_message = proto::limits::kMaxInboundMessage;  // bytes, told to the client
  double command_rate = 20;                                     // commands a second
  double command_burst = 60;
  bool legacy_append = false;  // clients of /ws?deviceUuid= that do not say in which form get `history` appended
  std::size_t max_fleet_devices = proto::limits::kMaxFleetDevices;  // of one fleet socket
};

// What a session stands on. All of it outlives the session.
struct SessionParts {
  access::Gate& gate;
  devices::Hub& hub;
  const proto::ChannelTable& channels;
  SessionCounters& counters;
  ThrottleQueue& throttles;
  const ReplayRules& replays;
  const proto::ClockFormat& clock_format;
};

// Thread: its shard. Owner: the session.
class Client {
 public:
  Client(Link& client_link, access::GrantPtr grant, const SessionConfig& config, const SessionParts& session_parts,
         const Now& now);

  // Whether one more command may be obeyed. Tells the client where not.
  bool within_rate(const Now& now) { return charge(now, 1); }
  // The same for a command that passed within_rate() and costs as much as so many, at most what a burst may have: so
  // the dearest can be sent too, with all that has been saved up.
  bool within_rate(const Now& now, double commands) {
    return commands <= 1 || charge(now, std::min(commands, burst_) - 1);
  }
  void send(std::string_view text);
  // `device`: which it is about, where the client has several.
  void send_error(proto::ErrorCode code, std::string_view message, std::string_view id = {},
                  const proto::DeviceId* device = nullptr);
  // Answers a command that names a channel which there is not, one that the token does not name, …
  void refuse_unknown(const proto::Command& command);
  bool allows(proto::Channel channel) const { return access::allows_channel(grant_, parts.channels.name(channel)); }
  bool allows(const proto::DeviceId& device) const { return access::allows(grant_, device); }
  // Counts and tells it.
  void forbid_channel(proto::Channel channel, std::string_view id, const proto::DeviceId* device);

  // Puts a new token in the place of the old one, and answers. True: what was allowed may have changed.
  bool renew(const proto::AuthRequest& request, const Now& now);
  // Shows the device's past, or says why not. Requires: the grant allows the device.
  void replay(const proto::DeviceId& device, proto::ReplayRequest request, const Now& now);
  // Answered by `replay-end`, or by an error where there is nothing to stop.
  void stop_replay(const proto::ReplayStop& command);
  // On the data path: whether it is worth asking.
  bool has_replay() const noexcept { return replay_ != nullptr; }
  // That of the device which is going on; null: none.
  Replay* replay_of(const proto::DeviceId& device) const noexcept {
    return replay_ != nullptr && !replay_->over() && replay_->device() == device ? replay_.get() : nullptr;
  }

  // Ends the session once its grant is over or taken back. About once a second.
  void tick(const Now& now);
  void end_access(access::AccessEnd why);

  // Fills in what is the same for all of its devices.
  void describe(SessionReport& report) const;

  const access::GrantPtr& grant() const noexcept { return grant_; }
  proto::Timestamp opened() const noexcept { return opened_; }

  Link& link;
  const SessionParts parts;

 private:
  bool charge(const Now& now, double commands);
  bool may_replay() const noexcept;
  bool replays() const noexcept { return replay_ != nullptr && !replay_->over(); }

  access::GrantPtr grant_;        // null: nobody is asked for a token
  std::uint64_t generation_ = 0;  // of the gate's policy, when the grant was last compared with it
  const double burst_;            // commands
  access::RateBucket rate_;
  std::unique_ptr<Replay> replay_;  // null: none, or it is over
  std::uint64_t errors_ = 0;        // messages of type error that it was sent
  SteadyTime rate_told_{};          // last `rate-limited` error: once a second is enough
  const proto::Timestamp opened_;
};

}  // namespace pulsegate::ws
