// What a device's silence means, and who is told: `stale` when it is longer than it should be, `live` when it ends,
// `unknown` where there is nothing that could fall silent. Apart from one store per event all of this is done when a
// timer fires or a snapshot comes.
#include <algorithm>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

namespace {

// A timer that comes so late says that we slept, and what was published meanwhile has not been read yet.
constexpr std::chrono::seconds kOverslept{1};

}  // namespace

proto::DeviceState Device::freshness() const noexcept {
  if (freshness_.stale()) return proto::DeviceState::stale;
  return nothing_known() ? proto::DeviceState::unknown : proto::DeviceState::live;
}

// Somebody was told that the device is silent or unknown, or its silence is not watched yet.
void Device::awaited_sign_of_life(proto::Timestamp time, const Now& now) {
  if (const auto stale_since = freshness_.stale_since()) {
    // A publisher's clock may be wrong, and what was held up may be old: the silence ended now at the latest, and not
    // before it began.
    time = std::max(*stale_since, std::min(time, now.wall));
    freshness_.declare_live();
    tell_live(time);
  }
  take_back_unknown(std::min(time, now.wall));
  if (freshness_due_ == kNever && env_.config.stale_after.count() > 0) {
    freshness_due_ = now.steady + env_.config.stale_after;
    wake_by(freshness_due_);
  }
}

// What a snapshot says of the device's signs of life. Requires: it has been applied.
void Device::take_signs_of_life(const storage::Snapshot& snapshot, proto::Timestamp asked, const Now& now) {
  // The row of an event that was heard is no sign of its own; it is stamped later than the event came.
  for (const Sample& sample : history_.samples())
    if (!sample.event_time) freshness_.on_row(*sample.row_time - snapshot.clock_offset, now);
  const bool state_is_row =
      snapshot.state && snapshot.state->recorded_at && !state(proto::Channel::system_info).from_event;
  if (state_is_row) freshness_.on_row(*snapshot.state->recorded_at - snapshot.clock_offset, now);
  freshness_.on_table_read(asked - env_.config.row_lag - env_.config.gap_tolerance, now);
}

std::optional<std::chrono::microseconds> Device::silence_limit() const {
  if (env_.config.stale_after.count() == 0) return std::nullopt;
  return Freshness::limit(history_.samples(), env_.config.stale_after);
}

bool Device::silent(const Now& now) const {
  const auto limit = silence_limit();
  return limit && freshness_.silent_at(*limit) <= now.steady;
}

// Decides how the device stands, and tells whoever does not know yet.
void Device::check_freshness(const Now& now) {
  if (freshness_.stale()) {
    if (!freshness_.revived(silence_limit(), now)) return tell_stale();
    freshness_.declare_live();
    tell_live(freshness_.heard_at(now));
  } else if (silent(now)) {
    return declare_stale(now);
  }
  watch_silence(now);
}

void Device::on_freshness_due(SteadyTime due, const Now& now) {
  if (now.steady - due > kOverslept) {
    freshness_due_ = now.steady + kOverslept;
  } else if (freshness_.stale() || !silent(now) || !checks_tail_first(now)) {
    check_freshness(now);
  }
}

// Looks again when the limit may be reached, or earlier: it shrinks when the device reports faster.
void Device::watch_silence(const Now& now) {
  freshness_due_ = kNever;
  const auto limit = silence_limit();
  const SteadyTime silent_at = limit ? freshness_.silent_at(*limit) : kNever;
  if (silent_at == kNever) return;  // the next event, snapshot or confirmation looks again
  freshness_due_ = std::min(silent_at, now.steady + env_.config.stale_after);
  wake_by(freshness_due_);
}

void Device::declare_stale(const Now& now) {
  freshness_.declare_stale(now);
  freshness_due_ = kNever;
  told_unknown_ = false;
  ++env_.counters.silences;
  tell_stale();
}

// As with `unknown`, it is told to those who have subscribed to something.
void Device::tell_stale() {
  for (Member* member : members_)
    if (!member->subscribed.empty()) tell_stale(*member);
}

void Device::tell_stale(Member& member) {
  tell_freshness(member, proto::DeviceState::stale, freshness_.stale_since());
}

void Device::tell_unknown(Member& member) {
  tell_freshness(member, proto::DeviceState::unknown, std::nullopt);
  told_unknown_ = true;
}

void Device::take_back_unknown(proto::Timestamp since) {
  if (std::exchange(told_unknown_, false)) tell_live(since);
}

// Goes to those who were told otherwise.
void Device::tell_live(proto::Timestamp since) {
  for (Member* member : members_) tell_freshness(*member, proto::DeviceState::live, since);
}

void Device::tell_freshness(Member& member, proto::DeviceState state, std::optional<proto::Timestamp> since) {
  if (std::exchange(member.told_freshness, state) == state) return;
  proto::Status status;
  status.device = state;
  status.since = since;
  send_status(member, status);
}

}  // namespace pulsegate::devices
