// Writes recordings: encodes on the caller's thread, packs and writes on its own, so that a slow disk holds up nobody
// who listens to a bus.
#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>

#include "bus/packed_file.hpp"
#include "proto/recording.hpp"

namespace pulsegate::bus {

struct RecordingWriterConfig {
  std::string path;              // "-": standard output; ".gz" and ".zst" are packed
  std::string source;            // for the header; no secrets
  bool append = false;           // to a plain file that is there; without it, and without rotation, none may be there
  std::size_t rotate_bytes = 0;  // a new file when one is this large; 0: never
  std::chrono::milliseconds rotate_after{0};        // a new file this often; 0: never
  std::size_t keep = 0;                             // files of this writer that are kept with rotation; 0: all
  std::size_t queue_limit = 64 * 1024 * 1024;       // bytes of lines that wait for the disk
  std::chrono::milliseconds flush_interval{1'000};  // a file that is cut off loses no more than this
};

struct RecordingCounters {
  std::uint64_t events = 0;      // taken
  std::uint64_t lost = 0;        // events for which the queue had no room
  std::uint64_t bytes = 0;       // of lines, before packing
  std::uint64_t file_bytes = 0;  // in files
  std::uint64_t files = 0;
};

// Thread: one at a time; it has a thread of its own.
// 1. Lines are in the file in the order of the calls, whole.
// 2. Of events for which the queue has no room nothing is written but one loss, with their number, once it has.
// 3. When a file cannot be written further, it is left as it was at the last flush, and nothing is written any more.
class RecordingWriter {
 public:
  // Throws std::runtime_error with one sentence: the file is there, or cannot be written.
  explicit RecordingWriter(RecordingWriterConfig config);
  // As close(), without the word.
  ~RecordingWriter();
  RecordingWriter(const RecordingWriter&) = delete;
  RecordingWriter& operator=(const RecordingWriter&) = delete;

  void event(proto::Timestamp time, std::string_view channel, std::string_view payload);
  void loss(const proto::RecordedLoss& loss);

  // Writes all that waits, ends the file. Idempotent. Empty: everything is written; else one sentence.
  std::string close();
  // Why it does not write any more; empty: it does.
  std::string error() const;
  bool reader_gone() const;  // the reason is that nobody reads the pipe any more
  RecordingCounters counters() const;
  std::string path() const;  // of the file in use

 private:
  class Output;

  void run();
  void work(const std::string& lines, bool flush);
  bool push(std::string_view lines, bool is_event);
  void tell_dropped(proto::Timestamp time);

  const RecordingWriterConfig config_;
  proto::RecordingEncoder encoder_;   // of the caller's thread
  std::string line_;                  // …
  proto::Timestamp dropped_since_{};  // …
  std::uint64_t dropped_ = 0;         // …

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::string waiting_;  // lines that nobody has taken
  std::size_t in_work_ = 0;
  bool closing_ = false;
  std::string error_;
  bool reader_gone_ = false;
  std::string path_;
  RecordingCounters counters_;

  std::unique_ptr<Output> output_;  // of the writer's thread
  std::thread thread_;
};

}  // namespace pulsegate::bus
