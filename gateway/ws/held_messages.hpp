// A device's live messages that wait while its past is shown. Pure.
#pragma once

#include <cstddef>
#include <deque>
#include <functional>

#include "gateway/frame.hpp"
#include "gateway/ws/outbox.hpp"
#include "proto/channel.hpp"

namespace pulsegate::ws {

// Thread: one shard. Owner: a replay. Bound: `max_bytes`. Of `metrics` and of pass-through channels, where each message
// is a sample, all are kept until that is reached, then the newest; points of `history` that are appended are joined;
// of the rest the latest is kept.
class HeldMessages {
 public:
  explicit HeldMessages(std::size_t max_bytes) noexcept : max_bytes_(max_bytes) {}

  void take(proto::Channel channel, ConflationKey key, const FramePtr& frame);
  // What is held of the channel is dropped, and not missed.
  void forget(proto::Channel channel);
  // The one that came first. Requires: not empty().
  void release_oldest(const std::function<void(const FramePtr& frame, ConflationKey key)>& send);

  bool empty() const noexcept { return all_.empty(); }
  std::size_t bytes() const noexcept { return bytes_; }
  // Channels of which samples were dropped.
  proto::ChannelSet lost() const noexcept { return lost_; }

 private:
  struct Held {
    proto::Channel channel;
    ConflationKey key;
    FramePtr frame;
  };

  void drop(std::deque<Held>::iterator held);

  const std::size_t max_bytes_;
  std::deque<Held> all_;
  std::size_t bytes_ = 0;
  proto::ChannelSet lost_;
};

}  // namespace pulsegate::ws
