// What views of `history` send, to whom and when.
#include <algorithm>
#include <string>
#include <utility>

#include "gateway/devices/device.hpp"
#include "gateway/devices/history_views.hpp"
#include "proto/downsample.hpp"

namespace pulsegate::devices {

using proto::Channel;

namespace {

std::int64_t shown_from(const HistoryView& view, const HistoryWindow& window) noexcept {
  return view.past ? window.begin() : window.begin_of(view.key.points);
}

const Sample& sample_at(const HistoryWindow& window, std::int64_t number) {
  return window.samples()[static_cast<std::size_t>(number - window.begin())];
}

FramePtr encode(proto::HistoryMessage& message, proto::HistoryMode mode, const HistoryContext& context) {
  std::string cursor;
  if (!context.window.samples().empty()) proto::append_cursor(cursor, context.window.cursor());
  context.env.scratch.clear();
  message.append_to(context.env.scratch, proto::name(mode), cursor);
  return Frame::text(context.env.scratch);
}

FramePtr span_frame(const HistoryView& view, const HistoryContext& context) {
  const proto::Timestamp from = context.now.wall - view.key.span;
  view.past->expire(from);
  std::vector<proto::HistoryPoint> points = view.past->points();
  for (const Sample& sample : context.window.samples())
    if (sample.time() >= from) points.push_back(proto::make_history_point(sample.time(), sample.values));
  if (points.empty()) return {};
  proto::HistoryMessage message(context.id, context.env.clock);
  if (points.size() <= view.key.points) {
    for (const proto::HistoryPoint& point : points) message.add(point);
  } else {
    for (const proto::Chart chart : {proto::Chart::cpu, proto::Chart::memory, proto::Chart::network})
      for (const proto::ChartPoint& point : proto::downsample(view.key.downsample, chart, points, view.key.points))
        message.add(chart, point);
  }
  return encode(message, proto::HistoryMode::replace, context);
}

// All that the view shows; null: nothing.
FramePtr whole_frame(HistoryView& view, const HistoryContext& context) {
  const bool moved_on = view.past && context.now.steady - view.built_at >= context.env.config.history_min_interval;
  if (view.channel.latest && !moved_on) return view.channel.latest;
  view.built_at = context.now.steady;
  if (view.past) return view.channel.latest = span_frame(view, context);
  if (context.window.samples().empty()) return {};
  proto::HistoryMessage message(context.id, context.env.clock);
  for (std::int64_t i = shown_from(view, context.window); i < context.window.end(); ++i) {
    const Sample& sample = sample_at(context.window, i);
    message.add(proto::make_history_point(sample.time(), sample.values));
  }
  return view.channel.latest = encode(message, proto::HistoryMode::replace, context);
}

// The samples from this one on; null: none that the view's members want.
FramePtr new_points(HistoryView& view, std::int64_t first, const HistoryContext& context) {
  proto::HistoryMessage message(context.id, context.env.clock);
  bool any = false;
  for (std::int64_t i = first; i < context.window.end(); ++i) {
    const Sample& sample = sample_at(context.window, i);
    // Whoever only appends must not get what belongs in front of what it has.
    if (view.key.form == HistoryForm::append_only && i < view.read_end && sample.time() <= view.newest_sent) continue;
    message.add(proto::make_history_point(sample.time(), sample.values));
    any = true;
  }
  return any ? encode(message, proto::HistoryMode::append, context) : FramePtr();
}

// A frame of 2 000 points has half a MiB. Sent every second it would cost those their connection who take longer than
// that to read it, and everybody else its bandwidth.
constexpr std::size_t kBytesPerSecond = 128 * 1024;

Millis pause_after(const FramePtr& frame) {
  if (frame->size() <= kBytesPerSecond) return Millis(0);
  return Millis(static_cast<Millis::rep>(frame->size() * 1'000 / kBytesPerSecond));
}

void hand_over(Member& member, const FramePtr& frame, const HistoryContext& context) {
  member.awaiting.remove(Channel::history);
  member.has_history = true;
  if (!frame) return;
  member.receiver.deliver(Channel::history, frame);
  ++context.env.counters.messages[index(Channel::history)];
}

// Samples that members of this view may still have to get raw before a chart of it is thinned out anew.
bool tail_is_long(const HistoryView& view, const HistoryContext& context) noexcept {
  return view.past && view.tail >= std::max<std::size_t>(1, view.key.points / 4) &&
         view.past->points().size() + context.window.samples().size() > view.key.points;
}

}  // namespace

void HistoryViews::took_event(const HistoryContext& context) {
  for (const auto& view : views_->views) changed(*view, context.window.same_from());
}

void HistoryViews::changed(HistoryView& view, std::int64_t same_from) noexcept {
  view.channel.latest.reset();
  view.dirty = true;
  view.true_from = std::max(view.true_from, same_from);
}

void HistoryViews::before_merge(const HistoryContext& context) {
  // Afterwards nobody can tell what a read has added from what has come by the bus.
  for (const auto& view : views_->views)
    if (view->key.form == HistoryForm::append_only) send(*view, context, true);
}

void HistoryViews::send(const HistoryContext& context, bool at_once) {
  for (const auto& view : views_->views) send(*view, context, at_once);
}

void HistoryViews::send(HistoryView& view, const HistoryContext& context, bool at_once) {
  if (!context.ready || view.waiting || !view.dirty || view.channel.members.empty()) return;
  const SteadyTime due = view.sent_at + std::max(context.env.config.history_min_interval, view.pause);
  if (!at_once && context.now.steady < due) {
    view.due = due;
    return;
  }
  view.due = kNever;
  if (view.appends()) {
    send_new(view, context, nullptr);
  } else if (const FramePtr frame = whole_frame(view, context)) {
    for (Member* member : view.channel.members) hand_over(*member, frame, context);
    view.channel.last_sent = context.now.steady;
    view.pause = pause_after(frame);
  }
  view.dirty = false;
  view.sent_at = context.now.steady;
}

// To members in append form: to each what it lacks. Before a `newcomer` is served, all others are brought to where it
// will stand.
void HistoryViews::send_new(HistoryView& view, const HistoryContext& context, const Member* newcomer) {
  const HistoryWindow& window = context.window;
  const std::int64_t first = shown_from(view, window);
  const bool begun = view.sent_end != HistoryView::kNothing;
  const bool whole = begun && view.key.form == HistoryForm::append &&
                     (first < view.true_from || first > view.sent_end || tail_is_long(view, context));
  FramePtr frame;
  if (whole) {
    frame = whole_frame(view, context);
  } else if (begun && view.sent_end < window.end()) {
    frame = new_points(view, std::max(first, view.sent_end), context);
  }
  bool any = begun;
  for (Member* member : view.channel.members) {
    if (member == newcomer || (newcomer != nullptr && member->awaiting.contains(Channel::history))) continue;
    if (!member->has_history) {
      any = begin(view, *member, context) || any;
    } else if (frame) {
      hand_over(*member, frame, context);
    }
  }
  if (!any) return;
  view.tail = whole || !begun ? 0 : view.tail + static_cast<std::size_t>(window.end() - view.sent_end);
  stand_at_end(view, context);
  if (frame) {
    view.sent_at = context.now.steady;
    view.pause = pause_after(frame);
  }
  view.dirty = false;
  view.due = kNever;
}

void HistoryViews::stand_at_end(HistoryView& view, const HistoryContext& context) {
  view.true_from = shown_from(view, context.window);
  view.sent_end = context.window.end();
  if (view.key.form != HistoryForm::append_only) return;
  for (const Sample& sample : context.window.samples()) view.newest_sent = std::max(view.newest_sent, sample.time());
}

// The first message of a member in append form. False: there is nothing to show.
bool HistoryViews::begin(HistoryView& view, Member& member, const HistoryContext& context) {
  const std::unique_ptr<HistoryWish> wish = std::move(member.wish);
  if (wish && wish->since) {
    const auto index = context.window.after(*wish->since, context.env.config.row_lag);
    const std::size_t size = context.window.samples().size();
    if (index && size - *index <= view.key.points) {
      hand_over(member, new_points(view, context.window.begin() + static_cast<std::int64_t>(*index), context), context);
      return true;
    }
  }
  const FramePtr frame = whole_frame(view, context);
  if (frame) hand_over(member, frame, context);
  return static_cast<bool>(frame);
}

bool HistoryViews::deliver(Member& member, const HistoryContext& context) {
  HistoryView& view = *member.view;
  if (!view.appends()) {
    const FramePtr frame = whole_frame(view, context);
    if (frame) hand_over(member, frame, context);
    return static_cast<bool>(frame);
  }
  if (view.key.form == HistoryForm::append_only && member.has_history) return true;
  member.has_history = false;
  send_new(view, context, &member);
  if (!begin(view, member, context)) return false;
  if (view.sent_end == HistoryView::kNothing) stand_at_end(view, context);
  return true;
}

}  // namespace pulsegate::devices
