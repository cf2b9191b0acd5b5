// Certificates of a test's own, made by the openssl program: a CA, and what it has signed.
#pragma once

#include <string>

#include "tests/support/temp_dir.hpp"

namespace pulsegate::test {

struct TlsFiles {
  std::string ca;    // of whom the other side trusts
  std::string cert;  // PEM
  std::string key;
};

// Thread: one at a time. The files live as long as the object.
class TestCa {
 public:
  // Throws when openssl is missing or fails.
  TestCa();

  const std::string& file() const { return file_; }
  // A certificate for `names`, as in an openssl configuration: "DNS:localhost,IP:127.0.0.1". `days`: how long it is
  // valid; negative: it has expired. Issuing under the same file name again replaces the files.
  TlsFiles issue(const std::string& file, const std::string& names, int days = 2) const;

 private:
  void run(const std::string& command) const;

  TempDir dir_;
  std::string file_;
};

// One CA for the cases of an executable, and what most of them need.
const TestCa& shared_ca();

}  // namespace pulsegate::test
