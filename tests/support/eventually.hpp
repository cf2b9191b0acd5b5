// Waiting for an asynchronous fact, with a bounded deadline. The only place where a test may pause: a bare sleep
// elsewhere is either too short on a busy machine or too long on every other one.
#pragma once

#include <poll.h>

#include <chrono>
#include <utility>

namespace pulsegate::test {

using Millis = std::chrono::milliseconds;

// Long enough for a busy two-core machine under a sanitizer, short enough that a failing case does not stop the run.
inline constexpr Millis kDeadline{10'000};
// Start and stop of a whole server program.
inline constexpr Millis kServerDeadline{30'000};

// What is left of a time budget; never negative, so it can be handed to poll().
class Deadline {
 public:
  explicit Deadline(Millis budget) : end_(std::chrono::steady_clock::now() + budget) {}
  Millis left() const {
    const auto left = std::chrono::ceil<Millis>(end_ - std::chrono::steady_clock::now());
    return left > Millis::zero() ? left : Millis::zero();
  }
  bool passed() const { return left() == Millis::zero(); }

 private:
  std::chrono::steady_clock::time_point end_;
};

// Gives other threads and processes a moment; waits for no file descriptor.
inline void pause_for(Millis time) {
  ::poll(nullptr, 0, static_cast<int>(time.count()));
}

// Calls `predicate` until it is true or the deadline has passed, and returns its last answer:
//   BOOST_TEST(eventually([&] { return sink.events() == 3; }));
template <typename Predicate>
bool eventually(Predicate&& predicate, Millis deadline = kDeadline, Millis interval = Millis(5)) {
  const Deadline end(deadline);
  while (!predicate()) {
    if (end.passed()) return static_cast<bool>(predicate());
    pause_for(interval);
  }
  return true;
}

}  // namespace pulsegate::test
