#include "bus/recording_writer.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <ctime>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace pulsegate::bus {
namespace {

using SteadyClock = std::chrono::steady_clock;

proto::Timestamp now() {
  return std::chrono::time_point_cast<std::chrono::microseconds>(std::chrono::system_clock::now());
}

// "rec.ndjson.gz" becomes "rec-20261122T140500Z.ndjson.gz": before the endings of the name, not of its folder.
std::string stamped(const std::string& path, std::size_t number) {
  const std::time_t time = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  char stamp[32];
  std::strftime(stamp, sizeof stamp, "-%Y%m%dT%H%M%SZ", &parts);
  const auto slash = path.rfind('/');
  const std::size_t name = slash == std::string::npos ? 0 : slash + 1;
  const auto dot = path.find('.', name + 1);  // a first dot hides a file
  std::string result = path;
  return result.insert(dot == std::string::npos ? path.size() : dot,
                       stamp + (number > 1 ? "-" + std::to_string(number) : std::string()));
}

bool ends_with_line_feed(int fd, std::int64_t size) {
  char last = 0;
  return size == 0 || (::pread(fd, &last, 1, size - 1) == 1 && last == '\n');
}

}  // namespace

// The files, one after the other. Thread: the writer's own, once it runs.
class RecordingWriter::Output {
 public:
  explicit Output(const RecordingWriterConfig& config) : config_(config) { open(); }
  ~Output() { close_descriptor(); }
  Output(const Output&) = delete;
  Output& operator=(const Output&) = delete;

  // Throw std::system_error.
  void write(std::string_view lines) {
    if (rotates() && due()) {
      finish();
      open();
    }
    file_->write(lines);
  }
  void flush() { file_->flush(); }
  void finish() {
    file_->finish();
    done_ += file_->bytes();
    file_.reset();
    close_descriptor();
  }

  const std::string& path() const noexcept { return path_; }
  std::uint64_t files() const noexcept { return files_; }
  std::uint64_t bytes() const noexcept { return done_ + (file_ ? file_->bytes() : 0); }

 private:
  bool rotates() const noexcept { return config_.rotate_bytes > 0 || config_.rotate_after.count() > 0; }
  bool due() const noexcept {
    return (config_.rotate_bytes > 0 && file_->bytes() >= config_.rotate_bytes) ||
           (config_.rotate_after.count() > 0 && SteadyClock::now() - opened_ >= config_.rotate_after);
  }

  void open();
  void open_descriptor();
  void close_descriptor() {
    if (fd_ > STDERR_FILENO) ::close(fd_);
    fd_ = -1;
  }

  const RecordingWriterConfig& config_;
  std::string path_;
  int fd_ = -1;
  std::unique_ptr<PackedWriter> file_;
  std::deque<std::string> kept_;
  SteadyClock::time_point opened_{};
  std::uint64_t files_ = 0;
  std::uint64_t done_ = 0;  // bytes of files that are closed
};

void RecordingWriter::Output::open_descriptor() {
  path_ = config_.path;
  if (path_ == "-") {
    fd_ = STDOUT_FILENO;
    return;
  }
  constexpr int kFlags = O_RDWR | O_CREAT | O_CLOEXEC;
  if (config_.append && !rotates()) {
    fd_ = ::open(path_.c_str(), kFlags, 0644);
    if (fd_ >= 0) ::lseek(fd_, 0, SEEK_END);
    return;
  }
  struct stat status {};
  if (::stat(path_.c_str(), &status) == 0 && !S_ISREG(status.st_mode)) {  // a pipe, a terminal
    fd_ = ::open(path_.c_str(), O_WRONLY | O_CLOEXEC);
    return;
  }
  // Nothing that is there is written over. With rotation several may begin in one second.
  for (std::size_t number = 1; number < 1'000; ++number) {
    if (rotates()) path_ = stamped(config_.path, number);
    fd_ = ::open(path_.c_str(), kFlags | O_EXCL, 0644);
    if (fd_ >= 0 || errno != EEXIST || !rotates()) return;
  }
}

void RecordingWriter::Output::open() {
  open_descriptor();
  if (fd_ < 0) throw std::system_error(errno, std::generic_category());
  opened_ = SteadyClock::now();
  ++files_;
  struct stat status {};
  const bool joins = config_.append && ::fstat(fd_, &status) == 0 && S_ISREG(status.st_mode) && status.st_size > 0;
  file_ = std::make_unique<PackedWriter>(fd_, packing_of(path_));
  // Whoever wrote it may have been stopped in the middle of a line.
  if (joins && !ends_with_line_feed(fd_, status.st_size)) file_->write("\n");
  std::string created, line;
  proto::append_iso8601(created, now());
  proto::RecordingEncoder().header(line, {proto::kRecordingVersion, created, config_.source});
  file_->write(line);
  file_->flush();
  if (!rotates() || config_.keep == 0) return;
  kept_.push_back(path_);
  for (; kept_.size() > config_.keep; kept_.pop_front()) ::unlink(kept_.front().c_str());
}

