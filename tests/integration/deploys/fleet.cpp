#include "fleet.hpp"

#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <exception>
#include <stdexcept>

namespace pulsegate::test {
namespace {

constexpr std::chrono::milliseconds kLook{20};  // at who is due to come back, and how far behind viewers are
constexpr int kEventsPerTurn = 256;

void watch(int epoll, int operation, int fd, std::uint32_t events, std::size_t index) {
  epoll_event event{};
  event.events = events;
  event.data.u64 = index;
  if (::epoll_ctl(epoll, operation, fd, &event) != 0) throw std::runtime_error("epoll_ctl failed");
}

}  // namespace

Fleet::Fleet(std::uint16_t port, std::size_t viewers, const Reporter& reporter)
    : port_(port), reporter_(reporter), viewers_(viewers), seen_before_(viewers) {
  const Clock::time_point start = Clock::now();
  for (std::size_t i = 0; i < viewers; ++i)
    viewers_[i].begin(i % reporter.devices(), start + std::chrono::microseconds(2'000'000 * i / viewers));
  epoll_ = ::epoll_create1(EPOLL_CLOEXEC);
  behind_ms_ = 1'000'000;
  thread_ = std::thread([this] { run(); });
}

Fleet::~Fleet() {
  finishing_ = true;
  if (thread_.joinable()) thread_.join();
  for (Viewer& viewer : viewers_) viewer.drop();
  if (epoll_ >= 0) ::close(epoll_);
}

void Fleet::run() {
  try {
    loop();
  } catch (const std::exception& error) {
    failure_ = error.what();
  }
}

void Fleet::loop() {
  Clock::time_point next_look = Clock::now();
  while (!finishing_) {
    const Clock::time_point now = Clock::now();
    if (now >= next_look) {
      const auto late = std::chrono::duration_cast<std::chrono::milliseconds>(now - next_look).count();
      if (late > stall_ms_) stall_ms_ = late;
      next_look = now + kLook;
      update();
      for (std::size_t i = 0; i < viewers_.size(); ++i) {
        if (viewers_[i].state() != Viewer::State::away || viewers_[i].due() > now) continue;
        viewers_[i].connect(port_);
        watch(epoll_, EPOLL_CTL_ADD, viewers_[i].fd(), EPOLLOUT, i);
      }
    }
    epoll_event events[kEventsPerTurn];
    const int count = ::epoll_wait(epoll_, events, kEventsPerTurn, static_cast<int>(kLook.count()));
    for (int event = 0; event < count; ++event) {
      const std::size_t i = static_cast<std::size_t>(events[event].data.u64);
      Viewer& viewer = viewers_[i];
      const Viewer::State before = viewer.state();
      if (!viewer.on_ready(events[event].events == EPOLLOUT, tally_, random_)) continue;
      if (viewer.state() == Viewer::State::shaking_hands && before == Viewer::State::connecting)
        watch(epoll_, EPOLL_CTL_MOD, viewer.fd(), EPOLLIN, i);
      if (viewer.state() != Viewer::State::open) continue;
      if (seen_before_[i]) {
        const std::lock_guard lock(mutex_);
        reopened_.push_back(Clock::now());
      }
      seen_before_[i] = true;
    }
  }
}

void Fleet::update() {
  const Clock::time_point now = Clock::now();
  std::size_t open = 0;
  std::size_t lacking = 0;
  Clock::duration behind{};
  for (const Viewer& viewer : viewers_) {
    if (viewer.state() == Viewer::State::open) ++open;
    if (viewer.last() + 1 >= reporter_.count(viewer.device())) continue;
    ++lacking;
    behind = std::max(behind, now - reporter_.due(viewer.device(), viewer.last() + 1));
  }
  open_ = open;
  lacking_ = lacking;
  behind_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(behind).count();
  ++looks_;
}

bool Fleet::up_to_date(std::chrono::milliseconds lag) const {
  return open_ == viewers_.size() && behind_ms_ <= lag.count();
}

// The look that is under way may have begun before the last report.
bool Fleet::wait_complete(Millis deadline) const {
  const std::uint64_t before = looks_;
  return eventually([&] { return looks_ >= before + 2 && lacking_ == 0 && open_ == viewers_.size(); }, deadline);
}

std::vector<Fleet::Clock::time_point> Fleet::reopened_since(Clock::time_point since) const {
  const std::lock_guard lock(mutex_);
  return {std::lower_bound(reopened_.begin(), reopened_.end(), since), reopened_.end()};
}

std::size_t Fleet::finish() {
  finishing_ = true;
  if (thread_.joinable()) thread_.join();
  return static_cast<std::size_t>(std::count_if(viewers_.begin(), viewers_.end(), [this](const Viewer& viewer) {
    return viewer.last() + 1 != reporter_.count(viewer.device());
  }));
}

}  // namespace pulsegate::test
