// One channel of one device: who wants it, and the latest value with the frame that carries it.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "gateway/clock.hpp"
#include "gateway/devices/member.hpp"
#include "gateway/frame.hpp"
#include "proto/channel.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

// Thread: the shard. Owner: the device.
struct ChannelState {
  explicit ChannelState(proto::Channel c) noexcept : channel(c) {}

  proto::Channel channel;
  bool from_event = false;       // the latest value came by the bus, not from a row
  FramePtr latest;               // what a new subscriber gets; for channels built on demand it may be unset
  std::vector<Member*> members;  // in no particular order
  proto::Timestamp time{};       // of the latest value, to compare it with rows
  proto::Timestamp own_time{};   // … as its message gives it, however wrong the publisher's clock
  SteadyTime last_sent{};        // to all members; a value sent to one newcomer does not count
  std::string json;              // processes and interfaces: the value itself, to see whether it changed

  void fan_out(const FramePtr& frame) const {
    const proto::Channel delivered = channel;
    for (Member* member : members) {
      member->awaiting.remove(delivered);
      member->receiver.deliver(channel, frame);
    }
  }

  void remove(Member& member) {
    const auto it = std::find(members.begin(), members.end(), &member);
    if (it == members.end()) return;
    *it = members.back();
    members.pop_back();
  }
};

}  // namespace pulsegate::devices
