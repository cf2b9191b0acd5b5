// The queue of one session: a ring of frame references with exact accounting and conflation.
#include "gateway/ws/outbox.hpp"

#include <algorithm>
#include <cassert>
#include <utility>

namespace pulsegate::ws {
namespace {

constexpr std::uint32_t kFirstCapacity = 4;
constexpr std::uint32_t kKeptCapacity =
    16;  // entries whose storage an empty outbox keeps, so that small bursts do not allocate

}  // namespace

Outbox::Push Outbox::push(FramePtr frame, ConflationKey key) {
  assert(conflated_keys_.has_room(key));
  const std::size_t size = frame->size();
  const bool crowded = exceeds(size, limits_.conflate_above);
  if (crowded) {
    // One full pass when the mark is crossed; from then on every push drops its own predecessor only.
    if (!unique_keys_) keep_latest_per_key();
    if (key != 0) {
      if (const std::uint32_t older = position_of(key); older < count_ && !under_way(older)) drop_for_newer(older);
      pop_dropped();
    }
  } else {
    unique_keys_ = false;
  }
  if (exceeds(size, limits_.close_above)) return Push::overflow;
  append(std::move(frame), key);
  if (crowded && key != 0) latest_[key - 1] = slot_of(count_ - 1);
  return Push::queued;
}

void Outbox::make_room(const OutboxLimits& limits, ConflationKey highest) {
  if (!conflated_keys_.has_room(highest)) {
    ConflationKeys wider(highest);
    for (ConflationKey key = 1; key <= conflated_keys_.highest(); ++key)
      if (conflated_keys_.contains(key)) wider.add(key);
    conflated_keys_ = std::move(wider);
    if (unique_keys_) latest_.resize(conflated_keys_.highest());
  }
  limits_ = limits;
}

void Outbox::push_apart(FramePtr frame) {
  Entry& entry = append(std::move(frame), 0);
  entry.kind = Kind::apart;
  apart_ += entry.frame->size();
}

void Outbox::push_control(FramePtr frame, std::function<void()> sent) {
  const bool control = static_cast<bool>(sent);
  if (control) controls_.push_back(std::move(sent));
  Entry& entry = append(std::move(frame), 0);
  if (control) entry.kind = Kind::control;
}

std::size_t Outbox::gather(iovec* out, std::size_t capacity) const noexcept {
  std::size_t pieces = 0;
  const bool holes = dropped_ > 0;
  for (std::uint32_t i = 0; i < count_ && pieces < capacity; ++i) {
    if (holes && !at(i).frame) continue;
    std::string_view bytes = at(i).frame->bytes();
    if (i == 0) bytes.remove_prefix(front_sent_);
    // sendmsg() does not write through iov_base.
    out[pieces++] = {const_cast<char*>(bytes.data()), bytes.size()};
  }
  return pieces;
}

void Outbox::consume(std::size_t bytes, SteadyTime now) {
  if (bytes > 0 || !clock_started_) last_progress_ = now;
  clock_started_ = true;
  backlog_ -= bytes;
  while (count_ > 0) {
    const std::size_t rest = at(0).frame->size() - front_sent_;
    if (rest > bytes) {
      front_sent_ += bytes;
      break;
    }
    bytes -= rest;
    const Entry& sent = at(0);
    if (sent.kind == Kind::control) ++due_;
    if (sent.kind == Kind::apart) apart_ -= sent.frame->size();
    pop_front();
    pop_dropped();
  }
  if (count_ == 0) {
    drained();
    note_idle(now);
  }
  // Only now, with everything accounted for: a handler may push, or clear.
  while (due_ > 0) {
    --due_;
    const std::function<void()> sent = std::move(controls_.front());
    controls_.erase(controls_.begin());
    sent();
  }
}

bool Outbox::stalled(SteadyTime now) const noexcept {
  return count_ > 0 && clock_started_ && now - last_progress_ >= limits_.stalled_after;
}

Conflated Outbox::take_conflated(SteadyTime now) {
  assert(empty());
  ConflationKeys none(conflated_keys_.highest());
  return {std::exchange(conflated_, 0), std::exchange(conflated_keys_, std::move(none)),
          std::exchange(last_empty_, now)};
}

void Outbox::note_idle(SteadyTime now) noexcept {
  if (count_ == 0 && conflated_ == 0) last_empty_ = now;
}

void Outbox::forget(ConflationKey first, ConflationKey last) noexcept {
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Entry& entry = at(i);
    if (entry.frame && entry.key >= first && entry.key <= last && !under_way(i)) drop(i);
  }
  pop_dropped();
  for (ConflationKey key = first; key <= last; ++key) conflated_keys_.remove(key);
  if (conflated_keys_.empty()) conflated_ = 0;
  if (count_ == 0) drained();
}

