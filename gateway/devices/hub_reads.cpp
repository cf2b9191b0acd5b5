// When snapshots are read and deadlines kept. The source is asked for at most `max_reads_in_flight` devices at a time,
// and for no more than `repair_rate` a second that no client waits for: a restarted Redis must not become a storm on
// PostgreSQL.
#include <algorithm>
#include <utility>

#include "gateway/devices/hub.hpp"

namespace pulsegate::devices {

using storage::ReadReason;

// The device is in the middle of something: the read starts with the pump that follows every entry into the hub.
void Hub::request_read(Device& device, ReadReason reason, bool awaited) {
  WaitingRead wanted{device.id(), device.hub.generation, reason};
  (awaited ? urgent_reads_ : paced_reads_).push_back(std::move(wanted));
}

void Hub::pump_reads(const Now& now) {
  while (!urgent_reads_.empty() && reads_in_flight_ < config_.max_reads_in_flight) {
    const WaitingRead wanted = urgent_reads_.front();
    urgent_reads_.pop_front();
    read(wanted, now);
  }
  pace_due_ = kNever;
  if (paced_reads_.empty()) return;
  if (pace_updated_ != SteadyTime{})
    pace_tokens_ += config_.repair_rate * std::chrono::duration<double>(now.steady - pace_updated_).count();
  pace_updated_ = now.steady;
  // At most a tenth of a second's worth in one go, so that a quiet hour does not save up a burst.
  pace_tokens_ = std::min(pace_tokens_, std::max(1.0, config_.repair_rate / 10));
  while (!paced_reads_.empty() && pace_tokens_ >= 1 && reads_in_flight_ < config_.max_reads_in_flight) {
    const WaitingRead wanted = paced_reads_.front();
    paced_reads_.pop_front();
    pace_tokens_ -= 1;
    read(wanted, now);
  }
  if (!paced_reads_.empty() && pace_tokens_ < 1) {
    const double wait = (1 - pace_tokens_) / config_.repair_rate;
    pace_due_ = now.steady + std::chrono::duration_cast<SteadyTime::duration>(std::chrono::duration<double>(wait)) +
                std::chrono::microseconds(1);
  }
}

void Hub::read(const WaitingRead& wanted, const Now& now) {
  Device* device = find(wanted.device);
  if (device == nullptr || device->hub.generation != wanted.generation) return;
  ++reads_in_flight_;
  parts_.source->read(
      {wanted.device, device->begin_read(), wanted.reason}, parts_.executor,
      [weak = std::weak_ptr<Hub*>(alive_), wanted, asked = now.wall](const storage::SnapshotResult& result) {
        const auto hub = weak.lock();
        if (hub && *hub != nullptr) (*hub)->on_answer(wanted, asked, result);
      });
}

void Hub::on_answer(const WaitingRead& wanted, proto::Timestamp asked, const storage::SnapshotResult& result) {
  --reads_in_flight_;
  const Now now = parts_.clock.now();
  switch (result.error) {
    case storage::SnapshotError::none:
      if (!std::exchange(database_up_, true)) parts_.notice(Notice::database_up, {});
      break;
    case storage::SnapshotError::unavailable:
      if (std::exchange(database_up_, false)) parts_.notice(Notice::database_down, result.detail);
      break;
    case storage::SnapshotError::overloaded:
    case storage::SnapshotError::timed_out:
    case storage::SnapshotError::failed:
      // One read that went wrong says nothing of the others.
      parts_.notice(Notice::read_failed, result.detail);
      break;
  }
  if (Device* device = find(wanted.device); device != nullptr && device->hub.generation == wanted.generation)
    device->on_snapshot(result, asked, now);
  pump_reads(now);
  rearm();
}

bool Hub::query_history(Member& member, proto::HistoryQuery query) {
  if (member.query != 0) return false;
  if (++last_query_ == 0) ++last_query_;
  member.query = last_query_;
  ++counters_.history_queries;
  const auto answer = [weak = std::weak_ptr<Hub*>(alive_), device = member.device->id(), number = member.query,
                       query](const storage::HistoryResult& result) {
    const auto hub = weak.lock();
    if (hub && *hub != nullptr) (*hub)->answer_query(device, number, query, result);
  };
  if (parts_.history == nullptr) {
    parts_.executor([answer] { answer({}); });
    return true;
  }
  storage::RangeRequest request;
  request.device = member.device->id();
  request.from = query.from;
  // A row is stamped after its event.
  request.to = query.to + config_.row_lag;
  request.points = query.points;
  request.reduction =
      query.downsample == proto::Downsample::mean ? storage::Reduction::mean : storage::Reduction::extremes;
  parts_.history->read_range(request, parts_.executor, answer);
  return true;
}

// A device of another life may answer too: what counts is whether the member that asked is still there.
void Hub::answer_query(const proto::DeviceId& id, std::uint32_t number, const proto::HistoryQuery& query,
                       const storage::HistoryResult& result) {
  if (result.error != storage::SnapshotError::none) {
    ++counters_.history_failures;
    parts_.notice(Notice::read_failed, result.detail);
  }
  if (Device* device = find(id)) device->answer_query(number, query, result);
}

void Hub::request_range(Device& device, std::uint32_t view, const storage::RangeRequest& request) {
  const auto answer = [weak = std::weak_ptr<Hub*>(alive_), id = device.id(), generation = device.hub.generation,
                       view](const storage::HistoryResult& result) {
    const auto hub = weak.lock();
    if (hub && *hub != nullptr) (*hub)->on_range(id, generation, view, result);
  };
  if (parts_.history == nullptr) return parts_.executor([answer] { answer({}); });
  parts_.history->read_range(request, parts_.executor, answer);
}

void Hub::on_range(const proto::DeviceId& id, std::uint64_t generation, std::uint32_t view,
                   const storage::HistoryResult& result) {
  if (result.error != storage::SnapshotError::none) parts_.notice(Notice::read_failed, result.detail);
  const Now now = parts_.clock.now();
  if (Device* device = find(id); device != nullptr && device->hub.generation == generation)
    device->on_range(view, result, now);
  pump_reads(now);
  rearm();
}

void Hub::wake_at(Device& device, SteadyTime due) {
  timers_.set(device.hub.timer, due);
}

double Hub::random() {
  return std::uniform_real_distribution<double>(0, 1)(random_);
}

void Hub::advance() {
  armed_ = kNever;
  const Now now = parts_.clock.now();
  while (TimerNode* node = timers_.pop_due(now.steady)) {
    Device& device = *node->device;
    if (device.expired(now)) {
      parts_.subscriber.unsubscribe(parts_.topics.topics_of(device.id()));
      devices_.erase(device.id());
    } else {
      device.on_time(now);
    }
  }
  pump_reads(now);
  rearm();
}

// One Asio timer serves the whole shard: it is moved only when the earliest deadline has moved forward.
void Hub::rearm() {
  const SteadyTime due = std::min(timers_.next(), pace_due_);
  if (due >= armed_) return;
  armed_ = due;
  parts_.arm(due);
}

}  // namespace pulsegate::devices
