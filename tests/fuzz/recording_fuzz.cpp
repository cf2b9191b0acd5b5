// Recordings: any bytes as a line, as a file, as a packed file, and as an event that is recorded.
#include <sys/mman.h>
#include <unistd.h>

#include <memory>
#include <string>
#include <variant>

#include "bus/packed_file.hpp"
#include "gateway/commands/recording_report.hpp"
#include "gateway/commands/replay_player.hpp"
#include "proto/recording.hpp"
#include "tests/fuzz/fuzz.hpp"

using namespace pulsegate;
using fuzz::must_hold;

namespace {

constexpr proto::Timestamp kNow{std::chrono::seconds(1'800'000'000)};

// What is recorded comes back byte for byte.
void check_event(std::string_view channel, std::string_view payload) {
  static proto::RecordingEncoder encoder;
  static proto::RecordingParser parser;
  std::string line;
  encoder.event(line, kNow, channel, payload);
  must_hold(line.find('\n') == line.size() - 1, "an event is one line");
  line.pop_back();
  const proto::RecordingLine parsed = parser.parse(line);
  const auto* event = std::get_if<proto::RecordedEvent>(&parsed);
  must_hold(event != nullptr && event->time == kNow, "what was recorded is an event");
  must_hold(event->channel == channel && event->payload == payload, "an event comes back byte for byte");
}

void check_lines(std::string_view text) {
  static proto::RecordingParser parser;
  commands::RecordingReport report;
  while (!text.empty()) {
    const auto end = std::min(text.find('\n'), text.size());
    const proto::RecordingLine parsed = parser.parse(text.substr(0, end));
    if (const auto* event = std::get_if<proto::RecordedEvent>(&parsed)) {
      report.event(*event);
      const std::string channel(event->channel), payload(event->payload);
      check_event(channel, payload);
    } else if (const auto* loss = std::get_if<proto::RecordedLoss>(&parsed)) {
      report.loss(*loss);
    } else if (const auto* fault = std::get_if<proto::RecordingFault>(&parsed)) {
      must_hold(!fault->reason.empty(), "a fault has a reason");
      report.fault("", fault->reason);
    }
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  must_hold(report.text(0).find('\x1b') == std::string::npos, "nothing of a recording drives a terminal");
  (void)report.json();
}

// As a file: damaged gzip and zstd, and whatever else.
void check_file(std::string_view text) {
  const int fd = ::memfd_create("recording", MFD_CLOEXEC);
  must_hold(fd >= 0 && ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size()), "a file in memory");
  ::lseek(fd, 0, SEEK_SET);
  bus::PackedReader reader(fd, "it");
  std::string out;
  for (std::size_t total = 0; total < 4 * 1024 * 1024 && reader.read(out); out.clear()) {
    must_hold(out.size() <= 128 * 1024, "a read is bounded");
    total += out.size() + 1;
  }
  ::close(fd);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check_lines(text);
  check_file(text);
  check_event("device:1:metrics", text);
  check_event(text, "{}");
  const std::string shifted = commands::shift_timestamps(std::string(text), std::chrono::hours(1));
  must_hold(shifted.size() + 24 >= text.size() / 2, "shifting keeps what is no time");
  return 0;
}