void Outbox::drop_unsent() noexcept {
  for (std::uint32_t i = 0; i < count_; ++i)
    if (at(i).frame && at(i).kind != Kind::control && !under_way(i)) drop(i);
  pop_dropped();
  if (count_ == 0) drained();
}

void Outbox::clear() noexcept {
  while (count_ > 0) pop_front();
  drained();
  slots_.reset();
  capacity_ = 0;
  controls_.clear();
  due_ = 0;
  backlog_ = 0;
  apart_ = 0;
}

Outbox::Entry& Outbox::append(FramePtr frame, ConflationKey key) {
  if (count_ == capacity_) make_larger();
  backlog_ += frame->size();
  Entry& entry = at(count_);
  entry.frame = std::move(frame);
  entry.key = key;
  entry.kind = Kind::data;
  ++count_;
  return entry;
}

void Outbox::make_larger() {
  // Those without a frame are worth the move where they are half of all: it is then paid for by what was dropped.
  if (dropped_ > 0 && dropped_ >= count_ / 2) return compact();
  const std::uint32_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
  auto slots = std::make_unique<Entry[]>(capacity);
  for (std::uint32_t i = 0; i < count_; ++i) slots[i] = std::move(at(i));
  slots_ = std::move(slots);
  capacity_ = capacity;
  head_ = 0;
  if (unique_keys_) find_latest();
}

void Outbox::pop_front() noexcept {
  at(0).frame.reset();
  head_ = (head_ + 1) & (capacity_ - 1);
  --count_;
  front_sent_ = 0;
}

void Outbox::pop_all_dropped() noexcept {
  for (; count_ > 0 && !at(0).frame; --dropped_) pop_front();
}

void Outbox::drained() noexcept {
  head_ = 0;
  dropped_ = 0;
  front_sent_ = 0;
  clock_started_ = false;
  unique_keys_ = false;
  if (!latest_.empty()) latest_ = {};
  if (capacity_ > kKeptCapacity) {
    slots_.reset();
    capacity_ = 0;
  }
}

void Outbox::drop(std::uint32_t position) noexcept {
  Entry& entry = at(position);
  backlog_ -= entry.frame->size();
  if (entry.kind == Kind::apart) apart_ -= entry.frame->size();
  entry.frame.reset();
  ++dropped_;
}

void Outbox::drop_for_newer(std::uint32_t position) noexcept {
  conflated_keys_.add(at(position).key);
  ++conflated_;
  drop(position);
}

void Outbox::compact() noexcept {
  std::uint32_t write = 0;
  for (std::uint32_t read = 0; read < count_; ++read) {
    Entry& entry = at(read);
    if (!entry.frame) continue;
    if (write != read) at(write) = std::move(entry);
    ++write;
  }
  count_ = write;
  dropped_ = 0;
  if (unique_keys_) find_latest();
}

std::uint32_t Outbox::position_of(ConflationKey key) const noexcept {
  const std::uint32_t position = (latest_[key - 1] - head_) & (capacity_ - 1);
  const bool here = position < count_ && at(position).frame && at(position).key == key;
  return here ? position : count_;
}

void Outbox::find_latest() noexcept {
  for (std::uint32_t i = 0; i < count_; ++i)
    if (at(i).frame && at(i).key != 0) latest_[at(i).key - 1] = slot_of(i);
}

void Outbox::keep_latest_per_key() {
  latest_.assign(conflated_keys_.highest(), 0);
  unique_keys_ = true;
  find_latest();
  for (std::uint32_t i = 0; i < count_; ++i) {
    const Entry& entry = at(i);
    if (entry.frame && entry.key != 0 && latest_[entry.key - 1] != slot_of(i) && !under_way(i)) drop_for_newer(i);
  }
  pop_dropped();
}

}  // namespace pulsegate::ws
