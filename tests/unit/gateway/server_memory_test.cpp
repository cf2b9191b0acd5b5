// Limits of memory as the kernel writes them, in a made-up /proc and /sys, and the two marks.
#include "gateway/server_memory.hpp"

#include <boost/test/unit_test.hpp>

#include <filesystem>
#include <fstream>
#include <string>

#include "tests/support/temp_dir.hpp"

using namespace pulsegate;
using Source = MemoryBound::Source;

namespace {

constexpr std::uint64_t kMi = 1024 * 1024;

// The root of a file system that says what a test wants.
class FakeRoot {
 public:
  std::string path() const { return dir_.path().string(); }
  void write(const std::string& file, const std::string& text) const {
    const std::filesystem::path path = dir_.path() / file;
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path) << text;
  }

 private:
  test::TempDir dir_;
};

bool is(const MemoryBound& bound, Source source, std::uint64_t bytes) {
  return bound.source == source && bound.bytes == bytes;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(MemoryBoundTest)

BOOST_AUTO_TEST_CASE(of_version_2_is_the_narrowest_on_the_way_up) {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/kubepods/pod1/main\n");
  root.write("sys/fs/cgroup/kubepods/memory.max", "2147483648\n");
  root.write("sys/fs/cgroup/kubepods/pod1/memory.max", "268435456\n");
  root.write("sys/fs/cgroup/kubepods/pod1/memory.current", "104857600\n");
  root.write("sys/fs/cgroup/kubepods/pod1/memory.stat", "anon 1\nfile 5\ninactive_file 4857600\nactive_file 1\n");
  root.write("sys/fs/cgroup/kubepods/pod1/main/memory.max", "max\n");
  const MemoryBound bound = find_cgroup_bound(root.path());
  BOOST_TEST(is(bound, Source::cgroup2, 256 * kMi));
  BOOST_TEST(used_memory(bound, root.path()).value() == 100'000'000u);
}

BOOST_AUTO_TEST_CASE(where_the_kernel_begins_to_throttle_is_a_limit_too) {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/system.slice/pulsegate.service\n");
  root.write("sys/fs/cgroup/system.slice/pulsegate.service/memory.max", "1073741824\n");
  root.write("sys/fs/cgroup/system.slice/pulsegate.service/memory.high", "536870912\n");
  BOOST_TEST(is(find_cgroup_bound(root.path()), Source::cgroup2, 512 * kMi));
}

BOOST_AUTO_TEST_CASE(inside_a_container_the_root_is_looked_at) {
  const FakeRoot root;
  root.write("proc/self/cgroup", "0::/\n");
  root.write("sys/fs/cgroup/memory.max", "268435456\n");
  BOOST_TEST(is(find_cgroup_bound(root.path()), Source::cgroup2, 256 * kMi));
  const FakeRoot foreign;  // the path is that of the host
  foreign.write("proc/self/cgroup", "4:memory:/docker/0123\n");
  foreign.write("sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
  foreign.write("sys/fs/cgroup/memory/memory.usage_in_bytes", "1000\n");
  foreign.write("sys/fs/cgroup/memory/memory.stat", "inactive_file 1\ntotal_inactive_file 100\n");
  const MemoryBound bound = find_cgroup_bound(foreign.path());
  BOOST_TEST(is(bound, Source::cgroup1, 256 * kMi));
  BOOST_TEST(used_memory(bound, foreign.path()).value() == 900u);
}

BOOST_AUTO_TEST_CASE(of_version_1_without_a_limit_is_none) {
  const FakeRoot root;
  root.write("proc/self/cgroup", "5:devices:/a\n4:cpu,memory:/a\n0::/a\n");
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
  BOOST_TEST(is(find_cgroup_bound(root.path()), Source::none, 0));
  root.write("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "67108864\n");
  BOOST_TEST(is(find_cgroup_bound(root.path()), Source::cgroup1, 64 * kMi));
}

BOOST_AUTO_TEST_CASE(nothing_and_nonsense_are_no_limit) {
  BOOST_TEST(is(find_cgroup_bound(FakeRoot().path()), Source::none, 0));
  const FakeRoot root;
  root.write("proc/self/cgroup", "nonsense\n0:\n0::/a\n");
  root.write("sys/fs/cgroup/a/memory.max", "12x\n");
  BOOST_TEST(is(find_cgroup_bound(root.path()), Source::none, 0));
  BOOST_TEST(!used_memory({Source::cgroup2, kMi, root.path() + "/sys/fs/cgroup/a"}, root.path()).has_value());
}

BOOST_AUTO_TEST_CASE(of_an_option_is_compared_with_the_resident_memory) {
  const std::uint64_t used = used_memory({Source::option, kMi, {}}).value();
  BOOST_TEST(used > kMi);
  BOOST_TEST(used < 100'000 * kMi);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(MemoryGaugeTest)

BOOST_AUTO_TEST_CASE(goes_high_above_the_soft_limit_and_back_five_points_below) {
  MemoryGauge gauge(1'000, 85);
  BOOST_TEST(!gauge.update(850));
  BOOST_TEST(gauge.update(851));
  BOOST_TEST(gauge.high());
  BOOST_TEST(!gauge.update(801));  // between the marks nothing changes
  BOOST_TEST(gauge.high());
  BOOST_TEST(gauge.update(800));
  BOOST_TEST(!gauge.high());
  BOOST_TEST(!gauge.update(849));
  BOOST_TEST(!gauge.high());
}

BOOST_AUTO_TEST_CASE(without_a_limit_is_never_high) {
  MemoryGauge gauge(0, 85);
  BOOST_TEST(!gauge.update(1'000'000'000));
  BOOST_TEST(!gauge.high());
}

BOOST_AUTO_TEST_SUITE_END()
