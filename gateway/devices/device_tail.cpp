// Losses that nothing else shows: a device that has fallen silent is compared with its stream and its table, and while
// the bus is away the table stands in for it.
#include <algorithm>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::Timestamp;

namespace {

proto::ChannelSet only_metrics() {
  proto::ChannelSet set;
  set.add(Channel::metrics);
  return set;
}

}  // namespace

void Device::tail_check_on_time(const Now& now) {
  // Only silence is suspicious: whoever reports would show a loss with the next sample.
  const SteadyTime silent_at = heard_at_ + env_.config.tail_check;
  tail_check_at_ = std::max(now.steady, silent_at) + env_.config.tail_check;
  if (now.steady < silent_at) tail_check_at_ = silent_at;
  if (now.steady >= silent_at) start_tail_check();
}

// Once for each silence, before the device is called stale: maybe it is we who do not hear it.
bool Device::checks_tail_first() {
  if (heard_at_ == tail_checked_for_) return false;
  tail_checked_for_ = heard_at_;
  return start_tail_check();
}

bool Device::start_tail_check() {
  if (!confirmed_ || recovery_ || look_in_flight_ || !env_.host.has_past()) return false;
  if (state(Channel::metrics).members.empty() && state(Channel::history).members.empty()) return false;
  look_in_flight_ = true;
  ++env_.counters.tail_checks;
  env_.host.request_past(*this, proto::time_of(last_heard()), false);
  return true;
}

// The last sample that was heard since the bus was confirmed, or that time.
proto::Since Device::last_heard() const {
  if (memory_.gap_at_end()) return *confirmed_at_;
  return memory_.back().cursor;
}

// A sample that is stored, was not heard, and is too old to be on its way, was lost.
void Device::check_tail(const std::shared_ptr<const Past>& past, const Now& now) {
  if (confirmed_ && (past->rows || past->stream_exists)) find_lost_tail(past, now);
  // Whether the device is silent was put off until now.
  if (!recovery_) check_freshness(now);
}

void Device::find_lost_tail(const std::shared_ptr<const Past>& past, const Now& now) {
  const CatchUp catch_up(memory_, *past, {env_.config.row_lag, env_.config.gap_tolerance});
  const std::vector<PastSample>& samples = catch_up.samples();
  const proto::Since last = last_heard();
  const auto found = catch_up.after(last);
  if (!found) return;
  // Where values are stored otherwise than they were sent no row is found to be an event's: then only what is later
  // than any row of the last event can be.
  const bool stored = *found > 0 && samples[*found - 1].sample.row_time.has_value();
  const auto offset = past->rows ? past->rows->clock_offset : std::chrono::microseconds(0);
  const Timestamp rows_of_known = proto::time_of(last) + env_.config.row_lag;
  const auto lost = [&](const PastSample& candidate) {
    if (candidate.young || candidate.source == PastSample::Source::memory) return false;
    if (candidate.source == PastSample::Source::stream || (stored && !memory_.gap_at_end())) return true;
    return *candidate.sample.row_time - offset > rows_of_known;
  };
  if (std::none_of(samples.begin() + static_cast<std::ptrdiff_t>(*found), samples.end(), lost)) return;
  ++env_.counters.silent_losses;
  env_.host.on_silent_loss(*this);
  memory_.on_gap();
  history_.on_gap();
  const std::vector<Member*> missing = state(Channel::metrics).members;
  state(Channel::metrics).members.clear();
  for (Member* member : missing) wait_for_past(*member, last, false, now);
  if (recovery_) set_recovery_start(now.wall, now);
  look_for_past(now);
  if (has_subscribers()) want_read(storage::ReadReason::repair);
}

// While the bus is away: every row that was written since the last look, in order, so that `metrics` goes on. Where the
// last sample is not found among the rows, the newest alone, and a gap.
void Device::take_rows_of_outage(const storage::Snapshot& snapshot, const Now& now) {
  auto rows = std::make_shared<storage::History>();
  rows->rows = snapshot.metrics;
  rows->metric_mask = snapshot.metric_mask;
  rows->clock_offset = snapshot.clock_offset;
  Past past;
  past.looked = now.wall;
  past.has_table = true;
  past.rows = std::move(rows);
  const auto began_later = [&](const Member& member) {
    return member.first_row && member.first_row_before == samples_shown_;
  };
  ChannelState& metrics = state(Channel::metrics);
  proto::Cursor last = latest_row_.value_or(proto::Cursor{});
  if (shown_row_) {
    last = *shown_row_;
  } else if (!memory_.empty()) {
    last = memory_.back().cursor;
  } else {
    for (const Member* member : metrics.members)
      if (began_later(*member) && member->first_row->time < last.time) last = *member->first_row;
  }
  const CatchUp catch_up(memory_, past, {env_.config.row_lag, env_.config.gap_tolerance});
  const std::vector<PastSample>& samples = catch_up.samples();
  const auto found = catch_up.after(last);
  std::vector<Remembered> missed;
  // That its own row is there shows that nothing between is too old to have been read.
  const bool connected = found && *found > 0 && samples[*found - 1].sample.row_time;
  for (std::size_t i = connected ? *found : 0; i < samples.size() && !samples[i].young; ++i)
    if (samples[i].source == PastSample::Source::row) missed.push_back(remembered(samples[i], past));
  if (missed.empty()) return;
  if (!connected) {
    missed.erase(missed.begin(), std::prev(missed.end()));
    // Late rows of what came before the bus was lost are no news.
    const Timestamp before = last.of_row() ? last.time : last_event_.value_or(now.wall);
    if (missed.front().cursor.time - snapshot.clock_offset <= before) return;
    for (Member* member : metrics.members) {
      send_gap(*member, before, missed.front().cursor.time, only_metrics(), "bus");
      ++env_.counters.gaps;
    }
  }
  for (Member* member : metrics.members) {
    for (const Remembered& sample : missed) {
      if (began_later(*member) && sample.cursor.time <= member->first_row->time) continue;
      member->awaiting.remove(Channel::metrics);
      member->receiver.deliver(Channel::metrics, sample.frame);
      ++env_.counters.messages[index(Channel::metrics)];
    }
  }
  samples_shown_ += missed.size();
  latest_row_ = shown_row_ = missed.back().cursor;
  metrics.latest = missed.back().frame;
  metrics.time = missed.back().cursor.time;
  metrics.last_sent = now.steady;
  memory_.fill_gap(std::move(missed), false, memory_limits());
}

}  // namespace pulsegate::devices
