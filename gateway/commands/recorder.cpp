#include "gateway/commands/recorder.hpp"

#include <utility>

namespace pulsegate::commands {

Recorder::Recorder(bus::RecordingWriter& writer, const bus::Subscriber& subscriber, std::vector<std::string> topics,
                   std::uint64_t limit, Now now, Tell tell)
    : writer_(writer),
      subscriber_(subscriber),
      limit_(limit),
      now_(std::move(now)),
      tell_(std::move(tell)),
      topics_(std::move(topics)),
      missing_(topics_.begin(), topics_.end()),
      lost_since_(now_()),
      batch_began_(lost_since_) {}

void Recorder::on_event(std::string_view topic, std::string_view payload) {
  if (full()) return;
  writer_.event(now_(), topic, payload);
  ++events_;
}

void Recorder::on_subscribed(std::string_view topic) {
  if (missing_.erase(std::string(topic)) == 0 || !missing_.empty()) return;
  told_.clear();
  // Before the first time there is nothing that a reader could miss.
  if (std::exchange(began_, true)) {
    writer_.loss({now_(), lost_since_, "bus", 0});
    tell_("subscribed again; what was published meanwhile is missing, and the recording says so");
  }
}

void Recorder::on_bus_down(std::string_view reason) {
  if (missing_.empty()) lost_since_ = now_();
  missing_.insert(topics_.begin(), topics_.end());
  if (tell_again(reason)) tell_("Redis: " + std::string(reason));
}

bool Recorder::tell_again(std::string_view reason) {
  constexpr std::size_t kMostReasons = 16;
  if (told_.size() >= kMostReasons) told_.clear();
  const proto::Timestamp now = now_();
  const auto [known, first] = told_.try_emplace(std::string(reason), now);
  if (!first && now - known->second < kRepeatTold) return false;
  known->second = now;
  return true;
}

void Recorder::on_topic_lost(std::string_view topic) {
  if (missing_.empty()) lost_since_ = now_();
  missing_.insert(std::string(topic));
}

void Recorder::on_batch_end(bool) {
  const std::uint64_t oversized = subscriber_.counters().oversized;
  const proto::Timestamp now = now_();
  if (oversized > oversized_) {
    writer_.loss({now, batch_began_, "oversized", oversized - oversized_});
    tell_(std::to_string(oversized - oversized_) + " events were larger than --max-bus-payload, and are missing");
    oversized_ = oversized;
  }
  batch_began_ = now;
}

void Recorder::finish() {
  on_batch_end(false);
  if (began_ && !missing_.empty()) writer_.loss({now_(), lost_since_, "bus", 0});
}

}  // namespace pulsegate::commands
