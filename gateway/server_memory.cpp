// Reads what the kernel says in /proc and /sys/fs/cgroup: cgroups(7), and the kernel's cgroup-v2 and cgroup-v1/memory
// documents.
#include "gateway/server_memory.hpp"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <sstream>
#include <string_view>

namespace pulsegate {
namespace {

// What version 1 says when there is no limit: LONG_MAX, rounded down to a page. No machine has half as much.
constexpr std::uint64_t kNoLimit1 = std::uint64_t{1} << 62;

std::optional<std::uint64_t> read_number(const std::string& path) {
  std::ifstream file(path);
  std::string text;
  if (!std::getline(file, text)) return std::nullopt;
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;  // "max"
  return value;
}

// The value of `name` in a file of lines "name value".
std::uint64_t read_field(const std::string& path, std::string_view name) {
  std::ifstream file(path);
  std::string key;
  for (std::uint64_t value = 0; file >> key >> value;)
    if (key == name) return value;
  return 0;
}

// Where the process stands in the hierarchy "" (version 2) or "memory" (version 1); nullopt: nowhere.
std::optional<std::string> cgroup_path(const std::string& root, bool version2) {
  std::ifstream file(root + "/proc/self/cgroup");
  for (std::string line; std::getline(file, line);) {  // "0::/kubepods/pod1", "4:cpu,memory:/docker/1"
    const std::size_t first = line.find(':');
    const std::size_t second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = "," + line.substr(first + 1, second - first - 1) + ",";
    const bool found = version2 ? line.compare(0, 3, "0::") == 0 : controllers.find(",memory,") != std::string::npos;
    if (found) return line.substr(second + 1);
  }
  return std::nullopt;
}

// Narrows `bound` by `limit`, if that is one.
void narrow(MemoryBound& bound, MemoryBound::Source source, std::optional<std::uint64_t> limit,
            const std::string& directory) {
  if (!limit || *limit == 0 || *limit >= kNoLimit1) return;
  if (bound.source != MemoryBound::Source::none && bound.bytes <= *limit) return;
  bound = {source, *limit, directory};
}

// Every limit from the process's own cgroup up to the root of what it can see. Inside a container the path may be that
// of the host: then only the root is there.
void look(MemoryBound& bound, MemoryBound::Source source, const std::string& mount, std::string path) {
  for (;;) {
    while (!path.empty() && path.back() == '/') path.pop_back();
    const std::string directory = mount + path;
    if (source == MemoryBound::Source::cgroup2) {
      narrow(bound, source, read_number(directory + "/memory.max"), directory);
      narrow(bound, source, read_number(directory + "/memory.high"), directory);
    } else {
      narrow(bound, source, read_number(directory + "/memory.limit_in_bytes"), directory);
    }
    if (path.empty()) return;
    path.erase(std::min(path.rfind('/'), path.size()));
  }
}

std::optional<std::uint64_t> resident(const std::string& root) {
  std::ifstream file(root + "/proc/self/statm");
  std::uint64_t size = 0, pages = 0;
  if (!(file >> size >> pages)) return std::nullopt;
  return pages * static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
}

}  // namespace

MemoryBound find_cgroup_bound(const std::string& root) {
  const std::string mount = root + "/sys/fs/cgroup";
  MemoryBound bound;
  if (const auto path = cgroup_path(root, true)) look(bound, MemoryBound::Source::cgroup2, mount, *path);
  if (const auto path = cgroup_path(root, false)) look(bound, MemoryBound::Source::cgroup1, mount + "/memory", *path);
  return bound;
}

std::optional<std::uint64_t> used_memory(const MemoryBound& bound, const std::string& root) {
  const bool version2 = bound.source == MemoryBound::Source::cgroup2;
  if (!version2 && bound.source != MemoryBound::Source::cgroup1) return resident(root);
  const auto usage = read_number(bound.directory + (version2 ? "/memory.current" : "/memory.usage_in_bytes"));
  if (!usage) return std::nullopt;
  const std::uint64_t cache =
      read_field(bound.directory + "/memory.stat", version2 ? "inactive_file" : "total_inactive_file");
  return *usage - std::min(*usage, cache);
}

}  // namespace pulsegate
