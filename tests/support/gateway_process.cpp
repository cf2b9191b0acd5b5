// See gateway_process.hpp.
#include "tests/support/gateway_process.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/support/contract.hpp"

namespace pulsegate::test {
namespace {

bool names(const std::vector<std::string>& args, const std::string& flag) {
  return std::any_of(args.begin(), args.end(),
                     [&](const std::string& arg) { return arg == flag || arg.rfind(flag + "=", 0) == 0; });
}

// In a line of either form: "listen":"127.0.0.1:PORT" or listen=127.0.0.1:PORT.
std::uint16_t port_of(const std::string& line, const std::string& field) {
  const std::string quoted = '"' + field + "\":\"", plain = ' ' + field + '=';
  const bool is_json = line.find(quoted) != std::string::npos;
  const std::size_t begin = is_json ? line.find(quoted) + quoted.size() : line.find(plain) + plain.size();
  const std::string address = line.substr(begin, line.find(is_json ? '"' : ' ', begin) - begin);
  return static_cast<std::uint16_t>(std::stoul(address.substr(address.rfind(':') + 1)));
}

// Calls `each(series, value)` for every sample of a /metrics answer; `series` is the name with its labels.
template <typename Each>
void for_each_sample(const std::string& text, Each each) {
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) {
    const std::size_t space = line.rfind(' ');
    if (line.empty() || line[0] == '#' || space == std::string::npos) continue;
    each(line.substr(0, space), std::strtod(line.c_str() + space, nullptr));
  }
}

}  // namespace

std::string pulsegate_binary() {
  const char* path = std::getenv("PULSEGATE_BINARY");
  if (path == nullptr) throw std::runtime_error("set PULSEGATE_BINARY to the path of the program (CTest does)");
  return path;
}

std::map<std::string, std::string> clean_environment(const std::map<std::string, std::string>& more) {
  auto environment = current_environment();
  for (auto variable = environment.begin(); variable != environment.end();) {
    variable = variable->first.rfind("PULSEGATE_", 0) == 0 ? environment.erase(variable) : std::next(variable);
  }
  for (const auto& [name, value] : more) environment[name] = value;
  return environment;
}

GatewayProcess::GatewayProcess(GatewayOptions options) {
  ChildOptions child;
  child.program = pulsegate_binary();
  child.args = {"serve"};
  for (const char* flag : {"--listen", "--health", "--admin"}) {
    if (!names(options.args, flag)) child.args.insert(child.args.end(), {flag, "127.0.0.1:0"});
  }
  if (!names(options.args, "--log-format")) child.args.insert(child.args.end(), {"--log-format", "json"});
  // A client that is still there when a case ends would leave at any moment of the drain.
  if (!names(options.args, "--drain-time") && options.environment.count("PULSEGATE_DRAIN_TIME") == 0)
    child.args.insert(child.args.end(), {"--drain-time", "0s"});
  child.args.insert(child.args.end(), options.args.begin(), options.args.end());
  child.environment = clean_environment(options.environment);
  child.open_files = options.open_files;

  process_ = std::make_unique<ChildProcess>(std::move(child));
  const auto line = process_->wait_for_match(R"("event":"serving"| serving version=)", kServerDeadline);
  if (!line) throw std::runtime_error("the gateway does not serve; it said:\n" + logs());
  listen_ = port_of(*line, "listen");
  health_ = port_of(*line, "health");
  admin_ = port_of(*line, "admin");
}

WsClient GatewayProcess::open(const std::string& target, const WsOptions& options) const {
  return WsClient::open(listen_, target, options);
}

WsClient GatewayProcess::open_device(const std::string& device, const WsOptions& options) const {
  return open("/api/v1/devices/" + device + "/ws", options);
}

HttpResponse GatewayProcess::get(const std::string& target, const HttpOptions& options) const {
  HttpResponse response = http_get(listen_, target, options);
  check_http_body(target, response.status, response.header("content-type"), response.body);
  return response;
}
HttpResponse GatewayProcess::health(const std::string& target) const {
  return http_get(health_, target);
}
HttpResponse GatewayProcess::admin(const std::string& target) const {
  return http_get(admin_, target);
}
HttpResponse GatewayProcess::admin_post(const std::string& target, const std::string& body) const {
  return http_post(admin_, target, body);
}

std::optional<double> GatewayProcess::metric(const std::string& series) const {
  std::optional<double> found;
  for_each_sample(health("/metrics").body, [&](const std::string& name, double value) {
    if (name == series) found = value;
  });
  return found;
}

double GatewayProcess::metric_sum(const std::string& name) const {
  double sum = 0;
  for_each_sample(health("/metrics").body, [&](const std::string& series, double value) {
    if (series.substr(0, series.find('{')) == name) sum += value;
  });
  return sum;
}

std::size_t GatewayProcess::rss_kib() const {
  return test::rss_kib(pid());
}
std::size_t GatewayProcess::open_fds() const {
  return test::open_fds(pid());
}

RunResult run_pulsegate(std::vector<std::string> args, std::map<std::string, std::string> environment,
                        Millis deadline) {
  ChildOptions child;
  child.program = pulsegate_binary();
  child.args = std::move(args);
  child.environment = clean_environment(environment);
  return run_program(std::move(child), deadline);
}

std::size_t rss_kib(pid_t pid) {
  std::ifstream in("/proc/" + std::to_string(pid) + "/status");
  for (std::string word; in >> word;) {
    std::size_t kib = 0;
    if (word == "VmRSS:" && in >> kib) return kib;
  }
  throw std::runtime_error("no such process: " + std::to_string(pid));
}

std::size_t open_fds(pid_t pid) {
  const std::filesystem::directory_iterator all("/proc/" + std::to_string(pid) + "/fd");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

}  // namespace pulsegate::test
