#include "gateway/devices/event_memory.hpp"

#include <algorithm>
#include <utility>

#include "gateway/devices/cursor_match.hpp"

namespace pulsegate::devices {

namespace {

// A report that is published twice comes twice in a row, or with very few others of its device between.
constexpr std::size_t kLookBack = 8;
constexpr proto::Timestamp kYear10000{std::chrono::microseconds(253'402'300'800'000'000)};

}  // namespace

proto::Timestamp EventMemory::said(proto::Timestamp time) noexcept {
  return std::clamp(time, proto::Timestamp{}, kYear10000 - std::chrono::microseconds(1));
}

proto::Cursor EventMemory::next_cursor(proto::Timestamp time, const proto::MetricValues& values) const {
  proto::Cursor cursor{said(time), proto::sample_digest(values), 0};
  for (std::size_t i = count_; i-- > 0 && count_ - i <= kLookBack;) {
    const proto::Cursor& other = (*this)[i].cursor;
    if (other.time != cursor.time || other.digest != cursor.digest || other.of_row()) continue;
    cursor.occurrence = static_cast<std::uint16_t>((other.ordinal() + 1) % proto::Cursor::kOfRow);
    break;
  }
  return cursor;
}

void EventMemory::push(Remembered sample, const Limits& limits) {
  sample.after_gap = std::exchange(gap_at_end_, false);
  append(std::move(sample));
  shrink(limits);
}

void EventMemory::fill_gap(std::vector<Remembered> missed, bool connected, bool complete, const Limits& limits) {
  std::vector<Remembered> later;
  const std::size_t from = unbroken_from();
  for (std::size_t i = from; i < count_; ++i) later.push_back((*this)[i]);
  while (count_ > from) {
    --count_;
    Remembered& last = slot(count_);
    bytes_ -= last.frame->size();
    last.frame.reset();
  }
  // Before the very first one more may be missing, whatever was found.
  bool open = !connected || count_ == 0;
  for (Remembered& sample : missed) {
    sample.after_gap = std::exchange(open, false);
    append(std::move(sample));
  }
  open = open || !complete;
  if (later.empty()) {
    gap_at_end_ = open;
  } else {
    later.front().after_gap = open;
  }
  for (Remembered& sample : later) append(std::move(sample));
  shrink(limits);
}

// Equal samples of one time stand next to each other in the order of their occurrence: the last that the client can
// have seen counts.
std::optional<std::size_t> EventMemory::find(const proto::Cursor& cursor, std::chrono::milliseconds row_lag,
                                             bool repeats) const {
  std::optional<std::size_t> maybe;
  for (std::size_t i = count_; i-- > 0;) {
    const proto::Cursor& other = (*this)[i].cursor;
    if (other.digest != cursor.digest) continue;
    const auto time = std::optional(other.time);
    const auto found = other.of_row() ? match(cursor, {}, time, std::chrono::microseconds(0), row_lag)
                                      : match(cursor, time, {}, std::chrono::microseconds(0), row_lag);
    if (found == CursorMatch::exact && other.ordinal() <= cursor.ordinal()) return i;
    if (found == CursorMatch::maybe && !repeats) maybe = i;
  }
  return maybe;
}

std::optional<std::size_t> EventMemory::after(const proto::Since& since, std::chrono::milliseconds row_lag,
                                              bool repeats) const {
  std::size_t next = count_;
  bool found = false;
  if (const auto* cursor = std::get_if<proto::Cursor>(&since)) {
    const auto at = find(*cursor, row_lag, repeats);
    found = at.has_value();
    next = at.value_or(0) + 1;
  } else {
    // Something older must be here, or there may have been others before the first. Rows tell the time by another
    // clock.
    const proto::Timestamp time = std::get<proto::Timestamp>(since);
    next = 0;
    for (std::size_t i = 0; i < count_ && (*this)[i].cursor.time < time; ++i)
      if (!(*this)[i].cursor.of_row()) next = i + 1;
    found = next > 0;
  }
  if (!found || gap_at_end_) return std::nullopt;
  for (std::size_t i = next; i < count_; ++i)
    if ((*this)[i].after_gap) return std::nullopt;
  return next;
}

std::size_t EventMemory::unbroken_from() const noexcept {
  return gap_at_end_ ? count_ : last_run();
}

std::size_t EventMemory::last_run() const noexcept {
  for (std::size_t i = count_; i-- > 0;)
    if ((*this)[i].after_gap) return i;
  return 0;
}

void EventMemory::append(Remembered sample) {
  if (count_ == ring_.size()) {
    std::vector<Remembered> larger(std::max<std::size_t>(4, 2 * count_));
    for (std::size_t i = 0; i < count_; ++i) larger[i] = std::move(slot(i));
    ring_ = std::move(larger);
    head_ = 0;
  }
  bytes_ += sample.frame->size();
  slot(count_++) = std::move(sample);
}

void EventMemory::shrink(const Limits& limits) {
  while (count_ > 1 && (count_ > limits.events || bytes_ > limits.bytes)) {
    Remembered& oldest = slot(0);
    bytes_ -= oldest.frame->size();
    oldest.frame.reset();
    head_ = (head_ + 1) & (ring_.size() - 1);
    --count_;
    forgot_ = true;
    // It is not what was missed before it that is not here, but itself.
    slot(0).after_gap = false;
  }
}

}  // namespace pulsegate::devices
