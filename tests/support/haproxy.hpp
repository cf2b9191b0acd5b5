// A real haproxy of a test's own in front of one port of 127.0.0.1.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pulsegate::test {

// How it tells whom it was called by.
enum class HaproxyMode {
  proxy_v1,      // TCP, `send-proxy`
  proxy_v2,      // TCP, `send-proxy-v2` with the TLVs that haproxy adds on request
  forwarded_for  // HTTP, `option forwardfor`: X-Forwarded-For
};

// Thread: one at a time; the proxy ends when the thread that started it ends.
class Haproxy {
 public:
  // Starts it and waits until it listens; throws with its log when it does not. `server_port`: whom it calls, from
  // 127.0.0.1.
  Haproxy(HaproxyMode mode, std::uint16_t server_port);

  std::uint16_t port() const { return port_; }

 private:
  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

}  // namespace pulsegate::test
