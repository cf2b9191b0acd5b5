// See balancer.hpp.
#include "tests/support/balancer.hpp"

#include <unistd.h>

#include <stdexcept>

#include "tests/support/free_port.hpp"

namespace pulsegate::test {
namespace {

// Debian's place of servers, which is not in everybody's PATH.
std::string program(const std::string& name) {
  const std::string path = "/usr/sbin/" + name;
  return ::access(path.c_str(), X_OK) == 0 ? path : name;
}

void replace(std::string& text, const std::string& from, const std::string& to) {
  std::size_t at = text.find(from);
  if (at == std::string::npos) throw std::runtime_error("\"" + from + "\" does not stand in the shipped file");
  for (; at != std::string::npos; at = text.find(from, at + to.size())) text.replace(at, from.size(), to);
}

void remove_line_with(std::string& text, const std::string& part) {
  const std::size_t at = text.find(part);
  if (at == std::string::npos) throw std::runtime_error("\"" + part + "\" does not stand in the shipped file");
  const std::size_t begin = text.rfind('\n', at) + 1;
  text.erase(begin, text.find('\n', at) + 1 - begin);
}

std::string local(std::uint16_t port) {
  return "127.0.0.1:" + std::to_string(port);
}

std::string shipped(Balancer::Kind kind, const std::vector<Backend>& backends, const Balancer::Edits& edits) {
  const bool haproxy = kind == Balancer::Kind::haproxy;
  const std::string path = std::string(PULSEGATE_SOURCE_DIR) + (haproxy ? "/deploy/haproxy.cfg" : "/deploy/nginx.conf");
  std::string text = read_file(path);
  if (text.empty()) throw std::runtime_error("cannot read " + path);
  for (const auto& [from, to] : edits) replace(text, from, to);
  for (std::size_t i = 0; i < 3; ++i) {
    const std::string address = "10.0.0.1" + std::to_string(i + 1) + ":8080";
    if (i >= backends.size()) {
      remove_line_with(text, address);
    } else if (haproxy) {
      replace(text, address + " check port 9091",
              local(backends[i].port) + " check port " + std::to_string(backends[i].health));
    } else {
      replace(text, address, local(backends[i].port));
    }
  }
  return text;
}

}  // namespace

Balancer::Balancer(Kind kind, const std::vector<Backend>& backends, const Edits& edits) {
  const bool is_haproxy = kind == Kind::haproxy;
  const std::string configuration = shipped(kind, backends, edits);
  port_ = with_free_port([&](std::uint16_t port) {
    std::string text = configuration;
    replace(text, is_haproxy ? "bind :80\n" : "listen 80;",
            (is_haproxy ? "bind " : "listen ") + local(port) + (is_haproxy ? "\n" : ";"));
    process_ = std::make_unique<ChildProcess>(is_haproxy ? haproxy(text) : nginx(text));
    if (eventually([&] { return !process_->running() || !port_is_free(port); }, kServerDeadline) && process_->running())
      return true;
    const std::string said = process_->output();
    process_.reset();
    if (said.find("bind") != std::string::npos) return false;
    throw std::runtime_error(std::string(name(kind)) + " did not start:\n" + said);
  });
}

ChildOptions Balancer::haproxy(const std::string& configuration) {
  ChildOptions child;
  child.program = program("haproxy");
  child.environment.erase("NOTIFY_SOCKET");
  child.output_file = dir_.file("haproxy.log");
  child.args = {"-db", "-f", dir_.write("haproxy.cfg", configuration)};
  return child;
}

// One process: a master that was killed would leave its workers behind.
ChildOptions Balancer::nginx(const std::string& configuration) {
  dir_.write("pulsegate.conf", configuration);
  std::string main =
      "daemon off;\nmaster_process off;\npid nginx.pid;\nerror_log stderr warn;\n"
      "events { worker_connections 8192; }\nhttp {\n  access_log off;\n";
  for (const char* kind : {"client_body", "proxy", "fastcgi", "uwsgi", "scgi"})
    main += "  " + std::string(kind) + "_temp_path " + dir_.file(std::string("nginx-") + kind) + ";\n";
  ChildOptions child;
  child.program = program("nginx");
  child.output_file = dir_.file("nginx.log");
  child.args = {"-p", dir_.path().string() + "/",
                "-e", "stderr",
                "-c", dir_.write("nginx.conf", main + "  include pulsegate.conf;\n}\n")};
  return child;
}

}  // namespace pulsegate::test
