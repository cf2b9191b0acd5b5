// One device of a client: what it has subscribed to there, and what the device delivers to it. A session has one, a
// fleet session many.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gateway/devices/member.hpp"
#include "gateway/ws/client.hpp"
#include "gateway/ws/outbox.hpp"
#include "gateway/ws/session_report.hpp"
#include "gateway/ws/throttle.hpp"
#include "proto/command.hpp"
#include "proto/device_id.hpp"

namespace pulsegate::ws {

// Thread: its shard. Owner: the session.
// Invariant: nothing is subscribed that the client's grant does not allow.
class DeviceFeed final : private devices::Receiver, private Throttle::Sink {
 public:
  static constexpr ConflationKey kKeys = kMaxConflationKey;  // so many in a row are a feed's own

  // `slot`: its keys begin behind those of so many other feeds of the client. `one_of_many`: errors say which device
  // they are about. `client` outlives the feed.
  DeviceFeed(Client& client, const proto::DeviceId& device, std::size_t slot, bool one_of_many, const Now& now);
  ~DeviceFeed();
  DeviceFeed(const DeviceFeed&) = delete;
  DeviceFeed& operator=(const DeviceFeed&) = delete;

  // From here on broadcasts of the device come. False: the hub has as many devices as it may.
  bool join() { return client_.parts.hub.join(device_, member_); }
  bool joined() const noexcept { return member_.device != nullptr; }
  // At the end; writes down who has watched. `now`: when that was.
  void leave(const Now& now);

  // Those channels that the grant allows; the others are told as errors. `since`: of this device.
  void subscribe(const proto::Command& command, const std::optional<proto::Since>& since, bool history_append_only);
  void unsubscribe(const std::vector<proto::Channel>& channels);
  // False: its last query is open.
  bool query(const proto::HistoryQuery& query);
  bool querying() const noexcept { return member_.query != 0; }
  // Nothing is subscribed, and no answer is to come.
  bool idle() const noexcept { return member_.subscribed.empty() && member_.unacked.empty() && !querying(); }

  // There is another grant: what it does not name is unsubscribed, and told.
  void drop_forbidden_channels();
  // The same for the whole device.
  void forbid();
  // The client has taken what was left; tells it which samples it has missed.
  void tell_conflated(const Conflated& lost, const Now& now);

  const proto::DeviceId& device() const noexcept { return device_; }
  SessionReport::Feed report() const {
    return {device_, joined(), member_.subscribed, member_.unacked, member_.awaiting, std::nullopt};
  }
  std::size_t slot() const noexcept { return (first_key_ - 1) / kKeys; }

 private:
  void deliver(proto::Channel channel, const FramePtr& frame) override;
  void deliver_control(const FramePtr& frame) override;
  void deliver_broadcast(const FramePtr& frame) override;
  void deliver_answer(const FramePtr& frame) override;
  void send(proto::Channel channel, const FramePtr& frame) override;

  ConflationKey key_of(proto::Channel channel) const noexcept {
    return first_key_ + static_cast<ConflationKey>(index(channel));
  }
  const proto::DeviceId* named() const noexcept { return one_of_many_ ? &device_ : nullptr; }
  void set_rates(const std::vector<proto::Channel>& channels, std::optional<double> rate);
  std::vector<proto::Channel> wanted() const;

  Client& client_;
  const proto::DeviceId device_;
  const ConflationKey first_key_;
  const bool one_of_many_;
  devices::Member member_;
  std::unique_ptr<Throttle> throttle_;  // null: no channel has a rate
  const proto::Timestamp since_;
};

}  // namespace pulsegate::ws
