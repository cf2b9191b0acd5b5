// A directory of a test's own, removed with everything in it. Set PULSEGATE_TEST_KEEP=1 to keep it and the logs in it.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <utility>

namespace pulsegate::test {

// An operating system account to run a server as.
struct Account {
  uid_t uid;
  gid_t gid;
};

// Thread: any; the object itself is not synchronised.
class TempDir {
 public:
  // Mode 0700 under $TMPDIR or /tmp. The path stays short, since unix socket paths end at 107 bytes.
  TempDir();
  // The same, owned by `owner`; only root can give it to somebody else.
  explicit TempDir(const Account& owner);
  ~TempDir();
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  TempDir(TempDir&& other) noexcept : path_(std::move(other.path_)) { other.path_.clear(); }

  const std::filesystem::path& path() const { return path_; }
  std::string file(const std::string& name) const { return (path_ / name).string(); }
  // Writes a small file into the directory and returns its path.
  std::string write(const std::string& name, const std::string& content) const;

 private:
  std::filesystem::path path_;
};

// $TMPDIR or /tmp.
std::filesystem::path temp_root();
// The whole file; empty when it cannot be read.
std::string read_file(const std::filesystem::path& path);

}  // namespace pulsegate::test
