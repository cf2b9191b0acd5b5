// The `history` channel of a device: its default form, which is made here, and who gets another (history_views).
#include <algorithm>
#include <limits>
#include <string>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using proto::Channel;

// The first window comes with the snapshot; a chart of one point in front of it would only flash.
bool Device::first_read_pending() const noexcept {
  return env_.host.has_database() && (read_ == Read::unread || read_ == Read::reading);
}

HistoryContext Device::history_context(const Now& now) {
  return {*this, id_, env_, history_, now, !first_read_pending()};
}

void Device::wish_history(Member& member, const std::vector<Channel>& channels, const SubscribeOptions& options) {
  if (std::find(channels.begin(), channels.end(), Channel::history) == channels.end()) return;
  member.wish.reset();
  const std::size_t points = env_.config.history_points;
  const HistoryKey key = HistoryKey::of(options.history, options.history_append_only, points);
  if (key == HistoryKey::of({}, false, points)) return;
  member.wish = std::make_unique<HistoryWish>(HistoryWish{key, options.since});
}

// Requires: the member is in the default view or in another. Who is refused another one stays where it is.
void Device::enter_history(Member& member, const Now& now) {
  ChannelState& by_default = state(Channel::history);
  const std::unique_ptr<HistoryWish> wish = std::move(member.wish);
  const std::optional<HistoryKey> before = member.view ? std::optional(member.view->key) : std::nullopt;
  if (!wish) {
    if (!before) return;
    leave_history(member, now);
    if (by_default.members.empty()) by_default.last_sent = now.steady;
    by_default.members.push_back(&member);
    return;
  }
  const HistoryContext context = history_context(now);
  if (!before || !(*before == wish->key)) {
    further_views_.leave(member, context);
    if (further_views_.enter(member, wish->key, context)) {
      by_default.remove(member);
    } else {
      env_.scratch.clear();
      proto::append_error(env_.scratch, proto::ErrorCode::bad_history,
                          "The clients of this device have asked for " + std::to_string(HistoryViews::kMaxViews) +
                              " other forms of `history`, which is as many as it may have; ask for one of theirs, or "
                              "without `history`.");
      member.receiver.deliver_control(Frame::text(env_.scratch));
      if (before) further_views_.enter(member, *before, context);
    }
  }
  if (member.view == nullptr) return;
  if (wish->since && member.view->key == wish->key && member.view->appends())
    member.wish = std::make_unique<HistoryWish>(*wish);
  const std::size_t points = further_views_.capacity(env_.config.history_points);
  if (points > history_.capacity()) history_.set_capacity(points);
  HistoryView& view = *member.view;
  const bool may_have_more = env_.host.has_database() && !database_failed_ && read_ != Read::failed && !all_rows_known_;
  if (!view.past && view.channel.members.size() == 1 && may_have_more)
    view.waiting = history_.samples().size() < view.key.points;
  wake_by(next_due());
}

void Device::leave_history(Member& member, const Now& now) {
  member.wish.reset();
  if (member.view == nullptr) return;
  further_views_.leave(member, history_context(now));
  wake_by(next_due());
}

bool Device::waits_for_view(const Member& member) const noexcept {
  return member.view != nullptr && !further_views_.can_deliver(member);
}

// A read on its way may have been asked for less than the view needs.
void Device::read_for_view(const Member& member) {
  if (member.view->past || read_ == Read::unread) return;
  if (!read_in_flight_ || points_asked_ < member.view->key.points) want_read(storage::ReadReason::first);
}

bool Device::deliver_history(Member& member, const Now& now) {
  if (member.view != nullptr) return further_views_.deliver(member, history_context(now));
  if (history_.samples().empty()) return false;
  member.receiver.deliver(Channel::history, history_frame());
  ++env_.counters.messages[index(Channel::history)];
  return true;
}

bool Device::history_resumes(const Member& member, const proto::Since& since) const {
  if (member.view == nullptr || !member.view->appends()) return true;
  return !first_read_pending() && !waits_for_view(member) && history_.after(since, env_.config.row_lag).has_value();
}

bool Device::history_lost(Member& member, const Now& now) {
  if (member.view == nullptr || !member.view->appends() || !member.has_history) return true;
  if (member.view->key.form == HistoryForm::append_only) return false;
  deliver_history(member, now);
  return true;
}

