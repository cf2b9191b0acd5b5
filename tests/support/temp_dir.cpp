// See temp_dir.hpp.
#include "tests/support/temp_dir.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <sstream>
#include <stdexcept>

namespace pulsegate::test {

std::filesystem::path temp_root() {
  const char* root = std::getenv("TMPDIR");
  return root != nullptr && *root != '\0' ? root : "/tmp";
}

TempDir::TempDir() {
  std::string pattern = (temp_root() / "pgt-XXXXXX").string();
  if (::mkdtemp(pattern.data()) == nullptr) {
    throw std::runtime_error("cannot create a directory " + pattern + ": " + std::strerror(errno));
  }
  path_ = pattern;
}

TempDir::TempDir(const Account& owner) : TempDir() {
  if (owner.uid != ::geteuid() && ::chown(path_.c_str(), owner.uid, owner.gid) != 0) {
    throw std::runtime_error("cannot give away " + path_.string() + ": " + std::strerror(errno));
  }
}

TempDir::~TempDir() {
  if (path_.empty() || std::getenv("PULSEGATE_TEST_KEEP") != nullptr) return;
  std::error_code ignored;  // a file that a dying server still creates is no reason to fail a test
  std::filesystem::remove_all(path_, ignored);
}

std::string TempDir::write(const std::string& name, const std::string& content) const {
  const std::string path = file(name);
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out << content;
  if (!out.flush()) throw std::runtime_error("cannot write " + path);
  return path;
}

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

}  // namespace pulsegate::test
