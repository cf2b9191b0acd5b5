#include "gateway/ws/replay.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include "gateway/log.hpp"
#include "proto/history_point.hpp"
#include "proto/message.hpp"

namespace pulsegate::ws {
namespace {

using devices::kNever;
using std::chrono::milliseconds;

// Samples in one go: others of the shard want their turn.
constexpr int kBurst = 32;
constexpr milliseconds kNextTurn{1};
// How soon a client that has much to take is looked at again.
constexpr milliseconds kLookAgain{5};
// Reads of one replay are at least so far apart: 12 500 samples a second at most.
constexpr milliseconds kReadEvery{20};
// The next page is asked for when so few samples are left of the last one.
constexpr std::size_t kReadAhead = 64;

}  // namespace

Replay::Replay(Link& link, const ReplayParts& parts, const ReplayRules& rules, const proto::DeviceId& device,
               proto::ReplayRequest request, const Now& now)
    : Waiter(parts.dues),
      link_(link),
      parts_(parts),
      device_(device),
      request_(std::move(request)),
      pages_(request_.from, request_.to, rules.row_lag),
      held_(rules.max_held),
      much_to_take_(rules.much_to_take),
      began_(now.wall),
      alive_(std::make_shared<Replay*>(this)) {
  ++parts_.counters.replays_open;
  std::string text;
  proto::append_replay_begin(text, device_, request_, parts_.channels);
  link_.send(Frame::text(text), 0);
  read(now.steady);
}

Replay::~Replay() {
  parts_.counters.replay_held_bytes -= held_.bytes();
  if (ended_) return;
  ++parts_.counters.replays[static_cast<std::size_t>(ReplayEnd::disconnected)];
  --parts_.counters.replays_open;
}

bool Replay::take(proto::Channel channel, ConflationKey key, const FramePtr& frame) {
  if (over() || request_.live == proto::LiveMessages::mix) return false;
  const std::size_t before = held_.bytes();
  held_.take(channel, key, frame);
  count_held(before);
  return true;
}

void Replay::forget(proto::Channel channel) {
  const std::size_t before = held_.bytes();
  held_.forget(channel);
  count_held(before);
}

void Replay::count_held(std::size_t before) noexcept {
  parts_.counters.replay_held_bytes += held_.bytes() - before;  // modulo 2^64 where it shrank
}

void Replay::stop(ReplayEnd why) {
  if (std::exchange(ended_, true)) return;
  wait_until(kNever);
  ++parts_.counters.replays[static_cast<std::size_t>(why)];
  --parts_.counters.replays_open;
  const proto::Timestamp until = waiting_.empty() ? pages_.until() : waiting_.front().time;
  std::string text;
  proto::append_replay_end(text, device_, request_.id, kReplayEndNames[static_cast<std::size_t>(why)], shown_, until);
  link_.send(Frame::text(text), 0);
  waiting_.clear();
  log::write_bounded(log::Level::info, "replay.end",
                     {{"connection", link_.id()},
                      {"device", device_.text()},
                      {"reason", kReplayEndNames[static_cast<std::size_t>(why)]},
                      {"events", shown_}});
  release(parts_.dues.now());
}

// All at once they would be a backlog in which the newer replace the older, though the client reads as fast as ever.
void Replay::release(SteadyTime now) {
  const std::size_t before = held_.bytes();
  while (!held_.empty() && link_.backlog() <= much_to_take_)
    held_.release_oldest([this](const FramePtr& frame, ConflationKey key) { link_.send(frame, key); });
  count_held(before);
  if (!held_.empty()) return wait_until(now + kLookAgain);
  if (held_.lost().empty()) return;
  std::string text;
  proto::append_gap(text, device_, began_, parts_.hub.now().wall, held_.lost(), parts_.channels, "conflated");
  link_.send(Frame::text(text), 0);
}

void Replay::on_due(SteadyTime now) {
  step(now);
}

void Replay::step(SteadyTime now) {
  if (over() || link_.closing()) return;
  if (ended_) return release(now);
  for (int burst = 0; burst < kBurst; ++burst) {
    if (waiting_.size() <= kReadAhead && !reading_ && !pages_.over()) {
      if (now >= may_read_) {
        read(now);
      } else if (waiting_.empty()) {
        return wait_until(may_read_);
      }
    }
    if (waiting_.empty()) {
      if (!reading_) stop(ReplayEnd::done);
      return;
    }
    if (link_.backlog() > much_to_take_) {
      // What comes after this keeps its distances, rather than coming all at once.
      anchored_ = false;
      return wait_until(now + kLookAgain);
    }
    const devices::ShownSample& sample = waiting_.front();
    if (!anchored_) {
      anchored_ = true;
      anchor_ = now;
      anchor_time_ = sample.time;
    }
    if (const SteadyTime due = due_of(sample); due > now) return wait_until(due);
    show(sample);
    waiting_.pop_front();
  }
  wait_until(now + kNextTurn);
}

SteadyTime Replay::due_of(const devices::ShownSample& sample) const {
  if (request_.speed <= 0) return anchor_;
  return anchor_ + std::chrono::duration_cast<SteadyTime::duration>((sample.time - anchor_time_) / request_.speed);
}

void Replay::read(SteadyTime now) {
  reading_ = true;
  may_read_ = now + kReadEvery;
  parts_.hub.read_past(device_, pages_.next(),
                       [weak = std::weak_ptr<Replay*>(alive_)](std::shared_ptr<const devices::Past> past) {
                         if (const auto replay = weak.lock()) (*replay)->on_page(*past);
                       });
}

void Replay::on_page(const devices::Past& past) {
  reading_ = false;
  if (ended_) return;
  // Half of the past would look like all of it.
  if (past.failed) return stop(ReplayEnd::unavailable);
  devices::PastPage page = pages_.take(past);
  std::move(page.samples.begin(), page.samples.end(), std::back_inserter(waiting_));
  step(parts_.dues.now());
}

// Without cursor: a client that comes back goes on where it stood live.
void Replay::show(const devices::ShownSample& sample) {
  for (const proto::Channel channel : request_.channels) {
    std::string text;
    if (channel == proto::Channel::metrics) {
      proto::append_verbatim(text, parts_.channels.name(channel), device_, sample.time, sample.json);
    } else {
      proto::HistoryMessage message(device_, parts_.clock);
      message.add(proto::make_history_point(sample.time, sample.values));
      message.append_to(text, proto::name(proto::HistoryMode::append));
    }
    proto::mark_replayed(text);
    link_.send(Frame::text(text), 0);
    ++parts_.counters.replayed_messages;
  }
  ++shown_;
}

}  // namespace pulsegate::ws
