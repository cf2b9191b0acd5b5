// What a device knows of a receiver: where to deliver, and which of the device's channels it wants.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/devices/history_key.hpp"
#include "gateway/devices/position.hpp"
#include "gateway/frame.hpp"
#include "proto/channel.hpp"
#include "proto/history_request.hpp"
#include "proto/message.hpp"
#include "proto/time.hpp"

namespace pulsegate::devices {

class Device;
struct HistoryView;

// Someone who gets a device's messages; a WebSocket session in production. Thread: the device's shard.
// No function may call back into the device or destroy a member before it returns: a device delivers in loops.
class Receiver {
 public:
  // A channel message; a receiver that is too slow may keep only the latest of a channel.
  virtual void deliver(proto::Channel channel, const FramePtr& frame) = 0;
  // Acks and notices: in order with the rest, never dropped for a newer one.
  virtual void deliver_control(const FramePtr& frame) = 0;
  // Of the device: never dropped either, but it says nothing of other messages, so some of these may come later than
  // it.
  virtual void deliver_broadcast(const FramePtr& frame) = 0;
  // The answer to what it has asked for: may be large, and comes once.
  virtual void deliver_answer(const FramePtr& frame) = 0;

 protected:
  ~Receiver() = default;
};

// What a `subscribe` says beside its channels.
struct SubscribeOptions {
  std::optional<proto::Since> since;             // the last message that the client saw before it came here
  std::optional<proto::HistoryOptions> history;  // how `history` shall come; unset: as its endpoint sends it
  bool history_append_only = false;              // that endpoint's clients append whatever comes
  std::string id{};                              // the command's own, as JSON text; errors repeat it
};

// Owner: the receiver, which keeps it alive until Hub::leave(). The device's lists hold plain pointers to it.
struct Member {
  explicit Member(Receiver& r) noexcept : receiver(r) {}
  Member(const Member&) = delete;
  Member& operator=(const Member&) = delete;

  Receiver& receiver;
  Device* device = nullptr;      // set between join and leave
  std::size_t position = 0;      // in the device's list of members
  proto::ChannelSet subscribed;  // acknowledged
  proto::ChannelSet unacked;     // waiting for the bus to confirm
  proto::ChannelSet awaiting;    // acknowledged, first value still to come
  bool told_bus_down = false;
  bool told_database_down = false;
  // Where it stood on `metrics` when the device had shown that many samples to all, see Device::position().
  Position stands;
  std::uint64_t stands_at = 0;
  bool wants_latest = false;  // of `metrics`, even if it had it before: it has just subscribed without `since`
  bool waits = false;         // for what it has missed of `metrics`, see Recovery
  bool recovers = false;      // what it has missed of `metrics` in this gap is, or was, looked for
  proto::DeviceState told_freshness = proto::DeviceState::live;  // how it believes the device stands
  bool in_gap = false;  // it may have missed what was published while the bus was away
  // Of channels that are still to be acknowledged: the last message that it saw.
  std::vector<std::pair<proto::Channel, proto::Since>> since;
  std::uint32_t query = 0;            // number of its open history query, unique in the hub; 0: none
  HistoryView* view = nullptr;        // of `history`; null: the device's default one
  bool has_history = false;           // it has a window of that view, and all that followed
  std::unique_ptr<HistoryWish> wish;  // of `history` subscribed to in another form than the default
};

}  // namespace pulsegate::devices
