// See tls_files.hpp.
#include "tests/support/tls_files.hpp"

#include <filesystem>
#include <sstream>
#include <stdexcept>

#include "tests/support/child_process.hpp"

namespace pulsegate::test {
namespace {

// Elliptic curves, since RSA keys can take a second each.
constexpr char kNewKey[] = " -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";

}  // namespace

TestCa::TestCa() : file_(dir_.file("ca.crt")) {
  run(std::string("req -x509 -days 2 -subj /CN=pulsegate-test-ca") + kNewKey + " -keyout ca.key -out ca.crt");
}

TlsFiles TestCa::issue(const std::string& file, const std::string& names, int days) const {
  const TlsFiles files{file_, dir_.file(file + ".crt"), dir_.file(file + ".key")};
  run(std::string("req -new -subj /CN=") + file + kNewKey + " -keyout " + file + ".key -out " + file +
      ".csr -addext subjectAltName=" + names);
  run("x509 -req -copy_extensions copy -CA ca.crt -CAkey ca.key -CAcreateserial -days " + std::to_string(days) +
      " -in " + file + ".csr -out " + file + ".tmp");
  std::filesystem::rename(dir_.file(file + ".tmp"), files.cert);
  return files;
}

// Words are separated by blanks; none holds one.
void TestCa::run(const std::string& command) const {
  ChildOptions child;
  child.program = "openssl";
  child.working_dir = dir_.path().string();
  std::istringstream words(command);
  for (std::string word; words >> word;) child.args.push_back(word);
  const RunResult result = run_program(std::move(child));
  if (result.exit_code != 0) throw std::runtime_error("openssl " + command + ":\n" + result.output + result.errors);
}

const TestCa& shared_ca() {
  static const TestCa ca;
  return ca;
}

}  // namespace pulsegate::test
