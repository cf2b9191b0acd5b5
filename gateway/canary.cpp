// States and pace of the canary.
#include "gateway/canary.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

#include "gateway/log.hpp"

namespace pulsegate {
namespace {

// After one that did not come back the next one follows sooner, so that a start or a recovery shows at once.
constexpr std::chrono::milliseconds kRetry{500};

std::string seconds_text(SteadyTime::duration age) {
  return std::to_string(std::chrono::duration_cast<std::chrono::seconds>(age).count()) + " s";
}

}  // namespace

Canary::Canary(bus::Publisher* publisher, std::chrono::milliseconds interval, std::string topic, Calls calls)
    : publisher_(publisher), interval_(interval), topic_(std::move(topic)), calls_(std::move(calls)) {
  if (publisher_ != nullptr) counters_.state = CanaryState::waiting;
}

void Canary::tick(SteadyTime now) {
  if (counters_.state == CanaryState::off || counters_.state == CanaryState::refused) return;
  judge(now);
  if (in_flight_) return;
  const bool came_back = calls_.seen() >= last_;
  if (last_ == SteadyTime{} || now - last_ >= (came_back ? interval_ : std::min(interval_, kRetry))) publish(now);
}

void Canary::judge(SteadyTime now) {
  const SteadyTime seen = calls_.seen();
  if (seen == SteadyTime{}) return;
  const bool fresh = now - seen < limit();
  const CanaryState before = counters_.state;
  counters_.state = fresh ? CanaryState::fresh : CanaryState::late;
  if (counters_.state == before) return;
  if (fresh) return log::info(before == CanaryState::late ? "canary.back" : "canary.first", {{"topic", topic_}});
  log::warn("canary.late", {{"age", seconds_text(now - seen)},
                            {"note", "Redis seems connected, but what is published may not arrive"}});
}

void Canary::publish(SteadyTime now) {
  in_flight_ = true;
  last_ = now;
  publisher_->publish(topic_, payload(now), [this](bus::Published outcome, const std::string& reason) {
    in_flight_ = false;
    on_published(outcome, reason);
  });
}

void Canary::on_published(bus::Published outcome, const std::string& reason) {
  switch (outcome) {
    case bus::Published::taken:
      ++counters_.published;
      if (!std::exchange(listening_, true)) {
        calls_.listen(true);
        last_ -= interval_;  // nobody heard this one
      }
      return;
    case bus::Published::failed:
      ++counters_.failures;  // the loss of Redis is logged by whoever serves clients with it
      return;
    case bus::Published::refused:
      counters_.state = CanaryState::refused;
      if (std::exchange(listening_, false)) calls_.listen(false);
      return log::warn("canary.off", {{"reason", reason}});
  }
}

std::string Canary::complaint(SteadyTime now) const {
  if (counters_.state == CanaryState::waiting)
    return "No canary has come back from Redis yet: whether clients would see live data is not known.";
  if (counters_.state != CanaryState::late) return {};
  return "No canary has come back from Redis for " + seconds_text(now - calls_.seen()) +
         ": what is published may not arrive.";
}

std::string Canary::payload(SteadyTime now) {
  return std::to_string(now.time_since_epoch().count());
}

SteadyTime Canary::published_at(std::string_view payload, SteadyTime now) noexcept {
  SteadyTime::rep ticks = 0;
  const char* const end = payload.data() + payload.size();
  const auto read = std::from_chars(payload.data(), end, ticks);
  if (read.ec != std::errc() || read.ptr != end || ticks <= 0) return {};
  const SteadyTime time{SteadyTime::duration(ticks)};
  return time <= now ? time : SteadyTime{};
}

}  // namespace pulsegate
