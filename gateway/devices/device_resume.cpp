// Where each member stands on `metrics`, and what those get that come back with `since`: what they have missed, in
// order, once, before anything live. It comes from memory, or they wait until it has been looked up (device_recovery);
// what cannot be found is named by a gap.
#include <algorithm>
#include <array>
#include <utility>

#include "gateway/devices/cursor_match.hpp"
#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;
using proto::Timestamp;

// Once all members have been shown another sample, they stand there.
Position Device::position(const Member& member) const {
  return member.stands_at == samples_shown_ ? member.stands : Position::after(shown_, env_.config.row_lag);
}

void Device::stand(Member& member, const Position& position) {
  member.stands = position;
  member.stands_at = samples_shown_;
}

// Whether the latest comes after all that the member has.
bool Device::is_news(const Member& member, const Now& now) const {
  return position(member).surely_before(latest_cursor_, row_lead(now), env_.config.row_lag);
}

// A row has become the latest sample: whoever has not seen it gets it.
void Device::show_latest(const Now& now) {
  ChannelState& metrics = state(Channel::metrics);
  for (Member* member : metrics.members) {
    member->awaiting.remove(Channel::metrics);
    deliver_latest(*member, Channel::metrics, now);
  }
  metrics.last_sent = now.steady;
}

// Delivers from memory, or has the member wait if anything can be found out.
void Device::resume(Member& member, const proto::Since& since, const Now& now) {
  // Nobody has seen what is still to come, but the publisher's clock may be ahead.
  const Timestamp latest = publishers_time(now.wall, now);
  const bool possible = proto::time_of(since) <= latest + kClocksApart;
  const Position from = possible ? Position::after(since, row_lead(now)) : Position::at(latest);
  auto next = memory_.after(since, env_.config.row_lag, true);
  if (const auto* const cursor = std::get_if<proto::Cursor>(&since); cursor != nullptr && !next) {
    // Whose row it is that the client has seen last, the table knows better.
    const bool table_knows = cursor->of_row() && env_.host.has_database();
    if (!table_knows && !repeated_values().contains(cursor->digest))
      next = memory_.after(since, env_.config.row_lag, false);
  }
  if (next) {
    send_subscribed(member, Channel::metrics, true);
    if (bus_lost_at_) tell_bus_down(member);
    ++env_.counters.resumes[static_cast<std::size_t>(ResumeOutcome::memory)];
    stand(member, from);
    return replay(member, *next, now);
  }
  if (possible && bus_lost_at_ && env_.host.has_database()) return resume_from_rows(member, from, now);
  state(Channel::metrics).remove(member);
  Recovery::Waiting waiting{&member, from, true, true};
  if (possible && confirmed_ && env_.host.has_past()) return wait_for_past(waiting, now);
  if (confirmed_ && from.time(ahead(now)) > now.wall - env_.config.gap_tolerance) {
    // Another gateway was faster: its last sample may be on its way to us.
    waiting.hold_until = now.steady + env_.config.gap_tolerance;
    wait_for_past(waiting, now);
    return wake_by(waiting.hold_until);
  }
  give_up_past(waiting, confirmed_ ? *confirmed_at_ : now.wall, now);
}

// While the bus is away rows go to everybody from where he stands, and what they do not show is looked for when it is
// back.
void Device::resume_from_rows(Member& member, const Position& from, const Now& now) {
  stand(member, from);
  send_subscribed(member, Channel::metrics, true);
  tell_bus_down(member);
  if (database_failed_) tell_database_down(member);
  ++env_.counters.resumes[static_cast<std::size_t>(ResumeOutcome::rows)];
  down_refresh_at_ = std::min(down_refresh_at_, now.steady + env_.config.gap_tolerance);
  wake_by(down_refresh_at_);
}

// Of the memory all from one on. Never conflated: each is a sample that the client has asked for.
void Device::replay(Member& member, std::size_t from, const Now& now) {
  for (std::size_t i = from; i < memory_.size(); ++i) deliver_past(member, memory_[i].frame);
  Position stood = position(member);
  for (std::size_t i = from; i < memory_.size(); ++i) stood.advance(memory_[i].cursor, row_lead(now));
  stand(member, stood);
}

void Device::deliver_past(Member& member, const FramePtr& frame) {
  member.receiver.deliver_control(frame);
  ++env_.counters.replayed;
  ++env_.counters.messages[index(Channel::metrics)];
}

// Requires: the member is not among those to whom live samples go.
void Device::wait_for_past(Recovery::Waiting waiting, const Now& now) {
  if (!recovery_) {
    recovery_ = std::make_unique<Recovery>();
    // What came before the first that is remembered may have been heard here and be too young for its row.
    set_recovery_start(confirmed_ && !memory_.forgot() ? *confirmed_at_ : now.wall, now);
  }
  waiting.found_by = now.steady + env_.config.resume_hold;
  waiting.member->waits = true;
  recovery_->waiting.push_back(waiting);
}

