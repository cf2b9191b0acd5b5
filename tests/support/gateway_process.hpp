// The real binary, `pulsegate serve`, on free ports of 127.0.0.1. It learns its ports from the start-up line of the
// log:
// {"event":"serving","listen":"127.0.0.1:PORT","health":"127.0.0.1:PORT","admin":"127.0.0.1:PORT", …}.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

struct GatewayOptions {
  // After `serve`: {"--redis", redis.url(), "--database", postgres.connection_string(), "--auth", "none"}. Where they
  // do not name them, --listen, --health and --admin get port 0 of 127.0.0.1, and --log-format is json.
  std::vector<std::string> args;
  // Added to the environment, from which all PULSEGATE_… variables are taken out first.
  std::map<std::string, std::string> environment;
  std::size_t open_files = 0;  // limit of descriptors; 0: that of the test
};

// Thread: one at a time; the gateway ends when the thread that started it ends.
class GatewayProcess {
 public:
  // Starts it and waits until it serves; throws with its log when it does not.
  explicit GatewayProcess(GatewayOptions options);
  explicit GatewayProcess(std::vector<std::string> args) : GatewayProcess(GatewayOptions{std::move(args), {}, 0}) {}

  std::uint16_t port() const { return listen_; }
  std::uint16_t health_port() const { return health_; }
  std::uint16_t admin_port() const { return admin_; }
  pid_t pid() const { return process_->pid(); }
  bool running() { return process_->running(); }

  // Clients of it. `target` as in "/api/v1/devices/<uuid>/ws".
  WsClient open(const std::string& target, const WsOptions& options = {}) const;
  WsClient open_device(const std::string& device, const WsOptions& options = {}) const;
  HttpResponse get(const std::string& target, const HttpOptions& options = {}) const;  // public port
  HttpResponse health(const std::string& target) const;                                // /healthz, /readyz, /metrics
  HttpResponse admin(const std::string& target) const;
  HttpResponse admin_post(const std::string& target, const std::string& body = {}) const;
  // The value of one series of /metrics, named as it is written there: `name{label="value"}`; nullopt: no such series.
  std::optional<double> metric(const std::string& series) const;
  // The sum over all series of that name.
  double metric_sum(const std::string& name) const;

  // SIGTERM; returns the exit code (137 when it had to be killed at the deadline).
  int stop(Millis deadline = kServerDeadline) { return process_->terminate(deadline); }
  void kill() { process_->kill(); }
  bool signal(int number) { return process_->signal(number); }
  std::optional<int> wait(Millis deadline = kServerDeadline) { return process_->wait(deadline); }

  // Everything it has logged, for failure messages.
  std::string logs() const { return process_->output(); }
  std::optional<std::string> wait_for_log(const std::string& text, Millis deadline = kDeadline, std::size_t from = 0) {
    return process_->wait_for_output(text, deadline, from);
  }

  std::size_t rss_kib() const;  // resident memory
  std::size_t open_fds() const;

 private:
  std::unique_ptr<ChildProcess> process_;
  std::uint16_t listen_ = 0;
  std::uint16_t health_ = 0;
  std::uint16_t admin_ = 0;
};

// The binary under test: $PULSEGATE_BINARY. Throws when it is not set.
std::string pulsegate_binary();
// Any other subcommand, run to its end: run_pulsegate({"check-config", "--config", path}). stdout and stderr apart.
RunResult run_pulsegate(std::vector<std::string> args, std::map<std::string, std::string> environment = {},
                        Millis deadline = kServerDeadline);
// An environment for it: ours without PULSEGATE_…, with `more`.
std::map<std::string, std::string> clean_environment(const std::map<std::string, std::string>& more = {});

std::size_t rss_kib(pid_t pid);
std::size_t open_fds(pid_t pid);

}  // namespace pulsegate::test
