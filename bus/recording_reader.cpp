#include "bus/recording_reader.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace pulsegate::bus {

struct RecordingReader::File {
  explicit File(const std::string& path) : fd(path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC)) {
    struct stat status {};
    if (fd < 0 || ::fstat(fd, &status) != 0 || (S_ISDIR(status.st_mode) && (errno = EISDIR) != 0)) {
      const int error = errno;
      if (fd > STDIN_FILENO) ::close(fd);
      throw std::runtime_error(path + " cannot be opened: " + std::generic_category().message(error));
    }
    size = S_ISREG(status.st_mode) ? static_cast<std::uint64_t>(status.st_size) : 0;
    reader = std::make_unique<PackedReader>(fd, path);
  }
  ~File() {
    if (fd > STDIN_FILENO) ::close(fd);
  }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  const int fd;
  std::uint64_t size = 0;
  std::unique_ptr<PackedReader> reader;
};

RecordingReader::RecordingReader(std::vector<std::string> paths) : paths_(std::move(paths)) {
  for (const std::string& path : paths_) {
    files_.push_back(std::make_unique<File>(path));
    total_ += files_.back()->size;
  }
}

RecordingReader::~RecordingReader() = default;

double RecordingReader::progress() const noexcept {
  if (total_ == 0) return 0;
  const std::uint64_t here = current_ < files_.size() && files_[current_] ? files_[current_]->reader->consumed() : 0;
  return std::min(1.0, static_cast<double>(passed_ + here) / static_cast<double>(total_));
}

std::optional<RecordingReader::Item> RecordingReader::next() {
  while (current_ < files_.size()) {
    if (!files_[current_]) {
      if (!advance()) return std::nullopt;
      continue;
    }
    const auto end = buffer_.find('\n', scanned_);
    if (end != std::string::npos) {
      if (auto item = take_line(end, end + 1)) return item;
      continue;
    }
    scanned_ = buffer_.size();
    if (buffer_.size() - begin_ > kMaxLine) {
      skipping_ = true;
      begin_ = buffer_.size();
    }
    buffer_.erase(0, std::exchange(begin_, 0));
    scanned_ = buffer_.size();
    if (files_[current_]->reader->read(buffer_)) continue;
    if (auto item = take_rest()) return item;
  }
  return std::nullopt;
}

// Nothing: an empty line, which is no line.
std::optional<RecordingReader::Item> RecordingReader::take_line(std::size_t end, std::size_t next) {
  ++number_;
  std::string_view line = std::string_view(buffer_).substr(begin_, end - begin_);
  begin_ = scanned_ = next;
  if (std::exchange(skipping_, false) || line.size() > kMaxLine)
    return fault("is longer than " + std::to_string(kMaxLine / 1024 / 1024) + " MiB", number_);
  if (!line.empty() && line.back() == '\r') line.remove_suffix(1);  // from an editor of another system
  if (line.empty()) return std::nullopt;
  return Item{parser_.parse(line), number_, false};
}

// The last line, the fault of the file, then nothing of it any more.
std::optional<RecordingReader::Item> RecordingReader::take_rest() {
  const std::string& damage = files_[current_]->reader->fault();
  if (begin_ < buffer_.size() || skipping_) {
    auto item = take_line(buffer_.size(), buffer_.size());
    if (item && std::holds_alternative<proto::RecordingFault>(item->line) && damage.empty()) {
      item->torn = true;
      std::get<proto::RecordingFault>(item->line).reason = "has no end: whoever wrote it was stopped";
    }
    // Of damaged data the end of the last line says nothing.
    if (item && (damage.empty() || !std::holds_alternative<proto::RecordingFault>(item->line))) return item;
  }
  std::string reason = damage;
  passed_ += files_[current_]->size;
  files_[current_].reset();
  if (reason.empty()) return std::nullopt;
  return fault(std::move(reason), 0);
}

RecordingReader::Item RecordingReader::fault(std::string reason, std::uint64_t number) const {
  return {proto::RecordingFault{std::move(reason)}, number, false};
}

bool RecordingReader::advance() {
  if (current_ + 1 >= files_.size()) return false;
  ++current_;
  buffer_.clear();
  begin_ = scanned_ = 0;
  number_ = 0;
  return true;
}

}  // namespace pulsegate::bus
