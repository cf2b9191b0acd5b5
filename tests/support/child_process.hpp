// A program that a test runs: its output goes to files, and it ends with the test, whatever happens to the test.
#pragma once

#include <csignal>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/eventually.hpp"
#include "tests/support/temp_dir.hpp"

namespace pulsegate::test {

// The environment of this process.
std::map<std::string, std::string> current_environment();

struct ChildOptions {
  std::string program;            // a path, or a name to look for in PATH
  std::vector<std::string> args;  // without the program's own name
  std::map<std::string, std::string> environment = current_environment();
  std::string working_dir;  // empty: that of the test
  std::string stdin_file = "/dev/null";
  std::string output_file;                 // empty: a file in a temporary directory of its own
  bool split_stderr = false;               // true: stderr goes to errors() and not to output()
  std::optional<Account> run_as;           // needs root
  std::size_t open_files = 0;              // limit of descriptors, soft and hard; 0: that of the test
  int death_signal = SIGKILL;              // sent by the kernel when the starting thread ends
  Millis stop_deadline = kServerDeadline;  // how long the destructor waits between SIGTERM and SIGKILL
};

// Thread: one at a time. The child also ends when the thread that started it ends: start it from one that lives long
// enough. Invariants: 1. after the destructor the process does not exist. 2. a finished process is reaped once, its
// status kept.
class ChildProcess {
 public:
  // Throws std::runtime_error when the program cannot be executed.
  explicit ChildProcess(ChildOptions options);
  // SIGCONT, SIGTERM, and SIGKILL when the stop deadline has passed.
  ~ChildProcess();
  ChildProcess(const ChildProcess&) = delete;
  ChildProcess& operator=(const ChildProcess&) = delete;

  pid_t pid() const { return pid_; }
  bool running();
  // False when the process has ended already.
  bool signal(int number);

  // Exit code (128 + n for a process ended by signal n), or nullopt when it still runs at the deadline.
  std::optional<int> wait(Millis deadline = kDeadline);
  // SIGTERM, then SIGKILL when `deadline` has passed (the answer is then 137).
  int terminate(Millis deadline = kServerDeadline);
  // SIGKILL.
  void kill();

  // Everything written so far (stdout and stderr, or stdout alone with split_stderr).
  std::string output() const;
  std::string errors() const;
  const std::string& output_file() const { return options_.output_file; }

  // Waits for a line that contains `text`, or in which `pattern` (POSIX extended) is found, after the first `from`
  // bytes of output(). Returns the line, or nullopt at the deadline and when the process ends without it.
  std::optional<std::string> wait_for_output(const std::string& text, Millis deadline = kDeadline,
                                             std::size_t from = 0);
  std::optional<std::string> wait_for_match(const std::string& pattern, Millis deadline = kDeadline,
                                            std::size_t from = 0);

 private:
  template <typename Match>
  std::optional<std::string> wait_for_line(Match match, Millis deadline, std::size_t from);
  void reap(int flags);

  ChildOptions options_;
  TempDir dir_;
  pid_t pid_ = -1;
  std::optional<int> exit_code_;
};

// Runs a program to its end. Throws when it does not end in time.
struct RunResult {
  int exit_code;
  std::string output;
  std::string errors;
};
RunResult run_program(ChildOptions options, Millis deadline = kServerDeadline);

// Direct children of a process, from /proc.
std::vector<pid_t> children_of(pid_t pid);

}  // namespace pulsegate::test
