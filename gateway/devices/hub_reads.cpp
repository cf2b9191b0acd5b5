// When snapshots are read and deadlines kept. The source is asked for at most `max_reads_in_flight` devices at a time,
// and for no more than `repair_rate` a second that no client waits for: a restarted Redis must not become a storm on
// PostgreSQL.
#include <algorithm>
#include <utility>

#include "gateway/devices/history_answer.hpp"
#include "gateway/devices/hub.hpp"
#include "gateway/devices/snapshot_collector.hpp"

namespace pulsegate::devices {

using proto::BusEventError;
using proto::Timestamp;
using storage::ReadReason;

namespace {

// A cursor may hold the time of a row or of an event, and clocks differ: the sample that it names must be found too.
constexpr std::chrono::seconds kPastMargin{30};

}  // namespace

// The device is in the middle of something: the read starts with the pump that follows every entry into the hub.
void Hub::request_read(Device& device, ReadReason reason, bool awaited) {
  WaitingRead wanted{device.id(), device.hub.generation, reason, {}};
  (awaited ? urgent_reads_ : paced_reads_).push_back(wanted);
}

void Hub::request_past(Device& device, proto::Timestamp from, bool awaited) {
  WaitingRead wanted{device.id(), device.hub.generation, ReadReason::repair, from};
  (awaited ? urgent_reads_ : paced_reads_).push_back(wanted);
}

void Hub::on_silent_loss(const Device& device) {
  parts_.notice(Notice::silent_loss, device.id().text());
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
  if (wanted.past_from) return look(wanted, now);
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
  if (Device* device = find(wanted.device); device != nullptr && device->hub.generation == wanted.generation) {
    device->on_snapshot(result, asked, now);
    count(*device);
  }
  const auto [first, last] = collectors_.equal_range(wanted.device);
  for (auto each = first; each != last; ++each) each->second->on_read_ended(result.error);
  pump_reads(now);
  rearm();
}

void Hub::look(const WaitingRead& wanted, const Now& now) {
  ++counters_.past_reads;
  auto past = std::make_shared<Past>();
  past->from = *wanted.past_from;
  past->looked = now.wall;
  const Timestamp from = *wanted.past_from - kPastMargin;
  gather_past(wanted.device, {from, from, bus::kMaxStreamRead}, std::move(past),
              [wanted](Hub& hub, std::shared_ptr<Past> found) { hub.on_looked(wanted, std::move(found)); });
}

void Hub::read_past(const proto::DeviceId& id, const PageRequest& request, PastDone done) {
  auto past = std::make_shared<Past>();
  past->from = request.rows_after;
  past->looked = parts_.clock.now().wall;
  gather_past(id, request, std::move(past),
              [done = std::move(done)](Hub&, std::shared_ptr<Past> found) { done(std::move(found)); });
}

void Hub::gather_past(const proto::DeviceId& id, const PageRequest& request, std::shared_ptr<Past> past,
                      Gathered done) {
  past->has_table = parts_.history != nullptr;
  if (parts_.stream == nullptr) return gather_rows(id, request, std::move(past), std::move(done));
  parts_.stream->read_from(
      id, request.stream_from, request.limit,
      [weak = std::weak_ptr<Hub*>(alive_), id, request, past, done](const bus::StreamAnswer& answer) {
        const auto hub = weak.lock();
        if (!hub || *hub == nullptr) return;
        (*hub)->take_stream(*past, answer);
        if ((*hub)->parts_.history != nullptr) return (*hub)->gather_rows(id, request, past, done);
        done(**hub, past);
      });
}

void Hub::take_stream(Past& past, const bus::StreamAnswer& answer) {
  const Now now = parts_.clock.now();
  if (!answer.ok) parts_.notice(Notice::read_failed, answer.detail);
  past.failed = !answer.ok;
  past.stream_exists = answer.ok && answer.exists;
  past.stream_more = answer.ok && answer.more;
  for (const bus::StreamEntry& entry : answer.entries) {
    // What cannot be read would not have been forwarded as an event either.
    if (parser_.parse(proto::TopicKind::metrics, entry.data, event_) != BusEventError::none) continue;
    const bool young = entry.added > now.wall - config_.gap_tolerance;
    past.stream.push_back({entry.time, entry.added, event_.values, std::string(event_.object), young});
  }
}

void Hub::gather_rows(const proto::DeviceId& id, const PageRequest& request, std::shared_ptr<Past> past,
                      Gathered done) {
  parts_.history->read_after({id, request.rows_after, request.limit}, parts_.executor,
                             [weak = std::weak_ptr<Hub*>(alive_), past, done](const storage::HistoryResult& result) {
                               const auto hub = weak.lock();
                               if (!hub || *hub == nullptr) return;
                               (*hub)->count_failure(result);
                               past->failed = past->failed || result.error != storage::SnapshotError::none;
                               past->rows = result.error == storage::SnapshotError::none ? result.history : nullptr;
                               done(**hub, past);
                             });
}

void Hub::on_looked(const WaitingRead& wanted, std::shared_ptr<Past> past) {
  --reads_in_flight_;
  const Now now = parts_.clock.now();
  if (Device* device = find(wanted.device); device != nullptr && device->hub.generation == wanted.generation) {
    device->on_past(std::move(past), now);
    count(*device);
  }
  pump_reads(now);
  rearm();
}

bool Hub::query_history(Member& member, const proto::HistoryQuery& query) {
  if (member.query != 0) return false;
  if (++last_query_ == 0) ++last_query_;
  member.query = last_query_;
  read_range(
      member.device->id(), query,
      [device = member.device->id(), number = member.query, query](Hub& hub, const storage::HistoryResult& result) {
        // A device of another life may answer too: what counts is whether the member that asked is still there.
        if (Device* found = hub.find(device)) found->answer_query(number, query, result);
      });
  return true;
}

void Hub::query_history(const proto::DeviceId& id, const proto::HistoryQuery& query, HistoryDone done) {
  read_range(id, query, [id, query, done = std::move(done)](Hub& hub, const storage::HistoryResult& result) {
    if (result.error != storage::SnapshotError::none) return done(result.error, {});
    static const HistoryWindow kCold(0);
    const Device* device = hub.find(id);
    std::string json;
    answer_query(id, hub.parts_.clock_format, device != nullptr ? device->window() : kCold, query, result.history.get())
        .append_range_to(json, query.from, query.to);
    done(storage::SnapshotError::none, std::move(json));
  });
}

// Without a database the answer is an empty one, through the executor like any other.
void Hub::read_range(const proto::DeviceId& id, const proto::HistoryQuery& query,
                     std::function<void(Hub& hub, const storage::HistoryResult& result)> done) {
  ++counters_.history_queries;
  const auto answer = [weak = std::weak_ptr<Hub*>(alive_),
                       done = std::move(done)](const storage::HistoryResult& result) {
    const auto hub = weak.lock();
    if (!hub || *hub == nullptr) return;
    (*hub)->count_failure(result);
    done(**hub, result);
  };
  if (parts_.history == nullptr) return parts_.executor([answer] { answer({}); });
  storage::RangeRequest request;
  request.device = id;
  request.from = query.from;
  // A row is stamped after its event.
  request.to = query.to + config_.row_lag;
  request.points = query.points;
  request.reduction =
      query.downsample == proto::Downsample::mean ? storage::Reduction::mean : storage::Reduction::extremes;
  parts_.history->read_range(request, parts_.executor, answer);
}

void Hub::count_failure(const storage::HistoryResult& result) {
  if (result.error == storage::SnapshotError::none) return;
  ++counters_.history_failures;
  parts_.notice(Notice::read_failed, result.detail);
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
  if (Device* device = find(id); device != nullptr && device->hub.generation == generation) {
    device->on_range(view, result, now);
    count(*device);
  }
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
      uncount(device);
      devices_.erase(device.id());
      share_memory();
    } else {
      device.on_time(now);
      count(device);
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