// What the member waited for; nullopt: it did not.
std::optional<Recovery::Waiting> Device::stop_waiting(Member& member) {
  if (!std::exchange(member.waits, false)) return std::nullopt;
  auto& waiting = recovery_->waiting;
  const auto found =
      std::find_if(waiting.begin(), waiting.end(), [&](const Recovery::Waiting& w) { return w.member == &member; });
  const Recovery::Waiting waited = *found;
  *found = waiting.back();
  waiting.pop_back();
  if (waiting.empty()) recovery_.reset();
  return waited;
}

// Before a member is acknowledged. Without `since` it gets the latest, whatever it is. One that was here before lacks
// nothing of what it lacked then without being told; where it waits, and says anew what it has, that is looked for
// instead.
void Device::begin_metrics(Member& member, bool with_since, const Now& now) {
  member.wants_latest = !with_since;
  const bool here = member.subscribed.contains(Channel::metrics);
  stand(member, here ? position(member) : Position::at(publishers_time(now.wall, now), clock_unknown()));
  if (member.waits) {
    const Timestamp confirmed = recovery_->confirmed;
    Recovery::Waiting waited = *stop_waiting(member);
    waited.superseded = true;
    if (!with_since) {
      give_up_past(waited, confirmed, now);
    } else {
      if (waited.ack_owed) send_subscribed(member, Channel::metrics, true);
      state(Channel::metrics).members.push_back(&member);
    }
  }
  member.wants_latest = !with_since;
}

// Whether the latest is to be sent: to who has it not, and to who has just subscribed and was shown nothing since.
bool Device::takes_latest(Member& member, const Now& now) {
  const bool wanted = std::exchange(member.wants_latest, false) && member.stands_at == samples_shown_;
  Position stood = position(member);
  const bool later = is_news(member, now) || (wanted && stood.seems_before(latest_cursor_, env_.config.row_lag));
  if (later && member.in_gap) tell_missing(member, latest_cursor_.time, "bus");
  if (later || (wanted && !stood.seen)) {
    const auto told_until = stood.told_until;
    stood.advance(latest_cursor_, row_lead(now));
    if (!later) stood.told_until = told_until;
    stand(member, stood);
  }
  return later || wanted;
}

void Device::give_up_past(const Now& now) {
  const std::unique_ptr<Recovery> ended = std::move(recovery_);
  for (const Recovery::Waiting& waiting : ended->waiting) {
    waiting.member->waits = false;
    give_up_past(waiting, ended->confirmed, now);
  }
  look_for_past(now);
}

// What lies between its last sample and the first that was heard again is named; from there on nothing is missing,
// unless the bus has been away once more. `confirmed`: our clock, since then the bus is heard.
void Device::give_up_past(const Recovery::Waiting& w, Timestamp confirmed, const Now& now) {
  Member& member = *w.member;
  const Known known = known_after(w, now);
  const bool heard = known.next < memory_.size();
  // While the bus is away what is missed now is none of this: it is looked for when the bus is back. But it may have
  // been away before, and nothing heard in between.
  const bool silent_since_outage = last_event_ && confirmed_at_ && heard_at_by_wall(now) < *confirmed_at_;
  const bool tail_missed = memory_.gap_at_end() && (confirmed_ || silent_since_outage);
  // Whoever has begun anew waits no longer.
  const bool looks_again = tail_missed && confirmed_ && heard && !w.superseded && env_.host.has_past();
  stand(member, w.position);
  const bool begins_with_latest =
      !heard && w.resumed && !w.superseded && state(Channel::metrics).latest && is_news(member, now);
  const Timestamp end = publishers_time(confirmed, now);
  const bool all = known.connected && (!tail_missed || looks_again);
  if (w.ack_owed) send_subscribed(member, Channel::metrics, all);
  if (bus_lost_at_) tell_bus_down(member);
  const auto outcome = !w.resumed ? ResumeOutcome::unrepaired : all ? ResumeOutcome::memory : ResumeOutcome::gap;
  ++env_.counters.resumes[static_cast<std::size_t>(outcome)];
  if (!known.connected && heard) tell_missing(member, gap_until(known.next), w.reason());
  if (!known.connected && begins_with_latest) tell_missing(member, latest_cursor_.time, w.reason());
  replay(member, known.next, now);
  if (looks_again) return wait_for_past({&member, position(member), false, false}, now);
  state(Channel::metrics).members.push_back(&member);
  if (begins_with_latest) deliver_latest(member, Channel::metrics, now);
  if (tail_missed || !(known.connected || heard || begins_with_latest)) tell_missing(member, end, w.reason());
  if (!heard && w.resumed && !w.superseded) deliver_first(member, only_metrics(), now);
}

