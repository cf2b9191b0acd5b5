// What is in a recording, for `inspect`. Pure: items in, text out.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/recording.hpp"

namespace pulsegate::commands {

// Events over time in a bounded number of steps, whatever the span: steps grow as it does. Thread: value.
class Timeline {
 public:
  static constexpr std::size_t kSteps = 60;  // at most twice as many

  void add(proto::Timestamp time);
  std::vector<double> rates() const;  // events a second of each step, oldest first
  std::chrono::microseconds step() const noexcept { return step_; }

 private:
  std::chrono::microseconds step_{std::chrono::seconds(1)};
  std::map<std::int64_t, std::uint64_t> counts_;  // by time divided by step_
};

// Thread: one.
// Bounds: kMaxChannels channels have numbers of their own; of faults and losses kMaxListed are kept.
class RecordingReport {
 public:
  static constexpr std::size_t kMaxChannels = 100'000;
  static constexpr std::size_t kMaxListed = 20;

  void event(const proto::RecordedEvent& event);
  void loss(const proto::RecordedLoss& loss);
  void header(const proto::RecordingHeader& header);
  // `where`: "rec.ndjson:17 ", or empty where the reason names the file.
  void fault(const std::string& where, const std::string& reason);

  bool sound() const noexcept { return faults_ == 0; }
  // `most`: channels that are shown; 0: all.
  std::string text(std::size_t most) const;
  std::string json() const;

 private:
  struct Channel {
    std::uint64_t events = 0;
    std::uint64_t bytes = 0;
    std::uint64_t largest = 0;
    proto::Timestamp first{}, last{};
    std::chrono::microseconds silence{0};  // the longest between two events
  };
  using Channels = std::map<std::string, Channel, std::less<>>;

  std::vector<Channels::const_iterator> by_events() const;
  std::string span_text() const;

  Channels channels_;
  Channel all_;
  std::uint64_t other_events_ = 0;  // of channels beyond kMaxChannels
  std::uint64_t disorder_ = 0;      // events older than the one before
  Timeline timeline_;
  std::vector<proto::RecordedLoss> losses_;
  std::uint64_t loss_count_ = 0;
  std::vector<std::string> listed_;
  std::uint64_t faults_ = 0;
  std::uint64_t headers_ = 0;
  std::int64_t newest_version_ = 0;
};

}  // namespace pulsegate::commands
