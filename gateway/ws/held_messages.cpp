#include "gateway/ws/held_messages.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "proto/message.hpp"

namespace pulsegate::ws {

void HeldMessages::take(proto::Channel channel, ConflationKey key, const FramePtr& frame) {
  FramePtr newest = frame;
  if (!proto::carries_samples(channel)) {
    const auto older =
        std::find_if(all_.begin(), all_.end(), [channel](const Held& held) { return held.channel == channel; });
    if (older != all_.end()) {
      std::string joined;
      const bool appended =
          channel == proto::Channel::history && proto::merge_history(joined, older->frame->payload(), frame->payload());
      if (appended && joined.size() <= max_bytes_ / 2) {
        newest = Frame::text(joined);
      } else if (appended) {
        lost_.add(channel);
      }
      drop(older);
    }
  }
  bytes_ += newest->size();
  all_.push_back({channel, key, std::move(newest)});
  while (bytes_ > max_bytes_ && all_.size() > 1) {
    // Of what is a whole value the latest must stay; it is one a channel.
    const auto sample =
        std::find_if(all_.begin(), all_.end(), [](const Held& held) { return proto::carries_samples(held.channel); });
    if (sample == all_.end()) break;
    lost_.add(sample->channel);
    drop(sample);
  }
}

void HeldMessages::forget(proto::Channel channel) {
  for (auto held = all_.begin(); held != all_.end();) {
    if (held->channel != channel) {
      ++held;
      continue;
    }
    bytes_ -= held->frame->size();
    held = all_.erase(held);
  }
  lost_.remove(channel);
}

void HeldMessages::release_oldest(const std::function<void(const FramePtr& frame, ConflationKey key)>& send) {
  const Held held = std::move(all_.front());
  all_.pop_front();
  bytes_ -= held.frame->size();
  send(held.frame, held.key);
}

void HeldMessages::drop(std::deque<Held>::iterator held) {
  bytes_ -= held->frame->size();
  all_.erase(held);
}

}  // namespace pulsegate::ws