void Device::take_sample(const proto::MetricValues& values, proto::Timestamp time, const Now& now) {
  if (further_views_.empty()) {
    if (!history_.add_event(values, time)) {
      ++env_.counters.doubled;
      return;
    }
    history_changed(now, false);
    return look_at_guess(now);
  }
  std::optional<Sample> oldest;
  if (further_views_.has_spans() && history_.samples().size() >= history_.capacity())
    oldest = history_.samples().front();
  const std::int64_t end = history_.end();
  if (!history_.add_event(values, time)) {
    ++env_.counters.doubled;
    return;
  }
  if (oldest && history_.end() != end) further_views_.left_window(*oldest);
  history_changed(now, false);
  const HistoryContext context = history_context(now);
  further_views_.took_event(context);
  further_views_.send(context, false);
  look_at_guess(now);
  wake_by(next_due());
}

HistoryWindow::Applied Device::merge_rows(const storage::Snapshot& snapshot, proto::Timestamp earliest_row_of_events,
                                          const Now& now) {
  const HistoryContext context = history_context(now);
  if (!further_views_.empty()) further_views_.before_merge(context);
  const std::vector<Sample> before = further_views_.has_spans() ? history_.samples() : std::vector<Sample>();
  const std::int64_t end = history_.end();
  const HistoryWindow::Applied applied = history_.apply(snapshot, earliest_row_of_events);
  all_rows_known_ = snapshot.metrics.size() < points_asked_;
  default_view_changed_ = history_.end() != end || history_.same_from() > history_.begin_of(env_.config.history_points);
  if (applied.changed && !further_views_.empty()) further_views_.after_merge(before, end, context);
  return applied;
}

// Before deliver_snapshot(), whatever the outcome of the read: nobody waits any longer for what it did not bring.
void Device::views_were_read(bool well, const Now& now) {
  if (further_views_.empty()) return;
  further_views_.on_read(well ? points_asked_ : std::numeric_limits<std::size_t>::max(), history_context(now));
}

void Device::on_range(std::uint32_t view, const storage::HistoryResult& result, const Now& now) {
  const bool read = further_views_.on_range(view, result, history_context(now));
  // Another statement may well succeed where this one took too long; but whoever cannot be reached is away.
  if (!read && result.error == storage::SnapshotError::unavailable) {
    database_is_away(now);
    if (!read_in_flight_ && retry_at_ == kNever) retry_later(now);
  }
  serve_views(now);
  wake_by(next_due());
}

// What has changed goes to all members of a view, and what is left to those who still wait for their first message.
void Device::serve_views(const Now& now) {
  if (further_views_.empty()) return;
  const HistoryContext context = history_context(now);
  further_views_.send(context, true);
  if (!context.ready) return;
  for (Member* member : members_) {
    if (member->view == nullptr || !member->awaiting.contains(Channel::history) || waits_for_view(*member)) continue;
    if (!further_views_.deliver(*member, context) && read_ == Read::done) member->awaiting.remove(Channel::history);
  }
}

void Device::further_views_on_time(const Now& now) {
  further_views_.on_time(history_context(now));
  // Nobody shows so many points any more.
  const std::size_t points = further_views_.capacity(env_.config.history_points);
  if (points >= history_.capacity()) return;
  const std::vector<Sample>& samples = history_.samples();
  if (further_views_.has_spans())
    for (std::size_t i = 0; i + points < samples.size(); ++i) further_views_.left_window(samples[i]);
  history_.set_capacity(points);
}

// The default view. Requires: there is at least one sample.
FramePtr Device::history_frame() {
  ChannelState& history = state(Channel::history);
  if (history.latest) return history.latest;
  proto::HistoryMessage message(id_, env_.clock);
  const std::vector<Sample>& samples = history_.samples();
  const std::size_t shown = std::min(samples.size(), env_.config.history_points);
  for (auto sample = samples.end() - static_cast<std::ptrdiff_t>(shown); sample != samples.end(); ++sample)
    message.add(proto::make_history_point(sample->time(), sample->values));
  std::string cursor;
  proto::append_cursor(cursor, history_.cursor());
  env_.scratch.clear();
  message.append_to(env_.scratch, proto::name(proto::HistoryMode::replace), cursor);
  history.latest = Frame::text(env_.scratch);
  return history.latest;
}

// In `replace` form a window is sent for every new sample, but not more often than once per interval: a burst is one
// chart.
void Device::history_changed(const Now& now, bool at_once) {
  ChannelState& history = state(Channel::history);
  history.latest.reset();
  if (history.members.empty() || first_read_pending()) return;
  const SteadyTime due = history_sent_at_ + env_.config.history_min_interval;
  if (!at_once && now.steady < due) {
    history_due_ = due;
    wake_by(due);
    return;
  }
  history_due_ = kNever;
  history_sent_at_ = now.steady;
  const FramePtr frame = history_frame();
  history.fan_out(frame);
  history.last_sent = now.steady;
  env_.counters.messages[index(Channel::history)] += history.members.size();
}

}  // namespace pulsegate::devices
