// Everything that is known of a device, once: a member that subscribes to every channel like a client, waits until
// nothing is awaited any more, and leaves. So a device that is asked for again and again stays in memory, a crowd
// shares one read, and what is told is what a client would be shown.
#pragma once

#include <array>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "gateway/devices/hub.hpp"
#include "gateway/devices/member.hpp"
#include "proto/channel.hpp"
#include "proto/device_id.hpp"
#include "storage/snapshot_source.hpp"

namespace pulsegate::devices {

// Thread: the shard. Owner: whoever asks; destroying it ends the question without an answer.
class SnapshotCollector final : private Receiver {
 public:
  // {"deviceUuid":…,"timestamp":<now>,<channel>:<its latest message>|null,…,"status":{"bus":…,"database":…,"device":…}}
  // with every channel of the table that is not left out, and "since" in the status of a device that is stale; nullopt:
  // the database is too busy to read what is not in memory. Runs once, in a task of its own, and may destroy the
  // collector.
  using Done = std::function<void(std::optional<std::string> json)>;

  // `hub` and `channels` outlive it. `post` runs a task on this thread, later.
  SnapshotCollector(Hub& hub, const proto::ChannelTable& channels, const proto::DeviceId& id, storage::Executor post,
                    Done done);
  ~SnapshotCollector();
  SnapshotCollector(const SnapshotCollector&) = delete;
  SnapshotCollector& operator=(const SnapshotCollector&) = delete;

  // Once. `left_out`: channels that are none of the asker's business. False: the hub has as many devices as it may, and
  // there will be no answer.
  bool start(proto::ChannelSet left_out = {});

  // The hub's: a read of the device has ended, and the device has taken what came of it.
  void on_read_ended(storage::SnapshotError error);

 private:
  void deliver(proto::Channel channel, const FramePtr& frame) override;
  void deliver_control(const FramePtr& frame) override;
  void deliver_broadcast(const FramePtr&) override {}
  void deliver_answer(const FramePtr&) override {}

  void look_later();
  void look();
  std::string text() const;

  Hub& hub_;
  const proto::ChannelTable& channels_;
  const proto::DeviceId id_;
  const storage::Executor post_;
  Done done_;
  Member member_;
  std::array<FramePtr, proto::kMaxChannels> latest_;
  proto::ChannelSet left_out_;
  bool overloaded_ = false;  // the last read that has ended found no place in the queue
  bool look_posted_ = false;
  const std::shared_ptr<SnapshotCollector*> alive_;  // what was posted may come after the end
};

}  // namespace pulsegate::devices
