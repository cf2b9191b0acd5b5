// What a device does with PostgreSQL's answer, and with time: first snapshot, second look, repair, retry, refresh.
#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using storage::ReadReason;

namespace {

// Whether a snapshot for this reason starts a period in which rows of earlier events may still be missing.
bool opens_window(ReadReason reason) noexcept {
  return reason == ReadReason::first || reason == ReadReason::retry || reason == ReadReason::repair;
}

// What a read is worth to others that are wanted at the same time: a client waits for it, it mends a gap, the rest.
int rank(ReadReason reason) noexcept {
  switch (reason) {
    case ReadReason::first:
      return 3;
    case ReadReason::repair:
      return 2;
    case ReadReason::retry:
      return 1;
    case ReadReason::second_look:
    case ReadReason::reread:
    case ReadReason::refresh:
      break;
  }
  return 0;
}

// Looks that may follow a second look while it is a guess which rows are whose. One look when all rows are written ends
// it, but a device that always reports equal values may never leave time for that.
constexpr int kLooksForGuess = 3;

Millis scaled(Millis interval, double factor) noexcept {
  return Millis(static_cast<Millis::rep>(static_cast<double>(interval.count()) * factor));
}

}  // namespace

void Device::want_read(ReadReason reason) {
  if (!env_.host.has_database()) return;
  if (opens_window(reason) || read_ == Read::unread) look_owed_ = true;
  if (read_in_flight_) {
    // The answer on its way may be older than what is asked for now.
    if (!wanted_read_ || rank(reason) > rank(*wanted_read_)) wanted_read_ = reason;
    return;
  }
  read_in_flight_ = true;
  points_asked_ = std::numeric_limits<std::size_t>::max();  // until begin_read()
  reading_ = reason;
  retry_at_ = kNever;
  if (read_ == Read::unread) read_ = Read::reading;
  ++env_.counters.snapshot_reads[static_cast<std::size_t>(reason)];
  const bool awaited = std::any_of(members_.begin(), members_.end(), [](Member* m) { return !m->awaiting.empty(); });
  env_.host.request_read(*this, reason, awaited);
}

void Device::start_read_if_wanted() {
  if (!wanted_read_) return;
  const ReadReason reason = *wanted_read_;
  wanted_read_.reset();
  want_read(reason);
}

void Device::on_snapshot(const storage::SnapshotResult& result, proto::Timestamp asked, const Now& now) {
  read_in_flight_ = false;
  if (result.error == storage::SnapshotError::none) {
    read_succeeded(*result.snapshot, asked, now);
  } else {
    read_failed(result.error, now);
  }
  start_read_if_wanted();
  wake_by(next_due());
}

void Device::read_succeeded(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now) {
  if (std::exchange(database_failed_, std::nullopt)) {
    for (Member* member : members_) member->told_database_down = false;
    proto::Status status;
    status.database = proto::LinkState::up;
    status.since = now.wall;
    send_status(status);
  }
  retry_after_ = Millis(0);
  const proto::ChannelSet changed = apply(snapshot, asked, now);
  take_signs_of_life(snapshot, asked, now);
  // Overtaken: there may be newer rows, and whoever subscribes now waits for those, or has asked for them already.
  if (read_ == Read::unread) return;
  read_ = Read::done;
  views_were_read(true, now);
  deliver_snapshot(changed, now);
  check_freshness(now);
  if (!nothing_known()) take_back_unknown(now.wall);
  // A gap is told once what could be repaired has been, unless a newer read is to do that.
  if (gap_to_announce_ && confirmed_ && !wanted_read_) announce_gap(false, now);
  if (!wanted_read_) plan_look(now);
  if (env_.config.reread.count() > 0)
    reread_at_ = now.steady + scaled(env_.config.reread, 0.9 + 0.2 * env_.host.random());
}

void Device::plan_look(const Now& now) {
  if (!std::exchange(look_owed_, false)) return look_at_guess(now);
  looks_for_guess_ = kLooksForGuess;
  if (!history_.all_from_events()) second_look_at_ = next_look(now);
}

// Rows that are still to come may show a point more.
void Device::look_at_guess(const Now& now) {
  if (!history_.guessed() || looks_for_guess_ == 0 || look_owed_ || second_look_at_ != kNever) return;
  if (history_.all_from_events() || state(Channel::history).members.empty()) return;
  --looks_for_guess_;
  second_look_at_ = next_look(now);
  wake_by(second_look_at_);
}

