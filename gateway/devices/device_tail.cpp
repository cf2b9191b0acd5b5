// Losses that nothing else shows: a device that has fallen silent is compared with its stream and its table, and while
// the bus is away the table stands in for it.
#include <algorithm>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::Timestamp;

void Device::tail_check_on_time(const Now& now) {
  // Only silence is suspicious: whoever reports would show a loss with the next sample.
  const SteadyTime silent_at = heard_at_ + env_.config.tail_check;
  tail_check_at_ = std::max(now.steady, silent_at) + env_.config.tail_check;
  if (now.steady < silent_at) tail_check_at_ = silent_at;
  if (now.steady >= silent_at) start_tail_check(now);
}

// Once for each silence, before the device is called stale: maybe it is we who do not hear it.
bool Device::checks_tail_first(const Now& now) {
  if (heard_at_ == tail_checked_for_) return false;
  tail_checked_for_ = heard_at_;
  return start_tail_check(now);
}

bool Device::start_tail_check(const Now& now) {
  if (!confirmed_ || recovery_ || look_in_flight_ || !env_.host.has_past()) return false;
  if (state(Channel::metrics).members.empty() && state(Channel::history).members.empty()) return false;
  look_in_flight_ = true;
  ++env_.counters.tail_checks;
  looked_at_ = now.steady;
  env_.host.request_past(*this, last_heard(now).time(ahead(now)), false);
  return true;
}

// The last sample that was heard since the bus was confirmed, or that time.
Position Device::last_heard(const Now& now) const {
  if (memory_.gap_at_end()) return Position::at(publishers_time(*confirmed_at_, now));
  return Position::after(memory_.back().cursor, env_.config.row_lag);
}

// A sample that is stored, was not heard, and is too old to be on its way, was lost.
void Device::check_tail(const std::shared_ptr<const Past>& past, const Now& now) {
  if (confirmed_ && (past->rows || past->stream_exists)) find_lost_tail(past, now);
  // Whether the device is silent was put off until now.
  if (!recovery_) check_freshness(now);
}

void Device::find_lost_tail(const std::shared_ptr<const Past>& past, const Now& now) {
  CatchUpRules rules = catch_up_rules(now);
  rules.missed = false;
  const CatchUp catch_up(memory_, *past, rules);
  const std::vector<PastSample>& samples = catch_up.samples();
  const Position last = last_heard(now);
  const auto found = catch_up.after(last);
  if (!found) return;
  // Where values are stored otherwise than they were sent no row is found to be an event's: then only what is later
  // than any row of the last event can be.
  const bool stored = *found > 0 && samples[*found - 1].sample.row_time.has_value();
  const auto offset = past->rows ? past->rows->clock_offset : std::chrono::microseconds(0);
  const Timestamp rows_of_known = last.time(ahead(now)) + env_.config.row_lag;
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
  for (Member* member : std::exchange(state(Channel::metrics).members, {})) {
    wait_for_past({member, position(*member), false, false}, now);
  }
  if (recovery_) set_recovery_start(now.wall, now);
  look_for_past(now);
  if (has_subscribers()) want_read(storage::ReadReason::repair);
}

// While the bus is away: every row that was written since the last look, in order, so that `metrics` goes on. Where the
// last sample of a member is not found among the rows, the newest alone, and a gap.
void Device::take_rows_of_outage(const storage::Snapshot& snapshot, const Now& now) {
  Past past;
  past.looked = now.wall;
  past.has_table = true;
  auto rows = std::make_shared<storage::History>();
  rows->rows = snapshot.metrics;
  rows->metric_mask = snapshot.metric_mask;
  rows->clock_offset = snapshot.clock_offset;
  past.rows = std::move(rows);
  const Timestamp never = Timestamp::max() - std::chrono::hours(24 * 365);
  const Findings findings(memory_, past, catch_up_rules(now), never);
  PastFrames frames{findings, past, std::vector<Remembered>(findings.samples().size())};
  ChannelState& metrics = state(Channel::metrics);
  for (Member* member : metrics.members) send_rows_of_outage(*member, frames, now);
  const auto newest = findings.newest_row();
  if (!newest) return;
  frames.first = std::min(frames.first, *newest);
  frames.end = std::max(frames.end, *newest + 1);
  if (take_latest(frames, now)) metrics.last_sent = now.steady;
  remember_rows_of_outage(frames);
}

void Device::send_rows_of_outage(Member& member, PastFrames& frames, const Now& now) {
  const CatchUp& catch_up = frames.findings.catch_up();
  const Position stood = position(member);
  Finding next = frames.findings.of(stood, false);
  if (next.what != Finding::What::next || !(all_rows_known_ || catch_up.any_row(next.begin))) {
    const auto newest = frames.findings.newest_row();
    if (!newest) return;
    // Late rows of what came before the bus was lost are no news.
    const std::chrono::microseconds lead = row_lead(now, catch_up.offset());
    if (!stood.surely_before(frame_of(frames, *newest).cursor, lead, env_.config.row_lag)) return;
    next.begin = *newest;
    next.end = next.begin + 1;
    const Timestamp to = catch_up.samples()[next.begin].sample.time();
    if (!member.awaiting.contains(Channel::metrics)) tell_missing(member, to, "bus");
  }
  if (next.begin == next.end) return;
  frames.first = std::min(frames.first, next.begin);
  frames.end = std::max(frames.end, next.end);
  member.awaiting.remove(Channel::metrics);
  for (std::size_t i = next.begin; i < next.end; ++i)
    member.receiver.deliver(Channel::metrics, frame_of(frames, i).frame);
  env_.counters.messages[index(Channel::metrics)] += next.end - next.begin;
  Position stands = position(member);
  for (std::size_t i = next.begin; i < next.end; ++i)
    stands.advance(frame_of(frames, i).cursor, row_lead(now, catch_up.offset()));
  stand(member, stands);
}

// So that they are not sent again, and whoever comes back meanwhile finds its place.
void Device::remember_rows_of_outage(PastFrames& frames) {
  const std::vector<PastSample>& samples = frames.findings.samples();
  std::size_t begin = samples.size();
  while (begin > 0 && samples[begin - 1].source != PastSample::Source::memory) --begin;
  const bool connected = all_rows_known_ || frames.findings.catch_up().any_row(begin);
  if (!connected || begin == 0) begin = std::max(begin, frames.first);
  std::vector<Remembered> missed;
  for (; begin < frames.end; ++begin) missed.push_back(frame_of(frames, begin));
  if (!missed.empty()) memory_.fill_gap(std::move(missed), connected, false, memory_limits());
}

}  // namespace pulsegate::devices
