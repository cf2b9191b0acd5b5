// An action at regular times that ends for certain: Asio's cancel() does not reach a handler that is queued already,
// and a handler that arms its own timer anew would then keep the io_context running.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <utility>

#include <asio/io_context.hpp>
#include <asio/steady_timer.hpp>

namespace pulsegate {

// Thread: the io_context's thread only (any one thread while it does not run).
// Owner: whoever the action belongs to; the io_context must outlive it.
// Invariants: 1. Once stop() has returned, or the timer is destroyed, the action does not begin any more and nothing of
// it keeps the io_context running. 2. The action may stop the timer, destroy it, and throw: the next run is due
// already.
class RepeatingTimer {
 public:
  // The first run of `action` comes one period after start().
  RepeatingTimer(asio::io_context& io, std::chrono::milliseconds period, std::function<void()> action)
      : state_(std::make_shared<State>(io, period, std::move(action))) {}
  ~RepeatingTimer() { stop(); }
  RepeatingTimer(const RepeatingTimer&) = delete;
  RepeatingTimer& operator=(const RepeatingTimer&) = delete;

  // Nothing after stop(). Requires: not started yet.
  void start() { State::arm(state_); }

  // Final. Idempotent.
  void stop() noexcept {
    state_->stopped = true;
    try {
      state_->timer.cancel();
    } catch (...) {  // nothing is lost: the handler looks at `stopped`
    }
  }

 private:
  // Outlives the timer while the action runs.
  struct State {
    State(asio::io_context& io, std::chrono::milliseconds every, std::function<void()> what)
        : timer(io), period(every), action(std::move(what)) {}

    static void arm(const std::shared_ptr<State>& state) {
      if (state->stopped) return;
      state->timer.expires_after(state->period);
      state->timer.async_wait([weak = std::weak_ptr<State>(state)](const std::error_code& error) {
        const std::shared_ptr<State> self = weak.lock();
        if (error || !self || self->stopped) return;
        arm(self);
        self->action();
      });
    }

    asio::steady_timer timer;
    const std::chrono::milliseconds period;
    const std::function<void()> action;
    bool stopped = false;
  };

  const std::shared_ptr<State> state_;
};

}  // namespace pulsegate