Device::Known Device::known_after(const Recovery::Waiting& w, const Now& now) const {
  Known known;
  known.next = memory_.last_run();
  const auto find = [&](const proto::Cursor& seen) {
    const auto exact = memory_.find(seen, env_.config.row_lag, true);
    const bool no_guess = exact || w.repeats || repeated_values().contains(seen.digest);
    return no_guess ? exact : memory_.find(seen, env_.config.row_lag, false);
  };
  const auto at = w.position.seen ? find(*w.position.seen) : std::nullopt;
  known.connected = at && *at >= known.next && !w.position.told_until;
  if (at && *at >= known.next) known.next = *at + 1;
  if (at) return known;
  const auto passed = [&](const proto::Cursor& cursor) {
    return w.position.passed(cursor, row_lead(now), env_.config.row_lag);
  };
  while (known.next < memory_.size() && passed(memory_[known.next].cursor)) ++known.next;
  return known;
}

// A row is stamped after its event, so the first event that follows may say better where a gap ends.
Timestamp Device::gap_until(std::size_t i) const {
  Timestamp until = memory_[i].cursor.time;
  while (memory_[i].cursor.of_row() && i + 1 < memory_.size()) until = std::min(until, memory_[++i].cursor.time);
  return until;
}

// What lies between the last that it got and `to`.
void Device::tell_missing(Member& member, Timestamp to, std::string_view reason) {
  Position stood = position(member);
  const Timestamp from = stood.gap_from();
  to = std::max(from, to);
  send_gap(member, from, to, only_metrics(), reason);
  ++env_.counters.gaps;
  stood.skip(to);
  stand(member, stood);
}

// The publisher's clock minus ours, as far as its last event tells. Less than a second may be delay.
std::chrono::microseconds Device::ahead(const Now& now) const {
  if (!last_event_) return std::chrono::microseconds(0);
  const Timestamp heard = heard_at_by_wall(now);
  return distance(heard_time_, heard) < kSameReport ? std::chrono::microseconds(0) : heard_time_ - heard;
}

// By how much its clock may be behind that: nobody knows it before the first event.
std::chrono::microseconds Device::clock_unknown() const noexcept {
  return last_event_ ? kClocksApart.zero() : kClocksApart;
}

// Requires: an event was heard.
Timestamp Device::heard_at_by_wall(const Now& now) const {
  return now.wall - std::chrono::duration_cast<std::chrono::microseconds>(now.steady - heard_at_);
}

// What the publisher's clock may have shown.
Timestamp Device::publishers_time(Timestamp ours, const Now& now) const {
  return ours + ahead(now);
}

// By how much an event may be older by the publisher's clock than its row by the database's. `offset`: database time
// minus ours.
std::chrono::microseconds Device::row_lead(const Now& now, std::chrono::microseconds offset) const {
  return env_.config.row_lag + offset - ahead(now);
}

CatchUpRules Device::catch_up_rules(const Now& now) const {
  return {env_.config.row_lag, env_.config.gap_tolerance, ahead(now), clock_unknown()};
}

EventMemory::Limits Device::memory_limits() const noexcept {
  EventMemory::Limits limits;
  limits.events = env_.config.resume_events;
  limits.bytes = std::min(env_.config.resume_bytes, env_.memory_share);
  if (recovery_) {
    // Whoever waits gets them from here.
    limits.events *= 4;
    limits.bytes *= 2;
  }
  return limits;
}

FramePtr Device::metrics_frame(const proto::Cursor& cursor, Timestamp time, std::string_view json,
                               const proto::TraceContext& trace) {
  std::string& text = env_.scratch;
  text.clear();
  proto::append_cursor(text, cursor);
  std::array<char, proto::kCursorSize> said;
  std::copy(text.begin(), text.end(), said.begin());
  text.clear();
  proto::append_verbatim(text, "metrics", id_, time, json, {said.data(), said.size()}, trace);
  return Frame::text(text);
}

// The message of samples()[i].
Remembered Device::remembered(const CatchUp& catch_up, std::size_t i, const Past& past) {
  const PastSample& sample = catch_up.samples()[i];
  if (sample.source == PastSample::Source::memory) return memory_[sample.index];
  Remembered made;
  made.values = sample.sample.values;
  made.cursor = catch_up.cursor(i, memory_);
  if (sample.source == PastSample::Source::stream) {
    const StreamSample& entry = past.stream[sample.index];
    made.frame = metrics_frame(made.cursor, entry.time, entry.json);
  } else {
    std::string json;
    proto::append_metric_values(json, made.values, past.rows->metric_mask);
    made.frame = metrics_frame(made.cursor, *sample.sample.row_time, json);
  }
  return made;
}

}  // namespace pulsegate::devices
