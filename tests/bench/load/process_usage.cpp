// /proc/<pid>/stat for user and system time (in ticks of 10 ms), the threads' schedstat for their exact sum.
#include "tests/bench/load/process_usage.hpp"

#include <dirent.h>
#include <unistd.h>

#include <fstream>
#include <string>

namespace pulsegate::bench {
namespace {

// Of the threads that live now; the servers under test keep theirs.
double scheduled_seconds(const std::string& directory) {
  double total = 0;
  DIR* threads = ::opendir((directory + "/task").c_str());
  if (threads == nullptr) return 0;
  while (const dirent* entry = ::readdir(threads)) {
    if (entry->d_name[0] == '.') continue;
    std::ifstream file(directory + "/task/" + entry->d_name + "/schedstat");
    double nanoseconds = 0;
    if (file >> nanoseconds) total += nanoseconds / 1e9;
  }
  ::closedir(threads);
  return total;
}

ProcessUsage read(int pid) {
  ProcessUsage usage;
  const std::string directory = "/proc/" + std::to_string(pid);
  std::ifstream file(directory + "/stat");
  std::string line;
  std::getline(file, line);
  const std::size_t after_name = line.rfind(')');  // the name may hold anything
  if (after_name == std::string::npos) return usage;
  double fields[22] = {};
  std::size_t at = after_name + 4;  // past ") S "
  for (double& field : fields) {
    const std::size_t end = line.find(' ', at);
    field = std::stod(line.substr(at, end - at));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  // Counted from the fourth field (ppid): utime is the 14th, stime the 15th, rss the 24th (see proc(5)).
  const double tick = static_cast<double>(::sysconf(_SC_CLK_TCK));
  usage.user = fields[10] / tick;
  usage.system = fields[11] / tick;
  usage.rss_kib = static_cast<std::uint64_t>(fields[20]) * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE)) / 1024;
  usage.cpu = scheduled_seconds(directory);
  if (usage.cpu == 0) usage.cpu = usage.user + usage.system;
  return usage;
}

}  // namespace

ProcessUsage usage_of(const std::vector<int>& pids) {
  ProcessUsage sum;
  for (const int pid : pids) {
    const ProcessUsage one = read(pid);
    sum.user += one.user;
    sum.system += one.system;
    sum.cpu += one.cpu;
    sum.rss_kib += one.rss_kib;
  }
  return sum;
}

ProcessUsage own_usage() {
  return read(::getpid());
}

ProcessUsage operator-(const ProcessUsage& after, const ProcessUsage& before) {
  return {after.user - before.user, after.system - before.system, after.cpu - before.cpu, after.rss_kib};
}

}  // namespace pulsegate::bench
