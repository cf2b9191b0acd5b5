// Files that may be compressed, as a stream of bytes in one direction: plain, gzip, or Zstandard.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace pulsegate::bus {

enum class Packing : std::uint8_t { none, gzip, zstd };

// By the end of the file's name: ".gz", ".zst".
Packing packing_of(std::string_view file_name) noexcept;

// A codec. Thread: one at a time.
class Packer {
 public:
  virtual ~Packer() = default;
  // Appends to `out` what has become of `bytes`; perhaps nothing yet.
  virtual void add(std::string_view bytes, std::string& out) = 0;
  // All that was added can be read from what is in `out` then.
  virtual void flush(std::string& out) = 0;
  virtual void finish(std::string& out) = 0;
};
std::unique_ptr<Packer> make_packer(Packing packing);

// Writes to an open file. Thread: one at a time.
// Owner: RecordingWriter, which closes the descriptor.
class PackedWriter {
 public:
  PackedWriter(int fd, Packing packing);

  // Throw std::system_error. A regular file is then cut back to where the last flush() ended (a plain one: write()), so
  // that it is sound.
  void write(std::string_view bytes);
  void flush();
  void finish();

  std::uint64_t bytes() const noexcept { return written_; }  // of this writer, in the file

 private:
  void put(std::string_view bytes);
  void put_out();
  void cut_back() noexcept;

  const int fd_;
  const bool plain_;
  const std::unique_ptr<Packer> packer_;
  const std::int64_t begin_;  // offset in the file at the start; -1: not a regular file
  std::uint64_t written_ = 0;
  std::uint64_t sound_ = 0;  // of these, what a reader gets whole
  std::string out_;
};

// Reads an open file; what it is packed with is seen from its first bytes. Thread: one at a time.
class PackedReader {
 public:
  // `name`: for faults.
  PackedReader(int fd, std::string name);
  ~PackedReader();
  PackedReader(const PackedReader&) = delete;
  PackedReader& operator=(const PackedReader&) = delete;

  // Appends up to 128 KiB to `out`, however much the file would become. False: the end, or nothing more can be read:
  // see fault().
  bool read(std::string& out);
  // Empty: the file was sound to its end. Else one sentence about what it does not give.
  const std::string& fault() const noexcept { return fault_; }
  std::uint64_t consumed() const noexcept { return consumed_; }  // bytes of the file

 private:
  class Unpacker;
  class Gunzip;
  class Unzstd;

  bool fill();
  void begin();

  const int fd_;
  const std::string name_;
  std::vector<char> in_;
  std::size_t have_ = 0, used_ = 0;  // bytes in in_, and of these
  std::uint64_t consumed_ = 0;
  bool begun_ = false;
  std::unique_ptr<Unpacker> unpacker_;  // null: plain
  std::string fault_;
};

}  // namespace pulsegate::bus
