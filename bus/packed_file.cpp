// zlib and libzstd behind one face. Both can end what they have at any time so that a reader gets all of it (a flush),
// which costs a few bytes: so a file that is cut loses no more than what came after the last flush.
#include "bus/packed_file.hpp"

#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#include <cerrno>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace pulsegate::bus {
namespace {

constexpr std::size_t kBlock = 128 * 1024;
constexpr int kGzipWindow = 15 + 16;           // with a gzip header
constexpr int kGzipLevel = 1, kZstdLevel = 3;  // the fastest of gzip; what zstd is usually used with

bool ends_with(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

class Plain final : public Packer {
 public:
  void add(std::string_view bytes, std::string& out) override { out += bytes; }
  void flush(std::string&) override {}
  void finish(std::string&) override {}
};

class Gzip final : public Packer {
 public:
  Gzip() {
    if (deflateInit2(&stream_, kGzipLevel, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) != Z_OK)
      throw std::bad_alloc();
  }
  ~Gzip() override { deflateEnd(&stream_); }
  Gzip(const Gzip&) = delete;
  Gzip& operator=(const Gzip&) = delete;

  void add(std::string_view bytes, std::string& out) override {
    while (!bytes.empty()) {
      const std::string_view piece = bytes.substr(0, kBlock);
      bytes.remove_prefix(piece.size());
      run(piece, Z_NO_FLUSH, out);
    }
  }
  void flush(std::string& out) override { run({}, Z_SYNC_FLUSH, out); }
  void finish(std::string& out) override { run({}, Z_FINISH, out); }

 private:
  void run(std::string_view piece, int how, std::string& out) {
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(piece.data()));
    stream_.avail_in = static_cast<uInt>(piece.size());
    do {
      const std::size_t begin = out.size();
      out.resize(begin + kBlock);
      stream_.next_out = reinterpret_cast<Bytef*>(&out[begin]);
      stream_.avail_out = kBlock;
      deflate(&stream_, how);
      out.resize(begin + kBlock - stream_.avail_out);
    } while (stream_.avail_out == 0);
  }

  z_stream stream_{};
};

class Zstd final : public Packer {
 public:
  Zstd() : context_(ZSTD_createCCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_CCtx_setParameter(context_, ZSTD_c_compressionLevel, kZstdLevel);
    ZSTD_CCtx_setParameter(context_, ZSTD_c_checksumFlag, 1);
  }
  ~Zstd() override { ZSTD_freeCCtx(context_); }
  Zstd(const Zstd&) = delete;
  Zstd& operator=(const Zstd&) = delete;

  void add(std::string_view bytes, std::string& out) override { run(bytes, ZSTD_e_continue, out); }
  void flush(std::string& out) override { run({}, ZSTD_e_flush, out); }
  void finish(std::string& out) override { run({}, ZSTD_e_end, out); }

 private:
  void run(std::string_view bytes, ZSTD_EndDirective how, std::string& out) {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    std::size_t left = 0;
    do {
      const std::size_t begin = out.size();
      out.resize(begin + kBlock);
      ZSTD_outBuffer to{&out[begin], kBlock, 0};
      left = ZSTD_compressStream2(context_, &to, &in, how);
      out.resize(begin + to.pos);
      if (ZSTD_isError(left) != 0) throw std::runtime_error(std::string("zstd: ") + ZSTD_getErrorName(left));
    } while (how == ZSTD_e_continue ? in.pos < in.size : left != 0);
  }

  ZSTD_CCtx* const context_;
};

}  // namespace

Packing packing_of(std::string_view file_name) noexcept {
  if (ends_with(file_name, ".gz")) return Packing::gzip;
  return ends_with(file_name, ".zst") ? Packing::zstd : Packing::none;
}

std::unique_ptr<Packer> make_packer(Packing packing) {
  if (packing == Packing::gzip) return std::make_unique<Gzip>();
  if (packing == Packing::zstd) return std::make_unique<Zstd>();
  return std::make_unique<Plain>();
}

PackedWriter::PackedWriter(int fd, Packing packing)
    : fd_(fd), plain_(packing == Packing::none), packer_(make_packer(packing)), begin_(::lseek(fd, 0, SEEK_CUR)) {}

void PackedWriter::write(std::string_view bytes) {
  packer_->add(bytes, out_);
  put_out();
  if (plain_) sound_ = written_;
}

void PackedWriter::flush() {
  packer_->flush(out_);
  put_out();
  sound_ = written_;
}

void PackedWriter::finish() {
  packer_->finish(out_);
  put_out();
  sound_ = written_;
}

void PackedWriter::put_out() {
  put(out_);
  out_.clear();
}

void PackedWriter::put(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd_, bytes.data(), bytes.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) {
      const int error = errno;
      cut_back();
      throw std::system_error(error, std::generic_category());
    }
    written_ += static_cast<std::uint64_t>(count);
    bytes.remove_prefix(static_cast<std::size_t>(count));
  }
}

