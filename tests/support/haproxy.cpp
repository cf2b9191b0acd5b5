// See haproxy.hpp.
#include "tests/support/haproxy.hpp"

#include <unistd.h>

#include <stdexcept>
#include <utility>

#include "tests/support/free_port.hpp"
#include "tests/support/tcp_socket.hpp"

namespace pulsegate::test {
namespace {

std::string configuration(HaproxyMode mode, std::uint16_t port, std::uint16_t server_port) {
  std::string text =
      "global\n  maxconn 1000\n"
      "defaults\n  timeout connect 5s\n  timeout client 1m\n  timeout server 1m\n"
      "listen gateway\n  bind 127.0.0.1:" +
      std::to_string(port) + "\n  mode " + (mode == HaproxyMode::forwarded_for ? "http\n  option forwardfor" : "tcp") +
      "\n  server pulsegate 127.0.0.1:" + std::to_string(server_port);
  if (mode == HaproxyMode::proxy_v1) text += " send-proxy";
  if (mode == HaproxyMode::proxy_v2) text += " send-proxy-v2 proxy-v2-options crc32c,unique-id";
  return text + "\n";
}

bool listens(std::uint16_t port) {
  try {
    TcpSocket("127.0.0.1", port).reset();
    return true;
  } catch (const std::runtime_error&) {
    return false;
  }
}

}  // namespace

Haproxy::Haproxy(HaproxyMode mode, std::uint16_t server_port) {
  port_ = with_free_port([&](std::uint16_t port) {
    ChildOptions child;
    // Debian's place, which is not in everybody's PATH.
    child.program = ::access("/usr/sbin/haproxy", X_OK) == 0 ? "/usr/sbin/haproxy" : "haproxy";
    child.environment.erase("NOTIFY_SOCKET");
    child.output_file = dir_.file("haproxy.log");
    child.args = {"-db", "-f", dir_.write("haproxy.cfg", configuration(mode, port, server_port))};
    process_ = std::make_unique<ChildProcess>(std::move(child));
    if (eventually([&] { return !process_->running() || listens(port); }, kServerDeadline) && process_->running())
      return true;
    const std::string said = process_->output();
    process_.reset();
    if (said.find("cannot bind") != std::string::npos) return false;
    throw std::runtime_error("haproxy did not start:\n" + said);
  });
}

}  // namespace pulsegate::test
