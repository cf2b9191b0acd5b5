// What a bus tells becomes a recording: events as they come, and a loss wherever some may be missing.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bus/recording_writer.hpp"
#include "bus/subscriber.hpp"
#include "proto/time.hpp"

namespace pulsegate::commands {

// Thread: that of the subscriber. Owner: `record`.
// Invariant: whatever may be missing between two events of the recording is named by a loss between them, or by the one
// at its end.
class Recorder final : public bus::EventSink {
 public:
  using Now = std::function<proto::Timestamp()>;
  using Tell = std::function<void(const std::string& sentence)>;  // for people

  // `writer` and `subscriber` outlive it. `limit`: so many events are taken; 0: all.
  Recorder(bus::RecordingWriter& writer, const bus::Subscriber& subscriber, std::vector<std::string> topics,
           std::uint64_t limit, Now now, Tell tell);

  void on_event(std::string_view topic, std::string_view payload) override;
  void on_subscribed(std::string_view topic) override;
  void on_bus_up() override {}
  void on_bus_down(std::string_view reason) override;
  void on_topic_lost(std::string_view topic) override;
  void on_batch_end(bool more_waiting) override;

  // The same reason of a loss of the bus is told once in this time, until every topic is subscribed again.
  static constexpr std::chrono::seconds kRepeatTold{60};

  // Names what is missing at the end. No event comes afterwards.
  void finish();

  std::uint64_t events() const noexcept { return events_; }
  bool full() const noexcept { return limit_ > 0 && events_ >= limit_; }
  bool complete() const noexcept { return missing_.empty(); }  // every topic is subscribed

 private:
  bool tell_again(std::string_view reason);

  bus::RecordingWriter& writer_;
  const bus::Subscriber& subscriber_;
  const std::uint64_t limit_;
  const Now now_;
  const Tell tell_;
  const std::vector<std::string> topics_;
  std::unordered_set<std::string> missing_;  // topics that are not subscribed now
  // What was said of Redis since all was subscribed: the same reason comes with every attempt to connect.
  std::unordered_map<std::string, proto::Timestamp> told_;
  bool began_ = false;             // every topic was subscribed once
  proto::Timestamp lost_since_{};  // while something is missing
  std::uint64_t events_ = 0;
  std::uint64_t oversized_ = 0;
  proto::Timestamp batch_began_{};  // the last one ended then
};

}  // namespace pulsegate::commands