RecordingWriter::RecordingWriter(RecordingWriterConfig config) : config_(std::move(config)) {
  if (config_.append && packing_of(config_.path) != Packing::none)
    throw std::runtime_error(config_.path +
                             " cannot be appended to: what follows a damaged end of packed data is lost");
  try {
    output_ = std::make_unique<Output>(config_);
  } catch (const std::system_error& fault) {
    throw std::runtime_error(config_.path + " cannot be written: " + fault.code().message());
  }
  path_ = output_->path();
  counters_.files = output_->files();
  thread_ = std::thread([this] { run(); });
}

RecordingWriter::~RecordingWriter() {
  close();
}

void RecordingWriter::event(proto::Timestamp time, std::string_view channel, std::string_view payload) {
  line_.clear();
  tell_dropped(time);
  encoder_.event(line_, time, channel, payload);
  if (push(line_, true)) {
    dropped_ = 0;
    return;
  }
  if (dropped_++ == 0) dropped_since_ = time;
}

void RecordingWriter::loss(const proto::RecordedLoss& loss) {
  line_.clear();
  encoder_.loss(line_, loss);
  push(line_, false);
}

// In front of the first event for which there is room again.
void RecordingWriter::tell_dropped(proto::Timestamp time) {
  if (dropped_ > 0) encoder_.loss(line_, {time, dropped_since_, "queue", dropped_});
}

bool RecordingWriter::push(std::string_view lines, bool is_event) {
  bool first = false;
  {
    const std::lock_guard<std::mutex> lock(mutex_);
    if (!error_.empty() || closing_) return false;
    // A loss is small, rare, and must not be lost itself.
    if (is_event && waiting_.size() + in_work_ + lines.size() > config_.queue_limit) {
      ++counters_.lost;
      return false;
    }
    first = waiting_.empty();
    waiting_ += lines;
    counters_.bytes += lines.size();
    if (is_event) ++counters_.events;
  }
  if (first) wake_.notify_one();
  return true;
}

std::string RecordingWriter::close() {
  if (thread_.joinable()) {
    line_.clear();
    tell_dropped(now());
    if (!line_.empty()) push(std::exchange(line_, {}), false);
    {
      const std::lock_guard<std::mutex> lock(mutex_);
      closing_ = true;
    }
    wake_.notify_one();
    thread_.join();
  }
  return error();
}

std::string RecordingWriter::error() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return error_;
}

bool RecordingWriter::reader_gone() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return reader_gone_;
}

RecordingCounters RecordingWriter::counters() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return counters_;
}

std::string RecordingWriter::path() const {
  const std::lock_guard<std::mutex> lock(mutex_);
  return path_;
}

// What has come is written at once, and together with what comes meanwhile; packed data are flushed now and then only.
void RecordingWriter::run() {
  // A pipe that nobody reads is an error of write(), not a signal, and signals are others' business.
  sigset_t all;
  ::sigfillset(&all);
  ::pthread_sigmask(SIG_BLOCK, &all, nullptr);

  auto flushed = SteadyClock::now();
  std::string lines;
  for (bool dirty = false, over = false; !over;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      const auto something = [this] { return !waiting_.empty() || closing_; };
      if (dirty) {
        wake_.wait_until(lock, flushed + config_.flush_interval, something);
      } else {
        wake_.wait(lock, something);
      }
      lines.clear();
      lines.swap(waiting_);
      in_work_ = lines.size();
      over = closing_;
    }
    dirty = dirty || !lines.empty();
    const bool flush = dirty && SteadyClock::now() - flushed >= config_.flush_interval;
    try {
      work(lines, flush);
      if (over) output_->finish();
    } catch (const std::exception& fault) {
      const auto* system = dynamic_cast<const std::system_error*>(&fault);
      const std::lock_guard<std::mutex> lock(mutex_);
      reader_gone_ = system != nullptr && system->code().value() == EPIPE;
      error_ = path_ + " cannot be written further: " + (system != nullptr ? system->code().message() : fault.what());
      waiting_.clear();
      in_work_ = 0;
      return;
    }
    if (flush) {
      flushed = SteadyClock::now();
      dirty = false;
    }
    const std::lock_guard<std::mutex> lock(mutex_);
    in_work_ = 0;
    path_ = output_->path();
    counters_.files = output_->files();
    counters_.file_bytes = output_->bytes();
  }
}

void RecordingWriter::work(const std::string& lines, bool flush) {
  // In pieces, so that files do not become much larger than they should.
  constexpr std::size_t kPiece = 256 * 1024;
  for (std::size_t begin = 0; begin < lines.size();) {
    const auto end = lines.find('\n', std::min(begin + kPiece, lines.size()) - 1);
    const std::size_t next = end == std::string::npos ? lines.size() : end + 1;
    output_->write(std::string_view(lines).substr(begin, next - begin));
    begin = next;
  }
  if (flush) output_->flush();
}

}  // namespace pulsegate::bus
