// A real haproxy or nginx of a test's own in front of replicas, with the configuration that deploy/ ships.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/child_process.hpp"
#include "tests/support/temp_dir.hpp"

namespace pulsegate::test {

// Ports of one replica on 127.0.0.1.
struct Backend {
  std::uint16_t port = 0;
  std::uint16_t health = 0;
};

// Thread: one at a time; the proxy ends when the thread that started it ends.
class Balancer {
 public:
  enum class Kind { haproxy, nginx };
  // Text of the shipped file and what a test puts in its place; each must stand there.
  using Edits = std::vector<std::pair<std::string, std::string>>;

  // Starts it and waits until it listens; throws with its log when it does not. One to three backends: the servers of
  // the shipped file that are left over are taken out.
  Balancer(Kind kind, const std::vector<Backend>& backends, const Edits& edits = {});

  std::uint16_t port() const { return port_; }
  std::string log() const { return process_->output(); }

 private:
  ChildOptions haproxy(const std::string& configuration);
  ChildOptions nginx(const std::string& configuration);

  TempDir dir_;
  std::uint16_t port_ = 0;
  std::unique_ptr<ChildProcess> process_;
};

inline const char* name(Balancer::Kind kind) {
  return kind == Balancer::Kind::haproxy ? "haproxy" : "nginx";
}

}  // namespace pulsegate::test
