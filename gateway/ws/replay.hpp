// A device's past on a live socket: what a client with the right to it has asked for by `replay`, read page by page and
// sent at the pace at which it happened, or another.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string_view>

#include "gateway/clock.hpp"
#include "gateway/counters.hpp"
#include "gateway/devices/hub.hpp"
#include "gateway/devices/past_page.hpp"
#include "gateway/ws/due_queue.hpp"
#include "gateway/ws/held_messages.hpp"
#include "gateway/ws/link.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"
#include "proto/replay_request.hpp"
#include "proto/time.hpp"

namespace pulsegate::ws {

enum class ReplayRight : std::uint8_t {
  nobody,
  debug,  // tokens with the scope `debug`; nobody where no tokens are asked for
  all     // whoever may see the device
};

struct ReplayRules {
  ReplayRight right = ReplayRight::debug;
  std::chrono::milliseconds max_span{std::chrono::hours(1)};  // of one replay
  std::size_t max_open = 4;                                   // of the shard
  std::size_t max_held = 256 * 1024;                          // bytes of live messages that wait for the end of one
  std::chrono::milliseconds row_lag{15'000};                  // longest time from an event to its row
  std::size_t much_to_take = 48 * 1024;                       // bytes of a client's backlog: above it a replay waits
};

// What a replay stands on. All of it outlives the replay.
struct ReplayParts {
  devices::Hub& hub;
  const proto::ChannelTable& channels;
  const proto::ClockFormat& clock;
  SessionCounters& counters;
  DueQueue& dues;
};

// Thread: its shard. Owner: the client; it goes with it.
// Invariants: 1. `replay-begin` comes first and `replay-end` last, unless the connection ends before. 2. Of the past at
// most two pages are in memory, and nothing is sent while the client has much to take: a slow one makes it wait, nobody
// else. 3. With `hold`, no live message of the device passes take() before `replay-end`.
class Replay final : private DueQueue::Waiter {
 public:
  // Sends `replay-begin` and begins to read. `link` outlives it.
  Replay(Link& link, const ReplayParts& parts, const ReplayRules& rules, const proto::DeviceId& device,
         proto::ReplayRequest request, const Now& now);
  ~Replay() override;

  const proto::DeviceId& device() const noexcept { return device_; }
  const std::vector<proto::Channel>& channels() const noexcept { return request_.channels; }
  // It has said `replay-end`.
  bool ended() const noexcept { return ended_; }
  // … and sent what was held: it does nothing any more.
  bool over() const noexcept { return ended_ && held_.empty(); }
  // A live message of the device. False: it is to be sent now.
  bool take(proto::Channel channel, ConflationKey key, const FramePtr& frame);
  // The device's channel is no longer subscribed.
  void forget(proto::Channel channel);
  // Ends it; what was held follows as fast as the client takes it. Idempotent.
  void stop(ReplayEnd why);

 private:
  void on_due(SteadyTime now) override;
  void step(SteadyTime now);
  void read(SteadyTime now);
  void on_page(const devices::Past& past);
  SteadyTime due_of(const devices::ShownSample& sample) const;
  void show(const devices::ShownSample& sample);
  void release(SteadyTime now);
  void count_held(std::size_t before) noexcept;

  Link& link_;
  const ReplayParts parts_;
  const proto::DeviceId device_;
  const proto::ReplayRequest request_;
  devices::PastPages pages_;
  std::deque<devices::ShownSample> waiting_;
  HeldMessages held_;
  const std::size_t much_to_take_;
  const proto::Timestamp began_;
  // When the sample of which time is due; not set before the first one.
  SteadyTime anchor_{};
  proto::Timestamp anchor_time_{};
  bool anchored_ = false;
  bool reading_ = false;
  bool ended_ = false;
  SteadyTime may_read_{};
  std::uint64_t shown_ = 0;
  std::shared_ptr<Replay*> alive_;  // what answers hold
};

}  // namespace pulsegate::ws
