// Who shares which view, and what views read; see history_delivery.cpp for what they send.
#include "gateway/devices/history_views.hpp"

#include <algorithm>
#include <utility>

#include "gateway/devices/device.hpp"

namespace pulsegate::devices {

using std::chrono::milliseconds;

namespace {

// What was late when a span was read is there by then.
constexpr milliseconds kAfterRowLag{1'000};

bool is_same(const Sample& a, const Sample& b) noexcept {
  const bool times = (a.event_time && a.event_time == b.event_time) || (a.row_time && a.row_time == b.row_time);
  return times && proto::same_values(a.values, b.values);
}

bool contains(const std::vector<Sample>& samples, const Sample& sought) noexcept {
  return std::any_of(samples.begin(), samples.end(), [&](const Sample& sample) { return is_same(sample, sought); });
}

}  // namespace

HistoryKey HistoryKey::of(const std::optional<proto::HistoryOptions>& options, bool append_only,
                          std::size_t default_points) noexcept {
  HistoryKey key;
  key.points = default_points;
  if (!options) {
    if (append_only) key.form = HistoryForm::append_only;
    return key;
  }
  if (options->mode == proto::HistoryMode::append) key.form = HistoryForm::append;
  if (options->window) {
    key.span = *options->window;
    key.points = proto::limits::kMaxHistoryPoints;
    key.downsample = options->downsample.value_or(proto::Downsample::lttb);
  }
  if (options->points) key.points = *options->points;
  return key;
}

HistoryView::HistoryView(const HistoryKey& k, std::uint32_t n) : key(k), number(n) {
  if (key.span.count() > 0) past = std::make_unique<HistorySpan>(key.span, key.points, key.downsample);
}

bool HistoryViews::has_members() const noexcept {
  return views_ && std::any_of(views_->views.begin(), views_->views.end(),
                               [](const auto& view) { return !view->channel.members.empty(); });
}

bool HistoryViews::has_spans() const noexcept {
  return views_ && std::any_of(views_->views.begin(), views_->views.end(),
                               [](const auto& view) { return view->past != nullptr; });
}

HistoryView* HistoryViews::find_or_add(const HistoryKey& key, const HistoryContext& context) {
  if (!views_) views_ = std::make_unique<State>();
  auto& views = views_->views;
  const auto found = std::find_if(views.begin(), views.end(), [&](const auto& view) { return view->key == key; });
  if (found != views.end()) return found->get();
  if (views.size() >= kMaxViews) {
    const auto idle =
        std::find_if(views.begin(), views.end(), [](const auto& view) { return view->channel.members.empty(); });
    if (idle == views.end()) return nullptr;
    views.erase(idle);
  }
  if (++views_->last_number == 0) ++views_->last_number;
  views.push_back(std::make_unique<HistoryView>(key, views_->last_number));
  HistoryView& view = *views.back();
  view.look_owed = true;
  view.range_wanted = view.past && context.env.host.has_database();
  return &view;
}

bool HistoryViews::enter(Member& member, const HistoryKey& key, const HistoryContext& context) {
  HistoryView* const view = find_or_add(key, context);
  if (view == nullptr) return false;
  // The refresh timer starts with the first member.
  if (view->channel.members.empty()) view->channel.last_sent = context.now.steady;
  view->channel.members.push_back(&member);
  view->drop_at = kNever;
  member.view = view;
  member.has_history = false;
  // Where the database has just failed nobody waits for it.
  if (view->range_wanted) view->waiting = views_->retry_at == kNever;
  read_ranges(context);
  return true;
}

void HistoryViews::leave(Member& member, const HistoryContext& context) {
  HistoryView* const view = std::exchange(member.view, nullptr);
  member.has_history = false;
  if (view == nullptr) return;
  view->channel.remove(member);
  if (!view->channel.members.empty()) return;
  view->sent_end = HistoryView::kNothing;
  view->due = kNever;
  view->drop_at = context.now.steady + context.env.config.linger;
}

bool HistoryViews::can_deliver(const Member& member) const noexcept {
  return !member.view->waiting;
}

std::size_t HistoryViews::capacity(std::size_t least) const noexcept {
  if (!views_) return least;
  for (const auto& view : views_->views)
    if (!view->past) least = std::max(least, view->key.points);
  return least;
}

// One after the other, and none that memory covers.
void HistoryViews::read_ranges(const HistoryContext& context) {
  if (!context.ready || views_->reading != 0 || views_->retry_at != kNever) return;
  for (const auto& view : views_->views) {
    if (!view->range_wanted || view->channel.members.empty()) continue;
    view->range_wanted = false;
    const proto::Timestamp from = context.now.wall - view->key.span;
    const std::vector<Sample>& samples = context.window.samples();
    if (!samples.empty() && samples.front().time() <= from) {
      view->waiting = false;
      continue;
    }
    storage::RangeRequest request;
    request.device = context.id;
    request.from = from;
    // A row is stamped after its event.
    request.to = context.now.wall + context.env.config.row_lag;
    request.points = view->key.points;
    request.reduction =
        view->key.downsample == proto::Downsample::mean ? storage::Reduction::mean : storage::Reduction::extremes;
    views_->reading = view->number;
    return context.env.host.request_range(context.device, view->number, request);
  }
}

bool HistoryViews::on_range(std::uint32_t number, const storage::HistoryResult& result, const HistoryContext& context) {
  if (!views_ || views_->reading != number) return true;  // of views that are gone
  views_->reading = 0;
  const auto found = std::find_if(views_->views.begin(), views_->views.end(),
                                  [&](const auto& view) { return view->number == number; });
  const bool read = result.error == storage::SnapshotError::none;
  if (read) {
    views_->retry_after = Millis(0);
    if (found != views_->views.end()) assign(**found, result.history ? *result.history : storage::History(), context);
  } else {
    if (found != views_->views.end()) (*found)->range_wanted = true;
    const DeviceConfig& config = context.env.config;
    Millis& after = views_->retry_after;
    after = after.count() == 0 ? config.retry_min : std::min(after * 2, config.retry_max);
    views_->retry_at =
        context.now.steady + std::chrono::duration_cast<Millis>(after * (0.5 + 0.5 * context.env.host.random()));
    for (const auto& view : views_->views)
      if (view->past) view->waiting = false;
  }
  read_ranges(context);
  return read;
}

// The rows before the window become the view's; what is in the window, events and rows alike, stays there.
void HistoryViews::assign(HistoryView& view, const storage::History& history, const HistoryContext& context) {
  const std::vector<Sample>& samples = context.window.samples();
  const std::vector<Sample> joined = context.window.join(history.rows, history.metric_mask);
  auto end = joined.end();
  if (!samples.empty()) {
    end = std::find_if(joined.begin(), joined.end(),
                       [&](const Sample& sample) { return is_same(sample, samples.front()); });
    if (end == joined.end())
      end = std::find_if(joined.begin(), joined.end(),
                         [&](const Sample& sample) { return sample.time() >= samples.front().time(); });
  }
  std::vector<proto::HistoryPoint> points;
  points.reserve(static_cast<std::size_t>(end - joined.begin()));
  for (auto sample = joined.begin(); sample != end; ++sample)
    points.push_back(proto::make_history_point(sample->time(), sample->values));
  view.past->assign(std::move(points));
  view.waiting = false;
  // Where the window is shorter than rows are late, those between the two are still to come.
  const bool rows_missing = !samples.empty() && samples.front().time() > context.now.wall - context.env.config.row_lag;
  if (std::exchange(view.look_owed, false) && rows_missing)
    view.look_at = context.now.steady + context.env.config.row_lag + kAfterRowLag;
  changed(view, context.window.end() + 1);
}

void HistoryViews::left_window(const Sample& sample) {
  for (const auto& view : views_->views)
    if (view->past) view->past->take(sample);
}

void HistoryViews::after_merge(const std::vector<Sample>& before, std::int64_t end_before,
                               const HistoryContext& context) {
  const std::vector<Sample>& samples = context.window.samples();
  const bool nothing_left = context.window.same_from() > context.window.end();
  const bool grown_back = !samples.empty() && !contains(before, samples.front());
  for (const auto& view : views_->views) {
    if (view->past) {
      if (grown_back && !nothing_left) view->past->cut(samples.front().time());
      for (const Sample& sample : before) {
        if (contains(samples, sample)) break;
        view->past->take(sample);
      }
      if (nothing_left) {
        // More was missed than a snapshot holds.
        view->past->forget();
        view->look_owed = true;
        view->range_wanted = context.env.host.has_database();
      }
    }
    const std::int64_t shown_from = view->past ? context.window.begin() : context.window.begin_of(view->key.points);
    if (context.window.end() != end_before || context.window.same_from() > shown_from)
      changed(*view, context.window.same_from());
    view->read_end = context.window.end();
  }
}

void HistoryViews::on_read(std::size_t points, const HistoryContext& context) {
  for (const auto& view : views_->views)
    if (!view->past && view->key.points <= points) view->waiting = false;
  read_ranges(context);
}

void HistoryViews::on_time(const HistoryContext& context) {
  const auto take = [&](SteadyTime& due) { return due <= context.now.steady && (due = kNever, true); };
  auto& views = views_->views;
  views.erase(std::remove_if(views.begin(), views.end(), [&](const auto& view) { return take(view->drop_at); }),
              views.end());
  const Millis refresh = context.env.config.refresh[index(proto::Channel::history)];
  for (const auto& view : views) {
    if (take(view->look_at)) view->range_wanted = true;
    if (take(view->due)) send(*view, context, true);
    if (view->appends() || view->channel.members.empty() || refresh.count() == 0 ||
        context.now.steady < view->channel.last_sent + refresh)
      continue;
    view->channel.last_sent = context.now.steady;
    view->channel.latest = view->past ? FramePtr() : view->channel.latest;
    view->dirty = true;
    send(*view, context, true);
  }
  take(views_->retry_at);
  read_ranges(context);
  if (views.empty() && views_->reading == 0 && views_->retry_at == kNever) views_.reset();
}

SteadyTime HistoryViews::next_due(Millis refresh) const noexcept {
  SteadyTime due = views_->retry_at;
  for (const auto& view : views_->views) {
    due = std::min({due, view->due, view->drop_at, view->look_at});
    if (!view->appends() && refresh.count() > 0 && !view->channel.members.empty())
      due = std::min(due, view->channel.last_sent + refresh);
  }
  return due;
}

}  // namespace pulsegate::devices
