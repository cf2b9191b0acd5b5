// The guide's own server (server/), run by Node.
#pragma once

#include <memory>
#include <string>

#include "tests/support/child_process.hpp"
#include "tests/support/ws_client.hpp"

namespace pulsegate::test {

// Thread: one at a time; the server ends when the thread that started it ends.
class GuideServer {
 public:
  // Starts it on a free port and waits until it listens; throws with its output when it does not. `connection` is a
  // libpq connection string without quotes. Its modules must have been installed: $PULSEGATE_GUIDE_SERVER names the
  // directory (CTest sets it).
  explicit GuideServer(const std::string& connection);

  WsClient open_device(const std::string& device, const std::string& query = {}) const;
  // Everything it has written, for failure messages.
  std::string logs() const { return process_->output(); }

 private:
  std::unique_ptr<ChildProcess> process_;
  std::uint16_t port_ = 0;
};

}  // namespace pulsegate::test
