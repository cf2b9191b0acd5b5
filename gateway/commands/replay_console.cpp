#include "gateway/commands/replay_console.hpp"

#include <unistd.h>

#include <asio/buffer.hpp>
#include <cstdio>
#include <utility>

namespace pulsegate::commands {
namespace {

constexpr std::chrono::milliseconds kTick{100};
constexpr std::size_t kBar = 24;

// "[=====>        ]  42 %".
std::string bar(double progress) {
  const auto filled = static_cast<std::size_t>(progress * kBar);
  std::string text = "[" + std::string(filled, '=') + (filled < kBar ? ">" : "") +
                     std::string(filled < kBar ? kBar - filled - 1 : 0, ' ') + "] ";
  char percent[16];
  std::snprintf(percent, sizeof percent, "%3.0f %%", progress * 100);
  return text + percent;
}

}  // namespace

ReplayConsole::ReplayConsole(asio::io_context& io, ReplayPlayer& player, bool keys, std::function<void()> over)
    : player_(player), over_(std::move(over)), timer_(io) {
  if (keys && ::isatty(STDIN_FILENO) != 0 && ::tcgetattr(STDIN_FILENO, &before_) == 0) {
    termios raw = before_;
    raw.c_lflag &= ~static_cast<tcflag_t>(ICANON | ECHO);
    ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    keyboard_ = std::make_unique<asio::posix::stream_descriptor>(io, ::dup(STDIN_FILENO));
    read_keys();
  }
  tick();
}

ReplayConsole::~ReplayConsole() {
  if (keyboard_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
}

std::string ReplayConsole::summary() const {
  const ReplayStatus status = player_.status();
  std::string text = grouped(status.events) + (status.events == 1 ? " event" : " events");
  if (status.rounds > 1) text += " in " + grouped(status.rounds) + " rounds";
  return text;
}

void ReplayConsole::tick() {
  const ReplayStatus status = player_.status();
  if (line_.active() && status.events > 0) {
    std::string position;
    proto::append_iso8601(position, status.position);
    const auto rate = rate_.update(status.events, std::chrono::steady_clock::now());
    line_.show(bar(status.progress) + "  " + position + "  " + summary() + "  " +
               grouped(static_cast<std::uint64_t>(rate + 0.5)) + "/s");
  }
  if (status.over) {
    line_.clear();
    return over_();
  }
  timer_.expires_after(kTick);
  timer_.async_wait([this](const asio::error_code& error) {
    if (!error) tick();
  });
}

void ReplayConsole::read_keys() {
  keyboard_->async_read_some(asio::buffer(keys_), [this](const asio::error_code& error, std::size_t count) {
    if (error) return;
    for (std::size_t i = 0; i < count; ++i) {
      if (keys_[i] == ' ') player_.step();
      if (keys_[i] == 'q') player_.stop();
    }
    read_keys();
  });
}

}  // namespace pulsegate::commands