SteadyTime Device::next_look(const Now& now) {
  return now.steady + env_.config.row_lag + scaled(Millis(1'000), env_.host.random());
}

void Device::read_failed(storage::SnapshotError error, const Now& now) {
  ++env_.counters.snapshot_failures;
  if (read_ == Read::reading) read_ = Read::failed;
  // A full queue passes by itself, and says nothing of the database.
  if (error != storage::SnapshotError::overloaded) database_is_away(now);
  views_were_read(false, now);
  // Live goes on: whoever waits gets what the bus has shown so far.
  deliver_snapshot({}, now);
  check_freshness(now);
  if (gap_to_announce_ && confirmed_) announce_gap(true, now);
  retry_later(now);
}

void Device::database_is_away(const Now& now) {
  if (database_failed_) return;
  database_failed_ = now.wall;
  for (Member* member : members_)
    if (!member->subscribed.empty()) tell_database_down(*member);
}

void Device::retry_later(const Now& now) {
  retry_after_ = retry_after_.count() == 0 ? env_.config.retry_min : std::min(retry_after_ * 2, env_.config.retry_max);
  // With jitter, so that ten thousand devices do not come back together.
  retry_at_ = now.steady + scaled(retry_after_, 0.5 + 0.5 * env_.host.random());
}

// Takes the snapshot into the device's memory. Returns the channels whose value changed by it.
proto::ChannelSet Device::apply(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now) {
  proto::ChannelSet changed;
  // Events are known from our first confirmation on; before it, in database time, no row can be one of theirs.
  const proto::Timestamp since = first_confirmed_.value_or(proto::Timestamp::max() - std::chrono::hours(24 * 365));
  const auto merged = merge_rows(snapshot, since + snapshot.clock_offset - env_.config.gap_tolerance, now);
  if (merged.changed) {
    if (default_view_changed_) changed.add(Channel::history);
    state(Channel::history).latest.reset();
    if (reading_ == ReadReason::second_look || reading_ == ReadReason::reread)
      env_.counters.late_points += merged.added;
  }
  if (apply_newest_row(snapshot, merged.newest_row_is_known, now)) changed.add(Channel::metrics);
  if (snapshot.state) {
    const proto::Timestamp fallback =
        snapshot.metrics.empty() ? proto::Timestamp{} : snapshot.metrics.back().recorded_at;
    const proto::ChannelSet state_changes = apply_state(*snapshot.state, fallback, snapshot.clock_offset, asked);
    state_changes.for_each([&](Channel channel) { changed.add(channel); });
  }
  return changed;
}

// A row is the latest known sample where no event came, or where the bus has been away since. Returns whether present
// subscribers of `metrics` are to see it.
bool Device::apply_newest_row(const storage::Snapshot& snapshot, bool newest_row_is_known, const Now& now) {
  if (snapshot.metrics.empty()) return false;
  ChannelState& metrics = state(Channel::metrics);
  if (!confirmed_ && reading_ == ReadReason::refresh && metrics.latest) {
    take_rows_of_outage(snapshot, now);
    return false;
  }
  const auto newest = std::prev(snapshot.metrics.end());
  // A row may be that of an event on its way to us, which would come out twice, unless it is so old that the event
  // would have come.
  const auto safe = [&](const storage::MetricsRow& row) {
    return !confirmed_ || row.recorded_at - snapshot.clock_offset <= now.wall - env_.config.gap_tolerance;
  };
  // While the bus is away the table is read in its stead, and the first sample there ever was is news to everybody.
  // Otherwise late rows never go out as `metrics`.
  const bool news = (!confirmed_ && reading_ == ReadReason::refresh) || !metrics.latest;
  if (metrics.from_event) {
    const bool missed_on_the_bus = history_.gap_at_end() && !newest_row_is_known && last_event_ &&
                                   newest->recorded_at - snapshot.clock_offset > *last_event_;
    if (!missed_on_the_bus || !safe(*newest)) return false;
    remember_row(*newest, snapshot.newest_metrics_json);
    return news;
  }
  // It is the row of an event that we have: whatever its stamp, it is not newer than the latest of those.
  if (newest_row_is_known && metrics.latest && !latest_cursor_.of_row()) return false;
  // Held back until its event would have come, while the newest one that is certainly older goes first.
  const bool wanted = reading_ == ReadReason::first || reading_ == ReadReason::retry || !metrics.latest;
  if (!safe(*newest) && wanted) {
    held_row_ = std::make_unique<HeldRow>(HeldRow{*newest, snapshot.newest_metrics_json});
    held_row_due_ = now.steady + env_.config.gap_tolerance;
  }
  const auto found = std::find_if(snapshot.metrics.rbegin(), snapshot.metrics.rend(), safe);
  if (found == snapshot.metrics.rend() || (metrics.latest && metrics.time >= found->recorded_at)) return false;
  if (&*found == &*newest) {
    remember_row(*found, snapshot.newest_metrics_json);
  } else {
    std::string json;
    proto::append_metric_values(json, found->values, snapshot.metric_mask);
    remember_row(*found, json);
  }
  return news;
}

// No event has come that could be this row's: so it is the latest sample after all.
void Device::release_held_row(const Now& now) {
  const std::unique_ptr<HeldRow> held = std::move(held_row_);
  ChannelState& metrics = state(Channel::metrics);
  if (!held || metrics.from_event || (metrics.latest && metrics.time >= held->row.recorded_at)) return;
  remember_row(held->row, held->json);
  show_latest(now);
}

void Device::remember_row(const storage::MetricsRow& row, std::string_view json) {
  ChannelState& metrics = state(Channel::metrics);
  latest_cursor_ = proto::row_cursor(row.recorded_at, row.values);
  metrics.latest = metrics_frame(latest_cursor_, row.recorded_at, json);
  metrics.time = row.recorded_at;
}

proto::ChannelSet Device::apply_state(const storage::StateRow& row, proto::Timestamp fallback_time,
                                      std::chrono::microseconds offset, proto::Timestamp asked) {
  proto::ChannelSet changed;
  const proto::Timestamp time = row.recorded_at.value_or(fallback_time);
  // A row is stamped up to row_lag after its event, so one that is later than that is certainly newer than the event;
  // and once that time is over, the event's own row is there, so the latest row is that one or a newer.
  const auto newer_than = [&](const ChannelState& known) {
    if (!row.recorded_at) return !known.from_event;
    if (!known.from_event) return time >= known.time;
    const proto::Timestamp last_row_by = known.time + env_.config.row_lag;
    return time - offset > last_row_by || (time - offset >= known.time && asked > last_row_by);
  };
  // Where no table says when, it is known as of the read.
  const proto::Timestamp shown = time == proto::Timestamp{} ? asked : time;
  ChannelState& info = state(Channel::system_info);
  // A row is worth a message even when all its columns are NULL, as in the guide.
  const bool first = system_ == nullptr;
  if (first) system_ = std::make_unique<proto::SystemInfo>();
  const bool newer = newer_than(info);
  if (newer) {
    info.time = time;
    info.own_time = shown;
    info.from_event = false;
  }
  if ((newer ? system_->merge_newer(row.system) : system_->fill_from_older(row.system)) || first) {
    info.latest.reset();
    changed.add(Channel::system_info);
  }
  if ((state(Channel::processes).json.empty() || newer_than(state(Channel::processes))) &&
      take_json(Channel::processes, row.top_processes, {shown, time}, false))
    changed.add(Channel::processes);
  if ((state(Channel::network_interfaces).json.empty() || newer_than(state(Channel::network_interfaces))) &&
      take_json(Channel::network_interfaces, row.network_interfaces, {shown, time}, false))
    changed.add(Channel::network_interfaces);
  return changed;
}

// Sends what changed to every subscriber of it, and the rest of what they wait for to those who wait. After a failed
// read they go on waiting for what nobody has shown yet.
void Device::deliver_snapshot(proto::ChannelSet changed, const Now& now) {
  for (Member* member : members_) {
    const proto::ChannelSet awaited = member->awaiting;
    if (awaited.empty()) continue;
    member->awaiting.clear();
    bool any = false;
    awaited.for_each([&](Channel channel) {
      if (channel == Channel::history && member->view != nullptr) return member->awaiting.add(channel);
      if (changed.contains(channel)) return;
      if (deliver_latest(*member, channel, now)) {
        any = true;
      } else if (read_ != Read::done) {
        member->awaiting.add(channel);
      }
    });
    if (!any && changed.empty() && nothing_known() && read_ == Read::done) tell_unknown(*member);
  }
  changed.for_each([&](Channel channel) {
    if (channel == Channel::history) return history_changed(now, true);
    if (channel == Channel::metrics) return show_latest(now);
    publish(state(channel), now);
  });
  if (!further_views_.empty()) serve_views(now);
}

// Names to each member that was there the channels on which it may have missed something while the bus was away.
void Device::announce_gap(bool history_too, const Now& now) {
  const proto::Timestamp from = gap_from_.value_or(now.wall);
  const proto::Timestamp to = gap_until_.value_or(now.wall);
  for (Member* member : members_) {
    if (!member->in_gap) continue;
    proto::ChannelSet lost;
    member->subscribed.for_each([&](Channel channel) {
      // Of `metrics` what was missed is looked for one by one, and named where it is not found: see device_resume.cpp.
      if (channel == Channel::metrics && member->recovers) return;
      if (channel == Channel::history ? history_too : proto::carries_samples(channel)) lost.add(channel);
    });
    // Who has come from elsewhere, or was told of a gap meanwhile, may have more of `metrics` than was heard here.
    if (lost.contains(Channel::metrics) && position(*member).gap_from() > from) {
      lost.remove(Channel::metrics);
      tell_missing(*member, publishers_time(to, now), "bus");
    }
    if (lost.empty()) continue;
    send_gap(*member, from, to, lost, "bus");
    ++env_.counters.gaps;
  }
  forget_gap();
}

void Device::forget_gap() noexcept {
  gap_to_announce_ = false;
  gap_from_.reset();
  gap_until_.reset();
  for (Member* member : members_) member->in_gap = member->recovers = false;
}

void Device::on_time(const Now& now) {
  const auto take = [&](SteadyTime& due) {
    if (due > now.steady) return false;
    due = kNever;
    return true;
  };
  if (take(history_due_)) history_changed(now, true);
  if (take(held_row_due_)) release_held_row(now);
  recovery_on_time(now);
  if (const SteadyTime due = freshness_due_; take(freshness_due_)) on_freshness_due(due, now);
  const bool hot = has_subscribers();
  const auto look_again = [&](ReadReason reason) {
    if (hot) return want_read(reason);
    read_ = Read::unread;  // nobody looks now: whoever comes next gets a fresh snapshot
    if (confirmed_) forget_gap();
  };
  if (now.steady >= tail_check_at_) tail_check_on_time(now);
  if (take(retry_at_)) look_again(ReadReason::retry);
  if (take(second_look_at_)) look_again(ReadReason::second_look);
  if (take(reread_at_)) look_again(ReadReason::reread);
  if (take(down_refresh_at_) && hot && !confirmed_) {
    want_read(ReadReason::refresh);
    down_refresh_at_ = now.steady + env_.config.down_refresh;
  }
  for (ChannelState& channel : channels_) {
    if (index(channel.channel) >= proto::kBuiltInChannels || channel.members.empty()) continue;
    const Millis interval = env_.config.refresh[index(channel.channel)];
    if (interval.count() == 0 || now.steady < channel.last_sent + interval) continue;
    channel.last_sent = now.steady;
    if (channel.channel == Channel::history) {
      if (history_.samples().empty()) continue;
      channel.fan_out(history_frame());
    } else if (const FramePtr frame = latest_frame(channel)) {
      channel.fan_out(frame);
    } else {
      continue;
    }
    env_.counters.messages[index(channel.channel)] += channel.members.size();
  }
  if (!further_views_.empty()) further_views_on_time(now);
  wake_by(next_due());
}

SteadyTime Device::next_due() const noexcept {
  SteadyTime due = std::min({linger_until_, history_due_, held_row_due_, retry_at_, second_look_at_, reread_at_,
                             down_refresh_at_, tail_check_at_, recovery_due(), freshness_due_});
  for (const ChannelState& channel : channels_) {
    if (index(channel.channel) >= proto::kBuiltInChannels || channel.members.empty()) continue;
    const Millis interval = env_.config.refresh[index(channel.channel)];
    if (interval.count() > 0) due = std::min(due, channel.last_sent + interval);
  }
  if (!further_views_.empty())
    due = std::min(due, further_views_.next_due(env_.config.refresh[index(Channel::history)]));
  return due;
}

// Later deadlines need no call: an early wake-up finds nothing to do and asks again.
void Device::wake_by(SteadyTime due) {
  if (due < hub.timer.due) env_.host.wake_at(*this, due);
}

}  // namespace pulsegate::devices
