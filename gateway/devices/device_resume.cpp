// What clients missed on `metrics`: those that come back with `since`, and those that were here while the bus was away.
// They get it in order, once, before anything live; what cannot be found is named by a gap. Live samples wait for it no
// longer than `resume_hold`.
#include <algorithm>
#include <array>
#include <utility>

#include "gateway/devices/cursor_match.hpp"
#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::Timestamp;

namespace {

// The row of an event that was just heard is written within milliseconds, where it is written directly.
constexpr Millis kSoon{100};
constexpr Millis kNotFoundYet{500};
constexpr std::size_t kMaxReplayBytes = 256 * 1024;  // to one client; of what is older a gap tells
// Once all rows must be there, what is still young is waited for no longer than that.
constexpr Millis kLastLooks{3'000};

// How many equal rows of its stamp stand before a row.
std::size_t equals_before(const std::vector<PastSample>& samples, std::size_t at) {
  const Sample& row = samples[at].sample;
  std::size_t count = 0;
  for (std::size_t i = at; i-- > 0 && samples[i].sample.row_time == row.row_time;)
    count += !samples[i].sample.event_time && proto::same_values(samples[i].sample.values, row.values);
  return count;
}

proto::ChannelSet only_metrics() {
  proto::ChannelSet set;
  set.add(Channel::metrics);
  return set;
}

}  // namespace

// Whether it is delivered from memory; otherwise it waits, if anything can be found out.
Device::Resume Device::resume(Member& member, const proto::Since& since, const Now& now) {
  if (memory_.after(since, env_.config.row_lag)) {
    ++env_.counters.resumes[static_cast<std::size_t>(ResumeOutcome::memory)];
    return Resume::from_memory;
  }
  if (!confirmed_ || !env_.host.has_past()) {
    ++env_.counters.resumes[static_cast<std::size_t>(ResumeOutcome::gap)];
    return Resume::impossible;
  }
  state(Channel::metrics).remove(member);
  wait_for_past(member, since, true, now);
  return Resume::waiting;
}

// Of the memory all from one on. Never conflated: each is a sample that the client has asked for.
void Device::replay(Member& member, std::size_t from) {
  for (std::size_t i = from; i < memory_.size(); ++i) deliver_past(member, memory_[i].frame);
}

void Device::deliver_past(Member& member, const FramePtr& frame) {
  member.first_row.reset();
  member.receiver.deliver_control(frame);
  ++env_.counters.replayed;
  ++env_.counters.messages[index(Channel::metrics)];
}

void Device::wait_for_past(Member& member, const proto::Since& since, bool resumed, const Now& now) {
  if (!recovery_) {
    recovery_ = std::make_unique<Recovery>();
    // What came before the first that is remembered may have been heard here and be too young for its row.
    set_recovery_start(confirmed_ && !memory_.forgot() ? *confirmed_at_ : now.wall, now);
  }
  recovery_->waiting.push_back(
      {&member, since, proto::time_of(since), resumed, resumed, now.steady + env_.config.resume_hold});
}

void Device::set_recovery_start(Timestamp confirmed, const Now& now) {
  recovery_->confirmed = confirmed;
  const auto ago = std::max(now.wall - confirmed, std::chrono::microseconds(0));
  recovery_->all_stored_by = now.steady + std::max<SteadyTime::duration>(env_.config.row_lag + kSoon - ago, kSoon);
}

// What the member waited for; nullopt: it did not.
std::optional<Recovery::Waiting> Device::stop_waiting(const Member& member) {
  if (!recovery_) return std::nullopt;
  auto& waiting = recovery_->waiting;
  const auto is_it = [&](const Recovery::Waiting& w) { return w.member == &member; };
  const auto found = std::find_if(waiting.begin(), waiting.end(), is_it);
  if (found == waiting.end()) return std::nullopt;
  const Recovery::Waiting waited = *found;
  waiting.erase(found);
  if (waiting.empty()) recovery_.reset();
  return waited;
}

// The bus is back, or about to be: whoever was here has missed what came after the last sample that is remembered.
void Device::begin_repair(const Now& now) {
  if (!env_.host.has_past()) return;
  if (memory_.gap_at_end()) {
    for (Member* member : members_) {
      if (!member->in_gap || !member->subscribed.contains(Channel::metrics) || std::exchange(member->recovers, true))
        continue;
      const auto is_it = [&](const Recovery::Waiting& w) { return w.member == member; };
      if (recovery_ && std::any_of(recovery_->waiting.begin(), recovery_->waiting.end(), is_it)) continue;
      if (member->awaiting.contains(Channel::metrics)) {
        // It has no sample yet after which others could follow, and gets the latest.
        send_gap(*member, gap_from_.value_or(now.wall), now.wall, only_metrics(), "bus");
        ++env_.counters.gaps;
        continue;
      }
      state(Channel::metrics).remove(*member);
      wait_for_past(*member, last_shown(*member, now), false, now);
    }
  }
  if (!recovery_) return;
  set_recovery_start(now.wall, now);
  recovery_->past.reset();
  if (confirmed_) look_for_past(now);
}

// What a member has seen last, or been told that it has missed.
proto::Since Device::last_shown(const Member& member, const Now& now) const {
  const bool only_a_row = member.first_row && member.first_row_before == samples_shown_;
  const auto& row = only_a_row ? member.first_row : shown_row_;
  if (row && (memory_.empty() || row->time > memory_.back().cursor.time || only_a_row) &&
      (!missed_until_ || row->time > *missed_until_))
    return *row;
  if (missed_until_) return *missed_until_;
  if (!memory_.empty()) return memory_.back().cursor;
  return gap_from_.value_or(now.wall);
}

// The bus is away again. Whoever waits for an acknowledgement gets it; the others have missed more than before.
void Device::suspend_recovery(const Now& now) {
  if (!recovery_) return;
  recovery_->past.reset();
  recovery_->look_at = kNever;
  std::vector<Recovery::Waiting> left;
  for (const Recovery::Waiting& w : std::exchange(recovery_->waiting, {})) {
    if (w.ack_owed) {
      give_up_past(w, recovery_->confirmed, recovery_->holds(), now);
    } else {
      left.push_back(w);
    }
  }
  recovery_->waiting = std::move(left);
  if (recovery_->waiting.empty()) recovery_.reset();
}

// Called once a round of newcomers is on the list: one look serves them all, and the last one whoever it reaches.
void Device::look_for_past(const Now& now) {
  if (!recovery_ || recovery_->waiting.empty()) return;
  Timestamp from = Timestamp::max();
  bool awaited = false;
  for (const Recovery::Waiting& w : recovery_->waiting) {
    from = std::min(from, proto::time_of(w.since));
    awaited = awaited || w.ack_owed;
  }
  const bool covered = from >= recovery_->past_from;
  if (look_in_flight_) {
    recovery_->look_again = recovery_->look_again || !covered;
  } else if (recovery_->past && covered) {
    use_past(now);
  } else {
    look_in_flight_ = true;
    recovery_->look_again = false;
    recovery_->look_at = kNever;
    recovery_->past_from = from;
    ++recovery_->looks;
    env_.host.request_past(*this, from, awaited);
  }
  wake_by(next_due());
}

void Device::on_past(std::shared_ptr<Past> past, const Now& now) {
  look_in_flight_ = false;
  if (!recovery_) {
    check_tail(past, now);
  } else if (!confirmed_) {
    // Looked up too early: again once the bus is back.
  } else if (past->looked < recovery_->confirmed && !past->stream_exists && recovery_->hold_until == kNever) {
    // Asked for before the bus came back, for instance to check a silent device.
    look_for_past(now);
  } else if (!past->rows && !past->stream_exists) {
    give_up_past(now);
  } else {
    // An entry that stood there so long ago has not come by the bus since, whatever Redis' clock says of it.
    if (past->looked - recovery_->stream_seen_at >= env_.config.gap_tolerance) {
      for (StreamSample& entry : past->stream)
        if (entry.added <= recovery_->stream_seen_until) entry.young = false;
      recovery_->stream_seen_at = past->looked;
      recovery_->stream_seen_until = past->stream.empty() ? proto::Timestamp{} : past->stream.back().added;
    }
    recovery_->past = std::move(past);
    use_past(now);
  }
  wake_by(next_due());
}

// Delivers what the last look has shown to be missed, and ends the recovery of those to whom that is all.
void Device::use_past(const Now& now) {
  const std::shared_ptr<const Past> past = recovery_->past;
  const CatchUp catch_up(memory_, *past, {env_.config.row_lag, env_.config.gap_tolerance});
  const std::vector<PastSample>& samples = catch_up.samples();
  const bool too_much = (past->rows && past->rows->more) || past->stream_more;
  const bool all = !too_much && catch_up.complete(recovery_->confirmed);
  // After another gap, before this one, what was heard then follows only once nothing can be missing before it.
  const auto after_open_gap = [&](const PastSample& s) {
    return !all && s.source == PastSample::Source::memory && memory_[s.index].after_gap && !s.sample.row_time;
  };
  std::size_t certain = 0;
  while (certain < catch_up.live_from() && !samples[certain].young && !after_open_gap(samples[certain])) ++certain;
  const bool young = certain < catch_up.live_from();
  const bool complete = all && !young;
  const std::size_t unbroken = memory_.unbroken_from();

  // Each missed sample becomes one frame, whoever gets it.
  std::vector<Remembered> made(samples.size());
  const auto sample_at = [&](std::size_t i) -> const Remembered& {
    if (!made[i].frame) made[i] = remembered(samples[i], *past, equals_before(samples, i));
    return made[i];
  };
  const bool stored = past->stream_exists || std::any_of(samples.begin(), samples.end(), [](const PastSample& s) {
                        return s.sample.row_time.has_value();
                      });
  const auto too_old = [&](const Recovery::Waiting& w, std::optional<std::size_t> found) {
    if (too_much) return found ? *found < samples.size() / 2 : proto::time_of(w.since) <= samples.front().sample.time();
    const bool written_by_now = proto::time_of(w.since) + env_.config.row_lag + kClocksApart < past->looked;
    return found ? !stored && written_by_now : written_by_now || now.steady >= w.found_by;
  };
  // The first that anybody needs, now or at an earlier look.
  const auto needed = [&](const proto::Since& since) {
    return std::min(certain, catch_up.after(since).value_or(certain));
  };
  std::size_t first = recovery_->origin ? needed(*recovery_->origin) : certain;
  bool not_found = false;
  std::vector<Recovery::Waiting> left;
  std::vector<Recovery::Waiting> lost;
  std::vector<std::pair<Member*, std::size_t>> done;
  for (Recovery::Waiting& w : recovery_->waiting) {
    const auto found = catch_up.after(w.since);
    if (too_old(w, found)) {
      lost.push_back(w);
      continue;
    }
    if (!found || too_much) {
      not_found = true;
      left.push_back(w);
      continue;
    }
    if (!recovery_->origin || *found < first) {
      recovery_->origin = w.since;
      first = needed(w.since);
    }
    std::size_t from = std::max(certain, *found);
    for (std::size_t bytes = 0; from > *found && bytes <= kMaxReplayBytes;) bytes += sample_at(--from).frame->size();
    if (std::exchange(w.ack_owed, false)) send_subscribed(*w.member, Channel::metrics, from == *found);
    if (from > *found) {
      send_gap(*w.member, w.from, sample_at(from).cursor.time, only_metrics(), reason(w));
      ++env_.counters.gaps;
    }
    for (std::size_t i = from; i < certain; ++i) {
      deliver_past(*w.member, sample_at(i).frame);
      w.since = sample_at(i).cursor;
      w.from = std::max(w.from, proto::time_of(w.since));
    }
    // Without the table only what follows an entry of the stream is known to be all.
    const bool sure =
        past->rows || !past->has_table || *found == 0 || samples[*found - 1].source != PastSample::Source::row;
    if (!complete || !sure) {
      left.push_back(w);
      continue;
    }
    std::size_t live = *found;
    while (live < samples.size() && (live < catch_up.live_from() || samples[live].source != PastSample::Source::memory))
      ++live;
    done.emplace_back(w.member, live < samples.size() ? samples[live].index : memory_.size());
    const auto source = past->stream_exists ? ResumeOutcome::stream : ResumeOutcome::rows;
    ++env_.counters.resumes[static_cast<std::size_t>(w.resumed ? source : ResumeOutcome::repaired)];
  }
  recovery_->waiting = std::move(left);
  for (const Recovery::Waiting& w : lost) give_up_past(w, recovery_->confirmed, recovery_->holds(), now);
  for (const auto& [member, live] : done) {
    replay(*member, live);
    state(Channel::metrics).members.push_back(member);
  }
  if (complete && !done.empty()) {
    // What was found serves whoever comes back next; with it stands what they have in common, their last sample.
    std::vector<Remembered> missed;
    std::size_t begin = certain;
    if (unbroken == 0) {
      begin = first - std::min<std::size_t>(first, 1);
    } else {
      while (begin > 0 && samples[begin - 1].source != PastSample::Source::memory) --begin;
    }
    for (std::size_t i = begin; i < certain; ++i)
      if (samples[i].source != PastSample::Source::memory) missed.push_back(sample_at(i));
    memory_.fill_gap(std::move(missed), true, memory_limits());
    missed_until_.reset();
    remember_latest();
  }
  if (recovery_->waiting.empty()) return recovery_.reset();
  const auto last_look = recovery_->confirmed + env_.config.row_lag + (young ? kLastLooks : Millis(0));
  if (past->looked >= last_look && !too_much) return give_up_past(now);
  const auto doubled = [&](Millis first_wait) { return first_wait * (1 << std::min(recovery_->looks, 6u)) / 2; };
  Millis soon = Millis::max() / 2;
  if (too_much) soon = kSoon;
  if (young) soon = std::min(soon, env_.config.gap_tolerance + kSoon);
  if (not_found) soon = std::min(soon, doubled(kNotFoundYet));
  if (recovery_->hold_until != kNever) soon = std::min(soon, doubled(kSoon));
  plan_next_look(soon, now);
}

// The newest sample that was found is the latest there is, also for who comes next: a row that was read meanwhile is
// older, or is that sample's own.
void Device::remember_latest() {
  if (memory_.empty()) return;
  ChannelState& metrics = state(Channel::metrics);
  const Remembered& newest = memory_.back();
  held_row_.reset();
  metrics.latest = newest.frame;
  metrics.time = newest.cursor.time;
  metrics.from_event = !newest.cursor.of_row();
  latest_row_.reset();
  if (newest.cursor.of_row()) latest_row_ = newest.cursor;
}

void Device::plan_next_look(Millis soon, const Now& now) {
  recovery_->look_at = recovery_->all_stored_by;
  if (soon < std::chrono::hours(1)) recovery_->look_at = std::min(recovery_->look_at, now.steady + soon);
  recovery_->look_at = std::max(recovery_->look_at, now.steady + kSoon);
  if (recovery_->look_again) recovery_->look_at = now.steady;
}

// A sample has come by the bus while somebody waits for earlier ones.
void Device::hold_live(const Now& now) {
  if (recovery_->hold_until == kNever) {
    recovery_->hold_until = now.steady + env_.config.resume_hold;
    if (!look_in_flight_ && confirmed_) recovery_->look_at = std::min(recovery_->look_at, now.steady + kSoon);
    wake_by(recovery_due());
  }
  // What waits may not be forgotten before it was sent.
  if (memory_.full(memory_limits())) give_up_past(now);
}

void Device::recovery_on_time(const Now& now) {
  if (!recovery_) return;
  if (now.steady >= recovery_->hold_until) return give_up_past(now);
  if (now.steady < recovery_->look_at) return;
  recovery_->look_at = kNever;
  recovery_->past.reset();
  look_for_past(now);
}

SteadyTime Device::recovery_due() const noexcept {
  return recovery_ ? std::min(recovery_->look_at, recovery_->hold_until) : kNever;
}

void Device::give_up_past(const Now& now) {
  const std::unique_ptr<Recovery> ended = std::move(recovery_);
  for (const Recovery::Waiting& w : ended->waiting) give_up_past(w, ended->confirmed, ended->holds(), now);
  look_for_past(now);
}

// It begins anew: what it waited for, and what was held back meanwhile, goes first.
void Device::give_up_past(const Member& member, const Now& now) {
  if (!recovery_) return;
  const Timestamp confirmed = recovery_->confirmed;
  const bool held = recovery_->holds();
  if (const auto waited = stop_waiting(member)) give_up_past(*waited, confirmed, held, now);
}

// What lies between its last sample and the first that was heard again is named; from there on nothing is missing,
// unless the bus has been away once more.
void Device::give_up_past(const Recovery::Waiting& w, Timestamp confirmed, bool held, const Now& now) {
  const std::size_t run = memory_.last_run();
  const auto* const cursor = std::get_if<proto::Cursor>(&w.since);
  const auto at = cursor != nullptr ? memory_.find(*cursor, env_.config.row_lag) : std::nullopt;
  const bool heard = run < memory_.size() && (at ? *at < run : held || !memory_.gap_at_end());
  const Timestamp from = std::min(w.from, now.wall);
  const Timestamp to = std::max(from, heard ? memory_[run].cursor.time : confirmed);
  if (w.ack_owed) send_subscribed(*w.member, Channel::metrics, false);
  send_gap(*w.member, from, to, only_metrics(), reason(w));
  ++env_.counters.gaps;
  ++env_.counters.resumes[static_cast<std::size_t>(w.resumed ? ResumeOutcome::gap : ResumeOutcome::unrepaired)];
  if (heard) {
    replay(*w.member, run);
    if (memory_.gap_at_end() && confirmed_) return wait_for_past(*w.member, memory_.back().cursor, false, now);
  } else {
    missed_until_ = to + std::chrono::microseconds(1);
  }
  state(Channel::metrics).members.push_back(w.member);
  if (!heard && w.resumed) deliver_first(*w.member, only_metrics(), now);
}

std::string_view Device::reason(const Recovery::Waiting& waiting) noexcept {
  return waiting.resumed ? "resume" : "bus";
}

EventMemory::Limits Device::memory_limits() const noexcept {
  EventMemory::Limits limits;
  limits.events = env_.config.resume_events;
  limits.bytes = std::min(env_.config.resume_bytes, env_.memory_share);
  if (recovery_) {
    // Whoever waits gets them from here.
    limits.events *= 4;
    limits.bytes *= 4;
  }
  return limits;
}

FramePtr Device::metrics_frame(const proto::Cursor& cursor, Timestamp time, std::string_view json) {
  std::string& text = env_.scratch;
  text.clear();
  proto::append_cursor(text, cursor);
  std::array<char, proto::kCursorSize> said;
  std::copy(text.begin(), text.end(), said.begin());
  text.clear();
  proto::append_verbatim(text, "metrics", id_, time, json, {said.data(), said.size()});
  return Frame::text(text);
}

Remembered Device::remembered(const PastSample& past_sample, const Past& past, std::size_t equals_before) {
  if (past_sample.source == PastSample::Source::memory) return memory_[past_sample.index];
  Remembered made;
  made.values = past_sample.sample.values;
  if (past_sample.source == PastSample::Source::stream) {
    const StreamSample& entry = past.stream[past_sample.index];
    made.cursor = memory_.next_cursor(entry.time, entry.values);
    made.frame = metrics_frame(made.cursor, entry.time, entry.json);
  } else {
    const Timestamp stamp = *past_sample.sample.row_time;
    std::string json;
    proto::append_metric_values(json, made.values, past.rows->metric_mask);
    made.cursor = proto::row_cursor(stamp, made.values);
    made.cursor.occurrence = static_cast<std::uint16_t>(made.cursor.occurrence | (equals_before & 0xff));
    made.frame = metrics_frame(made.cursor, stamp, json);
  }
  return made;
}

}  // namespace pulsegate::devices
