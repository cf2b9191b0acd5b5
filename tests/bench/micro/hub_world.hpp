// The data path without sockets: a hub, devices, and receivers that have an outbox each. What a socket would take is
// taken at once, in the same pieces as the endpoint offers it.
#pragma once

#include <sys/uio.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "gateway/devices/hub.hpp"
#include "gateway/ws/outbox.hpp"
#include "tests/bench/load/event.hpp"
#include "tests/support/fake_subscriber.hpp"

namespace pulsegate::bench {

class ManualClock final : public Clock {
 public:
  Now now() const override { return now_; }
  void advance(std::chrono::microseconds by) {
    now_.steady += by;
    now_.wall += by;
  }

 private:
  Now now_{SteadyTime(std::chrono::hours(1)), proto::Timestamp(std::chrono::seconds(1'800'000'000))};
};

// Stands for a session and its connection.
class OutboxReceiver final : public devices::Receiver {
 public:
  explicit OutboxReceiver(std::vector<OutboxReceiver*>& dirty) : member(*this), dirty_(dirty) {}

  void deliver(proto::Channel channel, const FramePtr& frame) override {
    push(frame, static_cast<ws::ConflationKey>(index(channel)) + 1);
  }
  void deliver_control(const FramePtr& frame) override { push(frame, 0); }
  void deliver_broadcast(const FramePtr& frame) override { push(frame, 0); }
  void deliver_answer(const FramePtr& frame) override { outbox_.push_apart(frame); }

  // Returns how many bytes left.
  std::size_t flush(SteadyTime now) {
    constexpr std::size_t kPieces = 64;
    iovec pieces[kPieces];
    std::size_t bytes = 0;
    while (!outbox_.empty()) {
      std::size_t size = 0;
      const std::size_t count = outbox_.gather(pieces, kPieces);
      for (std::size_t i = 0; i < count; ++i) size += pieces[i].iov_len;
      outbox_.consume(size, now);
      bytes += size;
    }
    return bytes;
  }

  devices::Member member;
  std::uint64_t deliveries = 0;

 private:
  void push(const FramePtr& frame, ws::ConflationKey key) {
    if (outbox_.empty()) dirty_.push_back(this);
    outbox_.push(frame, key);
    ++deliveries;
  }

  ws::Outbox outbox_{ws::OutboxLimits{}};
  std::vector<OutboxReceiver*>& dirty_;
};

// `devices` devices with `clients` clients each, subscribed to `metrics`.
class HubWorld {
 public:
  HubWorld(std::size_t devices, std::size_t clients) {
    subscriber_.start(hub_);
    subscriber_.connect();
    for (std::size_t device = 0; device < devices; ++device) {
      const std::string uuid = device_uuid(device);
      topics.push_back("device:" + uuid + ":metrics");
      for (std::size_t i = 0; i < clients; ++i) {
        OutboxReceiver& receiver = receivers_.emplace_back(dirty_);
        hub_.join(*proto::DeviceId::parse(uuid), receiver.member);
        hub_.subscribe(receiver.member, {proto::Channel::metrics});
      }
    }
    subscriber_.confirm_all();
    hub_.on_batch_end(false);
  }
  ~HubWorld() {
    for (OutboxReceiver& receiver : receivers_) hub_.leave(receiver.member);
  }
  HubWorld(const HubWorld&) = delete;
  HubWorld& operator=(const HubWorld&) = delete;

  devices::Hub& hub() { return hub_; }
  void advance(std::chrono::microseconds by) { clock_.advance(by); }
  std::uint64_t deliveries() const {
    std::uint64_t sum = 0;
    for (const OutboxReceiver& receiver : receivers_) sum += receiver.deliveries;
    return sum;
  }

  std::vector<std::string> topics;  // of the devices, in order
  std::uint64_t bytes = 0;          // that left

 private:
  void flush() {
    const SteadyTime now = clock_.now().steady;
    for (OutboxReceiver* receiver : dirty_) bytes += receiver->flush(now);
    dirty_.clear();
  }

  ManualClock clock_;
  proto::ChannelTable channels_;
  proto::TopicTable table_{"", channels_};
  proto::ClockFormat zone_;
  test::FakeSubscriber subscriber_;
  std::vector<OutboxReceiver*> dirty_;
  std::deque<OutboxReceiver> receivers_;
  devices::Hub hub_{devices::DeviceConfig{},
                    devices::HubParts{channels_,
                                      table_,
                                      zone_,
                                      clock_,
                                      subscriber_,
                                      nullptr,
                                      nullptr,
                                      {},
                                      [this](bool) { flush(); },
                                      [](SteadyTime) {},
                                      [](devices::Notice, std::string_view) {}},
                    42};
};

// A batch as one read from Redis brings it: `burst` events of each of `devices` devices, rendered beforehand.
struct Batch {
  Batch(std::size_t devices, std::size_t burst, std::uint64_t first_sequence) {
    EventWriter writer(PublishForm::payload);
    for (std::size_t i = 0; i < burst; ++i) {
      for (std::size_t device = 0; device < devices; ++device)
        payloads.emplace_back(writer.render(device, first_sequence + i, 0));
    }
  }
  std::vector<std::string> payloads;  // payload i is of device i % devices
};

}  // namespace pulsegate::bench
