// Event i is due at start + i / rate, whatever happened to the ones before: a generator that falls behind says so, and
// does not stretch its schedule.
#include "tests/bench/load/publisher.hpp"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <stdexcept>

#include "tests/bench/load/socket.hpp"

namespace pulsegate::bench {
namespace {

constexpr std::size_t kMostUnsent = 256 * 1024;  // bytes per connection; beyond it events wait in the schedule

// Grows by 10 000 a second, more than any device's rate, so that a server's memory of an earlier run is recognised.
std::uint64_t first_sequence() {
  return now_us() / 100 % 8'000'000'000;
}

}  // namespace

Publisher::Publisher(const Options& options)
    : devices_(options.devices),
      rate_(options.rate),
      flat_out_(options.flat_out),
      burst_(options.burst),
      http_(options.form == PublishForm::message),
      first_(first_sequence()),
      writer_(options.form) {
  if (rate_ == 0 && !flat_out_) return;
  lines_.resize(options.publishers);
  for (Line& line : lines_) line.fd = connect_local(options.publish_port);
}

Publisher::~Publisher() {
  for (const Line& line : lines_) ::close(line.fd);
}

void Publisher::start(std::uint64_t now, std::uint64_t end) {
  start_ = now;
  end_ = lines_.empty() ? 0 : end;
}

std::uint64_t Publisher::next_due() const noexcept {
  if (flat_out_) return 0;
  return start_ + static_cast<std::uint64_t>(static_cast<double>(published_ / burst_ * burst_) * 1e6 / rate_);
}

void Publisher::pump(std::uint64_t now) {
  if (!running(now)) return;
  std::uint64_t due =
      flat_out_ ? published_ + 64 : static_cast<std::uint64_t>(static_cast<double>(now - start_) * rate_ / 1e6) + 1;
  due = (due + burst_ - 1) / burst_ * burst_;
  if (due <= published_) return;
  if (!flat_out_) {
    const std::uint64_t planned = next_due();
    if (now > planned) longest_lag_ = std::max(longest_lag_, now - planned);
  }
  for (; published_ < due; ++published_) {
    const std::size_t device = static_cast<std::size_t>(published_ % devices_);
    Line& line = lines_[device % lines_.size()];
    if (line.out.size() - line.sent > kMostUnsent) break;
    line.out += writer_.render(device, first_ + published_ / devices_, now);
  }
  for (Line& line : lines_) flush(line);
}

void Publisher::flush(Line& line) {
  while (line.sent < line.out.size()) {
    const ssize_t sent = ::send(line.fd, line.out.data() + line.sent, line.out.size() - line.sent, MSG_NOSIGNAL);
    if (sent < 0) {
      if (errno == EAGAIN || errno == ENOTCONN) return;
      throw std::runtime_error(std::string("publishing failed: ") + std::strerror(errno));
    }
    line.sent += static_cast<std::size_t>(sent);
  }
  line.out.clear();
  line.sent = 0;
}

// Redis answers each PUBLISH with an integer, HTTP with a status line; neither `-` nor a second "HTTP" occurs
// elsewhere.
void Publisher::on_readable(std::size_t connection) {
  static char buffer[64 * 1024];
  const ssize_t size = ::recv(lines_[connection].fd, buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == ENOTCONN)) return;
  if (size <= 0) throw std::runtime_error("the connection that publishes was closed by the server");
  const char* const begin = buffer;
  const char* const end = buffer + size;
  if (http_) {
    // A status line cut in two by a read is not counted: only the order of magnitude is of interest.
    constexpr std::string_view kStatus = "HTTP/1.1 ";
    for (const char* at = buffer; (at = std::search(at, end, kStatus.begin(), kStatus.end())) != end; ++at) {
      ++answered_;
      if (end - at > 9 && at[9] != '2') ++errors_;
    }
    return;
  }
  answered_ += static_cast<std::uint64_t>(std::count(begin, end, '\n'));
  errors_ += static_cast<std::uint64_t>(std::count(begin, end, '-'));
}

bool Publisher::idle() const noexcept {
  return std::all_of(lines_.begin(), lines_.end(), [](const Line& line) { return line.out.empty(); });
}

}  // namespace pulsegate::bench
