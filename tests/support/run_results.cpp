#include "tests/support/run_results.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace pulsegate::test {

void record_result(const std::string& group, const std::string& fact, const std::string& result) {
  const char* directory = std::getenv("PULSEGATE_RESULTS");
  if (directory == nullptr) return;
  std::filesystem::create_directories(directory);
  std::ofstream(std::filesystem::path(directory) / (group + ".tsv"), std::ios::app) << fact << '\t' << result << '\n';
}

}  // namespace pulsegate::test