void PackedWriter::cut_back() noexcept {
  if (begin_ < 0) return;
  const std::int64_t end = begin_ + static_cast<std::int64_t>(sound_);
  if (::ftruncate(fd_, end) == 0) ::lseek(fd_, end, SEEK_SET);
  written_ = sound_;
}

// Thread: that of its reader.
class PackedReader::Unpacker {
 public:
  virtual ~Unpacker() = default;
  // Takes of `in` what it can, and appends at most kBlock to `out`, however much the data would become. False: damaged.
  virtual bool step(std::string_view& in, std::string& out) = 0;
  // There may be more without more input.
  virtual bool has_more() const noexcept = 0;
  // Nothing is begun that has not ended.
  virtual bool at_end() const noexcept = 0;
};

class PackedReader::Gunzip final : public Unpacker {
 public:
  Gunzip() {
    if (inflateInit2(&stream_, kGzipWindow) != Z_OK) throw std::bad_alloc();
  }
  ~Gunzip() override { inflateEnd(&stream_); }
  Gunzip(const Gunzip&) = delete;
  Gunzip& operator=(const Gunzip&) = delete;

  bool step(std::string_view& in, std::string& out) override {
    if (ended_) inflateReset(&stream_);  // files that were joined
    const std::size_t begin = out.size();
    out.resize(begin + kBlock);
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(in.data()));
    stream_.avail_in = static_cast<uInt>(in.size());
    stream_.next_out = reinterpret_cast<Bytef*>(&out[begin]);
    stream_.avail_out = kBlock;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    out.resize(begin + kBlock - stream_.avail_out);
    in.remove_prefix(in.size() - stream_.avail_in);
    ended_ = result == Z_STREAM_END;
    full_ = stream_.avail_out == 0 && !ended_;
    return result == Z_OK || result == Z_STREAM_END || result == Z_BUF_ERROR;
  }
  bool has_more() const noexcept override { return full_; }
  bool at_end() const noexcept override { return ended_; }

 private:
  z_stream stream_{};
  bool ended_ = false;
  bool full_ = false;
};

class PackedReader::Unzstd final : public Unpacker {
 public:
  Unzstd() : context_(ZSTD_createDCtx()) {
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_, ZSTD_d_windowLogMax, 27);  // 128 MiB, as the program zstd allows
  }
  ~Unzstd() override { ZSTD_freeDCtx(context_); }
  Unzstd(const Unzstd&) = delete;
  Unzstd& operator=(const Unzstd&) = delete;

  bool step(std::string_view& bytes, std::string& out) override {
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    const std::size_t begin = out.size();
    out.resize(begin + kBlock);
    ZSTD_outBuffer to{&out[begin], kBlock, 0};
    const std::size_t left = ZSTD_decompressStream(context_, &to, &in);
    out.resize(begin + to.pos);
    bytes.remove_prefix(in.pos);
    ended_ = left == 0;
    full_ = to.pos == kBlock && !ended_;
    return ZSTD_isError(left) == 0;
  }
  bool has_more() const noexcept override { return full_; }
  bool at_end() const noexcept override { return ended_; }

 private:
  ZSTD_DCtx* const context_;
  bool ended_ = false;
  bool full_ = false;
};

PackedReader::PackedReader(int fd, std::string name) : fd_(fd), name_(std::move(name)), in_(kBlock) {}
PackedReader::~PackedReader() = default;

bool PackedReader::fill() {
  for (;;) {
    const ssize_t count = ::read(fd_, in_.data() + have_, in_.size() - have_);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) fault_ = name_ + " cannot be read further: " + std::generic_category().message(errno);
    if (count <= 0) return false;
    have_ += static_cast<std::size_t>(count);
    consumed_ += static_cast<std::uint64_t>(count);
    return true;
  }
}

void PackedReader::begin() {
  begun_ = true;
  while (have_ < 4 && fill()) {
  }
  const std::string_view first(in_.data(), have_);
  if (first.substr(0, 2) == "\x1f\x8b") unpacker_ = std::make_unique<Gunzip>();
  if (first.substr(0, 4) == "\x28\xb5\x2f\xfd") unpacker_ = std::make_unique<Unzstd>();
}

bool PackedReader::read(std::string& out) {
  if (!fault_.empty()) return false;
  if (!begun_) begin();
  const bool more = unpacker_ != nullptr && unpacker_->has_more();
  if (used_ == have_ && !more) {
    used_ = have_ = 0;
    if (!fill()) {
      if (fault_.empty() && unpacker_ != nullptr && !unpacker_->at_end())
        fault_ = name_ + " ends in the middle of its compressed data";
      return false;
    }
  }
  std::string_view bytes(in_.data() + used_, have_ - used_);
  if (unpacker_ == nullptr) {
    out += bytes;
    used_ = have_;
    return true;
  }
  if (!unpacker_->step(bytes, out)) fault_ = name_ + " is damaged: what follows cannot be decompressed";
  used_ = have_ - bytes.size();
  return true;
}

}  // namespace pulsegate::bus
