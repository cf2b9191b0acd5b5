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
  if (exceeds(size, limits_.conflate_above)) {
    // One full pass when the mark is crossed; from then on every push removes its own predecessor only.
    if (!unique_keys_) keep_latest_per_key();
    if (key != 0) conflate([key](const Entry& entry) { return entry.key == key; });
    unique_keys_ = true;
  } else {
    unique_keys_ = false;
  }
  if (exceeds(size, limits_.close_above)) return Push::overflow;
  append(std::move(frame), key);
  return Push::queued;
}

void Outbox::make_room(const OutboxLimits& limits, ConflationKey highest) {
  if (!conflated_keys_.has_room(highest)) {
    ConflationKeys wider(highest);
    for (ConflationKey key = 1; key <= conflated_keys_.highest(); ++key)
      if (conflated_keys_.contains(key)) wider.add(key);
    conflated_keys_ = std::move(wider);
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
  const auto pieces = static_cast<std::uint32_t>(std::min<std::size_t>(count_, capacity));
  for (std::uint32_t i = 0; i < pieces; ++i) {
    std::string_view bytes = at(i).frame->bytes();
    if (i == 0) bytes.remove_prefix(front_sent_);
    // sendmsg() does not write through iov_base.
    out[i] = {const_cast<char*>(bytes.data()), bytes.size()};
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

void Outbox::drop_unsent() noexcept {
  retain([](const Entry& entry) { return entry.kind == Kind::control; });
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
  if (count_ == capacity_) {
    const std::uint32_t capacity = capacity_ == 0 ? kFirstCapacity : capacity_ * 2;
    auto slots = std::make_unique<Entry[]>(capacity);
    for (std::uint32_t i = 0; i < count_; ++i) slots[i] = std::move(at(i));
    slots_ = std::move(slots);
    capacity_ = capacity;
    head_ = 0;
  }
  backlog_ += frame->size();
  Entry& entry = at(count_);
  entry.frame = std::move(frame);
  entry.key = key;
  entry.kind = Kind::data;
  ++count_;
  return entry;
}

void Outbox::pop_front() noexcept {
  at(0).frame.reset();
  head_ = (head_ + 1) & (capacity_ - 1);
  --count_;
  front_sent_ = 0;
}

void Outbox::drained() noexcept {
  head_ = 0;
  front_sent_ = 0;
  clock_started_ = false;
  unique_keys_ = false;
  if (capacity_ > kKeptCapacity) {
    slots_.reset();
    capacity_ = 0;
  }
}

template <typename Keep>
std::size_t Outbox::retain(Keep&& keep) noexcept {
  // Kept entries move towards the back, where the newest is; the head then skips what is left over.
  std::uint32_t write = count_;
  for (std::uint32_t read = count_; read-- > 0;) {
    Entry& entry = at(read);
    const bool partly_sent = read == 0 && front_sent_ > 0;
    if (partly_sent || keep(static_cast<const Entry&>(entry))) {
      if (--write != read) at(write) = std::move(entry);
    } else {
      backlog_ -= entry.frame->size();
      if (entry.kind == Kind::apart) apart_ -= entry.frame->size();
      entry.frame.reset();
    }
  }
  if (write == 0) return 0;
  head_ = (head_ + write) & (capacity_ - 1);
  count_ -= write;
  if (count_ == 0) drained();
  return write;
}

template <typename Newer>
void Outbox::conflate(Newer&& newer) noexcept {
  conflated_ += retain([this, &newer](const Entry& entry) {
    if (!newer(entry)) return true;
    conflated_keys_.add(entry.key);
    return false;
  });
}

void Outbox::keep_latest_per_key() {
  ConflationKeys seen(conflated_keys_.highest());
  conflate([&seen](const Entry& entry) {
    if (entry.key == 0) return false;
    const bool newer = seen.contains(entry.key);
    seen.add(entry.key);
    return newer;
  });
}

}  // namespace pulsegate::ws
