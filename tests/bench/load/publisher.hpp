// Publishes events at a rate, pipelined over one or more connections, and reads the answers. Redis and HTTP differ in
// the text of a command and of its answer only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/load/event.hpp"
#include "tests/bench/load/options.hpp"

namespace pulsegate::bench {

// Owner: the run. The caller watches fds() and calls back.
class Publisher {
 public:
  explicit Publisher(const Options& options);
  ~Publisher();
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  std::size_t connections() const noexcept { return lines_.size(); }
  int fd(std::size_t connection) const noexcept { return lines_[connection].fd; }
  bool wants_to_write(std::size_t connection) const noexcept { return !lines_[connection].out.empty(); }

  void start(std::uint64_t now, std::uint64_t end);
  void stop() noexcept { end_ = 0; }
  // Publishes what is due. Cheap when nothing is.
  void pump(std::uint64_t now);
  void on_readable(std::size_t connection);
  void on_writable(std::size_t connection) { flush(lines_[connection]); }

  bool running(std::uint64_t now) const noexcept { return now < end_; }
  bool idle() const noexcept;
  std::uint64_t next_due() const noexcept;  // microseconds
  std::uint64_t published() const noexcept { return published_; }
  std::uint64_t answered() const noexcept { return answered_; }
  std::uint64_t errors() const noexcept { return errors_; }
  std::uint64_t longest_lag() const noexcept { return longest_lag_; }  // behind the schedule, microseconds
  // Sequences of a device are first() … first() + events_of(device) - 1. Later runs start higher.
  std::uint64_t first() const noexcept { return first_; }
  std::uint64_t events_of(std::size_t device) const noexcept {
    return published_ / devices_ + (device < published_ % devices_ ? 1 : 0);
  }

 private:
  struct Line {
    int fd = -1;
    std::string out;
    std::size_t sent = 0;
  };
  void flush(Line& line);

  const std::size_t devices_;
  const double rate_;
  const bool flat_out_;
  const std::size_t burst_;
  const bool http_;
  const std::uint64_t first_;
  EventWriter writer_;
  std::vector<Line> lines_;
  std::uint64_t start_ = 0, end_ = 0;
  std::uint64_t published_ = 0, answered_ = 0, errors_ = 0, longest_lag_ = 0;
};

}  // namespace pulsegate::bench
