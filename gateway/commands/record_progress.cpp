#include "gateway/commands/record_progress.hpp"

#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace pulsegate::commands {
namespace {

constexpr auto kSpan = std::chrono::seconds(1);

std::size_t terminal_width() {
  winsize size{};
  return ::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 1 ? size.ws_col - 1u : 79u;
}

}  // namespace

std::string grouped(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (std::size_t at = text.size(); at > 3;) text.insert(at -= 3, 1, ' ');
  return text;
}

double RateMeter::update(std::uint64_t total, Time now) {
  if (begin_ == Time{}) {
    begin_ = previous_begin_ = now;
    at_begin_ = at_previous_ = total;
  } else if (now - begin_ >= kSpan) {
    previous_begin_ = begin_;
    at_previous_ = at_begin_;
    begin_ = now;
    at_begin_ = total;
  }
  const double seconds = std::chrono::duration<double>(now - previous_begin_).count();
  return seconds > 0 ? static_cast<double>(total - at_previous_) / seconds : 0;
}

StatusLine::StatusLine() : terminal_(::isatty(STDERR_FILENO) != 0) {}

void StatusLine::show(const std::string& text) {
  if (!terminal_) return;
  std::fprintf(stderr, "\r\x1b[K%s", text.substr(0, terminal_width()).c_str());
  shown_ = true;
}

void StatusLine::say(const std::string& text) {
  clear();
  std::fprintf(stderr, "%s\n", text.c_str());
}

void StatusLine::clear() {
  if (shown_) std::fputs("\r\x1b[K", stderr);
  shown_ = false;
}

}  // namespace pulsegate::commands
