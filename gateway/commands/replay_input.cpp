#include "gateway/commands/replay_input.hpp"

#include <algorithm>
#include <utility>

#include "gateway/commands/option_values.hpp"

namespace pulsegate::commands {
namespace {

// `point` as a time, once the first event is known.
std::optional<proto::Timestamp> time_of(const ReplayPoint& point, proto::Timestamp first) {
  if (point.time) return point.time;
  if (point.offset) return first + *point.offset;
  return std::nullopt;
}

}  // namespace

std::optional<ReplayPoint> read_replay_point(std::string_view text) {
  if (const auto time = proto::parse_iso8601(text)) return ReplayPoint{time, {}};
  if (const auto offset = read_duration(text)) return ReplayPoint{{}, *offset};
  return std::nullopt;
}

RangeInput::RangeInput(std::unique_ptr<ReplayInput> input, ReplayRange range)
    : input_(std::move(input)), range_(std::move(range)) {}

std::optional<ReplayEvent> RangeInput::next() {
  while (auto event = input_->next()) {
    if (!first_) first_ = event->time;
    const auto from = time_of(range_.from, *first_);
    const auto to = time_of(range_.to, *first_);
    if (from && event->time < *from) continue;
    // Not the end: recordings that were joined need not be in order.
    if (to && event->time >= *to) continue;
    if (event->lost.empty() && !wants(event->channel)) continue;
    return event;
  }
  return std::nullopt;
}

void RangeInput::rewind() {
  input_->rewind();
  first_.reset();
}

bool RangeInput::wants(const std::string& channel) const {
  if (range_.devices.empty()) return true;
  const auto names = [&channel](const std::string& device) {
    return channel.find("device:" + device + ":") != std::string::npos;
  };
  return std::any_of(range_.devices.begin(), range_.devices.end(), names);
}

RecordingInput::RecordingInput(std::vector<std::string> files, Tell tell)
    : files_(std::move(files)), tell_(std::move(tell)), reader_(std::make_unique<bus::RecordingReader>(files_)) {}

std::optional<ReplayEvent> RecordingInput::next() {
  while (const auto item = reader_->next()) {
    if (const auto* event = std::get_if<proto::RecordedEvent>(&item->line))
      return ReplayEvent{event->time, std::string(event->channel), std::string(event->payload), {}};
    if (const auto* loss = std::get_if<proto::RecordedLoss>(&item->line))
      return ReplayEvent{loss->time, {}, {}, loss->reason.empty() ? "unknown" : loss->reason};
    if (const auto* fault = std::get_if<proto::RecordingFault>(&item->line))
      tell_(item->number > 0 ? reader_->path() + ":" + std::to_string(item->number) + " " + fault->reason
                             : fault->reason);
  }
  return std::nullopt;
}

void RecordingInput::rewind() {
  reader_ = std::make_unique<bus::RecordingReader>(files_);
}

}  // namespace pulsegate::commands
