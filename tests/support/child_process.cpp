// See child_process.hpp.
#include "tests/support/child_process.hpp"

#include <fcntl.h>
#include <grp.h>
#include <regex.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <utility>

namespace pulsegate::test {
namespace {

// Everything the child needs, made before fork(): between fork() and exec() only async-signal-safe calls are allowed,
// since the test may have threads that held a lock at that moment.
struct Launch {
  std::vector<std::string> words;
  std::vector<std::string> variables;
  std::vector<char*> argv;
  std::vector<char*> envp;
};

Launch prepare(const ChildOptions& options) {
  Launch launch;
  launch.words.push_back(options.program);
  launch.words.insert(launch.words.end(), options.args.begin(), options.args.end());
  for (const auto& [name, value] : options.environment) launch.variables.push_back(name + "=" + value);
  for (auto& word : launch.words) launch.argv.push_back(word.data());
  for (auto& variable : launch.variables) launch.envp.push_back(variable.data());
  launch.argv.push_back(nullptr);
  launch.envp.push_back(nullptr);
  return launch;
}

int open_for_output(const std::string& path) {
  return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

[[noreturn]] void give_up(int report) {
  const int error = errno;
  if (::write(report, &error, sizeof error) < 0) ::_exit(126);
  ::_exit(127);
}

[[noreturn]] void become(const ChildOptions& options, Launch& launch, const int (&streams)[3], int report,
                         pid_t parent) {
  constexpr int kReport = 3;
  for (int number = 0; number < 3; ++number) {
    if (::dup2(streams[number], number) < 0) give_up(report);
  }
  // Sockets and files of the test are none of the child's: an inherited socket would never be seen closed by its peer.
  if (report != kReport && ::dup2(report, kReport) < 0) give_up(report);
  if (::fcntl(kReport, F_SETFD, FD_CLOEXEC) != 0) give_up(kReport);
  ::closefrom(kReport + 1);

  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::signal(SIGPIPE, SIG_DFL);

  if (options.open_files > 0) {
    const rlimit limit{options.open_files, options.open_files};
    if (::setrlimit(RLIMIT_NOFILE, &limit) != 0) give_up(kReport);
  }
  if (options.run_as && ::geteuid() == 0) {
    const gid_t group = options.run_as->gid;
    if (::setgroups(1, &group) != 0 || ::setgid(group) != 0 || ::setuid(options.run_as->uid) != 0) give_up(kReport);
  }
  // After the change of user, which clears it. Then look: the parent may have ended before.
  if (::prctl(PR_SET_PDEATHSIG, options.death_signal) != 0) give_up(kReport);
  if (::getppid() != parent) ::_exit(125);

  if (!options.working_dir.empty() && ::chdir(options.working_dir.c_str()) != 0) give_up(kReport);
  ::execvpe(launch.argv[0], launch.argv.data(), launch.envp.data());
  give_up(kReport);
}

int exit_code_of(int status) {
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace

std::map<std::string, std::string> current_environment() {
  std::map<std::string, std::string> result;
  for (char** variable = ::environ; *variable != nullptr; ++variable) {
    const std::string text = *variable;
    const auto equals = text.find('=');
    if (equals != std::string::npos) result[text.substr(0, equals)] = text.substr(equals + 1);
  }
  return result;
}

ChildProcess::ChildProcess(ChildOptions options) : options_(std::move(options)) {
  if (options_.output_file.empty()) options_.output_file = dir_.file("output.log");
  Launch launch = prepare(options_);

  const int input = ::open(options_.stdin_file.c_str(), O_RDONLY | O_CLOEXEC);
  const int output = open_for_output(options_.output_file);
  const int errors =
      options_.split_stderr ? open_for_output(dir_.file("errors.log")) : ::fcntl(output, F_DUPFD_CLOEXEC, 0);
  int report[2] = {-1, -1};
  const bool ready = input >= 0 && output >= 0 && errors >= 0 && ::pipe2(report, O_CLOEXEC) == 0;
  const int streams[3] = {input, output, errors};
  const pid_t parent = ::getpid();
  if (ready) pid_ = ::fork();
  if (pid_ == 0) become(options_, launch, streams, report[1], parent);

  int error = errno;
  for (const int fd : {input, output, errors, report[1]}) {
    if (fd >= 0) ::close(fd);
  }
  if (pid_ > 0) {
    // The child's end closes when it executes the program; before that it may send an errno.
    error = 0;
    ssize_t size = 0;
    do {
      size = ::read(report[0], &error, sizeof error);
    } while (size < 0 && errno == EINTR);
    if (size > 0) reap(0);
  }
  if (report[0] >= 0) ::close(report[0]);
  if (pid_ <= 0 || error != 0) {
    throw std::runtime_error("cannot start " + options_.program + ": " + std::strerror(error));
  }
}

ChildProcess::~ChildProcess() {
  terminate(options_.stop_deadline);
}

void ChildProcess::reap(int flags) {
  if (exit_code_ || pid_ <= 0) return;
  int status = 0;
  pid_t result = 0;
  do {
    result = ::waitpid(pid_, &status, flags);
  } while (result < 0 && errno == EINTR);
  if (result == pid_) exit_code_ = exit_code_of(status);
  if (result < 0) exit_code_ = 255;  // somebody else has reaped it
}

bool ChildProcess::running() {
  reap(WNOHANG);
  return !exit_code_;
}

bool ChildProcess::signal(int number) {
  return running() && ::kill(pid_, number) == 0;
}

std::optional<int> ChildProcess::wait(Millis deadline) {
  eventually([this] { return !running(); }, deadline, Millis(2));
  return exit_code_;
}

int ChildProcess::terminate(Millis deadline) {
  if (signal(SIGTERM)) {
    signal(SIGCONT);  // a stopped process would keep the SIGTERM pending
    if (!wait(deadline)) kill();
  }
  return exit_code_.value_or(255);
}

void ChildProcess::kill() {
  if (signal(SIGKILL)) reap(0);
}

std::string ChildProcess::output() const {
  return read_file(options_.output_file);
}
std::string ChildProcess::errors() const {
  return read_file(dir_.file("errors.log"));
}

template <typename Match>
std::optional<std::string> ChildProcess::wait_for_line(Match match, Millis deadline, std::size_t from) {
  std::optional<std::string> found;
  std::size_t looked = from;  // whole lines before here did not match
  const auto look = [&] {
    // Asked before reading: what the process wrote last is then certainly read.
    const bool alive = running();
    std::ifstream in(options_.output_file, std::ios::binary);
    in.seekg(static_cast<std::streamoff>(looked));
    for (std::string line; std::getline(in, line);) {
      const bool whole = !in.eof();
      if ((whole || !alive) && match(line)) {
        found = line;
        return true;
      }
      if (whole) looked += line.size() + 1;
    }
    return !alive;
  };
  eventually(look, deadline);
  return found;
}

std::optional<std::string> ChildProcess::wait_for_output(const std::string& text, Millis deadline, std::size_t from) {
  return wait_for_line([&](const std::string& line) { return line.find(text) != std::string::npos; }, deadline, from);
}

// POSIX and not std::regex: the latter's headers do not compile without warnings under GCC 12's sanitizers.
std::optional<std::string> ChildProcess::wait_for_match(const std::string& pattern, Millis deadline, std::size_t from) {
  regex_t compiled;
  if (::regcomp(&compiled, pattern.c_str(), REG_EXTENDED | REG_NOSUB) != 0) {
    throw std::runtime_error("not a regular expression: " + pattern);
  }
  const std::unique_ptr<regex_t, decltype(&::regfree)> owned(&compiled, &::regfree);
  const auto match = [&](const std::string& line) { return ::regexec(&compiled, line.c_str(), 0, nullptr, 0) == 0; };
  return wait_for_line(match, deadline, from);
}

RunResult run_program(ChildOptions options, Millis deadline) {
  options.split_stderr = true;
  const std::string name = options.program;
  ChildProcess process(std::move(options));
  const auto exit_code = process.wait(deadline);
  if (!exit_code) throw std::runtime_error(name + " did not end in time: " + process.output() + process.errors());
  return {*exit_code, process.output(), process.errors()};
}

std::vector<pid_t> children_of(pid_t pid) {
  const std::string process = "/proc/" + std::to_string(pid);
  std::ifstream in(process + "/task/" + std::to_string(pid) + "/children");
  std::vector<pid_t> result;
  for (pid_t child = 0; in >> child;) result.push_back(child);
  return result;
}

}  // namespace pulsegate::test
