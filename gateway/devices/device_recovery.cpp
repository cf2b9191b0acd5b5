// How what was missed on `metrics` is found: by those that have come back with `since`, and by those that were here
// while the bus was away. Live samples wait for it no longer than `resume_hold`.
#include <algorithm>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::Timestamp;

namespace {

// The row of an event that was just heard is written within milliseconds, where it is written directly. No two looks
// at a device follow each other faster, whoever asks for them.
constexpr Millis kSoon{100};
constexpr Millis kNotFoundYet{500};
constexpr std::size_t kMaxReplayBytes = 256 * 1024;  // to one client; of what is older a gap tells
// Once all rows must be there, what is still young is waited for no longer than that.
constexpr Millis kLastLooks{3'000};
// So long a past may be more than one look shows, so those with a longer one do not share the first look.
constexpr std::chrono::minutes kRecent{5};

}  // namespace

void Device::set_recovery_start(Timestamp confirmed, const Now& now) {
  recovery_->confirmed = confirmed;
  const auto ago = std::max(now.wall - confirmed, std::chrono::microseconds(0));
  recovery_->all_stored_by = now.steady + std::max<SteadyTime::duration>(env_.config.row_lag + kSoon - ago, kSoon);
}

// The bus is back, or about to be: whoever was here has missed what came after the last sample that it got.
void Device::begin_repair(const Now& now) {
  if (!env_.host.has_past()) return;
  if (memory_.gap_at_end()) {
    ChannelState& metrics = state(Channel::metrics);
    for (Member* member : std::exchange(metrics.members, {})) {
      if (!member->in_gap || std::exchange(member->recovers, true)) {
        metrics.members.push_back(member);
      } else if (member->awaiting.contains(Channel::metrics)) {
        // It has no sample yet after which others could follow, and gets the latest.
        Position stood = position(*member);
        stood.skip(std::max(stood.gap_from(), gap_from_.value_or(Timestamp{})));
        stand(*member, stood);
        tell_missing(*member, publishers_time(now.wall, now), "bus");
        metrics.members.push_back(member);
      } else {
        wait_for_past({member, position(*member), false, false}, now);
      }
    }
  }
  if (!recovery_) return;
  set_recovery_start(now.wall, now);
  recovery_->past.reset();
  if (confirmed_) look_for_past(now);
}

// The bus is away again. Whoever waits for an acknowledgement gets it, and what was held back is sent; the others will
// be looked for together with those that have missed only what comes now.
void Device::suspend_recovery(const Now& now) {
  if (!recovery_) return;
  const std::unique_ptr<Recovery> ended = std::move(recovery_);
  for (const Recovery::Waiting& waiting : ended->waiting) {
    waiting.member->waits = false;
    if (waiting.ack_owed || waiting.hold_until != kNever) {
      give_up_past(waiting, ended->confirmed, now);
    } else {
      stand(*waiting.member, waiting.position);
      state(Channel::metrics).members.push_back(waiting.member);
    }
  }
}

// From when on is to be looked up; nullopt: nobody waits. First for those who were away for a short time only.
std::optional<Timestamp> Device::past_wanted(const Now& now) const {
  std::optional<Timestamp> all, recent;
  for (const Recovery::Waiting& waiting : recovery_->waiting) {
    const Timestamp from = waiting.position.time(ahead(now));
    all = std::min(from, all.value_or(from));
    if (from >= now.wall - kRecent) recent = std::min(from, recent.value_or(from));
  }
  return recent && !recovery_->wider ? recent : all;
}

// Called once a round of newcomers is on the list: one look serves them all, and the last one whoever it reaches.
void Device::look_for_past(const Now& now) {
  const auto from = recovery_ ? past_wanted(now) : std::nullopt;
  if (!from || !env_.host.has_past()) return;
  if (look_in_flight_) {
    recovery_->look_again = true;
  } else if (recovery_->past && *from >= recovery_->past->from) {
    use_past(now);
  } else if (now.steady < looked_at_ + kSoon) {
    recovery_->look_at = std::min(recovery_->look_at, looked_at_ + kSoon);
  } else {
    const auto& waiting = recovery_->waiting;
    const bool awaited = std::any_of(waiting.begin(), waiting.end(), [](const auto& w) { return w.ack_owed; });
    look_in_flight_ = true;
    looked_at_ = now.steady;
    recovery_->look_again = recovery_->wider = false;
    recovery_->look_at = kNever;
    ++recovery_->looks;
    env_.host.request_past(*this, *from, awaited);
  }
  wake_by(next_due());
}

void Device::on_past(std::shared_ptr<Past> past, const Now& now) {
  look_in_flight_ = false;
  if (!recovery_) {
    check_tail(past, now);
  } else if (!confirmed_) {
    // Looked up too early: again once the bus is back.
  } else if (past->looked < recovery_->confirmed) {
    // Asked for before the bus came back, for instance to check a silent device.
    look_for_past(now);
  } else if (!past->rows && !past->stream_exists && !past->failed) {
    give_up_past(now);
  } else {
    settle_stream(*past);
    recovery_->past = std::move(past);
    use_past(now);
  }
  wake_by(next_due());
}

// An entry that stood there so long ago has not come by the bus since, whatever Redis' clock says of it.
void Device::settle_stream(Past& past) {
  if (past.looked - recovery_->stream_seen_at < env_.config.gap_tolerance) return;
  for (StreamSample& entry : past.stream)
    if (entry.added <= recovery_->stream_seen_until) entry.young = false;
  recovery_->stream_seen_at = past.looked;
  recovery_->stream_seen_until = past.stream.empty() ? Timestamp{} : past.stream.back().added;
}

// Delivers what the last look has shown to be missed, and ends the recovery of those to whom that is all.
void Device::use_past(const Now& now) {
  const std::shared_ptr<const Past> past = recovery_->past;
  const Findings findings(memory_, *past, catch_up_rules(now), recovery_->confirmed);
  PastFrames frames{findings, *past, std::vector<Remembered>(findings.samples().size())};
  const auto last_look = recovery_->confirmed + env_.config.row_lag + (findings.young() ? kLastLooks : Millis(0));
  const bool last = past->looked >= last_look && !findings.too_much();
  std::vector<Recovery::Waiting> left, lost;
  std::vector<std::pair<Recovery::Waiting, std::size_t>> done;
  bool searching = false;
  for (Recovery::Waiting& waiting : std::exchange(recovery_->waiting, {})) {
    waiting.repeats = waiting.repeats || (waiting.position.seen && repeats(*waiting.position.seen));
    const Finding finding = findings.of(waiting.position, now.steady >= waiting.found_by);
    if (finding.what == Finding::What::next) send_found(waiting, finding, frames, now);
    searching = searching || finding.what == Finding::What::unknown;
    recovery_->wider = recovery_->wider || !findings.reaches(waiting.position);
    if (finding.complete) {
      done.emplace_back(waiting, findings.live(finding.end));
    } else if (finding.what == Finding::What::lost ||
               (finding.what == Finding::What::next && last && now.steady >= waiting.found_by)) {
      lost.push_back(waiting);
    } else {
      left.push_back(waiting);
    }
  }
  recovery_->waiting = std::move(left);
  for (const auto& [waiting, live] : done) finish(waiting, live, past->stream_exists, now);
  take_latest(frames, now);
  if (!done.empty()) remember_found(frames);
  const Timestamp confirmed = recovery_->confirmed;
  plan_next_look(findings, searching, now);
  if (recovery_->waiting.empty()) recovery_.reset();
  for (const Recovery::Waiting& waiting : lost) {
    waiting.member->waits = false;
    give_up_past(waiting, confirmed, now);
  }
  if (recovery_ && recovery_->look_at == kNever) recovery_->look_at = now.steady + kSoon;
}

// Each missed sample becomes one frame, whoever gets it.
const Remembered& Device::frame_of(PastFrames& frames, std::size_t i) {
  if (!frames.made[i].frame) frames.made[i] = remembered(frames.findings.catch_up(), i, frames.past);
  return frames.made[i];
}

// What was found, as far as it is not more than a client should get at once: then the newest of it, behind a gap.
void Device::send_found(Recovery::Waiting& w, const Finding& finding, PastFrames& frames, const Now& now) {
  const std::size_t live = finding.complete ? frames.findings.live(finding.end) : memory_.size();
  std::size_t bytes = 0;
  for (std::size_t i = live; i < memory_.size(); ++i) bytes += memory_[i].frame->size();
  std::size_t from = finding.end;
  while (from > finding.begin) {
    bytes += frame_of(frames, from - 1).frame->size();
    if (bytes > kMaxReplayBytes && (from < finding.end || live < memory_.size())) break;
    --from;
  }
  if (std::exchange(w.ack_owed, false)) send_subscribed(*w.member, Channel::metrics, from == finding.begin);
  if (from > finding.begin) {
    const Timestamp to = from < finding.end ? frame_of(frames, from).cursor.time : gap_until(live);
    const Timestamp gap = w.position.gap_from();
    send_gap(*w.member, gap, std::max(gap, to), only_metrics(), w.reason());
    ++env_.counters.gaps;
  }
  if (!recovery_->origin || finding.begin < frames.first) recovery_->origin = w.position;
  frames.first = std::min(frames.first, finding.begin);
  frames.end = std::max(frames.end, finding.end);
  for (std::size_t i = from; i < finding.end; ++i) deliver_past(*w.member, frame_of(frames, i).frame);
  for (std::size_t i = from; i < finding.end; ++i)
    w.position.advance(frame_of(frames, i).cursor, row_lead(now, frames.findings.catch_up().offset()));
}

// Nothing is missing any more before what was heard.
void Device::finish(const Recovery::Waiting& w, std::size_t live, bool from_stream, const Now& now) {
  const auto outcome = !w.resumed ? ResumeOutcome::repaired : from_stream ? ResumeOutcome::stream : ResumeOutcome::rows;
  ++env_.counters.resumes[static_cast<std::size_t>(outcome)];
  w.member->waits = false;
  stand(*w.member, w.position);
  replay(*w.member, live, now);
  state(Channel::metrics).members.push_back(w.member);
}

// While nothing has been heard again, the newest that was found is what newcomers begin with. Whether it is a new one.
bool Device::take_latest(PastFrames& frames, const Now& now) {
  const CatchUp& catch_up = frames.findings.catch_up();
  if (frames.end == 0 || catch_up.live_from() < catch_up.samples().size()) return false;
  const PastSample& newest = catch_up.samples()[frames.end - 1];
  if (newest.source == PastSample::Source::memory) return false;
  ChannelState& metrics = state(Channel::metrics);
  held_row_.reset();  // it is older, or this one
  if (metrics.latest) {
    const auto after_latest = catch_up.after(Position::after(latest_cursor_, {}));
    if (after_latest ? *after_latest >= frames.end : metrics.time >= newest.sample.time()) return false;
  }
  const bool first_ever = !metrics.latest;
  const Remembered& latest = frame_of(frames, frames.end - 1);
  metrics.latest = latest.frame;
  metrics.time = std::min(newest.sample.time(), now.wall + kClockAhead);
  metrics.from_event = newest.source == PastSample::Source::stream;
  latest_cursor_ = latest.cursor;
  // Whoever came while nothing was known has waited for it.
  for (Member* member : metrics.members)
    if (first_ever && !position(*member).seen) deliver_latest(*member, Channel::metrics, now);
  return true;
}

// What was found serves whoever comes back next; with it stands what those who waited have in common, their last
// sample.
void Device::remember_found(PastFrames& frames) {
  const Findings& findings = frames.findings;
  const std::vector<PastSample>& samples = findings.samples();
  const std::size_t live = findings.catch_up().live_from();
  if (const auto origin = findings.catch_up().after(*recovery_->origin)) frames.first = std::min(frames.first, *origin);
  if (findings.young() || frames.first > live) return;
  std::size_t begin = live;
  while (begin > 0 && samples[begin - 1].source != PastSample::Source::memory) --begin;
  const bool connected = frames.first <= begin;
  if (!connected) begin = frames.first - 1;
  std::vector<Remembered> missed;
  for (; begin < live; ++begin) missed.push_back(frame_of(frames, begin));
  memory_.fill_gap(std::move(missed), connected, true, memory_limits());
}

void Device::plan_next_look(const Findings& findings, bool searching, const Now& now) {
  const auto doubled = [&](Millis first, unsigned most) { return first * (1 << std::min(recovery_->looks, most)) / 2; };
  SteadyTime at = recovery_->all_stored_by > now.steady ? recovery_->all_stored_by : kNever;
  const auto within = [&](Millis wait) { at = std::min(at, now.steady + wait); };
  if (findings.too_much()) within(kSoon);
  if (findings.young()) within(env_.config.gap_tolerance + kSoon);
  if (recovery_->wider) within(kSoon);
  if (searching || at == kNever) within(doubled(kNotFoundYet, 3));
  if (recovery_->holds()) within(doubled(kSoon, 6));
  if (recovery_->look_again) within(Millis(0));
  recovery_->look_at = std::max(at, looked_at_ + kSoon);
}

// A sample has come by the bus while somebody waits for earlier ones.
void Device::hold_live(const Now& now) {
  const bool first = !recovery_->holds();
  for (Recovery::Waiting& waiting : recovery_->waiting)
    waiting.hold_until = std::min(waiting.hold_until, now.steady + env_.config.resume_hold);
  if (first && !look_in_flight_ && confirmed_) recovery_->look_at = std::min(recovery_->look_at, now.steady + kSoon);
  wake_by(recovery_due());
  // What waits may not be forgotten before it was sent.
  if (memory_.full(memory_limits())) give_up_past(now);
}

void Device::recovery_on_time(const Now& now) {
  if (!recovery_) return;
  give_up_held(now);
  if (!recovery_ || now.steady < recovery_->look_at) return;
  recovery_->look_at = kNever;
  recovery_->past.reset();
  look_for_past(now);
}

// Live samples have waited long enough.
void Device::give_up_held(const Now& now) {
  auto& waiting = recovery_->waiting;
  const auto in_time = [&](const Recovery::Waiting& w) { return now.steady < w.hold_until; };
  const auto late = std::stable_partition(waiting.begin(), waiting.end(), in_time);
  if (late == waiting.end()) return;
  const std::vector<Recovery::Waiting> lost(late, waiting.end());
  waiting.erase(late, waiting.end());
  const Timestamp confirmed = recovery_->confirmed;
  if (waiting.empty()) recovery_.reset();
  for (const Recovery::Waiting& w : lost) {
    w.member->waits = false;
    give_up_past(w, confirmed, now);
  }
  look_for_past(now);
}

SteadyTime Device::recovery_due() const noexcept {
  return recovery_ ? std::min(recovery_->look_at, recovery_->hold_until()) : kNever;
}

}  // namespace pulsegate::devices
