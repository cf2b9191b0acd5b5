// `pulsegate doctor`: what is wrong with an installation before its users find out.
#include <sys/resource.h>

#include <asio/io_context.hpp>
#include <asio/ip/tcp.hpp>
#include <cstdio>
#include <exception>
#include <string>

#include "gateway/commands/commands.hpp"
#include "gateway/commands/doctor_parts.hpp"
#include "gateway/server_access.hpp"
#include "gateway/server_limits.hpp"
#include "gateway/server_memory.hpp"

namespace pulsegate::commands {
namespace {

void examine_port(const char* flag, const Address& address, ops::DoctorReport& report) {
  const std::string check = std::string("port ") + flag;
  const std::string where = address.host + ":" + std::to_string(address.port);
  asio::io_context io;
  asio::error_code error;
  asio::ip::tcp::acceptor acceptor(io);
  const auto host = asio::ip::make_address(address.host, error);
  if (!error) acceptor.open(host.is_v6() ? asio::ip::tcp::v6() : asio::ip::tcp::v4(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  if (!error) acceptor.bind({host, address.port}, error);
  if (!error) return report.ok(check, where + " is free");
  if (error == asio::error::address_in_use)
    return report.warn(check, where + " is in use",
                       std::string("by a gateway that runs already? Else choose another --") + flag);
  report.fail(check, where + ": " + error.message(), std::string("choose another --") + flag);
}

void examine_tokens(const Config& config, ops::DoctorReport& report) {
  try {
    const AccessFiles files(config);
    if (asks_for_tokens(config)) return report.ok("tokens", "clients need one, and its keys can be read");
    if (config.auth == "none") return report.ok("tokens", "nobody is asked for one, as --auth none says");
    report.warn("tokens", "anybody who reaches the port can watch every device",
                "give a --jwt-key, or say --auth none if that is meant");
  } catch (const std::exception& fault) {
    report.fail("tokens", fault.what(), "mend the file, or the option that names it");
  }
}

}  // namespace

void examine_machine(const Config& config, ops::DoctorReport& report) {
  rlimit files{};
  if (::getrlimit(RLIMIT_NOFILE, &files) == 0)
    report.add(ops::judge_descriptors(files.rlim_max, config.max_connections, reserved_descriptors(config)));
  const std::uint64_t limit = config.memory_limit ? *config.memory_limit : find_cgroup_bound().bytes;
  report.add(ops::judge_memory(limit, config.backlog_limit + config.resume_memory));
  examine_port("listen", config.listen, report);
  examine_port("health", config.health, report);
  examine_port("admin", config.admin, report);
  examine_tokens(config, report);
}

int run_doctor(const Config& config, const DoctorOptions& options) {
  ops::DoctorReport report;
  report.ok("configuration", "no errors");
  examine_machine(config, report);
  examine_redis(config, options, report);
  examine_database(config, options, report);
  std::fputs((options.json ? report.json() : report.text()).c_str(), stdout);
  return report.count(ops::Verdict::fail) == 0 ? kExitClean : kExitFailure;
}

}  // namespace pulsegate::commands
