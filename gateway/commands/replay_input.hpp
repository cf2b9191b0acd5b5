// Where a replay takes its events from, oldest first.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/recording_reader.hpp"
#include "proto/time.hpp"

namespace pulsegate::commands {

struct ReplayEvent {
  proto::Timestamp time{};
  std::string channel;
  std::string payload;
  std::string lost;  // not an event: something is missing here; the reason
};

// Thread: the player's.
class ReplayInput {
 public:
  virtual ~ReplayInput() = default;
  // Nothing: the end. May throw: it cannot be read.
  virtual std::optional<ReplayEvent> next() = 0;
  // From the beginning again. May throw.
  virtual void rewind() = 0;
  virtual double progress() const = 0;  // 0 to 1
};

// A point in a replay: a time, or so long after its first event.
struct ReplayPoint {
  std::optional<proto::Timestamp> time;
  std::optional<std::chrono::microseconds> offset;
};
// "2026-11-22T14:05:00Z", or a duration such as 90s. Nothing: neither.
std::optional<ReplayPoint> read_replay_point(std::string_view text);

struct ReplayRange {
  ReplayPoint from;                  // inclusive; neither: the beginning
  ReplayPoint to;                    // exclusive; neither: the end
  std::vector<std::string> devices;  // UUIDs in small letters; empty: all
};

// Of another input what lies in a range.
class RangeInput final : public ReplayInput {
 public:
  RangeInput(std::unique_ptr<ReplayInput> input, ReplayRange range);

  std::optional<ReplayEvent> next() override;
  void rewind() override;
  double progress() const override { return input_->progress(); }

 private:
  bool wants(const std::string& channel) const;

  const std::unique_ptr<ReplayInput> input_;
  const ReplayRange range_;
  std::optional<proto::Timestamp> first_;  // of all events, whatever their device
};

// Recordings, one after the other. What cannot be read is told, and passed over.
class RecordingInput final : public ReplayInput {
 public:
  using Tell = std::function<void(const std::string& sentence)>;

  // Throws std::runtime_error: one of them cannot be opened.
  RecordingInput(std::vector<std::string> files, Tell tell);

  std::optional<ReplayEvent> next() override;
  void rewind() override;
  double progress() const override { return reader_->progress(); }

 private:
  const std::vector<std::string> files_;
  const Tell tell_;
  std::unique_ptr<bus::RecordingReader> reader_;
};

}  // namespace pulsegate::commands
