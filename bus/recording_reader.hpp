// Reads recordings, one line after the other, as far as they are sound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bus/packed_file.hpp"
#include "proto/recording.hpp"

namespace pulsegate::bus {

// Thread: one at a time.
// 1. What cannot be read is told as a RecordingFault in its place, once, and reading goes on behind it: at the next
// line, or, where a compressed file is damaged, at the next file.
// 2. At most kMaxLine and a block of bytes are held.
class RecordingReader {
 public:
  static constexpr std::size_t kMaxLine = 64 * 1024 * 1024;

  struct Item {
    proto::RecordingLine line;  // valid until the next call
    std::uint64_t number = 0;   // of the line in its file, from 1; 0: the fault is that of the file
    bool torn = false;          // a fault: the last line has no end, as when its writer was killed
  };

  // In this order; "-" is standard input. Throws std::runtime_error with one sentence when one cannot be opened.
  explicit RecordingReader(std::vector<std::string> paths);
  ~RecordingReader();
  RecordingReader(const RecordingReader&) = delete;
  RecordingReader& operator=(const RecordingReader&) = delete;

  std::optional<Item> next();

  const std::string& path() const noexcept { return paths_[current_]; }  // that of the latest item
  // How much of all files was read, 0 to 1; 0 where that cannot be known.
  double progress() const noexcept;

 private:
  struct File;

  std::optional<Item> take_line(std::size_t end, std::size_t next);
  std::optional<Item> take_rest();
  Item fault(std::string reason, std::uint64_t number) const;
  bool advance();

  const std::vector<std::string> paths_;
  std::vector<std::unique_ptr<File>> files_;  // null: read to its end
  std::uint64_t total_ = 0;                   // bytes of all files; 0: unknown
  std::uint64_t passed_ = 0;                  // bytes of the files before the current one
  std::size_t current_ = 0;
  std::string buffer_;
  std::size_t begin_ = 0;    // of the next line in buffer_
  std::size_t scanned_ = 0;  // no line feed before that
  std::uint64_t number_ = 0;
  bool skipping_ = false;  // a line that is too long
  proto::RecordingParser parser_;
};

}  // namespace pulsegate::bus
