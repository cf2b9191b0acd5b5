// The support library itself: what every integration test takes for granted.
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <thread>

#include "tests/support/child_process.hpp"
#include "tests/support/free_port.hpp"
#include "tests/support/tcp_socket.hpp"

namespace pulsegate::test {
namespace {

ChildOptions shell(const std::string& script) {
  ChildOptions options;
  options.program = "sh";
  options.args = {"-c", script};
  return options;
}

// A zombie counts as gone: its parent is somebody else who has yet to look.
bool exists(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/stat");
  std::string number;
  std::string name;
  std::string state;
  return in >> number >> name >> state && state != "Z";
}

BOOST_AUTO_TEST_SUITE(child_process)

BOOST_AUTO_TEST_CASE(output_and_exit_code_are_kept) {
  ChildProcess process(shell("echo out; echo err >&2; exit 3"));
  BOOST_TEST(process.wait().value_or(-1) == 3);
  BOOST_TEST(process.output() == "out\nerr\n");
}

BOOST_AUTO_TEST_CASE(streams_can_be_told_apart) {
  const RunResult result = run_program(shell("echo out; echo err >&2"));
  BOOST_TEST(result.output == "out\n");
  BOOST_TEST(result.errors == "err\n");
}

BOOST_AUTO_TEST_CASE(a_line_is_waited_for) {
  ChildProcess process(shell("echo one; echo port=4711; exec sleep 60"));
  BOOST_TEST(process.wait_for_match("port=[0-9]+$").value_or("") == "port=4711");
  BOOST_TEST(process.wait_for_output("one").value_or("") == "one");
  BOOST_TEST(!process.wait_for_output("two", Millis(20)));
  BOOST_TEST(process.running());
}

BOOST_AUTO_TEST_CASE(waiting_for_output_ends_with_the_process) {
  ChildProcess process(shell("printf last"));
  BOOST_TEST(process.wait_for_output("last").value_or("") == "last");
  BOOST_TEST(!process.wait_for_output("more"));
}

BOOST_AUTO_TEST_CASE(destructor_ends_the_process) {
  pid_t pid = 0;
  {
    ChildProcess process(shell("exec sleep 60"));
    pid = process.pid();
    BOOST_TEST(exists(pid));
  }
  BOOST_TEST(!exists(pid));
}

BOOST_AUTO_TEST_CASE(destructor_kills_what_ignores_sigterm) {
  ChildOptions options = shell("trap '' TERM; echo ready; while :; do sleep 0.05; done");
  options.stop_deadline = Millis(50);
  pid_t pid = 0;
  {
    ChildProcess process(options);
    pid = process.pid();
    BOOST_REQUIRE(process.wait_for_output("ready"));
  }
  BOOST_TEST(!exists(pid));
}

BOOST_AUTO_TEST_CASE(a_stopped_process_can_be_ended) {
  ChildProcess process(shell("exec sleep 60"));
  BOOST_TEST(process.signal(SIGSTOP));
  BOOST_TEST(process.terminate() == 128 + SIGTERM);
}

BOOST_AUTO_TEST_CASE(child_ends_with_the_thread_that_started_it) {
  std::unique_ptr<ChildProcess> process;
  std::thread([&] { process = std::make_unique<ChildProcess>(shell("exec sleep 60")); }).join();
  BOOST_TEST(process->wait().value_or(-1) == 128 + SIGKILL);
}

BOOST_AUTO_TEST_CASE(child_inherits_no_descriptors) {
  std::ifstream open_file("/proc/self/status");
  const RunResult result = run_program(shell("exec ls /proc/self/fd"));
  BOOST_TEST(result.output == "0\n1\n2\n3\n");  // 3: the directory that ls reads
}

BOOST_AUTO_TEST_CASE(a_missing_program_is_an_error) {
  ChildOptions options;
  options.program = "/nonexistent/program";
  BOOST_CHECK_THROW(ChildProcess process(options), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(environment_is_what_was_given) {
  ChildOptions options = shell("echo $COLOUR");
  options.environment["COLOUR"] = "green";
  BOOST_TEST(run_program(options).output == "green\n");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(places)

BOOST_AUTO_TEST_CASE(temp_dir_is_removed_with_its_content) {
  std::filesystem::path path;
  {
    const TempDir dir;
    path = dir.path();
    BOOST_TEST(read_file(dir.write("file", "content")) == "content");
  }
  BOOST_TEST((!std::filesystem::exists(path) || std::getenv("PULSEGATE_TEST_KEEP") != nullptr));
}

BOOST_AUTO_TEST_CASE(a_taken_port_is_not_free) {
  const std::uint16_t port = free_port();
  BOOST_TEST(port_is_free(port));
  BOOST_CHECK_THROW(TcpSocket("127.0.0.1", port), std::runtime_error);
}

BOOST_AUTO_TEST_CASE(a_lost_race_for_a_port_is_run_again) {
  int attempts = 0;
  with_free_port([&](std::uint16_t) { return ++attempts == 3; });
  BOOST_TEST(attempts == 3);
  BOOST_CHECK_THROW(with_free_port([](std::uint16_t) { return false; }), std::runtime_error);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace pulsegate::test
